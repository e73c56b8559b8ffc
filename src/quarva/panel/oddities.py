"""What may be wrong with a panel although it can be read: notes for its user."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from quarva.panel.checking import broken_bars, extent
from quarva.panel.dates import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarva.panel.panel import Panel

__all__ = ["note_oddities"]

_FEW_BROKEN = 0.02  # share of bars that vendors get wrong without mixing up columns
_MANY_DATES = 20  # on which an asset with a single bar is worth a note
_COUNTED = ("volume", "amount", "turnover", "tick_volume", "quote_volume", "trades", "open_interest")
# A change of unit: two neighbours differ by the first factor, and medians of so many values by the second.
_LEAP, _LASTING, _AROUND = 20.0, 40.0, 10


def note_oddities(panel: "Panel") -> "Panel":
    """The panel with notes about what looks wrong with it.

    These are assets without a bar or with a single one, a last date that most assets lack, bars whose prices
    contradict each other, volumes below zero, and volumes whose unit seems to change.
    """
    there = ~np.isnan(panel.values).all(axis=0)
    notes = [*_coverage(panel, there), *_prices(panel), *_volumes(panel), *_labels(panel)]
    return replace(panel, notes=(*panel.notes, *notes)) if notes else panel


def _listed(panel: "Panel", which: np.ndarray) -> str:
    names: Sequence[str] = [panel.assets[place] for place in np.flatnonzero(which)]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def _coverage(panel: "Panel", there: np.ndarray) -> list[str]:
    notes = []
    bars = there.sum(axis=0)
    if (bars == 0).any():
        count = int((bars == 0).sum())
        notes.append(
            f"no bar of {_listed(panel, bars == 0)}: {count} of {len(panel.assets)} assets hold no value"
        )
    if len(there) >= _MANY_DATES and (bars == 1).any():
        notes.append(f"assets with a bar on one date only: {_listed(panel, bars == 1)}")
    if len(there) > 1 and there.shape[1] > 1:
        before, gone = int(there[-2].sum()), int((there[-2] & ~there[-1]).sum())
        if gone * 2 > before > 1:
            notes.append(
                f"on the last date, {text_of(panel.dates[-1])}, {gone} of {before} assets with a bar on the"
                " date before have none: the table may be cut off"
            )
    return notes


def _prices(panel: "Panel") -> list[str]:
    broken = int(np.count_nonzero(broken_bars(panel)))
    if broken <= _FEW_BROKEN * panel.shape[0] * panel.shape[1]:
        return []
    return [f"{broken:,} bars have a low above, or a high below, another price; are columns mixed up?"]


def _volumes(panel: "Panel") -> list[str]:
    notes = []
    for field in _COUNTED:
        if field not in panel.fields:
            continue
        table = panel.field(field)
        if extent(table)[0] < 0:
            notes.append(f"field {field!r} has values below zero")
        changes = _unit_changes(table)
        if changes:
            day, asset, factor = changes[0]
            more = len({each for _, each, _ in changes}) - 1
            notes.append(
                f"field {field!r} of {panel.assets[asset]!r} is about {factor:,.3g} times as large from"
                f" {text_of(panel.dates[day])} on"
                + (f", and so for {more} more assets" if more else "")
                + "; did its unit change?"
            )
    return notes


def _labels(panel: "Panel") -> list[str]:
    """Fields that never change for an asset: numbers of assets under an unknown name."""
    if len(panel.dates) < _MANY_DATES or len(panel.assets) < 2:
        return []
    found = []
    for field, table in zip(panel.fields, panel.values, strict=True):
        if _changes(table[:_MANY_DATES]) or _changes(table):
            continue
        found.append(
            f"field {field!r} never changes for any asset; if it is an identifier, leave it out (--fields)"
        )
    return found


def _changes(table: np.ndarray) -> bool:
    """Whether any asset of a table [T, N] has two values."""
    low, high = np.fmin.reduce(table, axis=0), np.fmax.reduce(table, axis=0)
    return bool((low < high).any())


def _unit_changes(table: np.ndarray) -> "list[tuple[int, int, float]]":
    """Day, asset and factor of lasting leaps of a positive field [T, N]."""
    positive = np.where(table > 0, table, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = positive[1:] / positive[:-1]
        days, assets = np.nonzero((ratio > _LEAP) | (ratio < 1 / _LEAP))
    found = []
    for day, asset in zip((days + 1).tolist(), assets.tolist(), strict=True):
        column = positive[:, asset]
        before, after = (part[~np.isnan(part)] for part in (column[:day], column[day:]))
        factor = float(np.median(after[:_AROUND]) / np.median(before[-_AROUND:]))
        if factor > _LASTING or factor < 1 / _LASTING:
            found.append((day, asset, factor))
    return found
