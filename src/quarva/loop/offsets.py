"""Offsets: numbers that the columns of a table in float64 lie close to, as terminals of a search.

The constants of a search are float32. They cannot hold an offset such as 1700000123 to the second, but they
can hold all that is left after it has been subtracted.
"""

import numpy as np
from numpy.typing import NDArray

from quarva.tasks import Task

__all__ = ["offsets_of"]

_FAR = 100.0  # ranges of a column between 0 and its mean from which it has an offset


def offsets_of(task: Task) -> tuple[float, ...]:
    """The offsets of the variables and of the target of a table in float64, each once.

    An offset is the number with the fewest digits that is within one range (largest minus smallest value) of
    a column's mean in training. A column has one if its mean is at least 100 ranges away from 0.

    Parameters
    ----------
    task : Task
        The task.

    Returns
    -------
    tuple of float
        Empty for a panel and for a table in float32.
    """
    if task.panel.precision == "float32":
        return ()
    trained = np.isfinite(task.targets[0])
    columns = [values[trained] for values in (*task.panel.values, task.targets[0])]
    found = (_offset(values) for values in columns)
    return tuple(dict.fromkeys(offset for offset in found if offset is not None))


def _offset(values: NDArray[np.float64]) -> float | None:
    mean, spread = float(values.mean()), float(np.ptp(values))
    if not abs(mean) >= _FAR * spread > 0:
        return None
    rounded = (float(f"{mean:.{digits}g}") for digits in range(1, 18))
    return next(short for short in rounded if abs(short - mean) <= spread)
