"""Progress bar of a comparison."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from quarva.engine import is_compiled
from quarva.loop import Progress
from quarva.loop.progress import COMPILING
from quarva.tasks import Task

__all__ = ["bar"]

_EVERY = 0.1  # seconds between two drawings


@contextmanager
def bar(task: Task, runs: int, done: int, budget: int) -> Iterator[Callable[[str, int, Progress], None]]:
    """Show a progress bar over all runs on standard error.

    Parameters
    ----------
    task : Task
        The task, whose objective is shown.
    runs, done : int
        Number of runs, and of those already completed.
    budget : int
        Evaluations of a run.

    Yields
    ------
    callable
        Updates the bar, given the name of the entry, the number of the run and its `Progress`.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[now]}", markup=False),
    )
    shown = 0.0
    with Bars(*columns, console=Console(stderr=True)) as bars:
        line = bars.add_task(
            "compare", total=runs * budget, completed=done * budget, now="" if is_compiled() else COMPILING
        )

        def show(searcher: str, number: int, now: Progress) -> None:
            nonlocal shown
            if time.perf_counter() - shown < _EVERY and now.evaluations < now.budget:
                return
            shown = time.perf_counter()
            best = f", {task.objective.name} {now.train:.4g}" if now.train == now.train else ""
            text = f"run {number + 1} of {runs}: {searcher}, {now.evaluations:,} of {now.budget:,}{best}"
            bars.update(line, completed=number * budget + now.evaluations, now=text)

        yield show
        bars.update(line, completed=runs * budget)
