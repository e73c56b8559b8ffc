"""What ends a search from outside: Ctrl-C, and the memory that the process has taken."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["interrupts", "peak_mb"]


def peak_mb() -> float:
    """Most memory that the process has held, in MiB; 0 on Windows, which does not tell."""
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Yields whether Ctrl-C was pressed; the first asks to stop, the second one ends the process as usual.

    Outside the main thread Python delivers no signals: there the answer is never.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(*_: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
