"""Fits agree with finite differences and NumPy's solver, and never increase the squared error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarva._runtime.spin_pool import SpinPool
from quarva.engine.reference import signals
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population, encode
from quarva.karva.notation import parse
from quarva.karva.operators import CODE
from quarva.loop.tuning.least_squares import FitData, Fits, Workspace, run_fits
from quarva.loop.tuning.linear import solve
from quarva.panel import Table

FUNCTIONS = ["add", "sub", "mul", "div", "sin", "cos", "exp", "log", "sqrt", "tanh", "abs", "max"]
ALPHABET = Alphabet.build(("x", "y"), FUNCTIONS, numbers=(1.0,), constants=True)
RNG = np.random.default_rng(5)
FIELDS = RNG.uniform(0.2, 2.0, (2, 23)).astype(np.float32)
TARGET = (np.sin(1.3 * FIELDS[0]) + 0.7 * FIELDS[1]).astype(np.float32)
DATA = FitData(FIELDS.astype(float), TARGET.astype(float))
TABLE = Table.from_arrays({"x": FIELDS[0], "y": FIELDS[1]}, TARGET)


def fit(population, steps, pieces=1, data=DATA):
    """The population with fitted constants, and the results of the fits."""
    n, genes, length = population.symbols.shape
    fits = Fits(
        population.dc.copy(), population.constants.copy(), np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    )
    a = population.alphabet
    workspace = Workspace.of(pieces, data, genes, length, population.shape.constants)
    with SpinPool(1) as pool:
        alphabet, link = (a.arity, a.code, a.param, a.number), CODE[population.shape.link]
        run_fits(pool, steps, population.symbols, fits, alphabet, link, data, workspace)
    changed = Population(a, population.shape, population.symbols, fits.dc, fits.constants)
    return changed, fits


SHAPE = GeneShape(head=12)


def written(*formulas, shape=SHAPE):
    return encode([parse(text) for text in formulas], ALPHABET, shape, np.random.default_rng(0))


def squared_errors(population):
    """Σ r² of the reference implementation; infinite if a row has no value."""
    out = []
    for expression in population.expressions():
        signal = signals(expression, TABLE.panel).numpy().reshape(-1)[: len(TARGET)]
        out.append(((signal - TARGET) ** 2).sum() if np.isfinite(signal).all() else np.inf)
    return np.array(out)


@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(0, 12))
@settings(max_examples=25, deadline=None)
def test_a_fit_never_increases_the_error_and_respects_the_number_of_steps(seed, genes, steps):
    shape = GeneShape(head=7, genes=genes, constants=3)
    before = Population.random(ALPHABET, shape, 40, np.random.default_rng(seed))
    after, fits = fit(before, steps)
    tried = np.isfinite(fits.before)
    assert (fits.after[tried] <= fits.before[tried]).all()
    assert (fits.used <= steps).all()
    assert (fits.used[~tried] == 0).all()
    initial = squared_errors(before)
    np.testing.assert_allclose(fits.before[tried], initial[tried], rtol=1e-9)
    unchanged = fits.used == 0
    np.testing.assert_array_equal(squared_errors(after)[unchanged], initial[unchanged])
    assert not after.invalid().any()


@given(st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_a_fit_does_not_depend_on_other_formulas_or_pieces(seed):
    before = Population.random(ALPHABET, GeneShape(head=7), 30, np.random.default_rng(seed))
    whole, fits = fit(before, 6)
    pieces, _ = fit(before, 6, pieces=7)
    np.testing.assert_array_equal(whole.constants, pieces.constants)
    alone, one = fit(before[11:12], 6)
    np.testing.assert_array_equal(whole.constants[11:12], alone.constants)
    assert fits.used[11] == one.used[0]


@pytest.mark.parametrize(
    "text",
    ["0.5*x", "sin(0.4*x)*exp(0.3*y)", "log(abs(x*0.7 + y)) - 0.9", "max(x*0.5, y) / (0.8 + y)",
     "sqrt(x + 1.7) * tanh(0.6*y)", "1.0 + cos(0.2 - x)*2.5"],
)  # fmt: skip
def test_the_first_step_agrees_with_a_jacobian_by_finite_differences(text):
    before = written(text)
    after, fits = fit(before, 1)
    expression = before.expressions()[0]
    values = [node.symbol.number for node in expression.walk() if node.symbol.number not in (None, 1.0)]

    def residual(constants):
        moved = written(text)
        moved.constants[0, 0, : len(constants)] = constants
        return TARGET - signals(moved.expressions()[0], TABLE.panel).numpy().reshape(-1)[: len(TARGET)]

    now, h = residual(np.float32(values)), np.float32(2**-10)
    columns = []
    for k in range(len(values)):
        step = np.eye(len(values), dtype=np.float32)[k] * h
        columns.append((residual(np.float32(values) - step) - residual(np.float32(values) + step)) / (2 * h))
    jacobian = np.stack(columns, axis=1)
    square = jacobian.T @ jacobian
    change = np.linalg.solve(square + 1e-3 * np.diag(np.diag(square)), jacobian.T @ now)
    if (residual(np.float32(values + change)) ** 2).sum() < (now**2).sum():
        np.testing.assert_allclose(
            after.constants[0, 0, : len(values)], values + change, rtol=2e-3, atol=1e-4
        )
    else:
        np.testing.assert_array_equal(after.constants, before.constants)
    assert fits.used[0] == 1


def test_constants_are_exact_to_the_precision_of_float32():
    after, fits = fit(written("sin(0.9*x) + 0.2*y"), 20)
    np.testing.assert_allclose(after.constants[0, 0, :2], [0.7, 1.3], rtol=2e-7)
    assert fits.after[0] < 1e-12
    assert fits.used[0] < 10


def test_placeholders_that_share_a_constant_are_fitted_separately_if_the_gene_has_room():
    shared = written("0.5*x + 0.5*y")
    assert shared.dc[0, 0, 0] == shared.dc[0, 0, 1]
    after, _ = fit(shared, 5)
    first, second = after.constants[0, 0, :2]
    assert first != second
    together = written("0.5*x + 0.5*y", shape=GeneShape(head=12, constants=1))
    after, fits = fit(together, 5)
    total = DATA.fields.sum(axis=0)
    np.testing.assert_allclose(after.constants[0, 0, 0], total @ DATA.target / (total @ total), rtol=1e-6)
    assert fits.after[0] < fits.before[0]


def test_formulas_without_constants_or_with_missing_values_are_not_fitted():
    before = written("log(0.5 - x)", "x + y", "0.5 / (x - x)")
    after, fits = fit(before, 10)
    np.testing.assert_array_equal(after.constants, before.constants)
    assert np.isnan(fits.before).all()
    assert not fits.used.any()


def test_no_constant_leaves_the_range_of_float32():
    data = FitData(DATA.fields, np.zeros(len(TARGET)))
    after, _ = fit(written("1.5 / (0.5 + exp(0.7*x))", "x / (2.0 * 3.0)", "exp(0.5 - x)"), 200, data=data)
    assert np.isfinite(after.constants).all()


@given(st.integers(0, 2**31), st.integers(1, 6), st.sampled_from([0.0, 1e-3, 10.0]))
@settings(max_examples=60, deadline=None)
def test_the_solver_agrees_with_numpy(seed, n, damping):
    rng = np.random.default_rng(seed)
    jacobian, right = rng.normal(size=(n + 4, n)), rng.normal(size=n)
    square = jacobian.T @ jacobian
    out = np.empty(n)
    solve(np.tril(square), right, damping, n, np.empty((n, n)), out)
    expected = np.linalg.solve(square + damping * np.diag(np.diag(square)), right)
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-9)


def test_an_unknown_on_which_nothing_depends_is_zero():
    square, out = np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 5.0]]), np.empty(3)
    solve(square, np.array([3.0, 0.0, 6.0]), 0.0, 3, np.empty((3, 3)), out)
    np.testing.assert_allclose(out, [1.0, 0.0, 1.0])
