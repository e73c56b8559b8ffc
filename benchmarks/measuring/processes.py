"""Independent runs, one after the other or in several processes."""

import concurrent.futures
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["each_in_turn"]

Job = TypeVar("Job")
Result = TypeVar("Result")


def each_in_turn(work: Callable[[Job], Result], jobs: Iterable[Job], processes: int) -> Iterator[Result]:
    """Yield `work(job)` for each job, in order; `work` must be a function of a module."""
    if processes == 1:
        yield from map(work, jobs)
        return
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        yield from pool.map(work, jobs)
