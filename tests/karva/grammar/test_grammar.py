"""A grammar masks symbols by its rules, and refuses rules that cannot be satisfied."""

import numpy as np
import pytest

from quarva import QuarvaError
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape
from quarva.karva.grammar.grammar import Grammar

SHAPE = GeneShape(head=6)


def legal(alphabet, rules, *symbols, units=None, lookback=None, shape=SHAPE):
    """Return the names of the symbols that may follow the given ones."""
    grammar = Grammar(alphabet, shape, rules, units, lookback=lookback)
    names = alphabet.names()
    gene = np.zeros((1, grammar.length), np.int16)
    context = grammar.begin(1)
    for i, symbol in enumerate(symbols):
        assert grammar.legal(context, gene, i)[0, names.index(symbol)], f"{symbol} is not legal at {i}"
        gene[0, i] = names.index(symbol)
        context.put(gene, i)
    return {names[v] for v in np.flatnonzero(grammar.legal(context, gene, len(symbols))[0])}


@pytest.fixture
def table():
    return Alphabet.build(["x"], ["add", "exp", "log", "sin", "cos", "tanh"], numbers=[1.0], constants=True)


@pytest.fixture
def panel():
    functions = ["add", "mean", "ref", "ts_max", "corr", "group_rank"]
    return Alphabet.build(["close"], functions, [5, 20], ["sector"])


def test_the_tail_holds_terminals_only(table):
    head = ["exp"] * 6
    assert legal(table, (), *head) == {"x", "1", "?"}
    assert legal(table, (), *head[1:]) == set(table.names())


def test_terminals_are_legal_after_the_end_of_an_expression(table):
    assert legal(table, ("constants",), "x") == {"x", "1", "?"}


def test_no_function_is_legal_directly_below_its_inverse(table):
    assert "log" not in legal(table, ("inverse",), "exp")
    assert "exp" not in legal(table, ("inverse",), "log")
    assert "exp" in legal(table, ("inverse",), "exp")
    assert "log" in legal(table, ("inverse",), "exp", "add")


def test_a_group_operator_is_redundant_for_the_same_group_only():
    alphabet = Alphabet.build(["x"], ["group_rank"], groups=["sector", "country"])
    assert legal(alphabet, ("inverse",), "group_rank_sector") == {"group_rank_country", "x"}


def test_no_sine_or_cosine_is_legal_below_another(table):
    assert {"sin", "cos"}.isdisjoint(legal(table, ("trigonometry",), "sin", "add", "exp"))
    assert {"sin", "cos"} <= legal(table, ("trigonometry",), "add", "sin", "exp", "x")
    assert {"sin", "cos"}.isdisjoint(legal(table, ("trigonometry",), "add", "sin", "exp"))
    assert "tanh" in legal(table, ("trigonometry",), "sin")


def test_lookback_adds_up_along_a_path_only(panel):
    rules = ("window",)
    assert "mean_20" in legal(panel, rules, "add", "mean_20", lookback=30)
    assert "mean_20" not in legal(panel, rules, "add", "mean_20", "close", lookback=30)
    assert "mean_5" in legal(panel, rules, "add", "mean_20", "close", lookback=30)
    assert "ref_20" not in legal(panel, rules, lookback=19)
    assert "mean_20" in legal(panel, rules, lookback=19)
    assert legal(panel, rules, lookback=0) == {"add", "group_rank_sector", "close"}


def test_operators_that_merge_are_not_legal_below_each_other(panel):
    assert {"ref_5", "ref_20"}.isdisjoint(legal(panel, ("window",), "ref_5"))
    assert {"ts_max_5", "ts_max_20"}.isdisjoint(legal(panel, ("window",), "ts_max_20"))
    assert "mean_5" in legal(panel, ("window",), "mean_20")


def test_the_lookback_limit_is_ignored_without_the_window_rule(panel):
    assert legal(panel, (), lookback=0) == set(panel.names())


def test_no_function_has_constants_only(table):
    rules = ("constants",)
    assert {"1", "?"}.isdisjoint(legal(table, rules))
    assert {"1", "?"}.isdisjoint(legal(table, rules, "exp"))
    assert {"1", "?"} <= legal(table, rules, "add")
    assert {"1", "?"}.isdisjoint(legal(table, rules, "add", "1"))
    assert {"1", "?"} <= legal(table, rules, "add", "x")
    assert {"1", "?"} <= legal(table, rules, "add", "exp")


FIELDS = ["close", "open", "volume", "amount", "return_1", "other"]


