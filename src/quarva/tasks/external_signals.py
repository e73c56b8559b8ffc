"""Signals that were computed elsewhere, held against the yardstick that formulas are held against."""

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

__all__ = ["lend"]

_NAME = "signal_"


def lend(task: "Task", signals: NDArray[np.floating], lookback: int = 0) -> tuple["Task", list[Expression]]:
    """The task on a panel, or table, that holds signals as fields, and the formulas that read them.

    What scores, trades or reports formulas does so with these, by the same rules and the same sums.

    Args:
        task: the question.
        signals: [P, T, N] as its panel is laid out, of a table `Table.panel`; taken in its precision. NaN and
            infinite is no opinion.
        lookback: days before its own that a signal was computed from: where it can have no value yet, none is
            asked of it.

    Raises:
        TaskError: signals of another shape than the panel, or a lookback below 0.
    """
    panel = task.panel
    if signals.ndim != 3 or signals.shape[1:] != panel.shape:
        raise TaskError(
            f"signals are [P, {', '.join(map(str, panel.shape))}] (signals × days × assets of {panel.name}), "
            f"not {list(signals.shape)}"
        )
    if lookback < 0:
        raise TaskError(f"a signal looks back 0 or more days, not {lookback}")
    names = tuple(f"{_NAME}{p}" for p in range(len(signals)))
    values = np.asarray(signals, panel.precision)
    values = np.where(np.isfinite(values), values, values.dtype.type(np.nan))
    kept = [f for f, name in enumerate(panel.fields) if name not in names]
    lent = copy(task)
    lent.panel = replace(
        panel,
        values=np.concatenate([panel.values[kept], values]),
        fields=(*(panel.fields[f] for f in kept), *names),
    )
    lent.fields = (*(name for name in task.fields if name not in names), *names)
    lent.looks_back = lookback
    return lent, [parse(name) for name in names]
