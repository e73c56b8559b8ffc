"""Median and quartiles over seeds: of figures, and of best so far along a race."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quarva.comparison.run import Run
from quarva.report.comparison import ConvergencePlot, Curve

__all__ = ["quartiles", "race"]

Floats = NDArray[np.float64]

_LEAST = 1e-3  # evaluations or seconds that a race begins at, which has a logarithmic axis


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
) -> ConvergencePlot:
    """Best so far of each searcher, its runs by name, against evaluations or seconds.

    Median and quartiles are step functions: they change where a formula became the best so far of a run, and
    nowhere else. A run that ended stays where it was, for it might have gone on; a searcher's band ends with
    its last run.

    Args:
        figure, level: of the `ConvergencePlot`.
        error: whether less is better, on a logarithmic axis.
        drawn: what to draw of each incumbent of a run, float64 [incumbents]; NaN counts as worst.
    """
    last = {name: max(_end(run, unit) for run in group) for name, group in runs.items()}
    steps = [_took(run, unit) for group in runs.values() for run in group]
    x = np.unique(np.concatenate([*steps, [*last.values()]]))
    x = np.unique(np.maximum(x, _LEAST))
    worst = float("inf") if error else -np.inf
    parts = np.stack([_band(group, x, unit, drawn, worst) for group in runs.values()])
    for band, end in zip(parts, last.values(), strict=True):
        band[:, x > max(end, _LEAST)] = np.nan
    kept = _steps(x, parts, np.maximum([*last.values()], _LEAST))
    curves = [Curve(name, *band) for name, band in zip(runs, parts[:, :, kept], strict=True)]
    return ConvergencePlot(figure, unit, x[kept], tuple(curves), level, logarithmic=error)


def _steps(x: Floats, parts: Floats, ends: Floats) -> NDArray[np.bool_]:
    """Which places of `x` a picture needs: the first, those where a band ends, those where one changes."""
    before, now = parts[:, :, :-1], parts[:, :, 1:]
    same = (before == now) | (np.isnan(before) & np.isnan(now))
    kept = np.isin(x, ends)
    kept[1:] |= ~same.all(axis=(0, 1))
    kept[0] = True
    return kept


def _took(run: Run, unit: Literal["evaluations", "seconds"]) -> Floats:
    return run.after if unit == "evaluations" else run.at


def _end(run: Run, unit: Literal["evaluations", "seconds"]) -> float:
    """What the whole run took."""
    return float(run.evaluations) if unit == "evaluations" else run.seconds


def _band(
    runs: list[Run],
    x: Floats,
    unit: Literal["evaluations", "seconds"],
    drawn: Callable[[Run], Floats],
    worst: float,
) -> Floats:
    """Lower quartile, median and upper quartile at each place, float64 [3, X]."""
    # A seed that has nothing yet is worse than any that has: the median begins when half have a figure.
    rows = np.full((len(runs), len(x)), worst)
    for row, run in zip(rows, runs, strict=True):
        before = np.searchsorted(np.maximum(_took(run, unit), _LEAST), x, side="right") - 1
        figures = drawn(run)
        row[before >= 0] = np.where(np.isnan(figures), worst, figures)[before[before >= 0]]
    parts = _quantiles(rows, worst)
    return np.where(np.isfinite(parts), parts, np.nan)
