"""Medians and quartiles over seeds, of final scores and of the best score during a search."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quarva.comparison.run import Run
from quarva.report.comparison import ConvergencePlot, Curve

__all__ = ["quartiles", "race"]

Floats = NDArray[np.float64]

_LEAST = 1e-3  # where the logarithmic axis of evaluations or seconds begins


def quartiles(values: Sequence[float] | Floats, worst: float) -> tuple[float, float, float]:
    """Compute the quartiles of scores.

    Parameters
    ----------
    values : sequence of float
        The scores. NaN counts as `worst`.
    worst : float
        The worst possible value, ∞ or −∞.

    Returns
    -------
    tuple of float
        Lower quartile, median and upper quartile; NaN if there are no values.
    """
    if not len(values):
        return (float("nan"),) * 3
    low, middle, high = _quantiles(np.where(np.isnan(values), worst, values), worst)
    return float(low), float(middle), float(high)


def _quantiles(values: Floats, worst: float) -> Floats:
    """Quartiles along the first axis, float64 [3, …]; interpolation between −∞ and ∞ gives `worst`."""
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
    """Compute the best score so far of each entry against evaluations or seconds.

    Median and quartiles are step functions that change only where the incumbent of a run changes. A run that
    has ended keeps its last score. The curve of an entry ends when its last run ends.

    Parameters
    ----------
    runs : dict of str to list of Run
        Runs of each entry.
    unit : {"evaluations", "seconds"}
        Unit of the horizontal axis.
    figure, level : str, float or None
        As in `ConvergencePlot`.
    error : bool
        True if smaller is better; the axis is then logarithmic.
    drawn : callable
        Returns the score of each incumbent of a run, float64 [incumbents]; NaN counts as worst.

    Returns
    -------
    ConvergencePlot
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
    """Mask of the abscissae that a plot needs: the first, the ends of curves, and steps of a curve."""
    before, now = parts[:, :, :-1], parts[:, :, 1:]
    same = (before == now) | (np.isnan(before) & np.isnan(now))
    kept = np.isin(x, ends)
    kept[1:] |= ~same.all(axis=(0, 1))
    kept[0] = True
    return kept


def _took(run: Run, unit: Literal["evaluations", "seconds"]) -> Floats:
    return run.after if unit == "evaluations" else run.at


def _end(run: Run, unit: Literal["evaluations", "seconds"]) -> float:
    """Evaluations or seconds of the whole run."""
    return float(run.evaluations) if unit == "evaluations" else run.seconds


def _band(
    runs: list[Run],
    x: Floats,
    unit: Literal["evaluations", "seconds"],
    drawn: Callable[[Run], Floats],
    worst: float,
) -> Floats:
    """Lower quartile, median and upper quartile at each abscissa, float64 [3, X]."""
    # A seed without a score counts as worst, so the median begins when half of the seeds have one.
    rows = np.full((len(runs), len(x)), worst)
    for row, run in zip(rows, runs, strict=True):
        before = np.searchsorted(np.maximum(_took(run, unit), _LEAST), x, side="right") - 1
        figures = drawn(run)
        row[before >= 0] = np.where(np.isnan(figures), worst, figures)[before[before >= 0]]
    parts = _quantiles(rows, worst)
    return np.where(np.isfinite(parts), parts, np.nan)
