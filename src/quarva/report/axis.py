"""Axes of plots: round tick positions and their labels."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MINUS", "Axis", "Tick", "date_ticks", "growth_axis", "number", "percent", "round_axis"]

MINUS = "\u2212"


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick label at position `at` in [0, 1]; `fine` ticks are hidden in narrow figures."""

    at: float
    text: str
    fine: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from `low` to `high` with its ticks."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def at(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map values to positions along the axis: 0 at `low`, 1 at `high`. Same shape."""
        return (np.asarray(value, dtype=np.float64) - self.low) / (self.high - self.low)


def number(value: float, digits: int = 3) -> str:
    """Format `value` with `digits` decimals and a true minus sign; an en dash if it is not finite."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def percent(value: float, digits: int = 1) -> str:
    """Format a fraction as a percentage: 0.123 becomes `12.3 %`."""
    text = number(100 * value, digits)
    return text if text == "–" else f"{text}\u202f%"


def round_axis(
    low: float, high: float, *, count: int = 5, scale: float = 1.0, suffix: str = "", zero: bool = True
) -> Axis:
    """Linear axis that covers [`low`, `high`] with a small margin and round ticks.

    Parameters
    ----------
    low, high : float
        Range of the data; [0, 1] if one of them is not finite.
    count : int
        Approximate number of ticks.
    scale, suffix : float, str
        Labels show `value * scale` followed by `suffix`, with the decimals that the step needs.
    zero : bool
        Whether the axis must contain 0. An end at 0 then gets no margin.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        pad = abs(low) * 0.1 or 1.0
        low, high = low - pad, high + pad
    step = _round_step((high - low) * scale / count)
    pad = 0.04 * (high - low)
    low = low - pad if low != 0 or not zero else 0.0
    high = high + pad if high != 0 or not zero else 0.0
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = []
    for k in range(math.ceil(low * scale / step - 1e-9), math.floor(high * scale / step + 1e-9) + 1):
        text = number(k * step, digits) if 1e-4 <= step < 1e7 else f"{k * step:.3g}".replace("-", MINUS)
        ticks.append(Tick((k * step / scale - low) / (high - low), text + suffix, k % 2 != 0))
    return Axis(low, high, tuple(ticks))


def growth_axis(low: float, high: float) -> Axis:
    """Logarithmic axis for positive values in [`low`, `high`]: log10 positions, labels in original units."""
    ends = math.log10(low), math.log10(high)
    pad = 0.04 * max(ends[1] - ends[0], 0.01)
    bottom, top = ends[0] - pad, ends[1] + pad
    inside: list[float] = []
    for factors, decades in (((1, 1.5, 2, 3, 5, 7), 1), ((1, 2, 5), 1), ((1,), 1), ((1,), 2), ((1,), 5)):
        powers = range(math.floor(bottom / decades) * decades, math.ceil(top) + 1, decades)
        marks = [factor * 10.0**power for power in powers for factor in factors]
        inside = [mark for mark in marks if bottom <= math.log10(mark) <= top]
        if len(inside) <= 8:
            break
    if len(inside) < 3:  # over such a short range a logarithm is almost linear
        line = round_axis(10**bottom, 10**top, zero=False)
        values = [line.low + tick.at * (line.high - line.low) for tick in line.ticks]
        pairs = [(v, tick.text) for v, tick in zip(values, line.ticks, strict=True) if v > 0]
    else:
        pairs = [(mark, f"{mark:,.9f}".rstrip("0").rstrip(".")) for mark in inside]
    ticks = [Tick((math.log10(v) - bottom) / (top - bottom), text) for v, text in pairs]
    return Axis(bottom, top, tuple(tick for tick in ticks if 0 <= tick.at <= 1))


def _round_step(step: float) -> float:
    """Smallest number of the form 1, 2 or 5 times a power of ten that is at least `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    for factor in (1.0, 2.0, 5.0, 10.0):
        if factor * power >= step * (1 - 1e-9):
            return factor * power
    return 10.0 * power


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date_ticks(dates: NDArray[np.datetime64], count: int = 10) -> tuple[Tick, ...]:
    """Ticks at the first day of round years or months, at most about `count` of them.

    Rows are evenly spaced, so weekends take no space.
    """
    days = dates.astype("datetime64[D]")
    if len(days) < 2:
        return (Tick(0.0, str(days[0])),) if len(days) else ()
    months = days.astype("datetime64[M]").astype(np.int64)  # months since 1970-01
    span = int(months[-1] - months[0])
    if span < 2:
        rows = np.unique(np.linspace(0, len(days) - 1, min(5, len(days))).astype(int))
        return tuple(Tick(int(r) / (len(days) - 1), _day(days[r]), bool(k % 2)) for k, r in enumerate(rows))
    step = next((s for s in (1, 2, 3, 6, 12, 24, 60, 120, 240) if span / s <= count), 480)
    ticks = []
    for k, month in enumerate(range(-(-int(months[0]) // step) * step, int(months[-1]) + 1, step)):
        row = int(np.searchsorted(months, month))
        if row == 0 and days[0] != days[0].astype("datetime64[M]") and int(days[0].astype(object).day) > 7:
            continue  # the first month is incomplete: its label would be on a day that does not begin it
        year, place = 1970 + month // 12, month % 12
        text = str(year) if step >= 12 or place == 0 else _MONTHS[place]
        ticks.append(Tick(row / (len(days) - 1), text, bool(k % 2)))
    return tuple(ticks)


def _day(day: np.datetime64) -> str:
    value = day.astype("datetime64[D]").astype(object)
    return f"{value.day} {_MONTHS[value.month - 1]}"
