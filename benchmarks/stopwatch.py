"""Seconds of works, for Quarva's side and for the peers' own Python alike."""

import statistics
import time
from collections.abc import Callable
from typing import Any

__all__ = ["in_turns", "median_seconds", "seconds_of"]


def seconds_of(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and what it gave."""
    start = time.perf_counter()
    given = work()
    return time.perf_counter() - start, given


def median_seconds(repeats: int, work: Callable[[], Any]) -> float:
    """Median seconds of so many calls."""
    return statistics.median(seconds_of(work)[0] for _ in range(repeats))


def in_turns(repeats: int, *works: Callable[[], Any]) -> tuple[list[float], list[Any]]:
    """Median seconds of each work, the works done in turns `repeats` times, and what each gave last."""
    times: list[list[float]] = [[] for _ in works]
    given: list[Any] = [None] * len(works)
    for _ in range(repeats):
        for place, work in enumerate(works):
            took, given[place] = seconds_of(work)
            times[place].append(took)
    return [statistics.median(each) for each in times], given
