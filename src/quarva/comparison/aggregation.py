"""Median and quartiles over seeds: of figures, and of best so far along a race."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quarva.comparison.run import Run
from quarva.report.comparison import Band, Race

__all__ = ["quartiles", "race"]

Floats = NDArray[np.float64]

_PLACES = 240  # along a race, evenly on its logarithm


def quartiles(values: Sequence[float] | Floats, worst: float) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; what is not there counts as the `worst`.

    NaN without values.
    """
    if not len(values):
        return (float("nan"),) * 3
    low, middle, high = _quantiles(np.where(np.isnan(values), worst, values), worst)
    return float(low), float(middle), float(high)


def _quantiles(values: Floats, worst: float) -> Floats:
    """Quartiles along the first axis of [seeds, …], float64 [3, …]; beside an infinite value the worst."""
    ordered = np.sort(values, axis=0)
    places = np.array([0.25, 0.5, 0.75]) * (len(ordered) - 1)
    below = np.floor(places).astype(int)
    share = (places - below).reshape(-1, *(1,) * (ordered.ndim - 1))
    low, high = ordered[below], ordered[np.minimum(below + 1, len(ordered) - 1)]
    with np.errstate(invalid="ignore"):
        between = np.where(share == 0, low, low + (high - low) * share)
    return np.where(np.isnan(between), worst, between)


def race(
    runs: dict[str, list[Run]],
    unit: Literal["evaluations", "seconds"],
    figure: str,
    drawn: Callable[[Run], Floats],
    *,
    level: float | None = None,
    error: bool = False,
) -> Race:
    """Best so far of each searcher, its runs by name, against evaluations or seconds.

    A run that ended stays where it was, for it might have gone on; a searcher's band ends with its last run.

    Args:
        figure, level: of the `Race`.
        error: whether less is better, on a logarithmic axis.
        drawn: what to draw of a run behind each of its batches, float64 [batches]; NaN counts as worst.
    """
    first = min(float(_took(run, unit)[0]) for group in runs.values() for run in group)
    last = {name: max(float(_took(run, unit)[-1]) for run in group) for name, group in runs.items()}
    low = max(first, 1e-3)
    places = np.geomspace(low, max(*last.values(), 1.01 * low), _PLACES)
    x = np.unique(np.concatenate([places, np.maximum([*last.values()], low)]))
    worst = float("inf") if error else -np.inf
    bands = [
        _band(name, group, x[x <= max(last[name], low)], unit, drawn, worst) for name, group in runs.items()
    ]
    whole = [Band(band.name, *(_filled(part, len(x)) for part in (band.low, band.middle, band.high)))
             for band in bands]  # fmt: skip
    return Race(figure, unit, x, tuple(whole), level, logarithmic=error)


def _took(run: Run, unit: Literal["evaluations", "seconds"]) -> Floats:
    return run.after if unit == "evaluations" else run.at


def _band(
    name: str,
    runs: list[Run],
    x: Floats,
    unit: Literal["evaluations", "seconds"],
    drawn: Callable[[Run], Floats],
    worst: float,
) -> Band:
    # A seed that has nothing yet is worse than any that has: the median begins when half have a figure.
    rows = np.full((len(runs), len(x)), worst)
    for row, run in zip(rows, runs, strict=True):
        before = np.searchsorted(_took(run, unit), x, side="right") - 1
        figures = drawn(run)
        row[before >= 0] = np.where(np.isnan(figures), worst, figures)[before[before >= 0]]
    parts = _quantiles(rows, worst)
    return Band(name, *np.where(np.isfinite(parts), parts, np.nan))


def _filled(part: Floats, length: int) -> Floats:
    return np.concatenate([part, np.full(length - len(part), np.nan)])
