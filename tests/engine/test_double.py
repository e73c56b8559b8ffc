"""Tables in float64: values of the reference, the figure of the exact formula, no dependence on a batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import quarva as qv
from quarva.engine import Formula, Program, evaluate, signals
from quarva.engine.reference import signals as reference
from quarva.errors import DeviceError, FormulaError
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.notation import parse, render
from quarva.karva.operators import OPERATORS
from quarva.panel import Table

RNG = np.random.default_rng(1)
CELLWISE = [operator for operator in OPERATORS if operator.kind == "elementwise"]
# Rounded to the nearest float64 everywhere, unlike torch's sqrt: two programs must give the same bits.
ROUNDED = [
    "add", "sub", "mul", "div", "min", "max", "neg", "abs", "sign", "square", "inv", "lt", "le", "gt",
    "ge", "eq", "ne", "and", "or", "not", "if_else",
]  # fmt: skip


def table_of(rows: int = 1500) -> Table:
    """Return a table with a column of seconds, small numbers, special values, and missing cells."""
    x = RNG.normal(size=rows)
    x[::7] = np.resize([0.0, -0.0, 1.0, -1.0, 2.0, -3.0, np.nan, 1e38, -1e38, 1e-30, 0.5], len(x[::7]))
    y = RNG.choice([0.0, 1.0, 2.0, 3.0, -2.0, 0.5, np.nan], rows)
    t = 1.7e9 + np.arange(float(rows))
    return Table.from_arrays({"t": t, "x": x, "y": y}, 2 * (t - 1.7e9) + np.nan_to_num(y))


TABLE = table_of()


def test_the_table_has_several_blocks_in_float64():
    assert TABLE.panel.values.shape[1] == 2
    assert TABLE.panel.precision == "float64"


@pytest.mark.parametrize("operator", CELLWISE, ids=lambda operator: operator.name)
def test_every_elementwise_operator_has_the_values_of_the_reference(operator):
    for fields in (["x", "y", "t"], ["y", "x", "x"], ["t", "y", "x"]):
        formula = parse(f"{operator.name}({', '.join(fields[: operator.arity])})", "infix")
        got = signals(Program.from_expressions([formula]), TABLE.panel)[0]
        np.testing.assert_allclose(got, reference(formula, TABLE.panel).numpy(), rtol=1e-14, atol=1e-300)
        assert got.dtype == np.float64


ALPHABET = Alphabet.build(
    ["t", "x", "y"], ROUNDED, numbers=[1_700_000_001.0, 0.1, 3.0], constants=True, exact=True
)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), genes=st.integers(1, 3), head=st.integers(1, 12))
def test_random_formulas_have_the_values_of_the_reference(seed, genes, head):
    shape = GeneShape(head=head, genes=genes, link="sub")
    population = Population.random(ALPHABET, shape, 8, np.random.default_rng(seed))
    expected = np.stack([reference(each, TABLE.panel).numpy() for each in population.expressions()])
    for program in (
        Program.from_population(population, exact=True),
        Program.from_expressions(population.expressions()),
        Program.from_expressions([parse(render(each)) for each in population.expressions()]),
    ):
        np.testing.assert_array_equal(signals(program, TABLE.panel, threads=2), expected)
    acc = evaluate(population, TABLE.panel, TABLE.target[None], "sse", threads=2)
    error = expected - TABLE.target
    known = np.isfinite(error)
    np.testing.assert_array_equal(acc[:, 0, 0, 0], known.sum(axis=(1, 2)))
    np.testing.assert_array_equal(acc[:, 0, 0, 3], np.isfinite(TABLE.target).sum())
    np.testing.assert_allclose(acc[:, 0, 0, 1], np.where(known, error**2, 0).sum(axis=(1, 2)), rtol=1e-12)


def test_scores_do_not_depend_on_threads_or_the_batch():
    alphabet = Alphabet.build(["t", "x", "y"], [each.name for each in CELLWISE], constants=True)
    population = Population.random(alphabet, GeneShape(head=10), 300, np.random.default_rng(2))
    whole = evaluate(population, TABLE.panel, TABLE.target[None], "sse", threads=1)
    threaded = evaluate(population, TABLE.panel, TABLE.target[None], "sse", threads=3)
    np.testing.assert_array_equal(whole, threaded)
    some = np.array([3, 250, 17])
    alone = evaluate(population[some], TABLE.panel, TABLE.target[None], "sse", threads=2)
    np.testing.assert_array_equal(whole[some], alone)


ROWS = np.arange(3000.0)


@pytest.mark.parametrize(
    ("x", "target", "formula"),
    [
        (1.7e9 + ROWS, 2 * ROWS + 1, "2*(x - 1700000000) + 1"),
        (1_700_000_123 + ROWS, 2 * ROWS + 1, "2*(x - 1700000123) + 1"),
        (1e6 + ROWS / 1e4, ROWS / 1e4, "x - 1000000"),
        (1e6 + ROWS / 1e4, np.sin(ROWS / 1e2), "sin(100 * (x - 1e6))"),
        (ROWS, 2e10 + ROWS, "x + 20000000000"),
        (2.0**24 + ROWS, ROWS % 2, "x - 16777216 - 2 * floor_half"),
        (ROWS, 0.1 * ROWS + 1e9, "0.1 * x + 1e9"),
    ],
)
@pytest.mark.parametrize("split", [None, (0.6, 0.8)])
def test_the_exact_formula_explains_everything_in_every_part(x, target, formula, split):
    table = Table.from_arrays({"x": x, "floor_half": ROWS // 2}, target)
    task = qv.Task(table, split=split)
    scores = task.score([formula, Formula(formula)])
    np.testing.assert_allclose(scores.train, 1.0, atol=1e-9)
    if split is not None:
        np.testing.assert_allclose(scores.validation, 1.0, atol=1e-9)
        assert task.read_test(formula) == pytest.approx(1.0, abs=1e-9)
    predicted = Formula(formula).signal(table.panel).to_numpy().reshape(-1)[: table.rows]
    np.testing.assert_allclose(predicted - target, 0.0, atol=1e-4)


def test_an_operator_over_other_rows_is_refused():
    with pytest.raises(FormulaError, match="'rank' reads other rows"):
        qv.Task(TABLE).score("rank(x)")


def test_a_gpu_is_refused():
    with pytest.raises(DeviceError, match="float64, which only the CPU does"):
        qv.Task(TABLE).score("x", device="cuda")
