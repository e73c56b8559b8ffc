"""Distillation: symbolic regression of the signal of a fitted network."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quarva.loop import Findings, Searcher
from quarva.runs import search
from quarva.tasks import Field, Task, check_task

if TYPE_CHECKING:
    from quarva.panel import Panel

__all__ = ["distil"]

_NAME = "distilled"


class _Valued(Protocol):
    def values(self, panel: "Panel") -> NDArray[np.float32]:
        """Compute the signal, float32 of shape (T, N)."""
        ...


def distil(
    function: _Valued,
    task: Task,
    searcher: str | Searcher = "blend",
    budget: int = 20_000,
    *,
    objective: str | None = None,
    **settings: Any,
) -> Findings:
    """Search for formulas that reproduce the signal of a fitted network.

    The search is on a copy of the task whose target is the signal; data and split are the same. Training and
    validation scores measure how well a formula reproduces the network. To measure how well it predicts, use
    `task.score(found.best.formula)`.

    Parameters
    ----------
    function : object
        A `Fitted`, a `TradingPolicy`, or another object with `values(panel)`.
    task : Task
        The task that it was fitted to.
    searcher, budget, **settings
        As in `search`, but `reward` is "own" by default, because one formula is asked for.
    objective : str, optional
        Objective that compares formula and network. Defaults to "rank_ic", and for a table to "r2".

    Returns
    -------
    Findings

    Raises
    ------
    TaskError
        The signal has no value in training.
    RecipeError, FormulaError
        As in `search`.
    """
    check_task(task, "distil")
    asked = (
        _of_panel(function, task, objective) if task.table is None else _of_table(function, task, objective)
    )
    return search(asked, searcher, budget, **{"reward": "own", **settings})


def _of_panel(function: _Valued, task: Task, objective: str | None) -> Task:
    """Copy the task with the signal as an additional field, which is the target."""
    panel = task.panel
    kept = [f for f, name in enumerate(panel.fields) if name != _NAME and name in task.fields]
    values = np.concatenate([panel.values[kept], function.values(panel)[None]])
    fields = (*(panel.fields[f] for f in kept), _NAME)
    borders = [] if task.split is None else [task.split.spans[part][0] for part in ("validation", "test")]
    return Task(
        replace(panel, values=np.ascontiguousarray(values), fields=fields),
        Field(_NAME, horizon=0), objective or "rank_ic", borders or None, delay=0,
    )  # fmt: skip


def _of_table(function: _Valued, task: Task, objective: str | None) -> Task:
    """Copy the task with the predictions as the target, on the same rows and parts."""
    table = task.table
    assert table is not None
    whole = np.isfinite(table.target) & np.isfinite(table.panel.values).all(axis=0)
    predicted = np.where(whole, function.values(table.panel), np.float32(np.nan))
    rows = np.isfinite(task.targets).sum(axis=(1, 2))
    split = tuple(rows.cumsum() / whole.sum()) if len(rows) > 1 else None
    return Task(replace(table, target=predicted), objective=objective or "r2", split=split)
