"""Parts are known by their values, and a formula that lacks one of them is completed."""

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
from quarva.searchers.completion.desired_semantics import pass_down
from quarva.searchers.completion.grafting import cut, graft
from quarva.searchers.completion.library import NOTHING, Library, find, remember
from quarva.tasks import Task

ALPHABET = Alphabet.build(["x1", "x2"], TABLE_FUNCTIONS)
SHAPE = GeneShape(head=12)


def task_of(target, rows=20, seed=0):
    """A table of two columns uniform in [0.2, 2] and a function of them."""
    x1, x2 = np.random.default_rng(seed).uniform(0.2, 2.0, (2, rows)).astype(np.float32).astype(float)
    return Task(Table.from_arrays({"x1": x1, "x2": x2}, target(x1, x2)), objective="nrmse", parsimony=0.0)


def noise():
    """A target that no formula gives."""
    return task_of(lambda x1, x2: np.random.default_rng(7).standard_normal(len(x1)))


def random_formulas(n, seed, share=0.7):
    return Population.random(ALPHABET, SHAPE, n, np.random.default_rng(seed), share)


def tree(symbols, starts, place):
    symbol = ALPHABET.symbols[symbols[place]]
    return Expression(symbol, tuple(tree(symbols, starts, starts[place] + a) for a in range(symbol.arity)))


def in_level_order(expression):
    number = {symbol: letter for letter, symbol in enumerate(ALPHABET.symbols)}
    return np.array([number[node.symbol] for node in expression.walk()], np.int16)


def starts_of(symbols):
    arity = ALPHABET.arity[symbols].astype(np.int64)
    return 1 + np.cumsum(arity) - arity


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_part_cut_out_is_the_expression_that_stood_there(seed, place):
    symbols = random_formulas(1, seed).symbols[0, 0]
    starts = starts_of(symbols)
    whole = in_level_order(tree(symbols, starts, 0))
    place %= len(whole)
    out, queue = np.zeros(60, np.int16), np.zeros(60, np.int64)
    size = cut(symbols, starts, place, ALPHABET.arity.astype(np.int64), out, queue)
    assert out[:size].tolist() == in_level_order(tree(symbols, starts, place)).tolist()


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_graft_replaces_the_part_and_nothing_else(seed, other, place):
    symbols = random_formulas(1, seed).symbols[0, 0]
    starts = starts_of(symbols)
    scion = in_level_order(random_formulas(1, other).expressions()[0])
    place %= len(in_level_order(tree(symbols, starts, 0)))

    def replaced(at):
        if at == place:
            return tree(scion, starts_of(scion), 0)
        symbol = ALPHABET.symbols[symbols[at]]
        return Expression(symbol, tuple(replaced(starts[at] + a) for a in range(symbol.arity)))

    wanted = in_level_order(replaced(0))
    out, queue = np.zeros(60, np.int16), np.zeros(63, np.int64)
    arity = ALPHABET.arity.astype(np.int64)
    assert graft(symbols, starts, place, scion, arity, 60, out, queue) == len(wanted)
    assert out[: len(wanted)].tolist() == wanted.tolist()
    deepest = int(np.flatnonzero(arity[wanted] > 0).max(initial=-1))
    assert graft(symbols, starts, place, scion, arity, deepest, out, queue) == 0 or deepest < 0
    assert graft(symbols, starts, place, scion, arity, deepest + 1, out, queue) == len(wanted)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "power"])
def test_binary_wishes_give_what_was_wished(name):
    rng = np.random.default_rng(1)
    values = rng.uniform(0.3, 2.0, (3, 50)).astype(np.float32)
    wish, wishes = rng.uniform(0.3, 2.0, 50), np.zeros((3, 50))
    pass_down(CODE[name], 2, wish, 1, values, wishes)
    by = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "power": np.power}[name]
    np.testing.assert_allclose(by(wishes[1], values[2].astype(float)), wish, rtol=1e-9)
    np.testing.assert_allclose(by(values[1].astype(float), wishes[2]), wish, rtol=1e-9)


@pytest.mark.parametrize("name", ["neg", "log", "exp", "sqrt", "square", "inv", "sin", "cos", "tanh"])
def test_unary_wishes_give_what_was_wished_on_the_branch_that_is_near(name):
    rng = np.random.default_rng(2)
    truth = rng.uniform(0.3, 0.9, 50) + (2 * np.pi if name in ("sin", "cos") else 0)
    by = {"inv": lambda x: 1 / x, "neg": np.negative}.get(name) or getattr(np, name)
    wishes = np.zeros((2, 50))
    values = np.stack([truth, truth + 0.01]).astype(np.float32)
    pass_down(CODE[name], 1, by(truth), 1, values, wishes)
    np.testing.assert_allclose(wishes[1], truth, rtol=1e-9)


