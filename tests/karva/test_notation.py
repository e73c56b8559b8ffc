"""Notations: what is printed is read back, and what can not be read is said in one line."""

import random
import re
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation import MAX_DEPTH, NOTATIONS, parse, render
from quarva.karva.notation.qlib import NAMES, OWN_NAMES
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


def writable(name: str) -> bool:
    return not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name)


def terminals() -> st.SearchStrategy[Expression]:
    numbers = FLOATS32 | st.sampled_from(CORNERS).map(lambda x: float(np.float32(x)))
    printable = st.text(min_size=1, max_size=5).filter(writable)
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
    """The operator with parameters that it allows."""
    given = {"window": max(operator.min_window, 2), "share": 0.2, "count": 5, "group": "g", "asset": "SPY"}
    return Symbol(operator, **{name: given[name] for name in operator.parameters})


def chain(levels: int, symbol: Symbol) -> Expression:
    expression = Expression(Symbol(field="x"))
    for _ in range(levels - 1):
        expression = Expression(symbol, (expression,) * symbol.arity)
    return expression


def significant(literal: str) -> int:
    """Number of significant digits."""
    return len(re.sub(r"\D", "", literal.partition("e")[0]).strip("0"))


def message(text, notation="infix", **known) -> str:
    with pytest.raises(FormulaError) as caught:
        parse(text, notation, **known)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def read_or_refused(text, notation, **known) -> Expression | None:
    said = "a line"
    try:
        return parse(text, notation, **known)
    except FormulaError as error:
        said = str(error)
        return None
    finally:
        assert said.isprintable()


# What is printed is read back


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS)
def test_every_notation_reads_back_what_it_prints(expression):
    for notation in NOTATIONS:
        assert parse(render(expression, notation), notation) == expression


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("outer", OPERATORS, ids=lambda op: op.name)
def test_every_operator_within_every_other_is_read_back(outer, notation):
    leaves = [Symbol(field="x"), Symbol(field="e"), Symbol(number=2.5), Symbol(number=-(2.0**-17)), Symbol()]
    inner = [Expression(leaf) for leaf in leaves]
    inner += [Expression(plain(op), (Expression(leaf),) * op.arity) for op in OPERATORS for leaf in leaves]
    for part in inner:
        other = Expression(Symbol(field="y"))
        for place in range(outer.arity):
            args = tuple(part if i == place else other for i in range(outer.arity))
            expression = Expression(plain(outer), args)
            assert parse(render(expression, notation), notation) == expression


@pytest.mark.parametrize("notation", NOTATIONS)
def test_different_formulas_never_print_alike(notation):
    symbols = [plain(op) for op in OPERATORS]
    texts = [render(Expression(s, (Expression(Symbol(field="x")),) * s.arity), notation) for s in symbols]
    assert len(set(texts)) == len(symbols)


@given(FLOATS32)
def test_numbers_print_with_the_fewest_digits_of_the_same_float32(number):
    text = render(Expression(Symbol(number=number)))
    assert parse(text).symbol.number == number
    assert significant(text) <= significant(str(np.float32(number)))


def test_a_literal_becomes_the_nearest_float32():
    assert parse("0.1").symbol.number == float(np.float32(0.1))
    assert render(parse("0.1")) == "0.1"
    assert render(parse("1e-3")) == "0.001"


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", ["neg", "abs", "add", "power", "square", "ref", "div"])
def test_the_deepest_formulas_are_read_back(name, notation):
    symbol = Symbol.function(name, window=5 if name == "ref" else None)
    levels = MAX_DEPTH if symbol.arity == 1 else 8
    expression = chain(levels, symbol)
    assert parse(render(expression, notation), notation) == expression


def test_printing_does_not_recurse():
    for notation in NOTATIONS:
        assert render(chain(3000, Symbol.function("abs")), notation)


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
    ],
)
def test_infix_prints_with_the_fewest_parentheses(text):
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
    ],
)
def test_infix_reads_what_people_write(text, same):
    assert parse(text) == parse(same)


