"""Small questions for comparisons, a panel's and a table's."""

import numpy as np
import pytest

from quarva.comparison import compare
from quarva.panel import Table
from quarva.scenarios import simulate
from quarva.tasks import Task


@pytest.fixture(scope="session")
def panel_task():
    """12 assets × 120 days whose returns a formula predicts."""
    panel = simulate(12, 120, seed=3, plant="-delta(close, 5) / close", ic=0.2)
    return Task(panel, target="forward_return_1")


@pytest.fixture(scope="session")
def table_task():
    """x² + x on 20 rows: evolution solves it at once, random search does not always."""
    x = np.linspace(-1, 1, 20)
    return Task(Table.from_arrays({"x": x}, x**3 + x**2 + x))


@pytest.fixture
def run():
    """`compare` without a bar, on one thread."""

    def run(task, searchers=("random", "gep"), budget=1500, seeds=2, **given):
        return compare(task, searchers, budget, seeds, **{"progress": False, "threads": 1, **given})

    return run
