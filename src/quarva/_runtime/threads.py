"""`share`: work handed to threads that wait for it.

An executor makes a future and passes a queue for each call; on tasks of half a millisecond, such as breeding
or scoring a population on a small table, that and the waking took a fourth of the time (two threads, a
call of 270 µs each: 420 µs with `ThreadPoolExecutor`, 350 µs here).
"""

import atexit
import os
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import numpy as np

__all__ = ["idle_helper", "share"]

_Kept = TypeVar("_Kept")

_PIECES = 4  # pieces of work for each thread: they differ in cost
_PARTING = 1.0  # seconds that the end of the process waits for a helper


class _Helper:
    """A thread that waits for work."""

    def __init__(self) -> None:
        self._begin, self._done = threading.Lock(), threading.Lock()
        self._begin.acquire()
        self._done.acquire()
        self._work: Callable[[], None] = lambda: None
        self._error: BaseException | None = None
        self._goes = False
        self._thread = threading.Thread(target=self._serve, name="quarva", daemon=True)
        self._thread.start()

    def start(self, work: Callable[[], None]) -> None:
        """Begin with this work."""
        self._work = work
        self._begin.release()

    def finish(self) -> BaseException | None:
        """Wait for the work's end; what it raised."""
        self._done.acquire()
        error, self._error = self._error, None
        return error

    def dismiss(self) -> None:
        """End the thread, which has no work."""
        self._goes = True
        self._begin.release()
        self._thread.join(_PARTING)

    def _serve(self) -> None:
        while True:
            self._begin.acquire()
            if self._goes:
                return
            try:
                self._work()
            except BaseException as error:  # noqa: BLE001  # whoever shares the work raises it again
                self._error = error
            self._work = lambda: None  # keeps nothing alive while it waits
            self._done.release()


_idle: list[_Helper] = []  # taken by pop and given back by append, each one step for the interpreter
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a child process has no threads but its own


def idle_helper(idle: list[_Kept], make: Callable[[], _Kept]) -> _Kept:
    """One that waits, or a new one; of several threads that ask at a time each gets its own."""
    try:
        return idle.pop()
    except IndexError:
        return make()


@atexit.register
def _dismiss_all() -> None:
    """End the threads that wait: one found in machine code by the interpreter's end dies where it stands."""
    while _idle:
        _idle.pop().dismiss()


def share(work: Callable[[int, int], None], n: int, threads: int, grain: int = 1) -> None:
    """Call work(first, last) for pieces of 0 … n − 1 on so many threads; no item may depend on another.

    Pieces hold at least `grain` items, as long as there is one for each thread: handing work over costs some
    50 µs. The calling thread works too, and each thread takes the next piece when it is done with one. It may
    be called from several threads at a time, and within shared work.

    Raises:
        Exception: what `work` raised, after every thread has stopped; of several the calling thread's.
    """
    if threads <= 1 or n < 2:
        work(0, n)
        return
    pieces = min(n, threads * _PIECES, max(threads, n // grain))
    cuts = np.linspace(0, n, pieces + 1).astype(int).tolist()
    left = iter(list(pairwise(cuts)))  # `next` on it is one step for the interpreter: no lock is needed

    def drain() -> None:
        for first, last in left:
            work(first, last)

    helpers = [idle_helper(_idle, _Helper) for _ in range(min(threads, pieces) - 1)]
    for helper in helpers:
        helper.start(drain)
    errors: list[BaseException | None] = []
    try:
        drain()
    finally:
        for helper in helpers:
            errors.append(helper.finish())
            _idle.append(helper)
    for error in errors:
        if error is not None:
            raise error
