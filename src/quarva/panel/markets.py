"""Alignment of daily bars with times of day in UTC from markets in several time zones."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from quarva.panel.dates import text_of

if TYPE_CHECKING:
    from quarva.panel.panel import Panel

__all__ = ["to_market_days"]

_MAX_TIMES = 24  # distinct times of day; with more, bars are intraday
_HOUR, _DAY = 3600, 86_400
_EAST = 13 * _HOUR  # later times of day may be midnight of the next day east of Greenwich
_MIN_BARS = 5  # fewest bars of a market from which its time zone is inferred
_SATURDAY = 5


def to_market_days(panel: "Panel") -> "Panel":
    """Replace instants by days if they are daily bars of markets at local times of day.

    Parameters
    ----------
    panel : Panel
        Panel whose dates may be instants in UTC.

    Returns
    -------
    Panel
        With days as dates, or unchanged if bars are intraday or there is a single time of day. If assets with
        different times of day cannot be aligned, a note says so.

    Notes
    -----
    Daily bars of a market have one time of day in UTC, or two that are an hour apart because of daylight
    saving. Weekdays decide whether a late time is the midnight that begins the next day, since markets have
    no bars on Saturdays and Sundays.
    """
    if np.datetime_data(panel.dates.dtype)[0] == "D" or len(panel.dates) < 2:
        return panel
    seconds = panel.dates.astype("datetime64[s]").astype(np.int64)
    times, place = np.unique(seconds % _DAY, return_inverse=True)
    if len(times) > _MAX_TIMES or len(times) < 2:
        return panel
    present = ~np.isnan(panel.values).all(axis=0)
    if panel.universe is not None:
        present |= panel.universe
    used = np.stack([present[place == k].any(axis=0) for k in range(len(times))], axis=1)  # [N, times]
    groups = _groups(times, used)
    if groups is None:
        return panel
    day = seconds // _DAY
    moved = np.zeros(len(times), np.int64)
    unclear = False
    for members in groups:
        rows = np.isin(place, list(members)) & present[:, used[:, list(members)].any(axis=1)].any(axis=1)
        if np.diff(seconds[rows]).min(initial=_DAY) < _DAY // 2:
            return panel  # two bars of one market on one day
        shift = _shift(day[rows], times[place[rows]])
        if shift is None or np.count_nonzero(rows) < _MIN_BARS:
            unclear = True
        else:
            moved[[k for k in members if times[k] >= _EAST]] = shift
    if unclear:
        return _with_warning(panel, times, used, groups)
    return _on_days(panel, day + moved[place], present) or _with_warning(panel, times, used, groups)


def _groups(times: np.ndarray, used: np.ndarray) -> list[frozenset[int]] | None:
    """Times of day of each market, as indices into `times`; None if bars are not daily."""
    pairs = {frozenset(np.flatnonzero(row).tolist()) for row in used if row.any()}
    groups: list[frozenset[int]] = []
    for pair in sorted(pairs, key=lambda places: (-len(places), min(places))):
        if len(pair) > 2:
            return None
        apart = (max(times[list(pair)]) - min(times[list(pair)])) % _DAY
        if len(pair) == 2 and apart not in (_HOUR, _DAY - _HOUR):
            return None
        if not any(pair <= group for group in groups):
            groups.append(pair)
    return groups


def _shift(days: np.ndarray, times: np.ndarray) -> int | None:
    """Days from the UTC date of late times to the market's day: 0 or 1; None if weekdays do not decide."""
    late = times >= _EAST
    if not late.any():
        return 0
    fits = []
    for shift in (0, 1):
        weekday = (days + shift * late + 3) % 7  # 1970-01-01 was a Thursday
        fits.append(bool((weekday < _SATURDAY).all()))
    return fits.index(True) if sum(fits) == 1 else None


def _on_days(panel: "Panel", day: np.ndarray, present: np.ndarray) -> "Panel | None":
    """The panel with one row per day; None if an asset would have two bars on a day."""
    days, row = np.unique(day, return_inverse=True)
    counts = np.zeros((len(days), present.shape[1]), np.int64)
    np.add.at(counts, row, present)
    if (counts > 1).any():
        return None
    values = np.full((len(panel.fields), len(days), present.shape[1]), np.nan, np.float32)
    universe = None if panel.universe is None else np.zeros((len(days), present.shape[1]), bool)
    at, asset = np.nonzero(present)
    values[:, row[at], asset] = panel.values[:, at, asset]
    if universe is not None and panel.universe is not None:
        universe[row[at], asset] = panel.universe[at, asset]
    note = (
        "each asset has one bar per day, at a time of day in UTC that differs by market or daylight saving;"
        " dates are read as local days of the markets"
    )
    return replace(
        panel,
        values=values,
        dates=days.astype("datetime64[D]"),
        universe=universe,
        notes=(*panel.notes, note),
    )


def _with_warning(
    panel: "Panel", times: np.ndarray, used: np.ndarray, groups: list[frozenset[int]]
) -> "Panel":
    if len(groups) < 2:
        return panel
    examples = []
    for members in groups[:3]:
        own = used[:, list(members)].any(axis=1)
        clock = " or ".join(
            text_of(np.datetime64(int(times[k]), "s"))[11:] or "00:00" for k in sorted(members)
        )
        examples.append(f"{panel.assets[int(own.argmax())]} at {clock}")
    note = (
        f"dates of the assets are not aligned ({', '.join(examples)} UTC): no date has a bar of every asset;"
        " write each market's dates as days"
    )
    return replace(panel, notes=(*panel.notes, note))
