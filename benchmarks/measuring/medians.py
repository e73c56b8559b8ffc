"""Medians over runs, some of which did not reach their goal."""

import statistics
from collections.abc import Iterable

__all__ = ["median_of", "shown"]


def median_of(counts: Iterable[int | None]) -> float:
    """Return the median of counts; None, a run that missed its goal, counts as longer than any.

    The median is infinite if at least half of the runs missed, or if there is none.
    """
    return statistics.median([float("inf") if count is None else count for count in counts] or [float("inf")])


def shown(median: float) -> str:
    """Format a median; a dash if it is infinite."""
    return "–" if median == float("inf") else f"{median:,.0f}"
