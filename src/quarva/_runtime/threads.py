"""One pool of helper threads: `start` gives work to an idle one, `share` splits work among several.

`ThreadPoolExecutor` creates a future per call and passes it through a queue. On tasks of half a millisecond,
such as breeding or scoring a population on a small table, this overhead took a quarter of the time (two
threads with a call of 270 µs each: 420 µs with `ThreadPoolExecutor`, 350 µs here).
"""

import atexit
import contextlib
import os
import threading
from collections.abc import Callable
from itertools import pairwise

import numpy as np

__all__ = ["Job", "share", "start"]

_PIECES = 4  # pieces of work per thread, because their costs differ
_JOIN_TIMEOUT = (
    5.0  # seconds that the end of the process waits for a helper; one that spins is late under load
)


class Job:
    """Work that runs on a helper thread.

    Parameters
    ----------
    work : callable
        Takes no argument.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def run(self) -> None:
        """Run the work and keep the exception that it raises."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001  # `share` raises it again
            self._error = error

    def finish(self) -> None:
        """Let `wait` return."""
        self._done.release()

    def wait(self) -> BaseException | None:
        """Wait for the end of the work; return the exception that it raised, or None."""
        self._done.acquire()
        return self._error


class _Helper:
    """A thread that runs one job after another. It is in `_idle` while it has none."""

    def __init__(self) -> None:
        self._begin = threading.Lock()
        self._begin.acquire()
        self._job: Job | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="quarva", daemon=True)
        self._thread.start()

    def start(self, job: Job) -> None:
        """Start the job. The caller has taken the helper out of `_idle`."""
        self._job = job
        self._begin.release()

    def stop(self) -> None:
        """End the thread after its last job."""
        self._stopping = True
        with contextlib.suppress(RuntimeError):  # a job has just been started
            self._begin.release()
        self._thread.join(_JOIN_TIMEOUT)

    def _serve(self) -> None:
        while not self._stopping:
            self._begin.acquire()
            job, self._job = self._job, None
            if job is None:
                return
            job.run()
            _idle.append(self)
            job.finish()
            del job  # an idle thread must not keep objects alive


# `pop` and `append` are atomic, so that no lock is needed. Threads do not survive a fork.
_idle: list[_Helper] = []
_helpers: list[_Helper] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
    os.register_at_fork(after_in_child=_helpers.clear)


@atexit.register
def _stop_all() -> None:
    """End the threads: the interpreter must not shut down while one of them runs machine code."""
    while _helpers:
        _helpers.pop().stop()


def start(work: Callable[[], None]) -> Job:
    """Start work on an idle helper thread, or on a new one.

    Parameters
    ----------
    work : callable
        Takes no argument.

    Returns
    -------
    Job
        Its `wait` returns when the work has ended.
    """
    job = Job(work)
    try:
        helper = _idle.pop()
    except IndexError:
        helper = _Helper()
        _helpers.append(helper)
    helper.start(job)
    return job


def share(work: Callable[[int, int], None], n: int, threads: int, grain: int = 1) -> None:
    """Split the items 0 … n − 1 into pieces and call work(first, last) for each piece on several threads.

    The calling thread takes part, and each thread takes the next piece when it has finished one. `share` may
    be called from several threads at once and from within shared work.

    Parameters
    ----------
    work : callable
        Processes the items first … last − 1. No item may depend on another one.
    n : int
        Number of items.
    threads : int
        Number of threads, the calling thread included.
    grain : int, default 1
        Smallest size of a piece, as long as every thread still gets one: handing over a piece costs about
        50 µs.

    Raises
    ------
    BaseException
        The exception that `work` raised, after all threads have stopped. If several threads raised one, that
        of the calling thread.
    """
    if threads <= 1 or n < 2:
        work(0, n)
        return
    pieces = min(n, threads * _PIECES, max(threads, n // grain))
    cuts = np.linspace(0, n, pieces + 1).astype(int).tolist()
    remaining = iter(list(pairwise(cuts)))  # `next` on it is atomic, so that no lock is needed

    def drain() -> None:
        for first, last in remaining:
            work(first, last)

    jobs = [start(drain) for _ in range(min(threads, pieces) - 1)]
    try:
        drain()
    finally:
        errors = [job.wait() for job in jobs]
    for error in errors:
        if error is not None:
            raise error
