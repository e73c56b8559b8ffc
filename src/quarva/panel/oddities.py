"""Notes on suspicious values in a panel that can be read."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from quarva.panel.checking import broken_bars, extent
from quarva.panel.dates import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarva.panel.panel import Panel

__all__ = ["note_oddities"]

_FEW_BROKEN = 0.02  # fraction of inconsistent bars that is usual with vendors
_MANY_DATES = 20  # number of dates from which an asset with a single bar is noted
_COUNTED = ("volume", "amount", "turnover", "tick_volume", "quote_volume", "trades", "open_interest")
# A change of unit: the medians of _AROUND values before and after differ by a factor of _LASTING, and either
# consecutive values differ by _LEAP, or by _STEP and all values of the two groups by _APART.
_LASTING, _AROUND = 40.0, 10
_LEAP, _STEP, _APART = 20.0, 5.0, 2.0


def note_oddities(panel: "Panel") -> "Panel":
    """Add notes on suspicious values to a panel.

    Noted are assets without a bar or with a single bar, a last date that most assets lack, inconsistent
    prices of a bar, negative volumes, volumes whose unit seems to change, and fields that are constant for
    each asset.
    """
    present = ~np.isnan(panel.values).all(axis=0)
    notes = [*_coverage(panel, present), *_prices(panel), *_volumes(panel), *_constant_by_asset(panel)]
    return replace(panel, notes=(*panel.notes, *notes)) if notes else panel


def _listed(panel: "Panel", which: np.ndarray) -> str:
    names: Sequence[str] = [panel.assets[place] for place in np.flatnonzero(which)]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def _coverage(panel: "Panel", present: np.ndarray) -> list[str]:
    notes = []
    bars = present.sum(axis=0)
    if (bars == 0).any():
        count = int((bars == 0).sum())
        notes.append(f"{count} of {len(panel.assets)} assets have no values: {_listed(panel, bars == 0)}")
    if len(present) >= _MANY_DATES and (bars == 1).any():
        notes.append(f"assets with a bar on one date only: {_listed(panel, bars == 1)}")
    if len(present) > 1 and present.shape[1] > 1:
        before, missing = int(present[-2].sum()), int((present[-2] & ~present[-1]).sum())
        if missing * 2 > before > 1:
            notes.append(
                f"on the last date, {text_of(panel.dates[-1])}, {missing} of the {before} assets with a bar"
                " on the date before have none: the table may be truncated"
            )
    return notes


def _prices(panel: "Panel") -> list[str]:
    broken = int(np.count_nonzero(broken_bars(panel)))
    if broken <= _FEW_BROKEN * panel.shape[0] * panel.shape[1]:
        return []
    return [f"{broken:,} bars have a low above or a high below another price; are columns mixed up?"]


def _volumes(panel: "Panel") -> list[str]:
    notes = []
    for field in _COUNTED:
        if field not in panel.fields:
            continue
        table = panel.field(field)
        if extent(table)[0] < 0:
            notes.append(f"field {field!r} has negative values")
        changes = _unit_changes(table)
        if changes:
            day, asset, factor = changes[0]
            more = len({each for _, each, _ in changes}) - 1
            notes.append(
                f"field {field!r} of {panel.assets[asset]!r} is about {factor:,.3g} times as large from"
                f" {text_of(panel.dates[day])} on"
                + (f", with similar changes for {more} more asset{'s' * (more > 1)}" if more else "")
                + "; did its unit change?"
            )
    return notes


def _constant_by_asset(panel: "Panel") -> list[str]:
    """Notes on fields that are constant for every asset, which may be identifiers."""
    if len(panel.dates) < _MANY_DATES or len(panel.assets) < 2:
        return []
    found = []
    for field, table in zip(panel.fields, panel.values, strict=True):
        if _varies(table[:_MANY_DATES]) or _varies(table):
            continue
        found.append(
            f"field {field!r} never changes for any asset; if it is an identifier, leave it out (--fields)"
        )
    return found


def _varies(table: np.ndarray) -> bool:
    """Whether any asset of a table [T, N] has two different values."""
    low, high = np.fmin.reduce(table, axis=0), np.fmax.reduce(table, axis=0)
    return bool((low < high).any())


def _unit_changes(table: np.ndarray) -> "list[tuple[int, int, float]]":
    """Day, asset and factor of the clearest lasting level shift of each asset in a positive field [T, N]."""
    positive = np.where(table > 0, table, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = positive[1:] / positive[:-1]
        ratio = np.maximum(ratio, 1 / ratio)
        days, assets = np.nonzero(ratio > _STEP)
    found: dict[int, tuple[float, int, float]] = {}
    for day, asset in zip((days + 1).tolist(), assets.tolist(), strict=True):
        column = positive[:, asset]
        before, after = column[:day], column[day:]
        before, after = before[~np.isnan(before)][-_AROUND:], after[~np.isnan(after)][:_AROUND]
        factor = float(np.median(after) / np.median(before))
        low, high = (before, after) if factor > 1 else (after, before)
        apart = float(high.min() / low.max())
        is_clear = ratio[day - 1, asset] > _LEAP or apart > _APART
        if is_clear and max(factor, 1 / factor) > _LASTING and apart > found.get(asset, (0.0,))[0]:
            found[asset] = apart, day, factor
    return sorted((day, asset, factor) for asset, (_, day, factor) in found.items())
