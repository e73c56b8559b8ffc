"""The loop tunes the constants of all proposals, counts each step, and tells the searcher the result."""

import numpy as np
import pytest

from quarva.errors import RecipeError, RunError
from quarva.karva import Alphabet, GeneShape, encode, parse, render
from quarva.loop.tuning.tuner import promising, tuner_for
from quarva.panel import Table
from quarva.runs import search
from quarva.searchers import GEP, Policy, RandomSearch
from quarva.tasks import Task

SEARCHERS = ("gep", "random", "policy", "blend")
X = np.linspace(0.1, 4, 20).astype(np.float32)


@pytest.fixture(scope="module")
def power_task():
    """x to the power 0.426, which is exp(0.426 · log x) with Koza's functions."""
    return Task(Table.from_arrays({"x": X}, X.astype(float) ** 0.426), objective="nrmse")


@pytest.fixture(scope="module")
def noisy_task():
    """Rows that no formula fits exactly. A fifth of them are for validation."""
    noise = np.random.default_rng(2).normal(0, 0.1, 40)
    x = np.linspace(-2, 2, 40)
    return Task(Table.from_arrays({"x": x}, np.sin(1.3 * x) + noise), split=(0.6, 0.8))


def run(task, searcher, budget, **given):
    return search(task, searcher, budget, **{"progress": False, "threads": 1, **given})


def figures(found):
    return (
        [(f.formula.text, f.train, repr(f.validation), f.fitness) for f in found],
        (found.evaluations, found.tuning_steps, found.proposed, found.stopped),
        found.history.drop(columns="seconds").to_csv(),
        found.incumbents.drop(columns="seconds").to_csv(),
    )


class Watch:
    """A searcher that compares what it is told with what it proposed."""

    def begin(self, space):
        self.space, self.gains = space, 0
        super().begin(space)

    def ask(self, n):
        self.asked = super().ask(n)
        self.copy = self.asked[np.arange(len(self.asked))]
        return self.asked

    def tell(self, population, fitness):
        np.testing.assert_array_equal(population.symbols, self.copy.symbols)
        np.testing.assert_array_equal(self.task.score(population).fitness, fitness)
        before = self.task.score(self.copy).fitness
        assert not (fitness < before).any()
        np.testing.assert_array_equal(np.isnan(fitness), np.isnan(before))
        remembered, new = self.space.memory.look_up(population[:].keys())
        assert not new.any()
        np.testing.assert_array_equal(remembered, fitness)
        self.gains += int((fitness > before).sum())
        super().tell(population, fitness)


@pytest.mark.parametrize("kind", [GEP, RandomSearch, Policy])
def test_searchers_receive_tuned_formulas_with_their_scores(noisy_task, kind):
    searcher = type("Watched", (Watch, kind), {"task": noisy_task})()
    found = run(noisy_task, searcher, 15_000)
    assert searcher.gains > 100
    assert found.tuning_steps > 0


def test_gep_breeds_with_tuned_constants(power_task):
    class Watched(GEP):
        def tell(self, population, fitness):
            super().tell(population, fitness)
            living, told = self.current_population()
            there = told > -np.inf
            np.testing.assert_array_equal(power_task.score(living).fitness[there], told[there])

    run(power_task, Watched(population=50), 5_000)


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_every_step_counts_and_the_budget_is_met_exactly(noisy_task, searcher):
    for budget in (2_601, 4_000, 7_000):
        found = run(noisy_task, searcher, budget)
        assert found.evaluations == budget
        assert 0 < found.tuning_steps < budget
        history = found.history
        assert history["tuning_steps"].iloc[-1] == found.tuning_steps
        assert history["tuning_steps"].is_monotonic_increasing
        scored = history["evaluations"].diff().fillna(history["evaluations"].iloc[0])
        scored -= history["tuning_steps"].diff().fillna(history["tuning_steps"].iloc[0])
        proposed = history["proposed"].diff().fillna(history["proposed"].iloc[0])
        np.testing.assert_allclose(history["distinct_share"], scored / proposed)
    assert "of them tuning steps" in str(found)


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_findings_do_not_depend_on_threads(noisy_task, searcher):
    single = run(noisy_task, searcher, 12_000, seed=1)
    for threads in (2, 5):
        assert figures(run(noisy_task, searcher, 12_000, seed=1, threads=threads)) == figures(single)


