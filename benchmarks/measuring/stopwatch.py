"""Timing of functions. Peers' own Python imports this module too."""

import statistics
import time
from collections.abc import Callable
from typing import Any

__all__ = ["best_seconds", "in_turns", "median_seconds", "seconds_of"]

TURN = 0.1  # minimal seconds of a turn


def seconds_of(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of one call, and its result."""
    start = time.perf_counter()
    given = work()
    return time.perf_counter() - start, given


def median_seconds(repeats: int, work: Callable[[], Any]) -> float:
    """Return the median seconds of `repeats` calls."""
    return statistics.median(seconds_of(work)[0] for _ in range(repeats))


def best_seconds(repeats: int, work: Callable[[], Any]) -> float:
    """Return the fewest seconds of `repeats` calls, for small costs that are compared by subtraction."""
    return min(seconds_of(work)[0] for _ in range(repeats))


def in_turns(repeats: int, *works: Callable[[], Any]) -> tuple[list[float], list[Any]]:
    """Run several functions in turns; return the median seconds of each, and its last result.

    A turn of a short function lasts a tenth of a second, since the function before it still occupies the
    caches and its threads may still be spinning.
    """
    times: list[list[float]] = [[] for _ in works]
    given: list[Any] = [None] * len(works)
    for _ in range(repeats):
        for place, work in enumerate(works):
            turn: list[float] = []
            while sum(turn) < TURN:
                took, given[place] = seconds_of(work)
                turn.append(took)
            times[place].append(statistics.median(turn))
    return [statistics.median(each) for each in times], given
