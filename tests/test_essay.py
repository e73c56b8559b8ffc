"""The code of the essay's pages runs and gives the results that the pages state."""

import re
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parent.parent / "docs" / "essay"


def run(name, capsys):
    """The lines that a page's code prints, its blocks run one after the other as one program."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        exec("\n".join(blocks), {"__name__": name})  # noqa: S102
    finally:
        torch.set_num_threads(before)
    return capsys.readouterr().out.splitlines()


def test_the_line_is_learned_by_regression_and_by_reward(capsys):
    told = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in run("line.md", capsys)}
    assert set(told) == {"regression", "NAF", "policy gradient", "DQN"}
    assert told["regression"] < 2e-5
    assert max(told.values()) < 2e-4  # a seed may end ten times above the median


def test_the_sine_is_learned(capsys):
    (line,) = run("sine.md", capsys)
    assert float(line.split()[-1]) < 0.0131


def test_layouts_are_shown_and_a_wrong_one_is_detected(capsys):
    said = run("layouts.md", capsys)
    assert said[:4] == [
        "features (3, 20)", "sequence_first (10, 3, 2)", "batch_first (3, 10, 2)", "channels (3, 2, 10)"
    ]  # fmt: skip
    assert said[4].startswith("Mine cannot read 'batch_first' [B, S, F]")
    assert any(line.startswith("conv1d: ic of forward_volatility_5") for line in said)


@pytest.mark.parametrize("page", sorted(path.name for path in FOLDER.glob("*.md")))
def test_links_resolve(page):
    for link in re.findall(r"\]\(([^)#]+)\)", (FOLDER / page).read_text(encoding="utf-8")):
        assert (FOLDER / link).exists(), link
