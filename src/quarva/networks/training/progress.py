"""The bar that shows how far a fit is."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from quarva.networks.training.training import Epoch

__all__ = ["bar"]

_QUIET = 2.0  # seconds before a bar is shown


@contextmanager
def bar(progress: bool | Callable[[Epoch], object], chunks: int) -> Iterator[Callable[[int, Epoch], object]]:
    """What is told every epoch: the caller's own, or a bar on standard error from the third second on."""
    if callable(progress):
        own = progress
        yield lambda _, now: own(now)
        return
    if not progress or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn(compact=True)
    began = time.monotonic()
    with Progress(*columns, TextColumn("{task.fields[said]}"), console=Console(stderr=True)) as bars:
        line = bars.add_task("fit", total=None, said="", visible=False)

        def show(chunk: int, now: Epoch) -> None:
            said = f"loss {float(now.train.nanmean()):.4g}, held out {float(now.stopping.nanmean()):.4g}"
            bars.update(
                line, total=now.of * chunks, completed=chunk * now.of + now.number, said=said,
                visible=time.monotonic() - began > _QUIET,
            )  # fmt: skip

        yield show
