"""The formula lists in examples/alphas: every formula is parsed and rendered."""

from pathlib import Path

import pytest

from quarva.karva import NOTATIONS, parse, render
from quarva.panel import Panel
from quarva.sets.formula_list import read_formulas

ROOT = Path(__file__).parents[2]
PATHS = {
    "alpha101": ROOT / "src" / "quarva" / "sets" / "alpha101.txt",
    "alpha158": ROOT / "examples" / "alphas" / "alpha158.txt",
}
BAR = ("open", "high", "low", "close", "volume", "vwap")
LEVELS = ("sector", "industry", "subindustry")
LISTS = {"alpha101": ("worldquant", (*BAR, "cap"), LEVELS, 101), "alpha158": ("qlib", BAR, (), 158)}


class Names:
    """The part of a panel that parsing needs: its names."""

    def __init__(self, fields, groups):
        self.fields, self.groups, self.assets = fields, dict.fromkeys(groups), ("A", "B")


@pytest.mark.parametrize("name", LISTS)
def test_every_formula_survives_a_round_trip_in_every_notation(name):
    notation, fields, groups, count = LISTS[name]
    panel: Panel = Names(fields, groups)  # type: ignore[assignment]
    found = read_formulas([], str(PATHS[name]), notation, panel)
    assert len(found) == count
    for formula in found:
        for other in NOTATIONS:
            text = render(formula.expression, other)
            assert parse(text, other) == formula.expression


def test_the_first_and_last_of_the_101_alphas_are_parsed_correctly():
    lines = PATHS["alpha101"].read_text().splitlines()
    formulas = [line.split(" = ", 1) for line in lines if line.startswith("alpha")]
    assert [name for name, _ in formulas] == [f"alpha{k:03d}" for k in range(1, 102)]
    first, last = parse(formulas[0][1], "worldquant"), parse(formulas[-1][1], "worldquant")
    choice = "if_else(pct_change(close, 1) < 0, std(pct_change(close, 1), 20), close)"
    assert render(first) == f"rank(ts_argmax(signed_power({choice}, 2), 5)) - 0.5"
    assert render(last) == "(close - open) / (high - low + 0.001)"