@pytest.mark.parametrize(
    ("symbols", "fits"),
    [
        (["add", "close"], {"close", "open", "other"}),
        (["add", "volume"], {"volume", "other"}),
        (["add", "other"], {*FIELDS, "2"}),
        (["lt", "amount"], {"amount", "other"}),
        (["add", "return_1"], {"return_1", "other", "2"}),
        (["mul", "close"], {*FIELDS, "2"}),
        (["log"], {"return_1", "other", "2"}),
        (["log", "div", "close"], {"close", "open", "other"}),
        (["add", "mul", "amount", "close"], {"volume", "other"}),
        (["add", "div", "volume", "amount"], {"close", "open", "other"}),
        (["add", "square", "mul", "close", "open"], {"close", "open", "other"}),
        (["add", "rank"], {"return_1", "other", "2"}),
        (["if_else"], {"return_1", "other", "2"}),
        (["if_else", "2", "volume"], {"volume", "other"}),
        (["div", "add", "volume", "close"], {"close", "open", "other"}),
    ],
)
def test_sums_and_comparisons_require_equal_units(symbols, fits):
    functions = ["add", "mul", "div", "log", "rank", "lt", "if_else", "square"]
    alphabet = Alphabet.build(FIELDS, functions, numbers=[2.0])
    assert legal(alphabet, ("units",), *symbols) & {*FIELDS, "2"} == fits


def test_a_unit_that_no_terminal_has_requires_a_function_in_the_head():
    alphabet = Alphabet.build(["close"], ["log", "neg", "div"])
    assert legal(alphabet, ("units",), "log", shape=GeneShape(head=2)) == {"div"}
    assert legal(alphabet, ("units",), "neg", "neg", shape=GeneShape(head=3)) == {"neg", "div", "close"}
    assert legal(alphabet, ("units",), "neg", "log", shape=GeneShape(head=3)) == {"div"}


def test_units_can_be_given_by_name():
    alphabet = Alphabet.build(["close", "x"], ["add"], constants=True)
    assert "x" in legal(alphabet, ("units",), "add", "close")
    assert "x" not in legal(alphabet, ("units",), "add", "close", units={"x": "shares/price"})
    assert "x" in legal(alphabet, ("units",), "add", "close", units={"x": "money/shares"})
    assert "?" in legal(alphabet, ("units",), "add", "close", units={"?": "free"})


def test_masks_of_complete_genes_equal_those_during_generation(table):
    grammar = Grammar(table, SHAPE, ("inverse", "trigonometry", "constants"))
    rng = np.random.default_rng(0)
    genes = np.zeros((40, grammar.length), np.int16)
    context, masks = grammar.begin(40), []
    for i in range(grammar.length):
        masks.append(grammar.legal(context, genes, i))
        genes[:, i] = (rng.random(masks[-1].shape) * masks[-1]).argmax(axis=1)
        context.put(genes, i)
    assert (np.stack(masks, axis=1) == grammar.legal_all(genes)).all()


def test_masks_can_be_computed_for_some_genes(table):
    grammar = Grammar(table, SHAPE, ("constants",))
    genes = np.array([[0] * grammar.length, [1] * grammar.length], np.int16)
    context = grammar.begin(2)
    context.put(genes, 0)
    both = grammar.legal(context, genes, 1)
    assert (grammar.legal(context, genes, 1, np.array([1])) == both[1:]).all()
    assert not (both[0] == both[1]).all()


def test_all_symbols_are_legal_without_the_tail_rule(table):
    grammar = Grammar(table, SHAPE, tail=False)
    genes = np.full((3, grammar.length), 0, np.int16)
    assert grammar.legal(grammar.begin(3), genes, 9).all()
    assert grammar.legal_all(genes).all()


@pytest.mark.parametrize(
    ("fields", "functions", "rules", "given", "message"),
    [
        (["x"], ["add"], ("inverses",), {}, "unknown rule 'inverses'"),
        (["x"], ["add"], ("inverse",), {"tail": False}, "excludes all other rules"),
        (["x"], ["add"], ("window",), {"lookback": -1}, "-1 days"),
        (["x"], [], (), {}, "one symbol, 'x'"),
        ([], ["add"], ("constants",), {}, "no symbol is legal at the root"),
        (["close"], ["neg", "exp"], ("units",), {}, "no symbol is legal as argument 1 of exp"),
        (["close"], ["add", "if_else"], ("units",), {}, "no symbol is legal as argument 1 of if_else"),
        (["x"], ["square"], ("units",), {"units": {"x": "price^6"}}, "argument 1 of square"),
        (["x"], ["add"], ("units",), {"units": {"y": "price"}}, "given for 'y'; the terminals are x"),
        (["x"], ["add"], ("units",), {"units": {"x": "price+1"}}, "'price\\+1' is not a valid unit for 'x'"),
        (["x"], ["add"], ("units",), {"units": {"x": "price^9"}}, "unit of 'x' has a power out of range"),
        (["x"], ["add"], ("units",), {"units": {"x": "m*kg*s*A"}}, "at most 3 base units"),
    ],
)
def test_rules_that_cannot_be_satisfied_are_refused_in_one_line(fields, functions, rules, given, message):
    alphabet = Alphabet.build(fields, functions, numbers=[] if fields else [1.0, 2.0])
    with pytest.raises(QuarvaError, match=message) as caught:
        Grammar(alphabet, SHAPE, rules, **given)
    assert "\n" not in str(caught.value)


def test_an_alphabet_without_terminals_and_an_invalid_head_are_refused():
    with pytest.raises(QuarvaError, match="no terminal"):
        Alphabet.build([], ["add"])
    for head in (0, 10_000):
        with pytest.raises(QuarvaError, match="head must have"):
            GeneShape(head=head)
