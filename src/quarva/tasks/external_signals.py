"""Scoring of external signals by the same rules as formulas."""

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.karva.expression import Expression
from quarva.karva.notation import parse

if TYPE_CHECKING:
    from quarva.tasks.task import Task

__all__ = ["attach_signals"]

_NAME = "signal_"


def attach_signals(
    task: "Task", signals: NDArray[np.floating], lookback: int = 0
) -> tuple["Task", list[Expression]]:
    """Copy a task with external signals as additional fields, and return formulas that read them.

    The formulas are scored, traded and reported like any others.

    Parameters
    ----------
    task : Task
        The task.
    signals : ndarray of float, shape (P, T, N)
        The signals, converted to the precision of the panel. For a table, the shape is that of `Table.panel`.
        NaN and infinite values mean no opinion.
    lookback : int, default 0
        Number of earlier days from which a signal is computed. The first `lookback` days are its warm-up.

    Returns
    -------
    task : Task
        The copy. It shares the record of readings of the sealed test with the original.
    formulas : list of Expression, length P
        A formula for each signal.

    Raises
    ------
    TaskError
        The signals do not have the shape of the panel, or the lookback is negative.
    """
    panel = task.panel
    if signals.ndim != 3 or signals.shape[1:] != panel.shape:
        raise TaskError(
            f"signals must have shape [P, {', '.join(map(str, panel.shape))}] (signals × days × assets of "
            f"{panel.name}), not {list(signals.shape)}"
        )
    if lookback < 0:
        raise TaskError(f"the lookback of a signal must be 0 or more days, not {lookback}")
    names = tuple(f"{_NAME}{p}" for p in range(len(signals)))
    values = np.asarray(signals, panel.precision)
    values = np.where(np.isfinite(values), values, values.dtype.type(np.nan))
    kept = [f for f, name in enumerate(panel.fields) if name not in names]
    extended = copy(task)
    extended.panel = replace(
        panel,
        values=np.concatenate([panel.values[kept], values]),
        fields=(*(panel.fields[f] for f in kept), *names),
    )
    extended.fields = (*(name for name in task.fields if name not in names), *names)
    extended.signal_lookback = lookback
    return extended, [parse(name) for name in names]
