"""What all tests share: how much hypothesis tries, and an independent reader of genes.

`pytest --hypothesis-profile=thorough` before a release, little every day.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# A first call compiles its kernel: time per example says nothing.
_always = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("daily", max_examples=40, **_always)
settings.register_profile("ci", max_examples=40, derandomize=True, print_blob=True, **_always)
settings.register_profile("thorough", max_examples=2000, **_always)
# A change must not fail for an example that it did not cause: there the examples are always the same.
settings.load_profile("ci" if os.environ.get("CI") else "daily")


def faults_of(pop):
    """Chromosomes that no reader could read: all genes are walked at once, their open places counted."""
    limit = len(pop.alphabet.symbols)
    arity = np.array([symbol.arity for symbol in pop.alphabet.symbols])
    bad = ((pop.symbols < 0) | (pop.symbols >= limit)).any(axis=2)
    bad |= ((pop.dc < 0) | (pop.dc >= pop.shape.constants)).any(axis=2)
    bad |= ~np.isfinite(pop.constants).all(axis=2)
    places = np.ones(pop.symbols.shape[:2], int)
    for i in range(pop.symbols.shape[2]):
        taken = arity[np.clip(pop.symbols[:, :, i], 0, limit - 1)]
        if i >= pop.shape.head:
            bad |= taken > 0
        places = np.where(places > 0, places - 1 + taken, 0)
    return (bad | (places > 0)).any(axis=1)


@pytest.fixture(scope="session")
def faults():
    """The independent decoder that laws of genes are checked with: Population → bool [P]."""
    return faults_of


@pytest.fixture(scope="session")
def panel_task():
    """12 assets × 120 days whose returns a formula predicts: a search takes well under a second."""
    from quarva.scenarios import simulate
    from quarva.tasks import Task

    panel = simulate(12, 120, seed=3, plant="-delta(close, 5) / close", ic=0.2)
    return Task(panel, target="forward_return_1")


@pytest.fixture(scope="session")
def table_task():
    """20 rows that no short formula fits exactly."""
    from quarva.panel import Table
    from quarva.tasks import Task

    x = np.linspace(-1, 1, 20)
    return Task(Table.from_arrays({"x1": x}, np.sin(x**2) * np.cos(x) - 1 + 0.01 * np.sin(37 * x)))


@pytest.fixture
def find():
    """`search` without a bar, on one thread; searchers are told a formula's own score."""
    from quarva.runs import search

    def run(task, way="gep", budget=2000, **given):
        return search(task, way, budget=budget, **{"progress": False, "threads": 1, "reward": "own", **given})

    return run


def figures_of(found):
    """Everything in findings except the time they took."""
    return (
        [(f.formula.text, f.train, repr(f.validation), repr(f.turnover), f.fitness) for f in found],
        (found.evaluations, found.proposed, found.invalid, found.stopped),
        found.history.drop(columns="seconds").to_csv(),
    )


@pytest.fixture
def figures():
    return figures_of