@pytest.mark.parametrize("name", ["exp", "sqrt", "square", "tanh", "sin", "cos", "abs"])
def test_a_wish_that_nothing_meets_is_not_passed_down(name):
    wishes = np.zeros((2, 4))
    pass_down(CODE[name], 1, np.full(4, -3.0), 1, np.ones((2, 4), np.float32), wishes)
    assert np.isnan(wishes[1]).all()


def test_the_library_finds_what_differs_by_rounding_and_nothing_else():
    rng = np.random.default_rng(3)
    library = Library.empty(5000, 20, 4)
    rows = (rng.standard_normal((3000, 20)) * np.exp(rng.normal(0, 8, (3000, 1)))).astype(np.float32)
    for row in rows:
        remember(library, row, np.array([1, 2], np.int16))
    assert len(library) == 3000
    noise = 1e-6 * np.abs(rows).max(axis=1, keepdims=True) * rng.uniform(-1, 1, rows.shape)
    found = [find(library, row) for row in rows + noise]
    assert found == list(range(3000))
    apart = rows * (1 + 1e-3 * rng.uniform(-1, 1, rows.shape))
    assert {find(library, row) for row in apart} == {NOTHING}
    assert find(library, np.zeros(20)) == find(library, np.full(20, np.nan)) == NOTHING


def test_of_two_ways_to_write_a_function_the_library_keeps_the_shorter():
    library = Library.empty(10, 3, 5)
    row = np.array([1.0, 2.0, 3.0], np.float32)
    for length in (4, 2, 3, 6):
        remember(library, row, np.arange(length, dtype=np.int16))
    assert len(library) == 1
    assert library.length[0] == 2
    assert library.symbols[0, :2].tolist() == [0, 1]


def test_a_full_library_takes_nothing_more():
    library = Library.empty(3, 3, 5)
    for value in range(1, 9):
        remember(library, np.full(3, value, np.float32) ** [1, 2, 3], np.array([0], np.int16))
    assert len(library) == 3


def test_what_the_library_holds_has_the_values_it_is_found_by():
    task = noise()
    completion = Completion(ALPHABET, SHAPE, probe_rows_of(task))
    completion.read(random_formulas(2000, 5))
    library = completion.library
    assert len(library) > 1000
    written = [library.symbols[e, : library.length[e]] for e in range(len(library))]
    expressions = [tree(symbols, starts_of(symbols), 0) for symbols in written]
    program = engine.Program.from_expressions(expressions)
    values = engine.signals(program, task.panel).reshape(len(written), -1)
    # An expression may have been put in place of a longer one whose values differ in the last bits.
    np.testing.assert_allclose(values, library.values[: len(library)], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [20, 3000])
def test_a_formula_is_completed_from_two_that_were_read(rows):
    def target(x1, x2):
        return np.log(x1 + x2 * x2) * np.exp(x1 * x1) - np.sin(x2) / x1

    task = task_of(target, rows)
    completion = Completion(ALPHABET, SHAPE, probe_rows_of(task))
    # The target but for one part (x2 in place of sin(x2)), and a formula that holds this part.
    lacking = "sub mul div log exp x2 x1 add mul x1 mul x1 x1 x2 x2"
    holding = "add sin x1 x2"
    genes = Population.random(ALPHABET, SHAPE, 2, np.random.default_rng(0))
    for gene, text in zip(genes.symbols[:, 0], (holding, lacking), strict=True):
        letters = [ALPHABET.names().index(name) for name in text.split()]
        gene[: len(letters)] = letters
    (found,) = completion.read(genes).expressions()
    assert task.score(found).train[0] < 1e-5
    assert not completion.read(genes).invalid().any()
    assert completion.asked > 0


def test_a_target_of_noise_is_never_completed():
    task = noise()
    completion = Completion(ALPHABET, SHAPE, probe_rows_of(task))
    assert completion.read(random_formulas(5000, 6)) is None


def test_a_completion_goes_on_from_its_state_as_if_undisturbed():
    task = noise()
    whole, half = (Completion(ALPHABET, SHAPE, probe_rows_of(task)) for _ in range(2))
    for seed in range(3):
        whole.read(random_formulas(300, seed))
    half.read(random_formulas(300, 0))
    resumed = Completion(ALPHABET, SHAPE, probe_rows_of(task))
    resumed.restore({name: np.copy(part) for name, part in half.state().items()})
    for seed in (1, 2):
        resumed.read(random_formulas(300, seed))
    assert resumed.asked == whole.asked
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
def test_constants_windows_and_several_genes_can_not_be_completed(alphabet, genes):
    assert not Completion.can(alphabet, GeneShape(head=5, genes=genes))
    assert Completion.can(ALPHABET, SHAPE)


def test_a_panel_has_no_points(panel_task):
    assert probe_rows_of(panel_task) is None
