"""Networks are distilled into formulas."""

import numpy as np
import pytest

from quarva.comparison import distil
from quarva.networks import Learner
from quarva.panel import Table
from quarva.scenarios import simulate
from quarva.tasks import Task


def test_a_distilled_formula_predicts_like_its_network():
    panel = simulate(20, 400, seed=3, plant="-pct_change(close, 3)", ic=0.3)
    task = Task(panel, "forward_return_1")
    features = ("pct_change(close, 1)",)
    fitted = Learner(features=features, length=3, epochs=12, rate=3e-3, batch=256).fit(task, progress=False)
    found = distil(fitted, task, "gep", 3_000, seed=0, progress=False)
    assert found.best.train > 0.8  # rank correlation with the network, day by day
    assert found.best.validation > 0.8
    assert "distilled" not in found.best.formula.text
    kept = task.score(found.best.formula)
    assert float(kept.validation[0]) > 0.7 * fitted.validation
    assert found.task.split.spans["validation"][0] == task.split.spans["validation"][0]


@pytest.mark.parametrize("split", [None, (0.6, 0.8)])
def test_a_network_on_a_table_can_be_distilled(split):
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 400))
    task = Task(Table.from_arrays({"a": a, "b": b}, a * b + a + rng.normal(0, 0.05, 400)), split=split)
    fitted = Learner(epochs=40, batch=32, rate=1e-2).fit(task, progress=False)
    found = distil(fitted, task, "gep", 3_000, seed=0, progress=False)
    told = np.isfinite(found.task.targets)
    np.testing.assert_array_equal(told, np.isfinite(task.targets))  # the same rows in the same parts
    np.testing.assert_array_equal(found.task.targets[0][told[0]], fitted.values(task.panel)[told[0]])
    assert found.best.train > 0.95
    assert float(task.score(found.best.formula).train[0]) > 0.95 * fitted.train
