"""Formulas as MathML and as trees."""

import re
import xml.etree.ElementTree as ET

import pytest

from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation import parse
from quarva.karva.operators import OPERATORS
from quarva.report.formula import best_formula, formula_tree
from quarva.report.mathml import clean, mathml


def applied(operator) -> Expression:
    values = {"window": 10, "group": "sector", "share": 0.2, "count": 5, "asset": "SPY"}
    symbol = Symbol(operator, **{name: values[name] for name in operator.parameters})
    names = ("adj_close", "volume", "vwap")
    return Expression(symbol, tuple(Expression(Symbol(field=name)) for name in names[: operator.arity]))


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_every_operator_has_mathml(operator):
    root = ET.fromstring(mathml(applied(operator)))
    names = [element.text for element in root.iter() if element.tag.endswith("}mi")]
    assert "adj_close" in names
    assert ("volume" in names) == (operator.arity >= 2)
    assert ("vwap" in names) == (operator.arity == 3)


def test_names_in_mathml_are_escaped():
    source = mathml(Expression(Symbol(field="<b>&\\frac{")))
    assert "<b>" not in source
    assert [element.text for element in ET.fromstring(source).iter() if element.text][-1] == "<b>&\\frac{"


def test_a_negative_number_has_no_space_after_its_sign():
    source = mathml(parse("rank(-0.5 - close)"))
    assert re.findall(r'<mo[^>]*form="prefix"[^>]*>(.)</mo>', source)[-1] in "-−"
    assert len(re.findall("[-−]</mo>", source)) == 2


def test_cleaning_leaves_only_presentation():
    assert clean("<p>no</p>") == ""
    assert clean("<math><mi>a</math>") == ""
    kept = clean('<math onload="x"><mi href="y" mathvariant="normal">a</mi><annotation>b</annotation></math>')
    assert re.findall(r"\w+=", kept) == ["xmlns=", "mathvariant="]
    assert "annotation" not in kept


def test_tree_shows_signs_windows_and_groups():
    root = formula_tree(parse("group_demean(close, sector) / -mean(close, 20) + 0.1"))
    assert root.label == "+"
    assert root.children[1].label == "0.1"
    assert root.children[1].kind == "number"
    assert [child.label for child in root.children[0].children] == ["group_demean sector", "−"]
    assert root.children[0].children[1].children[0].label == "mean 20"


def test_tree_shows_shares_counts_and_assets():
    assert formula_tree(parse("quantile(close, 20, 0.8)")).label == "quantile 20 0.8"
    assert formula_tree(parse("bucket(close, 5)")).label == "bucket 5"
    assert formula_tree(parse("of_asset(close, SPY)")).label == "of_asset SPY"


def test_a_formula_is_shown_in_every_notation():
    found = best_formula(parse("rank(delta(close, 5))"))
    assert found.text == "rank(delta(close, 5))"
    assert found.karva == "rank delta_5 close"
    assert "Delta" in found.latex
    assert "Delta($close, 5)" in found.qlib
