"""Small questions, a panel's and a table's, that a search answers in well under a second."""

import numpy as np
import pytest

from quarva.panel import Table
from quarva.scenarios import simulate
from quarva.search import search
from quarva.tasks import Task


@pytest.fixture(scope="session")
def panel_task():
    """12 assets × 120 days whose returns a formula predicts."""
    panel = simulate(12, 120, seed=3, plant="-delta(close, 5) / close", ic=0.2)
    return Task(panel, target="forward_return_1")


@pytest.fixture(scope="session")
def table_task():
    """20 rows that no short formula fits exactly."""
    x = np.linspace(-1, 1, 20)
    return Task(Table.from_arrays({"x1": x}, np.sin(x**2) * np.cos(x) - 1 + 0.01 * np.sin(37 * x)))


@pytest.fixture
def find():
    """`search` without a bar, on one thread."""

    def run(task, way="gep", budget=2000, **given):
        return search(task, way, budget=budget, **{"progress": False, "threads": 1, **given})

    return run


def figures(found):
    """All of findings but the time they took."""
    return (
        [(f.formula.text, f.train, repr(f.validation), repr(f.turnover), f.fitness) for f in found],
        (found.evaluations, found.proposed, found.invalid, found.stopped),
        found.history.drop(columns="seconds").to_csv(),
    )


@pytest.fixture(name="figures")
def _figures():
    return figures