@pytest.mark.parametrize("searcher", SEARCHERS)
@pytest.mark.parametrize("first", [1, 1_100, 1_500, 4_321])
def test_a_run_resumed_with_a_larger_budget_equals_an_uninterrupted_run(
    noisy_task, tmp_path, searcher, first
):
    uninterrupted = run(noisy_task, searcher, 12_000, seed=3)
    run(noisy_task, searcher, first, seed=3, checkpoint=tmp_path / "c.npz")
    resumed = run(noisy_task, searcher, 12_000, seed=3, checkpoint=tmp_path / "c.npz", resume=True)
    assert figures(resumed) == figures(uninterrupted)


def test_a_checkpoint_with_other_tuning_steps_is_refused(noisy_task, tmp_path):
    run(noisy_task, "gep", 2_000, checkpoint=tmp_path / "c.npz")
    with pytest.raises(RunError, match="its tuning was 12 steps and is now none"):
        run(noisy_task, "gep", 3_000, checkpoint=tmp_path / "c.npz", resume=True, tuning_steps=0)


def test_exact_constants_are_found_only_with_tuning(power_task):
    tuned = [run(power_task, "gep", 40_000, seed=seed).stopped for seed in range(4)]
    untuned = [run(power_task, "gep", 40_000, seed=seed, tuning_steps=0).stopped for seed in range(4)]
    assert tuned.count("solved") >= 3
    assert untuned.count("solved") == 0


def test_a_large_table_is_tuned_on_some_rows_and_scored_on_all():
    x = np.random.default_rng(1).uniform(-2, 2, 5_000)
    task = Task(Table.from_arrays({"x": x}, 2.7 * x + np.sin(1.3 * x)))
    found = run(task, "gep", 3_000, settings={"population": 20})
    assert found.tuning_steps > 0
    assert found.best.train == task.score(found.best.formula).train[0]


def test_nothing_is_tuned_if_constants_cannot_be_tuned(noisy_task, panel_task):
    assert run(panel_task, "gep", 500).tuning_steps == 0
    assert run(noisy_task, "gep", 500, constants=False).tuning_steps == 0
    assert run(noisy_task, "gep", 500, tuning_steps=0).tuning_steps == 0
    assert run(noisy_task, "gep", 500, functions=["add", "rank"]).tuning_steps == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"panel": True, "constants": True},
            "the objective must be a squared error of a table, and 'ic' is not",
        ),
        ({"constants": False}, "formulas have none; allow them with constants = true"),
        ({"functions": ["add", "rank"]}, "all functions must be elementwise"),
        ({"tuning_steps": -1}, "tuning_steps must be 0 or more, not -1"),
    ],
)
def test_impossible_tuning_is_refused_in_one_line(noisy_task, panel_task, given, message):
    task = panel_task if given.pop("panel", False) else noisy_task
    with pytest.raises(RecipeError, match=message) as caught:
        run(task, "gep", 500, **{"tuning_steps": 5, **given})
    assert "\n" not in str(caught.value)


def test_a_formula_competes_only_with_formulas_of_its_length():
    lengths = np.array([9] * 10 + [3] * 5)
    errors = np.array([*np.arange(1.0, 10.0), np.nan, 50.0, 40.0, 30.0, np.inf, 60.0])
    best = promising(lengths, errors)
    assert best.tolist() == [0, 1, 12]  # a fifth of nine and a fifth of four, rounded up
    assert promising(lengths[:0], errors[:0]).tolist() == []


def test_constants_beside_an_exact_offset_are_fitted_in_float64():
    rows = np.arange(100.0)
    task = Task(Table.from_arrays({"t": 1_700_000_001 + rows}, 2e9 + 0.37 * rows - 17.25))
    numbers = [1_700_000_001.0, 2e9]
    alphabet = Alphabet.build(["t"], ["add", "sub", "mul"], numbers=numbers, constants=True, exact=True)
    start = parse("2000000000 + (0.5 * (t - 1700000001) + 0.25)")
    population = encode([start], alphabet, GeneShape(head=8), np.random.default_rng(0))
    tuner = tuner_for(task, alphabet, population.shape, None, 1)
    tuned = tuner.tune(population, task.score(population).fitness, np.array([0]), 100)
    assert task.score(population).train[0] < 0.9
    assert task.score(tuned.population).train[0] == pytest.approx(1, abs=1e-9)
    assert render(tuned.population.expressions()[0]) == "2000000000 + (0.37 * (t - 1700000001) + -17.25)"
