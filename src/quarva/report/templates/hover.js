for (const plot of document.querySelectorAll(".plot")) {
  const source = plot.querySelector("script");
  if (!source) continue;
  const { at, heads, series } = JSON.parse(source.textContent);
  const box = plot.querySelector(".box"), hair = box.querySelector(".hair"), tip = box.querySelector(".tip");
  const show = (event) => {
    const room = box.getBoundingClientRect();
    const place = (event.clientX - room.left) / room.width;
    let near = 0;
    for (let k = 1; k < at.length; k++) if (Math.abs(at[k] - place) < Math.abs(at[near] - place)) near = k;
    hair.style.left = 100 * at[near] + "%";
    const head = document.createElement("b");
    head.textContent = heads[near];
    tip.replaceChildren(head);
    for (const [style, name, texts] of series) {
      if (!texts[near]) continue;
      const row = document.createElement("span"), key = document.createElement("i"), value = document.createElement("em");
      key.className = style;
      value.textContent = texts[near];
      row.append(key, name + " ", value);
      tip.append(row);
    }
    hair.hidden = tip.hidden = false;
    const left = at[near] * room.width;
    tip.style.left = Math.max(0, Math.min(room.width - tip.offsetWidth, left > room.width / 2 ? left - tip.offsetWidth - 10 : left + 10)) + "px";
  };
  const hide = () => { hair.hidden = tip.hidden = true; };
  box.addEventListener("pointermove", show);
  box.addEventListener("pointerdown", show);
  box.addEventListener("pointerleave", hide);
}
