"""A figure as plain geometry: ticks, bands, lines, bars and dots in a box of 1000 by 1000.

The page stretches the box to the room it has (strokes keep their width), and writes all words as HTML on
top, so text has its own size on a phone and on a wall. The template draws; here only places are computed.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quarva.report.axis import Axis, Tick

__all__ = [
    "BOX", "Band", "Bar", "Hover", "Key", "Label", "Line", "Plot", "between", "dots", "polyline", "stairs",
    "step", "thin", "under",
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
    """A shaded stretch of the horizontal axis, `left` and `width` in percent."""

    left: float
    width: float
    style: str


@dataclass(frozen=True, slots=True)
class Label:
    """Words beside the end of a line, their place in percent from the left and from the bottom."""

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
    """What is read out under the pointer: places in [0, 1], a heading for each, a text a series."""

    at: list[float]
    heads: list[str]
    series: list[tuple[str, str, list[str]]]  # style, name, texts ("" where there is none)


@dataclass(frozen=True, slots=True)
class Plot:
    """One panel of a figure. `summary` is read to those who can not see it."""

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
    caption: str = ""  # a small heading, where a figure has several panels
    keys: tuple[Key, ...] = field(default=())

    @property
    def zero(self) -> float | None:
        """Height of the zero line in the box, None where the axis does not hold 0."""
        if not self.y.low <= 0 <= self.y.high:
            return None
        return BOX * (1 - float(self.y.at(np.zeros(1))[0]))


def thin(y: Floats, points: int = 900) -> NDArray[np.int64]:
    """Rows of `y` `[T]` that keep a line's look: the lowest and highest of each stretch, and both ends.

    NaN rows are dropped. At most about `points` rows are kept, in order.
    """
    rows = np.flatnonzero(np.isfinite(y))
    if len(rows) <= points:
        return rows
    keep = {int(rows[0]), int(rows[-1])}
    for stretch in np.array_split(rows, points // 2):
        values = y[stretch]
        keep.add(int(stretch[values.argmin()]))
        keep.add(int(stretch[values.argmax()]))
    return np.array(sorted(keep), dtype=np.int64)


def _place(x: Floats, y: Floats, axis: Axis) -> tuple[Floats, Floats]:
    return BOX * x, BOX * (1 - axis.at(y))


def polyline(x: Floats, y: Floats, axis: Axis) -> str:
    """Path through places `x` in [0, 1] and values `y`, both `[T]`; NaN rows are skipped over."""
    rows = thin(y)
    left, top = _place(x[rows], y[rows], axis)
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(left, top, strict=True)) if len(rows) else ""


def step(x: Floats, y: Floats, axis: Axis) -> str:
    """Path that keeps a value until the next one: a best so far. It is not thinned by half a step."""
    rows = np.flatnonzero(np.isfinite(y))
    if not len(rows):
        return ""
    changed = np.concatenate(([True], y[rows][1:] != y[rows][:-1]))
    changed[-1] = True
    left, top = _place(x[rows][changed], y[rows][changed], axis)
    path = f"M{left[0]:.1f} {top[0]:.1f}"
    return path + "".join(f"H{a:.1f}V{b:.1f}" for a, b in zip(left[1:], top[1:], strict=True))


def stairs(x: Floats, *lines: Floats) -> tuple[Floats, ...]:
    """Return places and values of lines that keep a value until the next place.

    Parameters
    ----------
    x : float64 array of shape (T,)
        Places, ascending.
    *lines : float64 arrays of shape (T,)
        Values; NaN is not there.

    Returns
    -------
    tuple of float64 arrays of shape (2 T - 1,)
        `x` and each of the lines with the corners of their steps.
    """
    return np.repeat(x, 2)[1:], *(np.repeat(line, 2)[:-1] for line in lines)


def under(x: Floats, y: Floats, axis: Axis) -> str:
    """The area between the line and zero."""
    rows = thin(y)
    if not len(rows):
        return ""
    left, top = _place(x[rows], y[rows], axis)
    floor = BOX * (1 - float(axis.at(np.zeros(1))[0]))
    body = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(left, top, strict=True))
    return f"M{left[0]:.1f} {floor:.1f}L{body}L{left[-1]:.1f} {floor:.1f}Z"


def between(x: Floats, low: Floats, high: Floats, axis: Axis) -> str:
    """The area between two lines, on the rows where both are there."""
    rows = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    if not len(rows):
        return ""
    left, bottom = _place(x[rows], low[rows], axis)
    _, top = _place(x[rows], high[rows], axis)
    there = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(left, top, strict=True))
    back = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(left[::-1], bottom[::-1], strict=True))
    return f"M{there}L{back}Z"


def dots(x: Floats, y: Floats, axis: Axis) -> str:
    """A dot at each pair: strokes of no length with round ends stay round however the box is stretched."""
    rows = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    left, top = _place(x[rows], y[rows], axis)
    return "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(left, top, strict=True))
