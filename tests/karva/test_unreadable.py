"""Invalid formulas: one line tells what is wrong, where, and how to correct it."""

import pytest

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation import NOTATIONS, render


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("rank(corrr(close, volume, 10))", "unknown operator 'corrr' at column 6", "did you mean 'corr'?"),
        ("ts_mean(close, 5)", "unknown operator 'ts_mean' at column 1", "did you mean 'mean'?"),
        ("delay(close, 5)", "unknown operator 'delay' at column 1", "did you mean 'ref'?"),
        ("rank(clse)", "unknown field 'clse' at column 6", "did you mean 'close'?"),
        ("close + rank", "unknown field 'rank' at column 9", "rank(x)"),
        ("group_demean(close, secto)", "unknown group 'secto' at column 21", "did you mean 'sector'?"),
        ("corr(close, 10)", "corr takes 3 arguments (the last is its window), not 2", "write corr(x, y, 20)"),
        ("abs(close, volume)", "abs takes 1 argument, not 2 or more", "write abs(x)"),
        ("abs()", "abs takes 1 argument, not 0", "write abs(x)"),
        ("mean(close)", "mean takes 2 arguments (the last is its window), not 1", "write mean(x, 20)"),
        (
            "mean(close, volume)",
            "window of mean must be an integer, not 'volume' at column 13",
            "mean(x, 20)",
        ),
        ("mean(close, 2.5)", "window of mean must be an integer, not '2.5' at column 13", "mean(x, 20)"),
        ("mean(close, 1)", "window 1 of mean is below 2 at column 13", ""),
        ("ref(close, -1)", "window -1 of ref is below 1 at column 12", "a formula cannot look ahead"),
        ("mean(close, 10001)", "window 10001 of mean is above 10000 at column 13", ""),
        (f"mean(close, {'9' * 5000})", "of mean is above 10000 at column 13", ""),
        ("group_demean(close)", "group_demean takes 2 arguments (the last is its group), not 1", ""),
        ("group_demean(close, 20)", "the group of group_demean must be a name, not '20' at column 21", ""),
        ("mean(close, 20", "'(' is never closed at column 5", ""),
        ("(close + volume", "'(' is never closed at column 1", ""),
        ("close + volume)", "unmatched ')' at column 15", ""),
        ("close volume", "unexpected 'volume' at column 7", "a sign such as + or * is missing"),
        ("1 < close < 2", "a comparison of a comparison at column 11", "(a < b) & (b < c)"),
        ("close > 1 & volume > 2", "a comparison of a comparison at column 20", "parentheses around each"),
        ("close && volume", "unexpected '&&' at column 7", "write (x) & (y)"),
        ("close and volume", "unexpected 'and' at column 7", "write (x) & (y)"),
        ("not close", "unknown field 'not' at column 1", "not(x)"),
        ("~close", "expected an operand, not '~' at column 1", "write !(x)"),
        ("close = volume", "unexpected '=' at column 7", "write (x) == (y)"),
        ("close > 1 ? volume : 0", "unexpected '?' at column 11", "write if_else(x, y, z)"),
        ("if_else(close > 1, volume)", "if_else takes 3 arguments, not 2", "write if_else(x, y, z)"),
        (
            "quantile(close, 20)",
            "quantile takes 3 arguments (the last are its window and its share), not 2",
            "",
        ),
        ("quantile(close, 20, 0.5, 1)", "quantile takes 3 arguments", "quantile(x, 20, 0.8)"),
        ("quantile(close, 20, 1.5)", "share 1.5 of quantile is out of range at column 21", "from 0 to 1"),
        ("quantile(close, 20, volume)", "the share of quantile must be a number, not 'volume'", ""),
        ("winsorise(close, 0.5)", "share 0.5 of winsorise is out of range at column 18", "below 0.5"),
        ("winsorise(close, -0.1)", "share -0.1 of winsorise is out of range at column 18", "above 0"),
        ("winsorise(close)", "winsorise takes 2 arguments (the last is its share), not 1", "(x, 0.05)"),
        ("bucket(close, 1)", "number of parts 1 of bucket is out of range at column 15", "2 to 10000"),
        ("bucket(close, 2.5)", "the number of parts of bucket must be an integer, not '2.5'", "bucket(x, 5)"),
        ("of_asset(close, SPX)", "unknown asset 'SPX' at column 17", "did you mean 'SPY'?"),
        ("of_asset(close, 5)", "the asset of of_asset must be a name, not '5'", "of_asset(x, SPY)"),
        ("close +", "expected an operand, not the end at column 8", ""),
        ("close * / volume", "expected an operand, not '/' at column 9", ""),
        ("close, volume", "a comma outside of a call at column 6", ""),
        ("close @ volume", "unexpected character '@' at column 7", ""),
        ("`close", "unexpected character '`' at column 1", "never ends"),
        ("close * 1e99", "number 1e99 is too large at column 9", ""),
        ("close * 1e-99", "number 1e-99 is too small at column 9", ""),
        ("", "empty formula", ""),
        (" \n", "empty formula", ""),
    ],
)
def test_an_error_states_the_problem_its_column_and_the_correction(text, problem, hint, message):
    found = message(text, fields=["close", "volume"], groups=["sector"], assets=["SPY"])
    assert problem in found
    assert hint in found
    assert len(found) < 300


