"""Qlib's expression language: operators, names, order of arguments and signs."""

import pytest

from quarva.karva import OPERATORS, parse, render
from quarva.karva.notation.qlib import NAMES, OWN_NAMES


@pytest.mark.parametrize(
    ("text", "infix"),
    [
        ("Corr($close, $volume, 10)", "corr(close, volume, 10)"),
        ("($close-$open)/Std($close, 20)", "(close - open) / std(close, 20)"),
        ("Ref($close, 5)/$close-1", "ref(close, 5) / close - 1"),
        ("Greater($open, $close)-Less($open, $close)", "max(open, close) - min(open, close)"),
        ("Max($high, 5)-Min($low, 5)", "ts_max(high, 5) - ts_min(low, 5)"),
        ("CSRank(Rank($close, 5))", "rank(ts_rank(close, 5))"),
        ("GroupDemean($close, sector)", "group_demean(close, sector)"),
        ("$close*(-2.5)", "close * -2.5"),
        ("Neg($close)", "-close"),
        ("PctChange($close, 5)", "pct_change(close, 5)"),
        ("Mean($close>Ref($close, 1), 5)", "mean(close > ref(close, 1), 5)"),
        ("($close>$open)&($volume>=1000)", "(close > open) & (volume >= 1000)"),
        ("If($close!=$open, $close, $open)", "if_else(close != open, close, open)"),
        ("Not($close==$open)", "!(close == open)"),
        ("Quantile($close, 5, 0.8)/$close", "quantile(close, 5, 0.8) / close"),
        ("Mask($close, 'SH000300')", "of_asset(close, SH000300)"),
        ("Kurt($close, 20)+Mad($close, 20)", "kurt(close, 20) + mad(close, 20)"),
        (
            "Slope($close, 5)*Rsquare($close, 5)-Resi($close, 5)",
            "slope(close, 5) * rsquare(close, 5) - resi(close, 5)",
        ),
        ("Count($close, 5)|Med($close, 5)", "count(close, 5) | median(close, 5)"),
        ("CSWinsorise(CSBucket($close, 5), 0.05)", "winsorise(bucket(close, 5), 0.05)"),
        ("CSResidual($close, SignedPower($open, 2))", "residual(close, signed_power(open, 2))"),
        (
            "GroupRank($close, sector)-DaysSinceMax($close, 5)",
            "group_rank(close, sector) - days_since_max(close, 5)",
        ),
    ],
)
def test_qlib_formulas_are_parsed_and_rendered_in_qlibs_style(text, infix):
    assert parse(text, "qlib") == parse(infix)
    assert render(parse(infix), "qlib") == text


def test_qlib_calls_for_arithmetic_are_parsed_too():
    assert parse("Add(Sub($a, $b), Mul($c, Div($d, 2)))", "qlib") == parse("a - b + c * (d / 2)")
    assert parse("-$x ** 2", "qlib") == parse("-x ** 2")
    assert parse("And(Gt($a, $b), Or(Le($c, $d), Ne($a, 0)))", "qlib") == parse(
        "(a > b) & ((c <= d) | (a != 0))"
    )
    assert parse("Not(Eq($a, Power($b, 2)))", "qlib") == parse("!(a == power(b, 2))")
    assert parse("If(Lt($a, $b), Ge($a, $b), Sign($a))", "qlib") == parse("if_else(a < b, a >= b, sign(a))")


def test_every_qlib_name_denotes_one_operator():
    assert len(set(NAMES.values())) == len(OPERATORS)
    assert set(OWN_NAMES) == {op.name for op in OPERATORS if op.qlib is None}


# Classes of pyqlib 0.9.7, qlib/data/ops.py, that take features, except ChangeInstrument and TResample.
QLIB = """
    Abs Sign Log Mask Not Power Add Sub Mul Div Greater Less Gt Ge Lt Le Eq Ne And Or If Ref Mean Sum Std Var
    Skew Kurt Max IdxMax Min IdxMin Quantile Med Mad Rank Count Delta Slope Rsquare Resi WMA EMA Corr Cov
"""


def test_all_operators_of_qlib_are_supported():
    assert {op.qlib for op in OPERATORS if op.qlib is not None} == set(QLIB.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Ref($close, -1)",
            "window -1 of Ref is below 1 at column 13 of 'Ref($close, -1)': a formula cannot look",
        ),
        ("Delta($close, -5)/$close", "window -5 of Delta is below 1 at column 15"),
        (
            "Mean($close, 0)",
            "window 0 of Mean is below 2 at column 14 of 'Mean($close, 0)': a window is a fixed",
        ),
        ("Mean($close, -5)", "window -5 of Mean is below 2 at column 14"),
        ("EMA($close, 0.5)", "the window of EMA must be an integer, not '0.5' at column 13"),
        ("Mean($close, 2.0)", "the window of Mean must be an integer, not '2.0' at column 14"),
        ("Quantile($close, 5)", "Quantile takes 3 arguments (the last are its window and its share), not 2"),
        ("Quantile($close, 5, 1.5)", "share 1.5 of Quantile is out of range at column 21"),
        ("$close>1 & $open>1", "a comparison of a comparison at column 17"),
        ("$close && $open", "unexpected '&&' at column 8 of '$close && $open': write ($x) & ($y)"),
        ("ChangeInstrument('SPY', $close)", "unknown operator 'ChangeInstrument' at column 1"),
        ("ChangeInstrument('SPY', $close)", "did you mean 'Mask'?"),
        ("Delay($close, 5)", "did you mean 'Ref'?"),
        ("~$close", "expected an operand, not '~' at column 1 of '~$close': write Not($x)"),
    ],
)
def test_unsupported_qlib_formulas_are_refused_in_one_line(text, expected, message):
    assert expected in message(text, "qlib")
