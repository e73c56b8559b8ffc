"""Reading the formulas that a user names."""

import pytest

from quarva.errors import FormulaError
from quarva.karva import parse
from quarva.sets.formula_list import read_formulas


class Names:
    """What reading formulas asks of a panel: its names."""

    fields = ("open", "close", "vwap", "volume")
    groups = {"sector": None}  # noqa: RUF012
    assets = ("SPY", "AAPL")


def read(*texts: str, notation: str = "infix", file: str | None = None):
    return read_formulas(texts, file, notation, Names())  # type: ignore[arg-type]


def test_a_comparison_is_not_read_as_a_name():
    (formula,) = read("close == open")
    assert (formula.name, formula.expression) == ("f0", parse("eq(close, open)"))


def test_a_formula_with_a_comparison_can_have_a_name():
    (formula,) = read("same=close==open")
    assert (formula.name, formula.expression) == ("same", parse("eq(close, open)"))


def test_a_file_can_use_any_notation(tmp_path):
    path = tmp_path / "alphas.txt"
    path.write_text(
        "# two\nfirst = (close > open) ? adv20 : -1  # a choice\n\nIndNeutralize(VWAP, IndClass.Sector)\n"
    )
    first, second = read(notation="worldquant", file=str(path))
    assert (first.name, second.name) == ("first", "f1")
    assert first.expression == parse("if_else(close > open, mean(vwap * volume, 20), -1)")
    assert second.expression == parse("group_demean(vwap, sector)")


def test_an_asset_that_the_panel_lacks_is_named():
    with pytest.raises(FormulaError, match="unknown asset 'SPX' at column 17 .*did you mean 'SPY'"):
        read("of_asset(close, SPX)")
