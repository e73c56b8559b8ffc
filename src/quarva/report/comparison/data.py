"""Plain data behind the plots and the table of a comparison."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.report import axis

__all__ = [
    "COLOUR_COUNT",
    "ComparisonData",
    "ConvergencePlot",
    "Curve",
    "colour_class",
    "end_points",
    "separate",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """Best score so far of one searcher: median and quartiles over seeds.

    Attributes
    ----------
    name : str
        Name of the searcher.
    low, median, high : float64 arrays of shape (X,)
        Lower quartile, median and upper quartile at the abscissae `x` of the plot. They are step functions:
        each value holds up to the next abscissa. NaN before the first score and after the last run has ended.
    """

    name: str
    low: Floats
    median: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class ConvergencePlot:
    """Best score so far against its cost.

    Attributes
    ----------
    figure : str
        Label of the vertical axis.
    unit : {"evaluations", "seconds"}
        Cost on the horizontal axis.
    x : float64 array of shape (X,)
        Abscissae in `unit`, positive and increasing.
    curves : tuple of Curve
        One curve per searcher.
    level : float, optional
        Score at which searchers are timed.
    logarithmic : bool
        Whether the score is an error on a logarithmic axis.
    """

    figure: str
    unit: str
    x: Floats
    curves: tuple[Curve, ...]
    level: float | None = None
    logarithmic: bool = False

    @property
    def x_axis(self) -> axis.Axis:
        """Horizontal axis, logarithmic."""
        return axis.growth_axis(float(self.x[0]), max(float(self.x[-1]), 1.01 * float(self.x[0])))

    @property
    def y_axis(self) -> axis.Axis:
        """Vertical axis; in log10 units if `logarithmic`."""
        parts = [part for curve in self.curves for part in (curve.low, curve.median, curve.high)]
        values = np.concatenate([part[np.isfinite(part)] for part in parts]) if parts else np.empty(0)
        if self.level is not None and math.isfinite(self.level):
            values = np.append(values, self.level)
        if not values.size:
            return axis.round_axis(0.0, 1.0)
        low, high = float(values.min()), float(values.max())
        if self.logarithmic:
            return axis.growth_axis(low, max(high, 1.01 * low))
        return axis.round_axis(low, high, zero=0 <= low < 0.3 * high)

    def to_axis(self, values: Floats) -> Floats:
        """Convert scores to the units of `y_axis` (log10 if `logarithmic`). Same shape; NaN stays NaN."""
        if not self.logarithmic:
            return values
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log10(values)

    def format(self, value: float) -> str:
        """Format a score for display; an en dash if it is not finite."""
        if not math.isfinite(value):
            return "–"
        return f"{value:.1e}".replace("-", axis.MINUS) if self.logarithmic else axis.number(value, 4)


@dataclass(frozen=True, slots=True)
class ComparisonData:
    """Everything that the page and the plots of a comparison show.

    Attributes
    ----------
    title, lead : str
        One-sentence summary of the comparison, and the conditions shared by all runs.
    plots : tuple of ConvergencePlot
        Two plots per score: against evaluations, then against seconds.
    header, rows : tuple of str, tuple of tuples of str
        Formatted table with one row per searcher.
    notes : tuple of str
        Explanations printed below the table.
    version : str
        Version of Quarva.
    """

    title: str
    lead: str
    plots: tuple[ConvergencePlot, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    version: str = ""


COLOUR_COUNT = 8  # distinct colours of searchers; they repeat beyond that


def colour_class(index: int) -> str:
    """CSS class of the searcher in row `index` of the table."""
    return f"s{index % COLOUR_COUNT}"


def end_points(plot: ConvergencePlot) -> list[tuple[str, float, float]]:
    """Name, abscissa and value of the last finite median of each searcher that has one."""
    last = [(curve, np.flatnonzero(np.isfinite(curve.median))) for curve in plot.curves]
    return [
        (curve.name, float(plot.x[rows[-1]]), float(curve.median[rows[-1]]))
        for curve, rows in last
        if len(rows)
    ]


def separate(wanted: list[float], gap: float, low: float = 0.0, high: float = 1.0) -> list[float]:
    """Move label positions apart so that neighbours are at least `gap` apart, keeping their order.

    Labels that would overlap are placed symmetrically about their common centre, within [`low`, `high`].
    """
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    groups: list[tuple[list[int], float]] = []
    for k in order:
        group, middle = [k], wanted[k]
        while groups and _bottom(group, middle, gap) < _top(*groups[-1], gap) + gap:
            before, centre = groups.pop()
            middle = (centre * len(before) + middle * len(group)) / (len(before) + len(group))
            group = before + group
        groups.append((group, _inside(middle, (len(group) - 1) * gap / 2, low, high)))
    places = [0.0] * len(wanted)
    for group, middle in groups:
        for step, k in enumerate(group):
            places[k] = _bottom(group, middle, gap) + step * gap
    return places


def _inside(middle: float, half: float, low: float, high: float) -> float:
    return min(max(middle, low + half), max(high - half, low + half))


def _bottom(group: list[int], middle: float, gap: float) -> float:
    return middle - (len(group) - 1) * gap / 2


def _top(group: list[int], middle: float, gap: float) -> float:
    return middle + (len(group) - 1) * gap / 2
