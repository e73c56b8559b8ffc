"""Test whether a formula reproduces the target of a table exactly."""

import numpy as np

from quarva.karva.expression import Expression
from quarva.tasks import Task

__all__ = ["is_exact", "may_be_exact"]

# Normalised mean squared error in double precision below which a formula counts as exact. A wrong formula
# whose constants were fitted to few rows sometimes reaches 1e-13. A correct formula is near 1e-15.
_EXACT = 1e-14
_NEAR = 1e-4  # normalised RMSE of the float32 kernel above which the exact error is not computed


def may_be_exact(task: Task, score: float) -> bool:
    """Whether a training score is so good that `is_exact` has to be computed; False on panels."""
    if task.table is None:
        return False
    error = score if task.objective.minimised else float(np.sqrt(max(1.0 - score, 0.0)))
    return not error > _NEAR


def is_exact(task: Task, expression: Expression, score: float) -> bool:
    """Whether a formula reproduces a table's target exactly, given its training score; False on panels."""
    if not may_be_exact(task, score):
        return False
    from quarva.engine.reference import signals  # torch takes a second to import

    exact = signals(expression, task.panel).numpy()
    target = task.targets[0].astype(np.float64)
    present = np.isfinite(target)
    known = target[present]
    rounding = float(np.finfo(task.panel.precision).eps / 2)  # relative rounding error of the target
    threshold = _EXACT * np.var(known) + rounding**2 * np.mean(known**2)
    return bool(np.mean((exact[present] - known) ** 2) < threshold)
