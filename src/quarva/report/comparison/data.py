"""What the picture of a comparison shows, as plain data."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.report import axis

__all__ = ["TINTS", "Band", "Compared", "Race", "ends", "spread", "tint"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Band:
    """One searcher's best so far over its seeds, all [X], on the places `x` of its race.

    `middle` is the median, `low` and `high` the quartiles; NaN before the first and behind the last figure.
    They are step functions: a value holds from its place up to the next.
    """

    name: str
    low: Floats
    middle: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Race:
    """Best so far against what it took.

    Attributes:
        figure: what is drawn upwards, in words.
        unit: what it took: evaluations or seconds.
        x: places [X], above 0 and rising, in `unit`.
        bands: a searcher each.
        level: figure that searchers are timed to; None where there is none.
        logarithmic: whether the figure is an error on a logarithmic axis.
    """

    figure: str
    unit: str
    x: Floats
    bands: tuple[Band, ...]
    level: float | None = None
    logarithmic: bool = False

    @property
    def across(self) -> axis.Axis:
        """The horizontal axis, a logarithm."""
        return axis.growth_axis(float(self.x[0]), max(float(self.x[-1]), 1.01 * float(self.x[0])))

    @property
    def upwards(self) -> axis.Axis:
        """The vertical axis; of a logarithm it holds log10."""
        parts = [part for band in self.bands for part in (band.low, band.middle, band.high)]
        values = np.concatenate([part[np.isfinite(part)] for part in parts]) if parts else np.empty(0)
        if self.level is not None and math.isfinite(self.level):
            values = np.append(values, self.level)
        if not values.size:
            return axis.round_axis(0.0, 1.0)
        low, high = float(values.min()), float(values.max())
        if self.logarithmic:
            return axis.growth_axis(low, max(high, 1.01 * low))
        return axis.round_axis(low, high, zero=0 <= low < 0.3 * high)

    def height(self, values: Floats) -> Floats:
        """Values as `upwards` wants them: their logarithm where it is one. Same shape; NaN stays."""
        if not self.logarithmic:
            return values
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log10(values)

    def write(self, value: float) -> str:
        """A value in words."""
        if not math.isfinite(value):
            return "–"
        return f"{value:.1e}".replace("-", axis.MINUS) if self.logarithmic else axis.number(value, 4)


@dataclass(frozen=True, slots=True)
class Compared:
    """Everything that the picture of a comparison shows.

    Attributes:
        title, lead: the comparison in a sentence, and what stood fixed in it.
        races: of each figure one against evaluations and one against seconds, in this order.
        header, rows: the table in words, a row a searcher.
        notes: what the table needs to be said.
        version: of Quarva.
    """

    title: str
    lead: str
    races: tuple[Race, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    version: str = ""


TINTS = 8  # colours that tell searchers apart


def tint(place: int) -> str:
    """The class of the searcher at this place of the table."""
    return f"s{place % TINTS}"


def ends(race: Race) -> list[tuple[str, float, float]]:
    """Name, place and value of the last median of each searcher that has one."""
    last = [(band, np.flatnonzero(np.isfinite(band.middle))) for band in race.bands]
    return [
        (band.name, float(race.x[rows[-1]]), float(band.middle[rows[-1]])) for band, rows in last if len(rows)
    ]


def spread(wanted: list[float], gap: float, low: float = 0.0, high: float = 1.0) -> list[float]:
    """Places near `wanted` that are `gap` apart, in the same order of height, between `low` and `high`.

    Labels that would cover each other are pushed apart about their common middle.
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
