"""Probe rows: a few rows of a table, on which the values of expressions are compared."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva.tasks import Task

__all__ = ["ProbeRows", "probe_rows_of"]

_ROWS = 32  # two expressions that agree on so many rows of real numbers are considered equal


class ProbeRows(NamedTuple):
    """R rows of the training part of a table.

    Attributes
    ----------
    fields : tuple of str
        Names of the F columns.
    columns : ndarray, shape (F, R)
        Their values, in the precision of the table.
    target : ndarray of float64, shape (R,)
        The target.
    """

    fields: tuple[str, ...]
    columns: NDArray[np.floating]
    target: NDArray[np.float64]


def probe_rows_of(task: Task, most: int = _ROWS) -> ProbeRows | None:
    """Choose complete rows that are spread evenly over the table of a task.

    Parameters
    ----------
    task : Task
        The task.
    most : int
        Maximal number of rows.

    Returns
    -------
    ProbeRows or None
        Rows with a target and a value in every column. None for a panel.
    """
    if task.table is None:
        return None
    values = task.panel.values.reshape(len(task.panel.fields), -1)
    target = task.targets[0].reshape(-1)
    complete = np.flatnonzero(np.isfinite(target) & np.isfinite(values).all(axis=0))
    chosen = complete[np.unique(np.linspace(0, len(complete) - 1, min(len(complete), most)).astype(np.int64))]
    return ProbeRows(
        task.panel.fields, np.ascontiguousarray(values[:, chosen]), target[chosen].astype(np.float64)
    )
