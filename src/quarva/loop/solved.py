"""Whether a table's target is explained to the last digit."""

import numpy as np

from quarva.karva.expression import Expression
from quarva.tasks import Task

__all__ = ["is_exact", "may_be_exact"]

# Normalised mean squared error in double precision under which a formula counts as found. Constants that are
# fitted to few rows bring a wrong formula to 1e-13 at times; what is right stands near 1e-15.
_EXACT = 1e-14
_ROUNDING = float(np.finfo(np.float32).eps / 2) ** 2  # most of a target that is stored in float32, relative
_NEAR = 1e-4  # normalised root of the same in the kernel's float32 above which it is not worth a look


def may_be_exact(task: Task, figure: float) -> bool:
    """Whether a train figure is good enough for `is_exact` to be worth computing; False on panels."""
    if task.table is None:
        return False
    error = figure if task.objective.minimised else float(np.sqrt(max(1.0 - figure, 0.0)))
    return not error > _NEAR


def is_exact(task: Task, expression: Expression, figure: float) -> bool:
    """Whether a formula whose train figure is `figure` gives the target of a table; False on panels."""
    if not may_be_exact(task, figure):
        return False
    from quarva.engine.reference import signals  # torch takes a second to import

    exact = signals(expression, task.panel).numpy()
    target = task.targets[0].astype(np.float64)
    there = np.isfinite(target)
    told = target[there]
    least = _EXACT * np.var(told) + _ROUNDING * np.mean(told**2)
    return bool(np.mean((exact[there] - told) ** 2) < least)
