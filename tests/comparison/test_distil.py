"""What a network says can be said by a formula, and how much of it."""

import pytest

from quarva.comparison import distil
from quarva.errors import TaskError
from quarva.networks import Learner
from quarva.scenarios import simulate
from quarva.tasks import Task


def test_a_formula_keeps_what_a_network_learned():
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


def test_a_table_has_nothing_to_distil(table_task):
    with pytest.raises(TaskError, match="a table's function is a formula already"):
        distil(None, table_task)