def test_a_negative_number_is_not_a_negation():
    assert parse("-2.5").symbol == Symbol(number=-2.5)
    assert parse("neg(2.5)") == parse("-(2.5)") != parse("-2.5")


# K-expressions


def test_a_k_expression_is_the_symbols_in_level_order():
    assert parse("sub close ref_5 close", "karva") == parse("close - ref(close, 5)")
    assert render(parse("(a - b) * mean(c, 20)"), "karva") == "mul sub mean_20 a b c"


def test_what_stands_after_the_end_of_a_k_expression_is_ignored():
    assert parse("abs close mul @@ `", "karva") == parse("abs(close)")


def test_a_field_that_reads_as_an_operator_has_a_dollar_in_a_k_expression():
    assert render(Expression(Symbol(field="mean_20")), "karva") == "$mean_20"
    assert parse("abs $close", "karva") == parse("abs(close)")


# Qlib


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
    ],
)
def test_qlib_formulas_are_read_and_written_as_qlib_users_write_them(text, infix):
    assert parse(text, "qlib") == parse(infix)
    assert render(parse(infix), "qlib") == text


def test_qlib_calls_for_arithmetic_are_read_too():
    assert parse("Add(Sub($a, $b), Mul($c, Div($d, 2)))", "qlib") == parse("a - b + c * (d / 2)")
    assert parse("-$x ** 2", "qlib") == parse("-x ** 2")


def test_every_qlib_name_means_one_operator():
    assert len(set(NAMES.values())) == len(OPERATORS)
    assert set(OWN_NAMES) == {op.name for op in OPERATORS if op.qlib is None}


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
    ],
)
def test_latex_reads_well_and_is_read_back(infix, latex):
    assert render(parse(infix), "latex") == latex
    assert parse(latex, "latex") == parse(infix)


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS)
def test_latex_is_balanced_and_has_no_double_scripts(expression):
    text = re.sub(r"\\mathrm\{(?:\\[a-z]+\{\}|\\[^a-z]|[^{}\\])+\}", "n", render(expression, "latex"))
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == len(re.findall(r"\\right", text))
    assert not re.search(r"[_^]\{[^{}]*\}[_^]|\^2[_^]", text.replace("_{n}", ""))


# What can not be read


@pytest.mark.parametrize(
    ("text", "what", "hint"),
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
        ("ref(close, -1)", "window -1 of ref is below 1 at column 12", "a formula can not look ahead"),
        ("mean(close, 10001)", "window 10001 of mean is above 10000 at column 13", ""),
        (f"mean(close, {'9' * 5000})", "of mean is above 10000 at column 13", ""),
        ("group_demean(close)", "group_demean takes 2 arguments (the last is its group), not 1", ""),
        ("group_demean(close, 20)", "the group of group_demean must be a name, not '20' at column 21", ""),
        ("mean(close, 20", "'(' is never closed at column 5", ""),
        ("(close + volume", "'(' is never closed at column 1", ""),
        ("close + volume)", "')' closes nothing at column 15", ""),
        ("close volume", "unexpected 'volume' at column 7", "a sign such as + or * is missing"),
        ("1 < close < 2", "a comparison of a comparison at column 11", "(a < b) & (b < c)"),
        ("close > 1 & volume > 2", "a comparison of a comparison at column 20", "parentheses round each"),
        ("close +", "an operand is expected, not the end at column 8", ""),
        ("close * / volume", "an operand is expected, not '/' at column 9", ""),
        ("close, volume", "a comma outside of a call at column 6", ""),
        ("close @ volume", "unexpected character '@' at column 7", ""),
        ("`close", "unexpected character '`' at column 1", "never ends"),
        ("close * 1e99", "number 1e99 is too large at column 9", ""),
        ("close * 1e-99", "number 1e-99 is too small at column 9", ""),
        ("", "empty formula", ""),
        (" \n", "empty formula", ""),
    ],
)
def test_an_error_says_what_where_and_how_to_mend_it(text, what, hint):
    said = message(text, fields=["close", "volume"], groups=["sector"])
    assert what in said
    assert hint in said
    assert len(said) < 300


