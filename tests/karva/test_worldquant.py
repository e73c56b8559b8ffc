"""The notation of the 101 Formulaic Alphas."""

import pytest

from quarva.karva import Expression, Symbol, parse, render


@pytest.mark.parametrize(
    ("text", "infix"),
    [
        ("delay(close, 1)", "ref(close, 1)"),
        ("correlation(high, volume, 5)", "corr(high, volume, 5)"),
        ("covariance(high, volume, 5)", "cov(high, volume, 5)"),
        ("stddev(close, 20)", "std(close, 20)"),
        ("signedpower(close, 2)", "signed_power(close, 2)"),
        ("indneutralize(vwap, IndClass.sector)", "group_demean(vwap, sector)"),
        ("group_rank(vwap, IndClass.`sub industry`)", "group_rank(vwap, `sub industry`)"),
        ("adv20", "mean(vwap * volume, 20)"),
        ("returns", "pct_change(close, 1)"),
        ("close > open ? 1 : -1", "if_else(close > open, 1, -1)"),
        ("a ? (b ? c : d) : (e ? f : g)", "if_else(a, if_else(b, c, d), if_else(e, f, g))"),
        ("(a ? b : c) + 1", "if_else(a, b, c) + 1"),
        ("a < b || c > d && e == f", "(a < b) | ((c > d) & (e == f))"),
        ("!(a && b) != c", "!(a & b) != c"),
        ("min(a, b) - min(a, (5)) - min(5, a)", "min(a, b) - min(a, 5) - min(5, a)"),
        ("ts_min(a, 5) * ts_max(a, 5)", "ts_min(a, 5) * ts_max(a, 5)"),
        ("a ^ b ^ c", "power(a, power(b, c))"),
        ("(a ^ b) ^ c", "power(power(a, b), c)"),
        ("-a ^ 2", "-power(a, 2)"),
        ("(-a) ^ -2.5", "power(-a, -2.5)"),
        ("(-2.5) ^ a", "power(-2.5, a)"),
        ("quantile(a, 20, 0.8)", "quantile(a, 20, 0.8)"),
    ],
)
def test_the_papers_notation_is_parsed_and_rendered(text, infix):
    assert parse(text, "worldquant") == parse(infix)
    assert render(parse(infix), "worldquant") == text


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Ts_ArgMax(SignedPower(CLOSE, 2.), 5)", "ts_argmax(signedpower(close, 2), 5)"),
        ("IndNeutralize(Vwap, indclass.SECTOR)", "indneutralize(vwap, IndClass.sector)"),
        ("Adv20 + Returns", "adv20 + returns"),
        ("decay_linear(close, 8.93345)", "decay_linear(close, 8)"),
        ("max(close, 3.7)", "ts_max(close, 3)"),
        ("min(close, 5)", "ts_min(close, 5)"),
        ("a ? b : c ? d : e", "a ? b : (c ? d : e)"),
        ("a ? b ? c : d : e", "a ? (b ? c : d) : e"),
        ("a + b ? c : d", "(a + b) ? c : d"),
        ("rank(a ? b : c)", "rank((a ? b : c))"),
        ("min(a ? b : c, d)", "min((a ? b : c), d)"),
        ("ref(close, 1)", "delay(close, 1)"),
    ],
)
def test_equivalent_formulas_are_parsed_alike(text, same):
    fields = ["close", "vwap", "volume", *"abcde"]
    known = {"fields": fields, "groups": ["sector"]}
    assert parse(text, "worldquant", **known) == parse(same, "worldquant", **known)


def test_a_field_of_the_panel_takes_precedence_over_an_abbreviation():
    assert parse("returns", "worldquant", fields=["returns"]).symbol == Symbol(field="returns")
    assert parse("adv20", "worldquant", fields=["adv20"]).symbol == Symbol(field="adv20")


def test_a_field_with_the_name_of_an_abbreviation_is_in_backticks():
    assert render(Expression(Symbol(field="returns")), "worldquant") == "`returns`"
    assert parse("`adv20`", "worldquant").symbol == Symbol(field="adv20")


def test_an_abbreviation_requires_its_fields(message):
    assert "unknown field 'volume' at column 6" in message("rank(adv20)", "worldquant", fields=["vwap"])


def test_fields_that_differ_in_case_only_are_distinguished():
    fields = ["Close", "CLOSE"]
    assert parse("Close + CLOSE", "worldquant", fields=fields).fields() == ("CLOSE", "Close")
