"""Daily bars with a time of day in UTC: brings markets of several time zones to common days."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from quarva.panel.dates import text_of

if TYPE_CHECKING:
    from quarva.panel.panel import Panel

__all__ = ["to_market_days"]

_MOST_TIMES = 24  # distinct times of day; with more of them bars are intraday
_HOUR, _DAY = 3600, 86_400
_EAST = 13 * _HOUR  # later times of day may be midnight of a zone east of Greenwich, on the next day
_FEWEST = 5  # bars of a market that show how its times of day change
_SATURDAY = 5


def to_market_days(panel: "Panel") -> "Panel":
    """The panel with days for dates, if its instants are daily bars of markets at local times of day.

    Such bars have one time of day in UTC, or two that are an hour apart where clocks change. The weekdays
    decide whether a late one is the midnight that begins the next day: a market has no bars on Saturdays and
    Sundays. A panel with a single time of day is left as it is. Where assets of several times of day cannot
    be brought together, the panel gets a note that their dates do not line up.
    """
    if np.datetime_data(panel.dates.dtype)[0] == "D" or len(panel.dates) < 2:
        return panel
    seconds = panel.dates.astype("datetime64[s]").astype(np.int64)
    times, place = np.unique(seconds % _DAY, return_inverse=True)
    if len(times) > _MOST_TIMES or len(times) < 2:
        return panel
    there = ~np.isnan(panel.values).all(axis=0)
    if panel.universe is not None:
        there |= panel.universe
    used = np.stack([there[place == k].any(axis=0) for k in range(len(times))], axis=1)  # [N, times]
    groups = _groups(times, used)
    if groups is None:
        return panel
    day = seconds // _DAY
    moved = np.zeros(len(times), np.int64)
    unclear = False
    for members in groups:
        rows = np.isin(place, list(members)) & there[:, used[:, list(members)].any(axis=1)].any(axis=1)
        if np.diff(seconds[rows]).min(initial=_DAY) < _DAY // 2:
            return panel  # two bars of one market on one day
        shift = _shift(day[rows], times[place[rows]])
        if shift is None or np.count_nonzero(rows) < _FEWEST:
            unclear = True
        else:
            moved[[k for k in members if times[k] >= _EAST]] = shift
    if unclear:
        return _with_warning(panel, times, used, groups)
    return _on_days(panel, day + moved[place], there) or _with_warning(panel, times, used, groups)


def _groups(times: np.ndarray, used: np.ndarray) -> list[frozenset[int]] | None:
    """Times of day of each market, as places in `times`; None where bars are not daily."""
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
    """Days from the UTC date of late stamps to the market's day: 0 or 1; None where weekdays do not say."""
    late = times >= _EAST
    if not late.any():
        return 0
    fits = []
    for shift in (0, 1):
        weekday = (days + shift * late + 3) % 7  # 1970-01-01 was a Thursday
        fits.append(bool((weekday < _SATURDAY).all()))
    return fits.index(True) if sum(fits) == 1 else None


def _on_days(panel: "Panel", day: np.ndarray, there: np.ndarray) -> "Panel | None":
    """The panel with a row for each day; None where an asset would have two bars on one."""
    days, row = np.unique(day, return_inverse=True)
    counts = np.zeros((len(days), there.shape[1]), np.int64)
    np.add.at(counts, row, there)
    if (counts > 1).any():
        return None
    values = np.full((len(panel.fields), len(days), there.shape[1]), np.nan, np.float32)
    universe = None if panel.universe is None else np.zeros((len(days), there.shape[1]), bool)
    at, asset = np.nonzero(there)
    values[:, row[at], asset] = panel.values[:, at, asset]
    if universe is not None and panel.universe is not None:
        universe[row[at], asset] = panel.universe[at, asset]
    note = (
        "each asset has one bar a day, at a time of day in UTC that differs by market or as clocks change;"
        " dates are the markets' days"
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
    shown = []
    for members in groups[:3]:
        own = used[:, list(members)].any(axis=1)
        clock = " or ".join(
            text_of(np.datetime64(int(times[k]), "s"))[11:] or "00:00" for k in sorted(members)
        )
        shown.append(f"{panel.assets[int(own.argmax())]} at {clock}")
    note = (
        f"dates of the assets do not line up ({', '.join(shown)} UTC): no date has a bar of all; write each"
        " market's dates as days"
    )
    return replace(panel, notes=(*panel.notes, note))
