"""Infix and K-expressions: parsing of what users write, and readable rendering, also in LaTeX."""

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation import parse, render
from quarva.karva.shortest import shortest_decimals

FLOATS32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def significant(literal: str) -> int:
    """Return the number of significant digits."""
    return len(re.sub(r"\D", "", literal.partition("e")[0]).strip("0"))


@given(FLOATS32)
def test_a_float32_is_written_with_the_fewest_digits_that_identify_it(number):
    text = render(Expression(Symbol(number=float(shortest_decimals(np.float32(number))))))
    assert np.float32(parse(text).symbol.number) == np.float32(number)
    assert significant(text) <= significant(str(np.float32(number)))


@given(st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-30))
def test_a_literal_keeps_all_digits(number):
    assert parse(render(Expression(Symbol(number=number)))).symbol.number == number


def test_literals_are_rendered_as_they_are_written():
    assert parse("0.1").symbol.number == 0.1
    assert render(parse("0.1")) == "0.1"
    assert render(parse("1e-3")) == "0.001"
    assert render(parse("1700000001 + x")) == "1700000001 + x"


# Infix


@pytest.mark.parametrize(
    "text",
    [
        "rank(corr(close, volume, 10))",
        "group_demean(close, sector)",
        "a - b - c",
        "a - (b - c)",
        "a / (b * c) / d",
        "(a + b) * c",
        "-x * y",
        "-(x * y)",
        "neg(2.5) + -2.5",
        "a - -b",
        "power(x, 2) * ?",
        "`Adj Close` / ref(`Adj Close`, 5) - 1",
        "(a < b) & (c >= d) | !(e != f)",
        "(a | b) & !c",
        "a < b | c",
        "a + b < c * d",
        "(a < b) == (c < d)",
        "if_else(close > open, volume, -volume)",
        "quantile(x, 20, 0.8) - winsorise(x, 0.05)",
        "bucket(x, 5) * residual(x, y)",
        "x / of_asset(x, SPY) - of_asset(x, `BRK.B`)",
        "group_rank(x, sector) + group_zscore(x, `sub industry`)",
    ],
)
def test_infix_is_rendered_with_the_fewest_parentheses(text):
    assert render(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("x ** y", "power(x, y)"),
        ("x ^ y", "power(x, y)"),
        ("x ** y ** z", "power(x, power(y, z))"),
        ("-x ** 2", "neg(power(x, 2))"),
        ("-2 ** x", "neg(power(2, x))"),
        ("x ** -y", "power(x, neg(y))"),
        ("2 * x ** 3 - 1", "sub(mul(2, power(x, 3)), 1)"),
        ("-(2.5)", "neg(2.5)"),
        ("((x))", "x"),
        ("x-1", "sub(x, 1)"),
        (" mean ( close ,\n020 ) ", "mean(close, 20)"),
        ("rank(rank)", "rank(`rank`)"),
        ("a | b & c", "or(a, and(b, c))"),
        ("a < b & c", "lt(a, and(b, c))"),
        ("a < b + c", "lt(a, add(b, c))"),
        ("!a & b", "and(not(a), b)"),
        ("!a < b", "lt(not(a), b)"),
        ("-a == !b", "eq(neg(a), not(b))"),
        ("quantile(x, 20, 1)", "quantile(x, 20, 1.00)"),
        ("of_asset(x, 'BRK.B')", "of_asset(x, `BRK.B`)"),
    ],
)
def test_equivalent_infix_formulas_are_parsed_alike(text, same):
    assert parse(text) == parse(same)


def test_a_negative_number_is_not_a_negation():
    assert parse("-2.5").symbol == Symbol(number=-2.5)
    assert parse("neg(2.5)") == parse("-(2.5)") != parse("-2.5")


