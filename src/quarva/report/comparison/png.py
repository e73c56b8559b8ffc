"""The picture of a comparison as a PNG, by matplotlib, which brings its fonts along."""

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from quarva._runtime.extras import import_extra
from quarva._runtime.files import write_atomically
from quarva.report.comparison.data import TINTS, Compared, Race, ends, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["write_png"]

_LIGHT = {
    "paper": "#fcfbf8", "ink": "#1c1b19", "soft": "#625f58", "rule": "#e9e6df", "quiet": "#98948a",
    "tints": ("#77736a", "#0072b2", "#c8500f", "#00875f", "#a8508c", "#9a7200", "#3a8fc4", "#1c1b19"),
}  # fmt: skip
_DARK = {
    "paper": "#141518", "ink": "#eceae4", "soft": "#aaa79e", "rule": "#25262b", "quiet": "#7f7c75",
    "tints": ("#a09c92", "#56a8e8", "#f0843c", "#2fbf93", "#df8fc4", "#dcb53c", "#9bd3f5", "#eceae4"),
}  # fmt: skip
_WIDE, _HEAD, _ROW = 11.0, 1.25, 3.95  # inches: the picture, its title, a row of panels
_DOTS = 160  # an inch


def write_png(
    data: Compared, path: str | os.PathLike[str], theme: Literal["light", "dark"] = "light"
) -> Path:
    """Write the picture to `path`, whole or not at all, and return the path. Raises RunError."""
    matplotlib = import_extra("matplotlib", "png", "the PNG of a comparison")
    figures = import_extra("matplotlib.figure", "png", "the PNG of a comparison")

    colours: dict[str, Any] = _LIGHT if theme == "light" else _DARK
    settings: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 9.5, "text.color": colours["ink"]}
    with matplotlib.rc_context(settings):
        rows = max(len(data.races) // 2, 1)
        tall = _HEAD + rows * _ROW
        figure = figures.Figure(figsize=(_WIDE, tall), dpi=_DOTS, facecolor=colours["paper"])
        panels = figure.subplots(rows, 2, squeeze=False)
        figure.subplots_adjust(
            left=0.065,
            right=0.935,
            top=1 - (_HEAD + 0.12) / tall,
            bottom=0.6 / tall,
            wspace=0.26,
            hspace=0.36,
        )
        figure.text(0.022, 1 - 0.4 / tall, data.title, fontsize=15, va="center")
        figure.text(0.022, 1 - 0.76 / tall, data.lead, fontsize=9.5, color=colours["soft"], va="center")
        for panel, race in zip(panels.flat, data.races, strict=True):
            _draw(panel, race, colours)
        picture = BytesIO()
        figure.savefig(picture, format="png", metadata={"Software": f"Quarva {data.version}"})
    target = Path(path)
    write_atomically(target, picture.getvalue())
    return target


def _draw(panel: "Axes", race: Race, colours: dict[str, Any]) -> None:
    across, upwards = race.across, race.upwards
    x = np.log10(race.x)
    _dress(panel, colours)
    panel.set_xlim(across.low, across.high)
    panel.set_ylim(upwards.low, upwards.high)
    for axis, scale in ((panel.xaxis, across), (panel.yaxis, upwards)):
        axis.set_ticks([scale.low + tick.at * (scale.high - scale.low) for tick in scale.ticks])
        axis.set_ticklabels([tick.text for tick in scale.ticks])
    if race.level is not None and np.isfinite(race.level):
        panel.axhline(race.height(np.array([race.level]))[0], color=colours["quiet"], lw=0.9, ls=(0, (4, 4)))
    colour = {band.name: colours["tints"][k % TINTS] for k, band in enumerate(race.bands)}
    for band in race.bands:
        low, middle, high = (race.height(part) for part in (band.low, band.middle, band.high))
        both, tint = np.isfinite(low) & np.isfinite(high), colour[band.name]
        panel.fill_between(x[both], low[both], high[both], color=tint, alpha=0.16, lw=0, step="post")
        there = np.isfinite(middle)
        line: dict[str, Any] = {"lw": 1.9, "solid_joinstyle": "round", "clip_on": False}
        panel.plot(x[there], middle[there], color=tint, drawstyle="steps-post", **line)
    found = ends(race)
    heights = upwards.at(race.height(np.array([value for _, _, value in found])))
    for (name, place, value), height in zip(found, spread([float(h) for h in heights], 0.055), strict=True):
        here = (np.log10(place), race.height(np.array([value]))[0])
        panel.plot(*here, "o", color=colour[name], ms=5, clip_on=False)
        panel.annotate(
            name, (here[0], upwards.low + height * (upwards.high - upwards.low)), (8, 0),
            textcoords="offset points", color=colour[name], weight="bold", va="center", annotation_clip=False,
            bbox={"boxstyle": "round,pad=0.12", "fc": colours["paper"], "ec": "none", "alpha": 0.75},
        )  # fmt: skip
    panel.set_title(
        f"{_capital(race.figure)}, against {race.unit}", loc="left", fontsize=10, color=colours["soft"], pad=9
    )
    panel.set_xlabel(f"{race.unit}, log scale", color=colours["soft"], labelpad=6)


def _dress(panel: "Axes", colours: dict[str, Any]) -> None:
    """No frame, quiet rules, ticks without marks."""
    panel.set_facecolor(colours["paper"])
    for side in panel.spines.values():
        side.set_visible(False)
    panel.grid(axis="y", color=colours["rule"], lw=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(length=0, colors=colours["soft"], labelcolor=colours["soft"], pad=6)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
