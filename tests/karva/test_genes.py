"""Genes: validity, decoding after Ferreira, and canonical keys."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarva.errors import FormulaError
from quarva.karva import (
    NOTATIONS,
    OPERATORS,
    Alphabet,
    Expression,
    GeneShape,
    Population,
    Symbol,
    encode,
    parse,
    render,
)
from quarva.karva.decode import argument_starts, orf_length, orf_lengths
from quarva.karva.shortest import shortest_decimals

NAMES = [op.name for op in OPERATORS]
FIELDS = ["close", "volume", "x_1", "Adj Close", "rank", "mean_20", "2nd"]


@st.composite
def alphabets(draw) -> Alphabet:
    """Generate any alphabet with a terminal."""
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=4, unique=True))
    constants = draw(st.booleans()) or not fields
    return Alphabet.build(
        fields,
        draw(st.lists(st.sampled_from(NAMES), max_size=12, unique=True)),
        windows=draw(st.lists(st.integers(4, 250), min_size=1, max_size=3)),
        groups=draw(st.lists(st.sampled_from(["sector", "sub industry"]), max_size=2, unique=True)),
        assets=draw(st.lists(st.sampled_from(["SPY", "BRK.B"]), max_size=2, unique=True)),
        numbers=draw(st.lists(st.sampled_from([1.0, -2.5, 1e-5, 3e38]), max_size=2, unique=True)),
        constants=constants,
    )


@st.composite
def populations(
    draw, size: int = 20, genes: tuple[int, ...] = (1, 2, 4), constants: tuple[int, ...] = (1, 5, 100)
) -> Population:
    """Generate random chromosomes over any alphabet and of any shape."""
    shape = GeneShape(
        head=draw(st.sampled_from([1, 2, 3, 6, 12, 30])),
        genes=draw(st.sampled_from(genes)),
        constants=draw(st.sampled_from(constants)),
        link=draw(st.sampled_from(["add", "mul", "sub", "max"])),
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.0, 0.3, 0.6, 1.0]))
    return Population.random(draw(alphabets()), shape, size, rng, function_share=share)


def decode_gene(pop: Population, p: int, g: int) -> Expression:
    """Return the tree of a gene by assigning its symbols level by level."""
    symbols = iter(pop.symbols[p, g])
    values = iter(pop.constants[p, g][pop.dc[p, g]])
    root: list = []
    queue = deque([root])
    while queue:
        node = queue.popleft()
        symbol = pop.alphabet.symbols[next(symbols)]
        if symbol == Symbol():
            symbol = Symbol(number=float(shortest_decimals(next(values))))
        args: list[list] = [[] for _ in range(symbol.arity)]
        node += [symbol, args]
        queue.extend(args)

    def expression(node: list) -> Expression:
        return Expression(node[0], tuple(expression(arg) for arg in node[1]))

    return expression(root)


def decode(pop: Population, p: int) -> Expression:
    """Return the tree of a chromosome: its genes, linked from the left."""
    genes = [decode_gene(pop, p, g) for g in range(pop.shape.genes)]
    tree = genes[0]
    for gene in genes[1:]:
        tree = Expression(Symbol.function(pop.shape.link), (tree, gene))
    return tree


def canonical(expression: Expression) -> str:
    """Return the formula as text that does not depend on the order of commutative arguments."""
    symbol = expression.symbol
    if symbol.number is not None:
        return float(np.float32(symbol.number)).hex()
    args = [canonical(arg) for arg in expression.args]
    if symbol.operator is not None and symbol.operator.commutative:
        args.sort()
    return f"{symbol.name}({', '.join(args)})" if args else f"'{symbol.name}'"


def swapped(expression: Expression, rng: np.random.Generator) -> Expression:
    """Return the formula with the arguments of commutative operators in random order."""
    args = [swapped(arg, rng) for arg in expression.args]
    operator = expression.symbol.operator
    if operator is not None and operator.commutative and rng.random() < 0.5:
        args.reverse()
    return Expression(expression.symbol, tuple(args))


ENCODABLE = populations(genes=(1, 2), constants=(1, 5, 40))
"""Formulas that fit into one gene: with two genes and heads of 30 the last operator is at most node 122."""


def shape_for(expressions: list[Expression]) -> GeneShape:
    """Return a shape with the shortest head that holds all operators."""
    last = max((i for each in expressions for i, node in enumerate(each.walk()) if node.args), default=0)
    return GeneShape(head=last + 1, constants=100)


def alphabet_of(expressions: list[Expression], rng: np.random.Generator) -> Alphabet:
    """Return an alphabet of all symbols of the formulas except numbers, in random order."""
    found = list(dict.fromkeys(n.symbol for e in expressions for n in e.walk() if n.symbol.number is None))
    return Alphabet([found[i] for i in rng.permutation(len(found))] + [Symbol()])


# Validity ------------------------------------------------------------------------------------------

MANY = [
    (Alphabet.build(["close", "volume"], groups=["sector"], constants=True), GeneShape(head=8)),
    (Alphabet.build(["x"], ["add", "sub", "mul", "div", "sin", "cos", "exp", "log"]), GeneShape(head=24)),
    (Alphabet.build(["close"], NAMES, (3, 20), ["sector"], [1.0], True), GeneShape(head=6, genes=3)),
    (Alphabet.build(["a", "b"], ["add"]), GeneShape(head=1, genes=5, constants=1)),
    (Alphabet.build(["a"], ["sin", "neg"], constants=True), GeneShape(head=40)),
    (Alphabet.build(["a", "b", "c"], []), GeneShape(head=3)),
    (Alphabet.build(["a", "b"], ["if_else", "lt", "not", "and"]), GeneShape(head=12, genes=2)),
]


@pytest.mark.parametrize("functions", [0.0, 0.6, 0.9, 1.0])
@pytest.mark.parametrize(("alphabet", "shape"), MANY)
def test_random_genes_are_always_valid(alphabet, shape, functions, faults):
    n = -(-1_000_000 // (4 * len(MANY) * shape.genes))
    pop = Population.random(alphabet, shape, n, np.random.default_rng(n), functions)
    assert not pop.invalid().any()
    assert not faults(pop).any()


@pytest.mark.parametrize(
    "defect", ["function in the tail", "symbol too large", "negative symbol", "Dc domain"]
)
def test_an_invalid_chromosome_is_detected(defect, faults):
    alphabet, shape = MANY[2]
    pop = Population.random(alphabet, shape, 50, np.random.default_rng(0))
    if defect == "Dc domain":
        pop.dc[7, 1, 0] = shape.constants
    elif defect == "function in the tail":
        pop.symbols[7, 2, -1] = 0
    else:
        pop.symbols[7, 0, 3] = len(alphabet) if defect == "symbol too large" else -1
    np.testing.assert_array_equal(np.flatnonzero(pop.invalid()), [7])
    np.testing.assert_array_equal(np.flatnonzero(faults(pop)), [7])


@given(populations())
def test_the_tail_holds_terminals_only(pop):
    alphabet, head = pop.alphabet, pop.shape.head
    mask = alphabet.tail_mask(head)
    assert mask.shape == (pop.symbols.shape[2], len(alphabet))
    assert mask.any(axis=1).all()
    for i, allowed in enumerate(mask):
        for symbol, is_allowed in zip(alphabet.symbols, allowed, strict=True):
            assert is_allowed == (i < head or symbol.arity == 0)
    positions = np.arange(pop.symbols.shape[2])
    assert mask[positions, pop.symbols].all()


# Decoding ------------------------------------------------------------------------------------------


@given(populations())
def test_genes_are_decoded_in_level_order_and_linked_from_the_left(pop):
    assert pop.expressions() == [decode(pop, p) for p in range(len(pop))]


@given(populations())
def test_lengths_and_sizes_count_nodes(pop):
    trees = [[decode_gene(pop, p, g) for g in range(pop.shape.genes)] for p in range(len(pop))]
    np.testing.assert_array_equal(pop.lengths(), [[len(gene) for gene in genes] for genes in trees])
    np.testing.assert_array_equal(pop.sizes(), [len(decode(pop, p)) for p in range(len(pop))])


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_the_compiled_and_the_vectorised_length_agree(seed, length):
    rng = np.random.default_rng(seed)
    arity = np.array([2, 1, 3, 0, 0, 0], np.int8)
    genes = rng.integers(0, 6, (50, length)).astype(np.int16)
    lengths = orf_lengths(genes, arity)
    assert [orf_length(gene, arity) for gene in genes] == lengths.tolist()
    assert ((lengths <= length) | (lengths == length + 1)).all()
    assert (argument_starts(genes, arity) == 1 + np.cumsum(arity[genes], axis=1) - arity[genes]).all()


@given(populations())
def test_decoded_formulas_survive_a_round_trip_in_every_notation(pop):
    for expression in pop.expressions():
        for notation in NOTATIONS:
            assert parse(render(expression, notation), notation) == expression


@given(ENCODABLE, st.integers(0, 2**32 - 1))
def test_an_encoded_formula_is_decoded_to_itself(pop, seed):
    rng = np.random.default_rng(seed)
    expressions = pop.expressions()
    written = encode(expressions, alphabet_of(expressions, rng), shape_for(expressions), rng)
    assert not written.invalid().any()
    assert written.expressions() == expressions
    np.testing.assert_array_equal(written.keys(), pop.keys())


@given(populations(), st.data())
def test_populations_can_be_indexed_and_concatenated(pop, data):
    chosen = np.array(data.draw(st.lists(st.integers(0, len(pop) - 1), min_size=1)))
    formulas = pop.expressions()
    assert pop[chosen].expressions() == [formulas[i] for i in chosen]
    assert Population.concatenate([pop[:3], pop[3:]]).expressions() == formulas


# Canonical keys ------------------------------------------------------------------------------------


@given(populations(), st.integers(0, 2**32 - 1))
def test_a_key_ignores_symbols_after_the_end_and_the_order_of_constants(pop, seed):
    rng = np.random.default_rng(seed)
    other = Population.random(pop.alphabet, pop.shape, len(pop), rng)
    order = np.argsort(rng.random(pop.constants.shape), axis=2)
    other.constants[:] = np.take_along_axis(pop.constants, order, axis=2)
    lengths = pop.lengths()
    for p, g in np.ndindex(lengths.shape):
        other.symbols[p, g, : lengths[p, g]] = pop.symbols[p, g, : lengths[p, g]]
        other.dc[p, g] = np.argsort(order[p, g])[pop.dc[p, g]]
    np.testing.assert_array_equal(other.keys(), pop.keys())


@given(ENCODABLE, st.integers(0, 2**32 - 1))
def test_a_key_ignores_the_order_of_commutative_arguments_and_the_alphabet(pop, seed):
    rng = np.random.default_rng(seed)
    expressions = [swapped(expression, rng) for expression in pop.expressions()]
    written = encode(expressions, alphabet_of(expressions, rng), shape_for(expressions), rng)
    np.testing.assert_array_equal(written.keys(), pop.keys())


def test_a_literal_has_the_same_key_as_a_constant_of_its_value():
    rng = np.random.default_rng(0)
    formula = [parse("close + 2.5")]
    literal = encode(formula, Alphabet.build(["close"], ["add"], numbers=[2.5]), GeneShape(head=3), rng)
    constant = encode(formula, Alphabet.build(["close"], ["add"], constants=True), GeneShape(head=3), rng)
    assert literal.keys() == constant.keys()


@pytest.mark.parametrize("genes", [1, 2])
def test_different_formulas_have_different_keys(genes):
    alphabet = Alphabet.build(
        ["a", "b"], ["add", "sub", "mul", "corr", "neg", "mean"], (5, 20), (), [1.0], True
    )
    shape = GeneShape(head=4, genes=genes, constants=2)
    pop = Population.random(alphabet, shape, 20_000, np.random.default_rng(1))
    pop.constants[:] = np.sign(pop.constants)
    formulas: dict[int, set[str]] = {}
    for key, expression in zip(pop.keys().tolist(), pop.expressions(), strict=True):
        formulas.setdefault(key, set()).add(canonical(expression))
    assert all(len(same) == 1 for same in formulas.values())
    assert len(set().union(*formulas.values())) == len(formulas)
    assert len(formulas) < 20_000  # the sample has duplicates


@pytest.mark.parametrize(
    ("one", "other"),
    [("a - b", "b - a"), ("a + (b + c)", "(a + b) + c"), ("mean(a, 5)", "mean(a, 6)"), ("a / b", "b / a"),
     ("neg(1)", "-1"), ("if_else(a, b, c)", "if_else(a, c, b)"), ("if_else(a, b, c)", "if_else(c, b, a)"),
     ("if_else(a, b, b)", "if_else(b, a, b)"), ("quantile(a, 5, 0.2)", "quantile(a, 5, 0.8)"),
     ("bucket(a, 5)", "bucket(a, 6)"), ("of_asset(a, A)", "of_asset(a, B)"), ("a < b", "b < a"),
     ("residual(a, b)", "residual(b, a)"), ("min(a, b)", "max(a, b)"), ("corr(a, b, 5)", "cov(a, b, 5)"),
     ("a", "b"), ("1", "2")],
)  # fmt: skip
def test_formulas_with_different_values_have_different_keys(one, other):
    pair = [parse(one), parse(other)]
    rng = np.random.default_rng(0)
    first, second = encode(pair, alphabet_of(pair, rng), shape_for(pair), rng).keys()
    assert first != second


# Errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_shape", "message"),
    [
        ({"head": 0}, "head must have 1 to 150 positions, not 0"),
        ({"head": 10_000}, "head must have 1 to 150 positions, not 10000"),
        ({"genes": 0}, "1 to 40 genes, not 0"),
        ({"genes": 65}, "1 to 40 genes, not 65"),
        ({"constants": 0}, "1 to 100 random numerical constants, not 0"),
        ({"constants": 101}, "1 to 100 random numerical constants, not 101"),
        ({"link": "abs"}, "binary elementwise operator such as 'add', not 'abs'"),
        ({"link": "corr"}, "binary elementwise operator such as 'add', not 'corr'"),
        ({"link": "plus"}, "binary elementwise operator such as 'add', not 'plus'"),
    ],
)
def test_an_invalid_shape_is_refused(given_shape, message):
    with pytest.raises(FormulaError, match=message):
        GeneShape(**given_shape)


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("sin(x)", {}, "the alphabet has no 'sin'"),
        ("x + volume", {}, "the alphabet has no 'volume'"),
        ("x + x + x + x", {"head": 2}, "a formula of 7 nodes does not fit into a head of 2"),
        ("x + 1 + 2 + 3", {"constants": 2}, "has 3 constants, but a gene has 2"),
        ("x", {"genes": 2}, "an expression is encoded as one gene, but the shape has 2"),
    ],
)
def test_a_formula_that_does_not_fit_into_a_gene_is_refused_with_the_reason(text, shape, message):
    alphabet = Alphabet.build(["x"], ["add"], constants=True)
    with pytest.raises(FormulaError, match=message):
        encode([parse(text)], alphabet, GeneShape(**shape), np.random.default_rng(0))
