"""Results of elementwise formulas do not depend on the division into rows and pieces or on other formulas."""

import numpy as np
import pytest

from quarva.engine import Program, evaluate, rowwise, signals
from quarva.karva import OPERATORS, parse

ELEMENTWISE = [op.name for op in OPERATORS if op.kind == "elementwise"]
SHAPES = [(10, 1000), (40, 37), (700, 5), (1, 1000), (3, 1100)]


def answers(program, panel, threads, statistics=("ic", "sse", "corr")):
    """Signals, and scores on two segments for a target with random gaps and one with gaps at the end."""
    rng = np.random.default_rng(3)
    targets = rng.normal(size=(2, *panel.values.shape[1:])).astype(np.float32)
    targets[0][rng.random(targets[0].shape) < 0.1] = np.nan
    targets[1, :, -2:] = np.nan
    segments = rng.integers(-1, 2, targets.shape[1])
    scores = [evaluate(program, panel, targets, which, segments, 2, threads) for which in statistics]
    return [signals(program, panel, threads), *scores]


def assert_same(got, expected):
    for some, others in zip(got, expected, strict=True):
        np.testing.assert_array_equal(some, others)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("universe", [False, True])
def test_results_do_not_depend_on_threads_or_other_formulas(shape, universe, market, population):
    panel = market(*shape, universe=universe)
    program = Program.from_population(population(60, functions=ELEMENTWISE))
    together = answers(program, panel, 1)
    assert_same(answers(program, panel, 3), together)
    for p in (0, 7, 59):
        assert_same(answers(program[p : p + 1], panel, 2), [every[p : p + 1] for every in together])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_window_elsewhere_in_the_population_changes_no_result(shape, market, population):
    """With one rolling operator, the whole population runs in the general interpreter."""
    panel = market(*shape)
    pop = population(40, seed=1, functions=ELEMENTWISE)
    formulas = [*pop.expressions(), parse("ref(x, 1)")]
    mixed = answers(Program.from_expressions(formulas), panel, 2)
    plain = answers(Program.from_expressions(formulas[:-1]), panel, 2)
    assert_same(plain, [every[:-1] for every in mixed])


@pytest.mark.parametrize("days", [1, 4, 40])
def test_the_division_into_pieces_does_not_matter(days, market, population, monkeypatch):
    panel = market(days, 600)
    program = Program.from_population(population(80, functions=ELEMENTWISE))
    expected = answers(program, panel, 2)
    monkeypatch.setattr(rowwise, "_FORMULAS", 7)
    monkeypatch.setattr(rowwise, "_SUMS_BYTES", 3 * 80 * 2 * 64)
    assert_same(answers(program, panel, 2), expected)
