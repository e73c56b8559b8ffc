"""Units implied by names, parsing of units, and the grid of units."""

from fractions import Fraction

import pytest

from quarva import QuarvaError
from quarva.karva.grammar.units import UnitGrid, parse_unit, unit_of


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("close", "price"),
        ("adj_close", "price"),
        ("volume", "shares"),
        ("shares_outstanding", "shares"),
        ("dollar_volume", "money"),
        ("market_cap", "money"),
        ("amount", "money"),
        ("return_5", "pure"),
        ("close_return", "pure"),
        ("x1", "free"),
        ("turnover", "free"),
    ],
)
def test_the_name_of_a_field_implies_its_unit(name, unit):
    assert unit_of(name) == unit


@pytest.mark.parametrize(
    ("text", "powers"),
    [
        ("pure", {}),
        ("1", {}),
        ("price", {"price": 1}),
        ("money", {"price": 1, "shares": 1}),
        ("money / shares", {"price": 1}),
        ("price/price", {}),
        ("1/price^2", {"price": -2}),
        ("m*s^-2", {"m": 1, "s": -2}),
        ("free", None),
    ],
)
def test_units_are_parsed(text, powers):
    assert parse_unit(text, "x") == powers


@pytest.mark.parametrize(
    "text", ["", "price*", "price shares", "price^0", "free*price", "2*price", "price^x"]
)
def test_an_invalid_unit_is_refused(text):
    with pytest.raises(QuarvaError, match="not a valid unit for 'x'"):
        parse_unit(text, "x")


@pytest.mark.parametrize("bases", [0, 1, 2, 3])
@pytest.mark.parametrize("roots", [False, True])
def test_a_grid_has_at_most_64_distinct_units(bases, roots):
    grid = UnitGrid([f"u{k}" for k in range(bases)], roots)
    assert len(set(grid.units)) == len(grid.units) == len(grid.index) <= 64
    assert grid.bit({}, "x") == grid.index[(Fraction(0),) * bases]