@pytest.mark.parametrize(
    ("text", "notation", "what"),
    [
        ("sub close", "karva", "ends too early, with 2 of at least 3 symbols, at column 10"),
        ("mean close", "karva", "mean lacks its window at column 1"),
        ("group_demean close", "karva", "group_demean lacks its group at column 1"),
        ("mean_1 close", "karva", "window 1 of mean is below 2 at column 1"),
        ("abs foo@", "karva", "unknown symbol 'foo@' at column 5"),
        ("", "karva", "empty formula"),
        ("Corr($close, 10)", "qlib", "Corr takes 3 arguments (the last is its window), not 2"),
        ("Meann($close, 10)", "qlib", "unknown operator 'Meann' at column 1"),
        ("mean($close, 10)", "qlib", "did you mean 'Mean'?"),
        ("Mean(close, 10)", "qlib", "write a field as $close"),
        (r"\operatorname{meen}_{20}\left(x\right)", "latex", r"did you mean '\operatorname{mean}'?"),
        (r"\operatorname{mean}\left(x\right)", "latex", r"write \operatorname{mean}_{20}"),
        (r"\frac{x}", "latex", "div takes 2 arguments"),
        (r"\left(x", "latex", "'(' is never closed at column 1"),
        ("x -", "latex", "an operand is expected, not the end at column 4"),
        ("close", "latex", r"write a field as \mathrm{close}"),
        ("", "latex", "empty formula"),
        ("close", "qlb", "unknown notation 'qlb': did you mean 'qlib'?"),
    ],
)
def test_other_notations_say_it_in_their_own_words(text, notation, what):
    assert what in message(text, notation)


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
        (r"\left(" * 1000 + "x", "latex"),
        ("x" + "^2" * 1000, "latex"),
        ("-" * 1000 + "x", "latex"),
        ("x" + "^{x" * 1000, "latex"),
    ],
)
def test_a_formula_that_is_too_deep_is_an_error_and_not_a_crash(text, notation):
    assert "more than 200 levels deep" in message(text, notation)


def test_a_long_formula_is_shown_around_the_place():
    said = message(" + ".join(["close"] * 50 + ["clse"] + ["close"] * 50), fields=["close"])
    assert "at column 401 of '…" in said
    assert len(said) < 250


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00b", "a\u2028b", "\ud800"])
def test_a_name_that_no_formula_can_hold_is_refused(name):
    for notation in NOTATIONS:
        with pytest.raises(FormulaError, match="rename the column"):
            render(Expression(Symbol(field=name)), notation)


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 1e300])
def test_a_number_without_a_literal_is_refused(number):
    for notation in NOTATIONS:
        with pytest.raises(FormulaError, match="not a finite float32"):
            render(Expression(Symbol(number=number)), notation)


# Any text at all

PIECES = [
    "close", "$close", "rank", "mean", "corr", "group_demean", "Corr", "CSRank",
    "mean_20", "abs", "sub", "sector",
    "(", ")", ",", "+", "-", "*", "/", "**", "^", "?", "2.5", "20", "-3", "1e9",
    "1e99", ".", "`", "`a b`", " ", "{",
    "}", "_", r"\left(", r"\right)", r"\frac", r"\frac1{", r"\operatorname{mean}",
    r"\mathrm{x}", r"_{t-5}", "^{",
    "^2", r"\left|", r"\right|", "e^{", r"\cdot", r"\min", "_{", r"\demean_{",
    "\x02", "\ue000", "\ue002", "\x00", "\ud800",
    "٣", "²", "\n", "9" * 30, "group_demean_", "group_demean_`",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_random_text_raises_nothing_but_a_formula_error(text):
    for notation in NOTATIONS:
        expression = read_or_refused(text, notation)
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
    read_or_refused("".join(text), notation, fields=FIELDS, groups=GROUPS)


def test_the_room_loads_no_heavy_package():
    heavy = ["torch", "numba", "sympy", "pandas", "polars"]
    code = f"import sys, quarva.karva.notation; sys.exit(any(name in sys.modules for name in {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
