"""The blend: evolution, network and completion share one budget and their formulas."""

import numpy as np
import pytest

from quarva.errors import RecipeError
from quarva.karva import parse
from quarva.panel import Table
from quarva.runs import search
from quarva.scenarios import simulate
from quarva.searchers import Blend
from quarva.tasks import Task

SMALL = {"alone": 1500, "elite": 30}


@pytest.fixture(scope="module")
def quartic():
    """A table whose target is a polynomial that random formulas do not match."""
    x = np.linspace(-1, 1, 20).astype(np.float32).astype(float)
    return Task(Table.from_arrays({"x1": x}, x**5 - 2 * x**3 + x), objective="nrmse", parsimony=0.0)


def test_completion_solves_a_table_in_fewer_evaluations(quartic):
    plain = {"functions": ["add", "sub", "mul"], "constants": False, "progress": False, "threads": 1}
    found = search(quartic, "blend", 50_000, **plain)
    assert found.stopped == "solved"
    alone = {"complete": False, "alone": 50_000}
    assert search(quartic, "blend", found.evaluations, settings=alone, **plain).stopped == "budget"


def test_the_network_joins_after_evolution_and_gets_its_minimum_share(table_task):
    blend = Blend(**SMALL)
    search(table_task, blend, 12_000, progress=False, threads=1)
    share = blend.metrics()["network"]
    assert 0.09 < share < 0.95
    early = Blend(alone=5000)
    search(table_task, early, 3000, progress=False, threads=1)
    assert early.metrics() == {"network": 0.0}


def test_every_other_stagnant_island_is_reseeded_by_the_network(table_task):
    blend = Blend(**SMALL, evolution=0.6, network=0.2)
    seeds = []
    inner = blend._evolution
    inner.patience = 2
    original = inner.reseed_island
    inner.reseed_island = lambda island, population, fitness: (
        seeds.append((island, population, fitness)),
        original(island, population, fitness),
    )
    search(table_task, blend, 30_000, tuning_steps=0, progress=False, threads=1)
    assert seeds
    assert all(island % 2 == 0 for island, _, _ in seeds)
    for _, population, fitness in seeds:
        assert len(population) == len(fitness) == inner.population
        assert np.isfinite(fitness).any()


def test_the_blend_searches_panels(panel_task, find):
    found = find(panel_task, "blend", 2400, settings=SMALL)
    assert found.evaluations == 2400
    assert found.invalid == 0
    assert found.best.train > find(panel_task, "blend", 20).best.train


def test_the_surrogate_saves_most_of_the_evaluations(find):
    def needed(seed, **settings):
        """Return the evaluations until 90 % of the planted formula's IC are reached, at most 2,000."""
        plant = "corr(close, volume, 10)"
        task = Task(simulate(40, 200, seed=seed, plant=plant, ic=0.3), target="forward_return_1")
        incumbents = find(task, "blend", 2000, settings=settings).incumbents
        enough = incumbents["train"] > 0.9 * task.score([parse(plant)]).train[0]
        return incumbents["evaluations"][enough].min() if enough.any() else 2000

    with_it = sum(needed(seed) for seed in range(2))
    without = sum(needed(seed, candidates=1) for seed in range(2))
    assert with_it < 0.3 * without


def test_the_network_has_a_smaller_minimum_share_with_a_surrogate(panel_task, table_task):
    shares = {}
    for name, task, settings in [
        ("panel", panel_task, {}), ("alone", panel_task, {"candidates": 1}), ("table", table_task, {}),
        ("own", panel_task, {"network": 0.3}), ("rest", table_task, {"evolution": 0.8}),
    ]:  # fmt: skip
        blend = Blend(**settings)
        search(task, blend, 10, progress=False, threads=1)
        shares[name] = blend._network_share()
    assert shares == pytest.approx({"panel": 0.1, "alone": 0.5, "table": 0.5, "own": 0.3, "rest": 0.2})


@pytest.mark.parametrize("task", ["panel_task", "table_task"])
def test_results_do_not_depend_on_threads_or_interruption(task, request, find, figures, tmp_path):
    task = request.getfixturevalue(task)
    settings = {"alone": 600, "elite": 30}
    kept = {"settings": settings, "checkpoint": tmp_path / "a.npz"}
    whole = find(task, "blend", 1800, settings=settings)
    two = find(task, "blend", 1800, settings=settings, threads=2)
    find(task, "blend", 1000, **kept)
    resumed = find(task, "blend", 1800, resume=True, **kept)
    assert figures(whole) == figures(two) == figures(resumed)


@pytest.mark.parametrize(
    "bad",
    [
        {"evolution": 0.6, "network": 0.5}, {"network": -0.1}, {"alone": -1}, {"elite": 0},
        {"evolution": 1.1}, {"candidates": 0}, {"kappa": -0.1}, {"kappa": float("nan")},
    ],
)  # fmt: skip
def test_invalid_settings_are_refused(bad):
    with pytest.raises(RecipeError, match=f"blend: {next(iter(bad))}"):
        Blend(**bad)
