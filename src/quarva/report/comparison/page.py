"""A comparison as one self-contained HTML file."""

import os
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.files import write_atomically
from quarva.report import axis
from quarva.report.comparison.data import ComparisonData, ConvergencePlot, colour_class, end_points, separate
from quarva.report.page import environment
from quarva.report.plot import BOX, Hover, Label, Line, Plot, area_between, step_corners, step_path

__all__ = ["render", "write"]

_HEIGHT = 300  # height of a panel in pixels
_LABEL_HEIGHT = 17  # in pixels
_MAX_HOVER_POINTS = 400


def write(data: ComparisonData, path: str | os.PathLike[str]) -> Path:
    """Write the page to `path` atomically and return the path.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    target = Path(path)
    write_atomically(target, render(data).encode())
    return target


def render(data: ComparisonData) -> str:
    """Render the page as HTML text."""
    from markupsafe import Markup

    style = resources.files("quarva.report") / "templates" / "comparison.css"
    return (
        environment()
        .get_template("comparison.html")
        .render(
            data=data,
            comparison_style=Markup(style.read_text(encoding="utf-8")),
            colours=[colour_class(k) for k in range(len(data.rows))],
            keys=[(colour_class(k), name) for k, name in enumerate(_names(data))],
            panels=[_plot(plot) for plot in data.plots],
            level=next((plot.format(plot.level) for plot in data.plots if plot.level is not None), None),
        )
    )


def _names(data: ComparisonData) -> list[str]:
    return [curve.name for curve in data.plots[0].curves] if data.plots else []


def _plot(plot: ConvergencePlot) -> Plot:
    x_axis, y_axis = plot.x_axis, plot.y_axis
    x = x_axis.at(np.log10(plot.x))
    areas, lines = [], []
    for k, curve in enumerate(plot.curves):
        low, high, median = (plot.to_axis(part) for part in (curve.low, curve.high, curve.median))
        there = np.isfinite(low) & np.isfinite(high)  # otherwise the last step would extend too far
        places, low, high = step_corners(x[there], low[there], high[there])
        areas.append(Line(area_between(places, low, high, y_axis), colour_class(k)))
        lines.append(Line(step_path(x, median, y_axis), colour_class(k)))
    summary = "; ".join(
        f"{name} {plot.format(value)} after {axis.number(place, 1)}"
        for name, place, value in end_points(plot)
    )
    level: tuple[Line, ...] = ()
    if plot.level is not None and np.isfinite(plot.level):
        place = BOX * (1 - float(y_axis.at(plot.to_axis(np.array([plot.level])))[0]))
        level = (Line(f"M0 {place:.1f}H1000", "quiet dash"),)
    return Plot(
        f"{plot.figure} against {plot.unit}, median over seeds: {summary}.",
        x_axis.ticks,
        y_axis,
        _HEIGHT,
        areas=tuple(areas),
        lines=(*level, *lines, *_dots(plot, y_axis)),
        labels=_labels(plot, y_axis),
        hover=_hover(plot, x),
        caption=f"{plot.figure}, against {plot.unit}",
        x_title=f"{plot.unit}, log scale",
    )


def _dots(plot: ConvergencePlot, y_axis: axis.Axis) -> tuple[Line, ...]:
    """A dot at the end of each median."""
    style = {curve.name: f"{colour_class(k)} dot" for k, curve in enumerate(plot.curves)}
    return tuple(
        Line(f"M{BOX * left:.1f} {BOX * (1 - bottom):.1f}h0", style[name])
        for name, left, bottom in _end_positions(plot, y_axis)
    )


def _end_positions(plot: ConvergencePlot, y_axis: axis.Axis) -> list[tuple[str, float, float]]:
    """Name and position, both coordinates in [0, 1], of the end of each median."""
    found = end_points(plot)
    left = plot.x_axis.at(np.log10([place for _, place, _ in found]))
    bottom = y_axis.at(plot.to_axis(np.array([value for _, _, value in found])))
    return [(name, float(a), float(b)) for (name, _, _), a, b in zip(found, left, bottom, strict=True)]


def _labels(plot: ConvergencePlot, y_axis: axis.Axis) -> tuple[Label, ...]:
    style = {curve.name: colour_class(k) for k, curve in enumerate(plot.curves)}
    found = _end_positions(plot, y_axis)
    heights = separate([bottom for _, _, bottom in found], _LABEL_HEIGHT / _HEIGHT)
    return tuple(
        Label(100 * left, 100 * height, name, style[name])
        for (name, left, _), height in zip(found, heights, strict=True)
    )


def _hover(plot: ConvergencePlot, x: NDArray[np.float64]) -> Hover:
    is_count = plot.unit == "evaluations"
    rows = np.unique(np.linspace(0, len(x) - 1, min(len(x), _MAX_HOVER_POINTS)).astype(int))
    heads = [
        f"{place:,.0f} {plot.unit}" if is_count else f"{place:.3g} {plot.unit}" for place in plot.x[rows]
    ]
    series = []
    for k, curve in enumerate(plot.curves):
        parts = zip(curve.median[rows], curve.low[rows], curve.high[rows], strict=True)
        texts = [
            f"{plot.format(m)} ({plot.format(a)} to {plot.format(b)})" if np.isfinite(m) else ""
            for m, a, b in parts
        ]
        series.append((colour_class(k), curve.name, texts))
    return Hover([round(float(place), 5) for place in x[rows]], heads, series)
