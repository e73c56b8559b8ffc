"""Progress display of a fit."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from quarva.networks.training.training import Epoch

__all__ = ["progress_reporter"]

_DELAY = 2.0  # seconds before the bar appears


@contextmanager
def progress_reporter(
    progress: bool | Callable[[Epoch], object], chunks: int
) -> Iterator[Callable[[int, Epoch], object]]:
    """Context that yields a function to call with the chunk and the result of every epoch.

    The function calls `progress` if that is callable. If `progress` is true and standard error is a terminal,
    it updates a bar there, which appears after two seconds. Otherwise it does nothing.
    """
    if callable(progress):
        callback = progress
        yield lambda _, epoch: callback(epoch)
        return
    if not progress or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn(compact=True)
    began = time.monotonic()
    with Progress(*columns, TextColumn("{task.fields[losses]}"), console=Console(stderr=True)) as bars:
        line = bars.add_task("fit", total=None, losses="", visible=False)

        def show(chunk: int, epoch: Epoch) -> None:
            train, stopping = float(epoch.train.nanmean()), float(epoch.stopping.nanmean())
            bars.update(
                line, total=epoch.epochs * chunks, completed=chunk * epoch.epochs + epoch.number,
                losses=f"loss {train:.4g}, held out {stopping:.4g}",
                visible=time.monotonic() - began > _DELAY,
            )  # fmt: skip

        yield show
