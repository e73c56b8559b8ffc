"""Coverage: where a signal has a value among the cells that have a target."""

import numpy as np
from numpy.typing import NDArray

from quarva.tasks.split import TRAIN, VALIDATION
from quarva.tasks.task import Task

__all__ = ["coverage", "coverage_of", "open_cells"]


def coverage(task: Task, signal: NDArray[np.floating], lookback: int) -> float:
    """Share of the cells with a target in train and validation in which a signal has a value.

    Parameters
    ----------
    task : Task
        The question; its sealed test is not looked at.
    signal : ndarray of float, shape (T, N)
        NaN = no value.
    lookback : int
        Days before its own that the signal was computed from. The first `lookback` days are its warm-up and
        do not count. For a table it is 0.

    Returns
    -------
    float
        In [0, 1]; NaN where no cell counts.
    """
    return coverage_of(signal, open_cells(task), lookback + task.looks_back)


def open_cells(task: Task) -> NDArray[np.bool_]:
    """The cells with a target in train and validation, shape (T, N)."""
    if task.table is not None:  # its parts are targets of their own
        return np.asarray(np.isfinite(task.targets).any(axis=0))
    days = np.isin(task.segments, (TRAIN, VALIDATION))
    return np.isfinite(task.targets[0]) & days[:, None]


def coverage_of(signal: NDArray[np.floating], cells: NDArray[np.bool_], lookback: int) -> float:
    """Share of `cells` (bool, shape (T, N)) after the first `lookback` days where `signal` has a value."""
    asked = cells[lookback:]
    many = np.count_nonzero(asked)
    return float(np.count_nonzero(asked & np.isfinite(signal[lookback:])) / many) if many else float("nan")
