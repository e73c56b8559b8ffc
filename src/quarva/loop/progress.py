"""Progress of a search and its progress bar."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from quarva.engine import is_compiled
from quarva.tasks import Task

__all__ = ["COMPILING", "Progress", "bar"]

COMPILING = "compiling the kernels; the first time this takes some minutes"
"""Message shown until the first score if the kernels are not in the cache."""

_EVERY = 0.1  # seconds between two updates
_LONGEST = 60  # characters of a formula that are shown


@dataclass(frozen=True)
class Progress:
    """Snapshot of a running search.

    Attributes
    ----------
    evaluations, budget : int
        Distinct formulas scored so far, and their limit.
    seconds : float
        Wall time so far.
    train, validation : float
        Scores of the incumbent; NaN before there is one.
    formula : str
        The incumbent in infix notation.
    metrics : dict of str to float, optional
        Metrics of the searcher if it is `ReportsMetrics`.
    """

    evaluations: int
    budget: int
    seconds: float
    train: float
    validation: float
    formula: str
    metrics: dict[str, float] | None = None


@contextmanager
def bar(task: Task, budget: int) -> Iterator[Callable[[Progress], None]]:
    """Show a progress bar on standard error.

    Parameters
    ----------
    task : Task
        The task, whose objective is shown.
    budget : int
        Number of evaluations.

    Yields
    ------
    callable
        Takes a `Progress` and updates the bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[best]}", markup=False),
        TextColumn("{task.fields[metrics]}", markup=False, style="dim"),
    )
    updated = 0.0
    with Bars(*columns, console=Console(stderr=True)) as bars:
        waiting = "" if is_compiled() else COMPILING
        line = bars.add_task("search", total=budget, best=waiting, metrics="")

        def show(now: Progress) -> None:
            nonlocal updated
            if time.perf_counter() - updated < _EVERY and now.evaluations < now.budget:
                return
            updated = time.perf_counter()
            formula = now.formula if len(now.formula) <= _LONGEST else now.formula[: _LONGEST - 1] + "…"
            validation = f" (validation {now.validation:.4g})" if now.validation == now.validation else ""
            best = f"{task.objective.name} {now.train:.4g}{validation}  {formula}" if formula else waiting
            metrics = "  ".join(f"{name} {value:.3g}" for name, value in (now.metrics or {}).items())
            bars.update(line, completed=now.evaluations, best=best, metrics=metrics)

        yield show
