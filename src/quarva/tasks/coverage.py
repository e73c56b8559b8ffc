"""Coverage: the share of the cells with a target in which a signal has a value."""

import numpy as np
from numpy.typing import NDArray

from quarva.tasks.split import TRAIN, VALIDATION
from quarva.tasks.task import Task

__all__ = ["coverage", "coverage_of", "open_cells"]


def coverage(task: Task, signal: NDArray[np.floating], lookback: int) -> float:
    """Coverage of a signal in train and validation.

    Parameters
    ----------
    task : Task
        The task. Its sealed test is not read.
    signal : ndarray of float, shape (T, N)
        The signal. NaN means no value.
    lookback : int
        Number of earlier days from which a signal is computed. The first `lookback` days are its warm-up and
        do not count. 0 for a table.

    Returns
    -------
    float
        In [0, 1], or NaN if no cell counts.
    """
    return coverage_of(signal, open_cells(task), lookback + task.signal_lookback)


def open_cells(task: Task) -> NDArray[np.bool_]:
    """True for the cells with a target in train and validation, shape (T, N)."""
    if task.table is not None:  # each part of a table has its own target
        return np.asarray(np.isfinite(task.targets).any(axis=0))
    days = np.isin(task.segments, (TRAIN, VALIDATION))
    return np.isfinite(task.targets[0]) & days[:, None]


def coverage_of(signal: NDArray[np.floating], cells: NDArray[np.bool_], lookback: int) -> float:
    """Share of given cells, after the warm-up, in which a signal has a value.

    Parameters
    ----------
    signal : ndarray of float, shape (T, N)
        The signal. NaN means no value.
    cells : ndarray of bool, shape (T, N)
        Cells to count.
    lookback : int
        Number of days of the warm-up.

    Returns
    -------
    float
        In [0, 1], or NaN if no cell counts.
    """
    counted = cells[lookback:]
    count = np.count_nonzero(counted)
    return float(np.count_nonzero(counted & np.isfinite(signal[lookback:])) / count) if count else np.nan
