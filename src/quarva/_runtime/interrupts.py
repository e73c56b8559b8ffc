"""Cooperative handling of Ctrl-C: long work polls for it between two steps."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["interrupts"]


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Catch the first Ctrl-C.

    The first Ctrl-C only sets a flag. It also restores the previous handler, so that a second one ends the
    process as usual.

    Yields
    ------
    callable
        A function without arguments that returns True once Ctrl-C was pressed. Outside the main thread it
        always returns False, because Python delivers signals to the main thread only.
    """
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested.is_set
        return
    previous = signal.getsignal(signal.SIGINT)

    def request_stop(*_: Any) -> None:
        requested.set()
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, request_stop)
    try:
        yield requested.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
