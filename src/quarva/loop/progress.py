"""Progress bar of a search."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from quarva.engine import is_compiled
from quarva.loop.loop import Progress
from quarva.tasks import Task

__all__ = ["COMPILING", "bar"]

COMPILING = "compiling the kernels, once: some minutes"
"""Message that is shown until the first score if the kernels are not in the cache."""

_EVERY = 0.1  # seconds between two updates
_LONGEST = 60  # characters of a formula that are shown


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
        TextColumn("{task.fields[figures]}", markup=False, style="dim"),
    )
    updated = 0.0
    with Bars(*columns, console=Console(stderr=True)) as bars:
        waiting = "" if is_compiled() else COMPILING
        line = bars.add_task("search", total=budget, best=waiting, figures="")

        def show(now: Progress) -> None:
            nonlocal updated
            if time.perf_counter() - updated < _EVERY and now.evaluations < now.budget:
                return
            updated = time.perf_counter()
            formula = now.formula if len(now.formula) <= _LONGEST else now.formula[: _LONGEST - 1] + "…"
            validation = f" (validation {now.validation:.4g})" if now.validation == now.validation else ""
            best = f"{task.objective.name} {now.train:.4g}{validation}  {formula}" if formula else waiting
            figures = "  ".join(f"{name} {value:.3g}" for name, value in (now.figures or {}).items())
            bars.update(line, completed=now.evaluations, best=best, figures=figures)

        yield show
