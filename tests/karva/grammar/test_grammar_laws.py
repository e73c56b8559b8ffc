"""Properties of all grammars: some symbol is always legal, genes end, and no gene breaks a rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarva import QuarvaError
from quarva.karva.alphabet import Alphabet
from quarva.karva.expression import Symbol
from quarva.karva.genes import GeneShape, Population
from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.rules import RULES
from quarva.karva.grammar.uniform import uniform
from quarva.karva.operators import OPERATORS

UNITS = ["price", "shares", "money", "pure", "free", "price^2", "money/shares", "price*shares", "1/price"]
PARAMETERS = {
    "window": st.integers(4, 12),
    "share": st.sampled_from([0.1, 0.3]),
    "group": st.sampled_from(["sector", "country"]),
    "count": st.integers(2, 4),
    "asset": st.just("spy"),
}


@st.composite
def functions(draw):
    operator = draw(st.sampled_from(OPERATORS))
    return Symbol(operator, **{name: draw(PARAMETERS[name]) for name in operator.parameters})


@st.composite
def grammar_arguments(draw):
    """Generate symbols, a shape, rules, units and a lookback limit."""
    symbols = draw(st.lists(functions(), max_size=8))
    symbols += [Symbol(field=name) for name in draw(st.sets(st.sampled_from("abcd"), max_size=4))]
    symbols += [Symbol(number=value) for value in draw(st.sets(st.sampled_from([1.0, 2.0]), max_size=2))]
    symbols += [Symbol()] * draw(st.integers(0, 1))
    units = {symbol.name: draw(st.sampled_from(UNITS)) for symbol in symbols if not symbol.arity}
    rules = tuple(draw(st.sets(st.sampled_from(sorted(RULES)))))
    lookback = draw(st.none() | st.integers(0, 40))
    return symbols, GeneShape(head=draw(st.integers(1, 20))), rules, units, lookback


def grammar_or_none(arguments):
    """Return the grammar, or None if it is refused."""
    symbols, shape, rules, units, lookback = arguments
    try:
        return Grammar(Alphabet(symbols), shape, rules, units, lookback=lookback)
    except QuarvaError:
        return None


grammars = grammar_arguments().map(grammar_or_none).filter(lambda grammar: grammar is not None)


def valid(grammar, genes):
    pop = Population.empty(grammar.alphabet, grammar.shape, len(genes))
    pop.symbols[:, 0] = genes
    return not pop.invalid().any()


@given(grammars, st.integers(0, 2**32 - 1))
def test_after_legal_symbols_some_symbol_is_legal(grammar, seed):
    rng, n = np.random.default_rng(seed), 30
    genes, context, masks = np.zeros((n, grammar.length), np.int16), grammar.begin(n), []
    for i in range(grammar.length):
        legal = grammar.legal(context, genes, i)
        assert legal.any(axis=1).all(), f"nothing is legal at {i} of {genes[~legal.any(axis=1)]}"
        masks.append(legal)
        genes[:, i] = np.where(legal, rng.random(legal.shape), -1.0).argmax(axis=1)
        context.put(genes, i)
    assert (context.n_nodes <= grammar.length).all()
    assert valid(grammar, genes)
    assert (np.stack(masks, axis=1) == grammar.legal_all(genes)).all()


@given(grammars, st.integers(0, 2**32 - 1), st.none() | st.floats(0.05, 0.95))
def test_generated_genes_follow_the_rules(broken, grammar, seed, share):
    genes = uniform(grammar, 300, np.random.default_rng(seed), share)
    assert valid(grammar, genes)
    counts = grammar.violations(genes)
    assert [counts[rule] for rule in ("tail", *grammar.rules)] == [0] * (1 + len(grammar.rules))
    for gene in genes[:40]:
        assert broken(gene, grammar).isdisjoint(grammar.rules)


@given(grammars, st.integers(0, 2**32 - 1))
def test_violations_agree_with_an_independent_check(broken, grammar, seed):
    rng = np.random.default_rng(seed)
    genes = rng.integers(0, len(grammar.alphabet), (60, grammar.length)).astype(np.int16)
    genes[:40, grammar.shape.head :] = rng.integers(grammar.alphabet.n_functions, len(grammar.alphabet))
    found = [broken(gene, grammar) for gene in genes]
    assert grammar.violations(genes) == {
        rule: sum(rule in each for each in found) for rule in ("tail", *RULES)
    }


@pytest.mark.parametrize("head", range(2, 12))
def test_the_tail_never_requires_a_unit_that_only_functions_have(head):
    functions = ["log", "exp", "neg", "add", "mul", "div", "if_else", "mean", "square"]
    alphabet = Alphabet.build(["close", "volume"], functions, [5, 10])
    grammar = Grammar(alphabet, GeneShape(head=head), tuple(RULES), lookback=20)
    genes = uniform(grammar, 5000, np.random.default_rng(head))
    assert valid(grammar, genes)
    assert not any(grammar.violations(genes).values())


@given(grammar_arguments())
def test_a_grammar_is_refused_in_one_line_or_allows_every_function_within_the_lookback(arguments):
    symbols, shape, rules, units, lookback = arguments
    try:
        grammar = Grammar(Alphabet(symbols), shape, rules, units, lookback=lookback)
    except QuarvaError as error:
        lines = str(error).splitlines()
    else:
        lines = ["fine"]
        legal = grammar.legal(grammar.begin(1), np.zeros((1, grammar.length), np.int16), 0)[0]
        limit = lookback if lookback is not None and "window" in rules else np.inf
        reach = [s.operator.lookback(s.window or 0) for s in grammar.alphabet.symbols if s.operator]
        assert legal[: len(reach)].tolist() == [days <= limit for days in reach]
    assert len(lines) == 1
