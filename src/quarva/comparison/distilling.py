"""A network in a formula's words: symbolic regression of what a fitted function says."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.search import Findings, Searcher, search
from quarva.tasks import Field, Task

if TYPE_CHECKING:
    from quarva.panel import Panel

__all__ = ["distil"]

_NAME = "distilled"


class _Valued(Protocol):
    def values(self, panel: "Panel") -> NDArray[np.float32]:
        """A signal, float32 [T, N]."""
        ...


def distil(
    function: _Valued,
    task: Task,
    searcher: str | Searcher = "blend",
    budget: int = 20_000,
    *,
    objective: str = "rank_ic",
    **settings: Any,
) -> Findings:
    """Search for formulas whose order of the assets is that of a fitted network's signal, day by day.

    The question is the task's own with the signal for a target: the same days and splits, and train and
    validation figures that say how much of the network a formula keeps. How well it predicts is asked of the
    task: `task.score(found.best.formula)`.

    Args:
        function: a `Fitted` or `Policy`, whatever has `values(panel)`.
        task: about a panel. searcher, budget, settings: as in `search`.
        objective: by which the two signals are compared.

    Raises:
        TaskError: a table; a signal that has no value on the training days.
    """
    if task.table is not None:
        raise TaskError(
            "a table's function is a formula already; distil networks that were fitted to a panel"
        )
    panel = task.panel
    kept = [f for f, name in enumerate(panel.fields) if name != _NAME and name in task.fields]
    values = np.concatenate([panel.values[kept], function.values(panel)[None]])
    fields = (*(panel.fields[f] for f in kept), _NAME)
    borders = [] if task.split is None else [task.split.spans[part][0] for part in ("validation", "test")]
    asked = Task(
        replace(panel, values=np.ascontiguousarray(values), fields=fields),
        Field(_NAME, horizon=0), objective, borders or None, delay=0,
    )  # fmt: skip
    return search(asked, searcher, budget, **settings)
