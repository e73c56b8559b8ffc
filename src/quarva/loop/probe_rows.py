"""A few rows of a table, by which expressions are told apart."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva.tasks import Task

__all__ = ["ProbeRows", "probe_rows_of"]

_ROWS = 32  # two functions that agree on so many rows of real numbers are one


class ProbeRows(NamedTuple):
    """Rows of the training part.

    fields: names of the F columns. columns: float32[F, R]. target: float64[R], a float32 number each.
    """

    fields: tuple[str, ...]
    columns: NDArray[np.float32]
    target: NDArray[np.float64]


def probe_rows_of(task: Task, most: int = _ROWS) -> ProbeRows | None:
    """At most so many rows that have a target and all columns, spread over the table; None for a panel."""
    if task.table is None:
        return None
    values = task.panel.values.reshape(len(task.panel.fields), -1)
    target = task.targets[0].reshape(-1)
    whole = np.flatnonzero(np.isfinite(target) & np.isfinite(values).all(axis=0))
    chosen = whole[np.unique(np.linspace(0, len(whole) - 1, min(len(whole), most)).astype(np.int64))]
    return ProbeRows(
        task.panel.fields, np.ascontiguousarray(values[:, chosen]), target[chosen].astype(np.float64)
    )
