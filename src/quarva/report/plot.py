"""Geometry of a plot: ticks, bands, lines, bars and dots in a box of 1000 by 1000 units.

The page stretches the box to the available space; strokes keep their width. All text is HTML on top of the
box, so its size does not depend on the size of the plot. The templates draw; this module computes
coordinates.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quarva.report.axis import Axis, Tick

__all__ = [
    "BOX",
    "Band",
    "Bar",
    "Hover",
    "Key",
    "Label",
    "Line",
    "Plot",
    "area_between",
    "area_to_zero",
    "dots",
    "downsample",
    "polyline",
    "step_corners",
    "step_path",
]  # fmt: skip

BOX = 1000.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """An SVG path; `style` names a CSS class (train, validation, test, quiet, …)."""

    path: str
    style: str


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    style: str


@dataclass(frozen=True, slots=True)
class Band:
    """A shaded range of the horizontal axis; `left` and `width` in percent."""

    left: float
    width: float
    style: str


@dataclass(frozen=True, slots=True)
class Label:
    """Text at the end of a line; position in percent from the left and from the bottom."""

    left: float
    bottom: float
    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the legend."""

    style: str
    text: str


@dataclass(frozen=True, slots=True)
class Hover:
    """Tooltips: positions in [0, 1], a heading for each, and one text per series."""

    at: list[float]
    heads: list[str]
    series: list[tuple[str, str, list[str]]]  # style, name, texts ("" for none)


@dataclass(frozen=True, slots=True)
class Plot:
    """One panel of a figure. `summary` is its text alternative for screen readers."""

    summary: str
    x: tuple[Tick, ...]
    y: Axis
    height: int = 240  # pixels
    x_title: str = ""
    bands: tuple[Band, ...] = ()
    areas: tuple[Line, ...] = ()
    lines: tuple[Line, ...] = ()
    bars: tuple[Bar, ...] = ()
    labels: tuple[Label, ...] = ()
    hover: Hover | None = None
    caption: str = ""  # heading of the panel in figures with several panels
    keys: tuple[Key, ...] = field(default=())

    @property
    def zero(self) -> float | None:
        """Vertical position of the zero line in the box; None if 0 is outside the axis."""
        if not self.y.low <= 0 <= self.y.high:
            return None
        return BOX * (1 - float(self.y.at(np.zeros(1))[0]))


def downsample(y: Floats, points: int = 900) -> NDArray[np.int64]:
    """Select rows of `y`, shape [T], that preserve the look of a line.

    The selection has both ends and the minimum and maximum of each block of rows: at most about `points`
    rows, ascending. NaN rows are dropped.
    """
    rows = np.flatnonzero(np.isfinite(y))
    if len(rows) <= points:
        return rows
    selected = {int(rows[0]), int(rows[-1])}
    for block in np.array_split(rows, points // 2):
        values = y[block]
        selected.add(int(block[values.argmin()]))
        selected.add(int(block[values.argmax()]))
    return np.array(sorted(selected), dtype=np.int64)


def _to_box(x: Floats, y: Floats, axis: Axis) -> tuple[Floats, Floats]:
    return BOX * x, BOX * (1 - axis.at(y))


def polyline(x: Floats, y: Floats, axis: Axis) -> str:
    """SVG path through positions `x` in [0, 1] and values `y`, both of shape [T]; NaN rows are bridged."""
    rows = downsample(y)
    left, top = _to_box(x[rows], y[rows], axis)
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(left, top, strict=True)) if len(rows) else ""


def step_path(x: Floats, y: Floats, axis: Axis) -> str:
    """SVG path of a step function that holds each value until the next one. Not downsampled."""
    rows = np.flatnonzero(np.isfinite(y))
    if not len(rows):
        return ""
    changed = np.concatenate(([True], y[rows][1:] != y[rows][:-1]))
    changed[-1] = True
    left, top = _to_box(x[rows][changed], y[rows][changed], axis)
    path = f"M{left[0]:.1f} {top[0]:.1f}"
    return path + "".join(f"H{a:.1f}V{b:.1f}" for a, b in zip(left[1:], top[1:], strict=True))


def step_corners(x: Floats, *lines: Floats) -> tuple[Floats, ...]:
    """Insert the corners of step functions that hold each value until the next abscissa.

    Parameters
    ----------
    x : float64 array of shape (T,)
        Abscissae, ascending.
    *lines : float64 arrays of shape (T,)
        Values; NaN where missing.

    Returns
    -------
    tuple of float64 arrays of shape (2 T - 1,)
        `x` and each line, including the corners.
    """
    return np.repeat(x, 2)[1:], *(np.repeat(line, 2)[:-1] for line in lines)


def area_to_zero(x: Floats, y: Floats, axis: Axis) -> str:
    """SVG path of the area between a line and zero."""
    rows = downsample(y)
    if not len(rows):
        return ""
    left, top = _to_box(x[rows], y[rows], axis)
    floor = BOX * (1 - float(axis.at(np.zeros(1))[0]))
    body = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(left, top, strict=True))
    return f"M{left[0]:.1f} {floor:.1f}L{body}L{left[-1]:.1f} {floor:.1f}Z"


def area_between(x: Floats, low: Floats, high: Floats, axis: Axis) -> str:
    """SVG path of the area between two lines, on rows where both are finite."""
    rows = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    if not len(rows):
        return ""
    left, bottom = _to_box(x[rows], low[rows], axis)
    _, top = _to_box(x[rows], high[rows], axis)
    upper = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(left, top, strict=True))
    lower = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(left[::-1], bottom[::-1], strict=True))
    return f"M{upper}L{lower}Z"


def dots(x: Floats, y: Floats, axis: Axis) -> str:
    """SVG path with a dot at each pair: zero-length strokes with round caps, which stretching keeps round."""
    rows = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    left, top = _to_box(x[rows], y[rows], axis)
    return "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(left, top, strict=True))
