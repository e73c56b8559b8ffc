"""Completion: the library finds expressions by value, and formulas are completed with them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarva import engine
from quarva.karva.alphabet import TABLE_FUNCTIONS, Alphabet
from quarva.karva.expression import Expression
from quarva.karva.genes import GeneShape, Population
from quarva.karva.operators import CODE
from quarva.loop.probe_rows import probe_rows_of
from quarva.panel import Table
from quarva.searchers.completion import Completion
from quarva.searchers.completion.desired_semantics import propagate
from quarva.searchers.completion.grafting import extract, graft
from quarva.searchers.completion.library import NOT_FOUND, Library, add_expression, find
from quarva.tasks import Task

ALPHABET = Alphabet.build(["x1", "x2"], TABLE_FUNCTIONS)
SHAPE = GeneShape(head=12)


def task_of(target, rows=20, seed=0):
    """Return a task on a table of two columns, uniform in [0.2, 2], and a function of them."""
    x1, x2 = np.random.default_rng(seed).uniform(0.2, 2.0, (2, rows)).astype(np.float32).astype(float)
    return Task(Table.from_arrays({"x1": x1, "x2": x2}, target(x1, x2)), objective="nrmse", parsimony=0.0)


def noise():
    """Return a task with a random target."""
    return task_of(lambda x1, x2: np.random.default_rng(7).standard_normal(len(x1)))


def random_formulas(n, seed, share=0.7):
    return Population.random(ALPHABET, SHAPE, n, np.random.default_rng(seed), share)


def tree(symbols, starts, i):
    symbol = ALPHABET.symbols[symbols[i]]
    return Expression(symbol, tuple(tree(symbols, starts, starts[i] + a) for a in range(symbol.arity)))


def in_level_order(expression):
    index = {symbol: v for v, symbol in enumerate(ALPHABET.symbols)}
    return np.array([index[node.symbol] for node in expression.walk()], np.int16)


def starts_of(symbols):
    arity = ALPHABET.arity[symbols].astype(np.int64)
    return 1 + np.cumsum(arity) - arity


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_an_extracted_part_is_the_expression_at_its_position(seed, position):
    symbols = random_formulas(1, seed).symbols[0, 0]
    starts = starts_of(symbols)
    whole = in_level_order(tree(symbols, starts, 0))
    position %= len(whole)
    out, queue = np.zeros(60, np.int16), np.zeros(60, np.int64)
    size = extract(symbols, starts, position, ALPHABET.arity.astype(np.int64), out, queue)
    assert out[:size].tolist() == in_level_order(tree(symbols, starts, position)).tolist()


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_graft_replaces_the_part_and_nothing_else(seed, other, position):
    symbols = random_formulas(1, seed).symbols[0, 0]
    starts = starts_of(symbols)
    replacement = in_level_order(random_formulas(1, other).expressions()[0])
    position %= len(in_level_order(tree(symbols, starts, 0)))

    def replaced(at):
        if at == position:
            return tree(replacement, starts_of(replacement), 0)
        symbol = ALPHABET.symbols[symbols[at]]
        return Expression(symbol, tuple(replaced(starts[at] + a) for a in range(symbol.arity)))

    expected = in_level_order(replaced(0))
    out, queue = np.zeros(60, np.int16), np.zeros(63, np.int64)
    arity = ALPHABET.arity.astype(np.int64)
    assert graft(symbols, starts, position, replacement, arity, 60, out, queue) == len(expected)
    assert out[: len(expected)].tolist() == expected.tolist()
    deepest = int(np.flatnonzero(arity[expected] > 0).max(initial=-1))
    if deepest >= 0:
        assert graft(symbols, starts, position, replacement, arity, deepest, out, queue) == 0
    assert graft(symbols, starts, position, replacement, arity, deepest + 1, out, queue) == len(expected)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "power"])
def test_desired_arguments_of_a_binary_operator_yield_the_target(name):
    rng = np.random.default_rng(1)
    values = rng.uniform(0.3, 2.0, (3, 50)).astype(np.float32)
    target, desired = rng.uniform(0.3, 2.0, 50), np.zeros((3, 50))
    propagate(CODE[name], 2, target, 1, values, desired)
    by = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "power": np.power}[name]
    np.testing.assert_allclose(by(desired[1], values[2].astype(float)), target, rtol=1e-9)
    np.testing.assert_allclose(by(values[1].astype(float), desired[2]), target, rtol=1e-9)


@pytest.mark.parametrize("name", ["neg", "log", "exp", "sqrt", "square", "inv", "sin", "cos", "tanh"])
def test_desired_arguments_of_a_unary_operator_yield_the_target_on_the_nearest_branch(name):
    rng = np.random.default_rng(2)
    truth = rng.uniform(0.3, 0.9, 50) + (2 * np.pi if name in ("sin", "cos") else 0)
    by = {"inv": lambda x: 1 / x, "neg": np.negative}.get(name) or getattr(np, name)
    desired = np.zeros((2, 50))
    values = np.stack([truth, truth + 0.01]).astype(np.float32)
    propagate(CODE[name], 1, by(truth), 1, values, desired)
    np.testing.assert_allclose(desired[1], truth, rtol=1e-9)


@pytest.mark.parametrize("name", ["exp", "sqrt", "square", "tanh", "sin", "cos", "abs"])
def test_an_unattainable_target_yields_nan(name):
    desired = np.zeros((2, 4))
    propagate(CODE[name], 1, np.full(4, -3.0), 1, np.ones((2, 4), np.float32), desired)
    assert np.isnan(desired[1]).all()


def test_the_library_tolerates_rounding_but_no_larger_differences():
    rng = np.random.default_rng(3)
    library = Library.empty(5000, 20, 4)
    rows = (rng.standard_normal((3000, 20)) * np.exp(rng.normal(0, 8, (3000, 1)))).astype(np.float32)
    for row in rows:
        add_expression(library, row, np.array([1, 2], np.int16))
    assert len(library) == 3000
    noise = 1e-6 * np.abs(rows).max(axis=1, keepdims=True) * rng.uniform(-1, 1, rows.shape)
    found = [find(library, row) for row in rows + noise]
    assert found == list(range(3000))
    different = rows * (1 + 1e-3 * rng.uniform(-1, 1, rows.shape))
    assert {find(library, row) for row in different} == {NOT_FOUND}
    assert find(library, np.zeros(20)) == find(library, np.full(20, np.nan)) == NOT_FOUND


def test_the_library_keeps_the_shortest_of_equivalent_expressions():
    library = Library.empty(10, 3, 5)
    row = np.array([1.0, 2.0, 3.0], np.float32)
    for length in (4, 2, 3, 6):
        add_expression(library, row, np.arange(length, dtype=np.int16))
    assert len(library) == 1
    assert library.length[0] == 2
    assert library.symbols[0, :2].tolist() == [0, 1]


def test_a_full_library_accepts_no_more_expressions():
    library = Library.empty(3, 3, 5)
    for value in range(1, 9):
        add_expression(library, np.full(3, value, np.float32) ** [1, 2, 3], np.array([0], np.int16))
    assert len(library) == 3


def test_expressions_in_the_library_have_the_stored_values():
    task = noise()
    completion = Completion(ALPHABET, SHAPE, probe_rows_of(task))
    completion.read(random_formulas(2000, 5))
    library = completion.library
    assert len(library) > 1000
    written = [library.symbols[e, : library.length[e]] for e in range(len(library))]
    expressions = [tree(symbols, starts_of(symbols), 0) for symbols in written]
    program = engine.Program.from_expressions(expressions)
    values = engine.signals(program, task.panel).reshape(len(written), -1)
    # A shorter expression may have replaced one whose values differ in the last bits.
    np.testing.assert_allclose(values, library.values[: len(library)], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [20, 3000])
def test_a_formula_is_completed_from_two_others(rows):
    def target(x1, x2):
        return np.log(x1 + x2 * x2) * np.exp(x1 * x1) - np.sin(x2) / x1

    task = task_of(target, rows)
    completion = Completion(ALPHABET, SHAPE, probe_rows_of(task))
    # The target except for one part (x2 instead of sin(x2)), and a formula with this part.
    lacking = "sub mul div log exp x2 x1 add mul x1 mul x1 x1 x2 x2"
    holding = "add sin x1 x2"
    genes = Population.random(ALPHABET, SHAPE, 2, np.random.default_rng(0))
    for gene, text in zip(genes.symbols[:, 0], (holding, lacking), strict=True):
        symbols = [ALPHABET.names().index(name) for name in text.split()]
        gene[: len(symbols)] = symbols
    (found,) = completion.read(genes).expressions()
    assert task.score(found).train[0] < 1e-5
    assert not completion.read(genes).invalid().any()
    assert completion.lookups > 0


def test_noise_is_never_completed():
    task = noise()
    completion = Completion(ALPHABET, SHAPE, probe_rows_of(task))
    assert completion.read(random_formulas(5000, 6)) is None


def test_a_restored_completion_continues_identically():
    task = noise()
    whole, half = (Completion(ALPHABET, SHAPE, probe_rows_of(task)) for _ in range(2))
    for seed in range(3):
        whole.read(random_formulas(300, seed))
    half.read(random_formulas(300, 0))
    resumed = Completion(ALPHABET, SHAPE, probe_rows_of(task))
    resumed.restore({name: np.copy(part) for name, part in half.state().items()})
    for seed in (1, 2):
        resumed.read(random_formulas(300, seed))
    assert resumed.lookups == whole.lookups
    for name, part in whole.state().items():
        assert np.array_equal(part, resumed.state()[name]), name
    assert np.array_equal(whole.library.table, resumed.library.table)


@pytest.mark.parametrize(
    ("alphabet", "genes"),
    [
        (Alphabet.build(["x1"], TABLE_FUNCTIONS, constants=True), 1),
        (Alphabet.build(["x1"], ["add", "mean"], windows=[5]), 1),
        (ALPHABET, 2),
    ],
)
def test_constants_windows_and_several_genes_are_not_supported(alphabet, genes):
    assert not Completion.supports(alphabet, GeneShape(head=5, genes=genes))
    assert Completion.supports(ALPHABET, SHAPE)


def test_a_panel_has_no_probe_rows(panel_task):
    assert probe_rows_of(panel_task) is None
