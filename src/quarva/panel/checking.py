"""Validation of fields: rejects values that would invalidate every result computed from them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from quarva.errors import PanelError
from quarva.panel.dates import text_of
from quarva.panel.names import is_price

if TYPE_CHECKING:
    from quarva.panel.panel import Panel

__all__ = [
    "LARGEST_JUMP",
    "broken_bars",
    "check_fields",
    "extent",
    "find_jumps",
    "leave_out_constants",
]

LARGEST_JUMP = 3.0
"""Largest plausible relative price change between bars: beyond +300 %, or below a quarter of the previous
price, the price looks unadjusted for a split."""


_SAMPLE_SIZE = 4096  # leading values that suffice to show that most fields vary


def check_fields(panel: "Panel", *, allow_jumps: bool = False) -> None:
    """Raise PanelError for the first unusable field.

    A field is unusable if it has no values, is constant, or has a value that is infinite or overflows
    float32. A price is also unusable if a value is zero or negative or, unless `allow_jumps`, if it jumps by
    more than `LARGEST_JUMP`.

    Parameters
    ----------
    panel : Panel
        Panel to check.
    allow_jumps : bool
        Accept price jumps of any size.

    Raises
    ------
    PanelError
        With the field and, where possible, asset and date.
    """

    def cell(field: str, place: np.ndarray) -> str:
        date, asset = text_of(panel.dates[place[0]]), panel.assets[place[1]]
        return f"{panel.name}: field {field!r} of asset {asset!r} on {date}"

    for field, table in zip(panel.fields, panel.values, strict=True):
        low, high, count = extent(table)
        if not count:
            others = _alternatives(field, panel.fields)
            raise PanelError(f"{panel.name}: field {field!r} has no values; {others}")
        if np.isinf(low) or np.isinf(high):
            place = np.argwhere(np.isinf(table))[0]
            raise PanelError(f"{cell(field, place)} is infinite or exceeds 3.4e38; leave the cell empty")
        if low == high and count > 1:
            others = _alternatives(field, panel.fields)
            raise PanelError(f"{panel.name}: field {field!r} is constant ({low:g} everywhere); {others}")
        if is_price(field):
            _check_price(field, table, low, cell, allow_jumps)


def leave_out_constants(panel: "Panel", wanted: Sequence[str] | None) -> "Panel":
    """Drop fields that are constant or have no values, and record them in the notes and the reading.

    Constant prices are kept for `check_fields` to reject, as are fields in `wanted`. If no field would
    remain, all are kept.
    """
    useless: dict[str, str] = {}
    for field, table in zip(panel.fields, panel.values, strict=True):
        sample = table.reshape(-1)[:_SAMPLE_SIZE]
        if (wanted is not None and field in wanted) or np.nanmin(sample, initial=np.inf) < np.nanmax(
            sample, initial=-np.inf
        ):
            continue
        low, high, count = extent(table)
        if not count:
            useless[field] = "it has no values"
        elif low == high and count > 1 and not is_price(field) and np.isfinite(low):
            useless[field] = f"it is constant ({low:g})"
    keep = [place for place, field in enumerate(panel.fields) if field not in useless]
    if not useless or not keep:
        return panel
    notes = tuple(f"field {field!r} left out: {reason}" for field, reason in useless.items())
    reading = panel.reading
    if reading is not None:
        columns = {field: column for field, column in reading.columns.items() if field not in useless}
        left_out = reading.left_out | {reading.columns[field]: reason for field, reason in useless.items()}
        reading = replace(reading, columns=columns, left_out=left_out)
    return replace(
        panel,
        values=np.ascontiguousarray(panel.values[keep]),
        fields=tuple(panel.fields[place] for place in keep),
        notes=(*panel.notes, *notes),
        reading=reading,
    )


def broken_bars(panel: "Panel") -> np.ndarray:
    """Mask of bars whose low exceeds, or whose high is below, another price of the bar, bool [T, N]."""
    prices = {name: panel.field(name) for name in ("open", "high", "low", "close") if name in panel.fields}
    broken = np.zeros(panel.shape, dtype=bool)
    for name, table in prices.items():
        if "low" in prices and name != "low":
            broken |= prices["low"] > table
        if "high" in prices and name != "high":
            broken |= prices["high"] < table
    return broken


def _alternatives(field: str, fields: tuple[str, ...]) -> str:
    others = [other for other in fields if other != field]
    if not others:
        return "give a field that varies"
    listing = ",".join(others) if len(others) <= 8 else ",".join(others[:8]) + ",..."
    return f"fill it or read only the others with fields={others[:8]!r} (--fields {listing})"


def extent(table: np.ndarray) -> tuple[float, float, int]:
    """Minimum, maximum and number of the values of `table`, float32 [T, N]; NaN is skipped."""
    count = int(table.size - np.count_nonzero(np.isnan(table)))
    if not count:
        return np.nan, np.nan, 0
    return float(np.fmin.reduce(table, axis=None)), float(np.fmax.reduce(table, axis=None)), count


def _check_price(
    field: str, table: np.ndarray, low: float, cell: Callable[[str, np.ndarray], str], allow_jumps: bool
) -> None:
    if low <= 0:
        place = np.argwhere(table <= 0)[0]
        raise PanelError(
            f"{cell(field, place)} is {table[tuple(place)]:g}, but prices must be positive; leave the cell"
            " empty, or rename the field if it is not a price"
        )
    if allow_jumps:
        return
    days, columns, ratios = find_jumps(table)
    if len(days):
        more = f" (and {len(days) - 1} more jumps)" if len(days) > 1 else ""
        raise PanelError(
            f"{cell(field, np.array([days[0], columns[0]]))} jumps by {100 * (ratios[0] - 1):+,.0f} %{more};"
            " adjust prices for splits, or pass allow_jumps=True (--allow-jumps) if the jump is real"
        )


def find_jumps(table: np.ndarray, limit: float = LARGEST_JUMP) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find price jumps: a ratio to the previous price above 1 + `limit` or below its inverse.

    Parameters
    ----------
    table : float32 array of shape (T, N)
        Prices; missing bars (NaN) are skipped.
    limit : float
        Largest relative change that is not a jump.

    Returns
    -------
    days, assets : int64 arrays of shape (K,)
        Positions of the jumps, sorted by day.
    ratios : float32 array of shape (K,)
        Price divided by the previous price.
    """
    before = table[:-1]
    if np.isnan(table).any():
        row = np.where(np.isnan(table), 0, np.arange(len(table))[:, None])
        last = np.maximum.accumulate(row, axis=0)[:-1]
        before = np.take_along_axis(table, last, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = table[1:] / before
        days, columns = np.nonzero((ratio > 1 + limit) | (ratio < 1 / (1 + limit)))
    return days + 1, columns, ratio[days, columns]