@pytest.mark.parametrize(
    ("notation", "text", "same"),
    [
        ("infix", "+close", "close"),
        ("infix", "-(+x)", "-x"),
        ("infix", "+1.5", "1.5"),
        ("infix", "+-2", "-2"),
        ("infix", "x - +y * + +z", "x - y * z"),
        ("infix", "+x ** +2", "x ** 2"),
        ("infix", "mean(+close, +5) > +(1)", "mean(close, 5) > 1"),
        ("infix", "winsorise(x, +0.1)", "winsorise(x, 0.1)"),
        ("qlib", "+$close - Mean(+$open, 5)", "$close - Mean($open, 5)"),
        ("qlib", "-(+$x)", "-($x)"),
        ("worldquant", "+1.5 * rank(+close)", "1.5 * rank(close)"),
        ("worldquant", "-(+x)", "-(x)"),
        ("worldquant", "a > +b ? +x : -+y", "a > b ? x : -y"),
        ("karva", "add x +1.5", "add x 1.5"),
    ],
)
def test_a_unary_plus_has_no_effect(notation, text, same):
    assert parse(text, notation) == parse(same, notation)


@pytest.mark.parametrize("text", ["+", "x +", "+)", "(+)", "mean(+, 5)", "mean(x, + +5)", "rank(x)+*y"])
def test_a_unary_plus_needs_an_operand(text):
    with pytest.raises(FormulaError):
        parse(text)


# K-expressions


def test_a_k_expression_lists_the_symbols_in_level_order():
    assert parse("sub close ref_5 close", "karva") == parse("close - ref(close, 5)")
    assert render(parse("(a - b) * mean(c, 20)"), "karva") == "mul sub mean_20 a b c"


def test_text_after_the_end_of_a_k_expression_is_ignored():
    assert parse("abs close mul @@ `", "karva") == parse("abs(close)")


def test_a_field_with_the_name_of_an_operator_has_a_dollar_sign_in_a_k_expression():
    assert render(Expression(Symbol(field="mean_20")), "karva") == "$mean_20"
    assert parse("abs $close", "karva") == parse("abs(close)")


def test_parameters_are_part_of_the_symbol_in_a_k_expression():
    text = "sub quantile_20_0.8 winsorise_0.05 bucket_5 of_asset_SPY x x"
    formula = "quantile(bucket(x, 5), 20, 0.8) - winsorise(of_asset(x, SPY), 0.05)"
    assert parse(text, "karva") == parse(formula)
    assert render(parse(formula), "karva") == text


def test_a_word_with_more_numbers_than_the_operator_has_parameters_is_a_field():
    assert parse("mean_20_5", "karva").symbol == Symbol(field="mean_20_5")


def test_an_asset_with_special_characters_is_in_backticks_in_a_k_expression():
    assert render(parse("of_asset(x, `BRK.B`)"), "karva") == "of_asset_`BRK.B` x"


# LaTeX


@pytest.mark.parametrize(
    ("infix", "latex"),
    [
        ("ref(adj_close, 5) / x", r"\frac{\mathrm{adj\_close}_{t-5}}{x}"),
        ("a * (b + c)", r"a \cdot \left(b + c\right)"),
        ("a - -b", r"a - \left(-b\right)"),
        ("power(x + 1, 2)", r"\left(x + 1\right)^{2}"),
        ("square(x)", "x^2"),
        ("inv(x)", r"\frac1{x}"),
        ("1e-5 * exp(-x)", r"1 \times 10^{-5} \cdot e^{-x}"),
        ("corr(x, y, 10)", r"\operatorname{corr}_{10}\left(x, y\right)"),
        ("group_demean(x, sector)", r"\operatorname{demean}_{\mathrm{sector}}\left(x\right)"),
        ("ref(ref(x, 1), 2)", r"\left(x_{t-1}\right)_{t-2}"),
        ("abs(x) + e", r"\left|x\right| + \mathrm{e}"),
        ("(a < b) & !c", r"\left(a < b\right) \land \lnot c"),
        ("if_else(a >= b, x, y)", r"\operatorname{if}\left(a \ge b, x, y\right)"),
        ("quantile(x, 20, 0.8)", r"\operatorname{quantile}_{20, 0.8}\left(x\right)"),
        ("of_asset(x, SPY)", r"\operatorname{of}_{\mathrm{SPY}}\left(x\right)"),
    ],
)
def test_latex_is_readable(infix, latex):
    assert render(infix, "latex") == latex


def test_notation_imports_no_heavy_package():
    heavy = ["torch", "numba", "sympy", "pandas", "polars"]
    code = f"import sys, quarva.karva.notation; sys.exit(any(name in sys.modules for name in {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", code], timeout=300, check=False).returncode == 0
