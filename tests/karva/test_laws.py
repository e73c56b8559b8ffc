"""Properties of all notations: round trips, and one-line errors for arbitrary text."""

import random
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation import MAX_DEPTH, NOTATIONS, parse, render
from quarva.karva.operators import MAX_COUNT, MAX_WINDOW, OPERATORS, Operator

FIELDS = [
    "winsorise_0", "quantile_20_0", "of_asset_SPY", "not", "and", "returns", "adv20", "IndClass.sector",
    "close", "x_1", "adj_close", "x", "e", "t", "rank", "neg", "mean_20",
    "group_demean_sector", "ref_5", "nan",
    "Adj Close", "BRK.B", "2nd", "a`b", "50%", "x^2", r"a\b", "a~{b}", "$close",
    "Öl_preis", "²", "-", "1e5", "#&'\"",
]  # fmt: skip
ASSETS = ["SPY", "BRK.B", "000001", "o'neil", "a\\b", 'the "big" one', "a`b"]
GROUPS = ["sector", "sub industry", "20", "my`group", "x_1"]
FLOATS32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
CORNERS = [
    0.0,
    1.0,
    -2.5,
    20.0,
    1e-5,
    2.0**-149,
    3.4028234663852886e38,
    -1e30,
    16777216.0,
    float(np.float32(0.1)),
]


def printable_name(name: str) -> bool:
    return not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name)


def terminals() -> st.SearchStrategy[Expression]:
    numbers = FLOATS32 | st.sampled_from(CORNERS).map(lambda x: float(np.float32(x)))
    printable = st.text(min_size=1, max_size=5).filter(printable_name)
    fields = st.sampled_from(FIELDS) | printable
    symbols = fields.map(lambda name: Symbol(field=name)) | numbers.map(lambda x: Symbol(number=x))
    return (symbols | st.just(Symbol())).map(Expression)


def nodes(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    def with_args(operator):
        values = {
            "window": st.integers(operator.min_window, MAX_WINDOW),
            "share": st.floats(0, 1).filter(operator.allows_share) | st.just(0.2),
            "count": st.integers(2, MAX_COUNT),
            "group": st.sampled_from(GROUPS),
            "asset": st.sampled_from(ASSETS),
        }
        carried = {name: values[name] for name in operator.parameters}
        symbol = st.builds(Symbol, operator=st.just(operator), **carried)
        return st.builds(Expression, symbol, st.tuples(*[children] * operator.arity))

    signs = [
        op for op in OPERATORS if op.infix is not None or op.name in ("power", "square", "inv", "ref", "exp")
    ]
    return (st.sampled_from(OPERATORS) | st.sampled_from(signs)).flatmap(with_args)


EXPRESSIONS = st.recursive(terminals(), nodes, max_leaves=12)


def plain(operator: Operator) -> Symbol:
    """Return the symbol of an operator with valid parameters."""
    given = {"window": max(operator.min_window, 2), "share": 0.2, "count": 5, "group": "g", "asset": "SPY"}
    return Symbol(operator, **{name: given[name] for name in operator.parameters})


def chain(levels: int, symbol: Symbol) -> Expression:
    expression = Expression(Symbol(field="x"))
    for _ in range(levels - 1):
        expression = Expression(symbol, (expression,) * symbol.arity)
    return expression


def parse_or_none(text, notation, **known) -> Expression | None:
    """Return the expression, or None if the text is refused with a printable one-line message."""
    message = ""
    try:
        return parse(text, notation, **known)
    except FormulaError as error:
        message = str(error)
        return None
    finally:
        assert message.isprintable()


# Round trips


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS)
def test_expressions_survive_a_round_trip_in_every_notation(expression):
    for notation in NOTATIONS:
        assert parse(render(expression, notation), notation) == expression


def nested(outer: Operator) -> list[Expression]:
    """Return `outer` with each terminal, and each operator of terminals, at each of its places."""
    leaves = [Symbol(field="x"), Symbol(field="e"), Symbol(number=2.5), Symbol(number=-(2.0**-17)), Symbol()]
    inner = [Expression(leaf) for leaf in leaves]
    inner += [Expression(plain(op), (Expression(leaf),) * op.arity) for op in OPERATORS for leaf in leaves]
    other = Expression(Symbol(field="y"))
    return [
        Expression(plain(outer), tuple(part if i == position else other for i in range(outer.arity)))
        for part in inner
        for position in range(outer.arity)
    ]


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("outer", OPERATORS, ids=lambda op: op.name)
def test_every_operator_inside_every_other_survives_a_round_trip(outer, notation):
    for expression in nested(outer):
        assert parse(render(expression, notation), notation) == expression


def test_formulas_that_differ_have_different_latex():
    formulas = [expression for outer in OPERATORS for expression in nested(outer)]
    assert len({render(expression, "latex") for expression in formulas}) == len(set(formulas))


@pytest.mark.parametrize("notation", [*NOTATIONS, "latex"])
def test_different_operators_are_rendered_differently(notation):
    symbols = [plain(op) for op in OPERATORS]
    texts = [render(Expression(s, (Expression(Symbol(field="x")),) * s.arity), notation) for s in symbols]
    assert len(set(texts)) == len(symbols)


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", ["neg", "abs", "add", "power", "square", "ref", "div"])
def test_formulas_of_maximum_depth_survive_a_round_trip(name, notation):
    symbol = Symbol.function(name, window=5 if name == "ref" else None)
    levels = MAX_DEPTH if symbol.arity == 1 else 8
    expression = chain(levels, symbol)
    assert parse(render(expression, notation), notation) == expression


def test_rendering_does_not_recurse():
    for notation in (*NOTATIONS, "latex"):
        assert render(chain(3000, Symbol.function("abs")), notation)


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS)
def test_latex_is_balanced_and_has_no_double_scripts(expression):
    text = re.sub(r"\\mathrm\{(?:\\[a-z]+\{\}|\\[^a-z]|[^{}\\])+\}", "n", render(expression, "latex"))
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == len(re.findall(r"\\right", text))
    assert not re.search(r"[_^]\{[^{}]*\}[_^]|\^2[_^]", text.replace("_{n}", ""))


# Arbitrary text

PIECES = [
    "quantile", "of_asset", "'SPY'", "0.8", ":", "<", "==", "&", "&&", "||", "!",
    "IndClass.", "adv20", "returns", "quantile_20_", "of_asset_", r"\le", "min", "if_else", "If",
    "close", "$close", "rank", "mean", "corr", "group_demean", "Corr", "CSRank",
    "mean_20", "abs", "sub", "sector",
    "(", ")", ",", "+", "-", "*", "/", "**", "^", "?", "2.5", "20", "-3", "1e9",
    "1e99", ".", "`", "`a b`", " ", "{",
    "}", "_", r"\left(", r"\frac{x}", "^{", "^2",
    "\x02", "\ue000", "\ue002", "\x00", "\ud800",
    "٣", "²", "\n", "9" * 30, "group_demean_", "group_demean_`",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_random_text_raises_nothing_but_a_formula_error(text):
    for notation in NOTATIONS:
        expression = parse_or_none(text, notation)
        if expression is not None:
            assert parse(render(expression, notation), notation) == expression


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS, st.sampled_from(NOTATIONS), st.integers(0, 2**32))
def test_a_damaged_formula_raises_nothing_but_a_formula_error(expression, notation, seed):
    rng = random.Random(seed)
    text = list(render(expression, notation))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text) + 1)
        text[at : at + rng.randint(0, 2)] = rng.choice(PIECES)
    parse_or_none("".join(text), notation, fields=FIELDS, groups=GROUPS)