@pytest.mark.parametrize(
    ("text", "notation", "problem"),
    [
        ("sub close", "karva", "ends too early, with 2 of at least 3 symbols, at column 10"),
        ("mean close", "karva", "mean lacks its window at column 1"),
        ("group_demean close", "karva", "group_demean lacks its group at column 1"),
        ("mean_1 close", "karva", "window 1 of mean is below 2 at column 1"),
        (
            "quantile_20 close",
            "karva",
            "quantile lacks its share at column 1 of 'quantile_20 close': write quantile_20_0.8",
        ),
        ("winsorise_0.7 close", "karva", "share 0.7 of winsorise is out of range at column 1"),
        ("of_asset close", "karva", "of_asset lacks its asset at column 1"),
        ("if_else a b", "karva", "ends too early, with 3 of at least 4 symbols"),
        ("abs foo@", "karva", "unknown symbol 'foo@' at column 5"),
        ("", "karva", "empty formula"),
        ("Corr($close, 10)", "qlib", "Corr takes 3 arguments (the last is its window), not 2"),
        ("Meann($close, 10)", "qlib", "unknown operator 'Meann' at column 1"),
        ("mean($close, 10)", "qlib", "did you mean 'Mean'?"),
        ("Mean(close, 10)", "qlib", "write a field as $close"),
        ("", "worldquant", "empty formula: write mean(x, 20), for example"),
        ("correlatio(close, volume, 5)", "worldquant", "did you mean 'correlation'?"),
        ("close > 1 ? volume", "worldquant", "expected the ':' of a choice, not the end at column 19"),
        ("close : volume", "worldquant", "unexpected ':' at column 7"),
        ("(close > 1 ? volume) : 1", "worldquant", "expected the ':' of a choice, not ')' at column 20"),
        ("delay(close, 0.9)", "worldquant", "window 0 of delay is below 1 at column 14"),
        ("delay(close, -1.5)", "worldquant", "a formula cannot look ahead"),
        ("close & volume", "worldquant", "write (x) && (y)"),
        ("min(a, b, 5)", "worldquant", "min takes 2 arguments, not 3 or more, at column 11"),
        ("rank(x) - IndClass.sector", "worldquant", "indneutralize(x, IndClass.sector)"),
        ("indneutralize(close, 5)", "worldquant", "write indneutralize(x, IndClass.sector)"),
        ("close", "qlb", "unknown notation 'qlb': did you mean 'qlib'?"),
        (r"\frac{x}{y}", "latex", "LaTeX is only written, not parsed: write the formula as in"),
        (r"\frac{x}{y}", "infix", r"unexpected character '\' at column 1 of '\frac{x}{y}': LaTeX cannot be"),
    ],
)
def test_errors_use_the_words_of_the_notation(text, notation, problem, message):
    assert problem in message(text, notation)


@pytest.mark.parametrize(
    ("text", "notation"),
    [
        ("abs(" * 201 + "x" + ")" * 201, "infix"),
        ("(" * 100_000 + "x", "infix"),
        ("-" * 100_000 + "x", "infix"),
        ("x" + " + x" * 100_000, "infix"),
        ("x" + " ** x" * 1000, "infix"),
        ("neg " * 100_000 + "x", "karva"),
        ("Abs(" * 1000 + "$x", "qlib"),
        ("x ? x : " * 1000 + "x", "worldquant"),
        ("x ? " * 1000 + "x", "worldquant"),
    ],
)
def test_a_formula_that_is_too_deep_raises_an_error(text, notation, message):
    assert "more than 200 levels deep" in message(text, notation)


def test_an_excerpt_of_a_long_formula_is_shown(message):
    found = message(" + ".join(["close"] * 50 + ["clse"] + ["close"] * 50), fields=["close"])
    assert "at column 401 of '…" in found
    assert len(found) < 250


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00b", "a\u2028b", "\ud800"])
def test_an_unprintable_name_is_refused(name):
    for notation in (*NOTATIONS, "latex"):
        with pytest.raises(FormulaError, match="rename the column"):
            render(Expression(Symbol(field=name)), notation)


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 1e300])
def test_a_number_that_is_not_a_finite_float32_is_refused(number):
    for notation in (*NOTATIONS, "latex"):
        with pytest.raises(FormulaError, match="not a finite float32"):
            render(Expression(Symbol(number=number)), notation)
