"""Feeding a table of days to a stream: new days are appended, old days are refused or replayed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from quarva.errors import PanelError
from quarva.live.days import Days
from quarva.live.stream import Stream
from quarva.panel.checking import find_jumps
from quarva.panel.dates import text_of
from quarva.panel.names import is_price

__all__ = ["FeedResult", "FeedRules", "feed"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class FeedRules:
    """Treatment of days that are late, incomplete or have jumps.

    Attributes
    ----------
    late : {"refuse", "replay"}
        Refuse a day that the stream already has, or replace its bars and replay the days after it.
    missing_ok : bool
        Accept an asset without a bar that had one on the day before.
    allow_jumps : bool
        Accept prices that change by more than 300 %.
    """

    late: Literal["refuse", "replay"] = "refuse"
    missing_ok: bool = False
    allow_jumps: bool = False


@dataclass(frozen=True)
class FeedResult:
    """Result of feeding a table of days to a stream.

    Attributes
    ----------
    dates : ndarray of datetime64, shape (D,)
        The new days, or the last day of the stream if no day was new.
    signals : ndarray of float32, shape (D, P, N)
        The signals of these days. NaN means no opinion.
    corrected : tuple of datetime64
        Days whose bars were replaced.
    too_old : tuple of datetime64
        Days that were ignored because no later signal depends on them.
    missing : dict of datetime64 to tuple of str
        By date, the assets without a bar that had one on the day before.
    """

    dates: NDArray[np.datetime64]
    signals: NDArray[np.float32]
    corrected: tuple[np.datetime64, ...] = ()
    too_old: tuple[np.datetime64, ...] = ()
    missing: dict[np.datetime64, tuple[str, ...]] = field(default_factory=dict)


def feed(
    stream: Stream, days: Days, rules: FeedRules, progress: Callable[[int, int], None] | None = None
) -> FeedResult:
    """Feed a table of days to a stream.

    For a day that the stream already has, the rows of the table replace the bars of their assets. The other
    assets keep theirs. New days are appended in order. Everything is checked before the stream is changed.

    Parameters
    ----------
    stream : Stream
        The stream, which is changed in place.
    days : Days
        The days.
    rules : FeedRules
        How to treat days that are not as expected.
    progress : callable, optional
        See `Stream.catch_up`.

    Returns
    -------
    FeedResult

    Raises
    ------
    PanelError
        The rules refuse an old day, a missing bar or a jump of a price, or an old day is not one of the
        stream's days. The stream is left unchanged.
    """
    dates = [_with_name(days, stream.date_of, date) for date in days.dates]
    known = stream.dates
    late = [d for d, date in enumerate(dates) if len(known) and date <= known[-1]]
    if late and rules.late == "refuse":
        raise PanelError(
            f"{days.name}: {text_of(dates[late[0]])} is not after the stream's last day,"
            f" {text_of(known[-1])}; leave it out, or replace its bars with late='replay' (--late replay)"
        )
    indices = {d: _with_name(days, stream.index_of, dates[d]) for d in late}
    patched = {d: index for d, index in indices.items() if index is not None}
    new = [d for d in range(len(dates)) if d not in indices]
    bars = stream.bars().swapaxes(0, 1)
    for d, index in patched.items():
        rows = ~np.isnan(days.values[d]).all(axis=0)
        bars[index][:, rows] = days.values[d][:, rows]
    missing = _missing(stream, bars, days, new)
    if missing and not rules.missing_ok:
        _refuse_missing(days, missing)
    if not rules.allow_jumps:
        _check_jumps(stream, bars, days, list(patched.values()), new)

    takes_effect = {}
    for d, at in indices.items():
        corrected_bars = days.values[d] if at is None else bars[at]
        takes_effect[dates[d]] = stream.correct(
            dates[d], corrected_bars, _patched_universe(stream, days, d, at)
        )
    if new:
        stream.catch_up(progress)
    signals = []
    for d in new:
        inside = None if days.universe is None else days.universe[d]
        signals.append(stream.step(dates[d], days.values[d], inside))
    if not new:
        signals.append(stream.signals(progress))
    answered = [dates[d] for d in new] or [stream.dates[-1]]
    corrected = tuple(date for date, effective in takes_effect.items() if effective)
    too_old = tuple(date for date, effective in takes_effect.items() if not effective)
    return FeedResult(np.array(answered), np.stack(signals), corrected, too_old, missing)


def _with_name(days: Days, function: Callable[[np.datetime64], _T], date: np.datetime64) -> _T:
    """Call a function with a date; put the name of the table before the message of a PanelError."""
    try:
        return function(date)
    except PanelError as error:
        raise PanelError(f"{days.name}: {error}") from None


def _patched_universe(stream: Stream, days: Days, d: int, index: int | None) -> NDArray[np.bool_] | None:
    """Universe of day `d`, or None; assets without a bar in the table keep the universe of the stream."""
    before = stream.universe()
    if before is None or days.universe is None or index is None:
        return None if days.universe is None else days.universe[d]
    rows = ~np.isnan(days.values[d]).all(axis=0)
    return np.where(rows, days.universe[d], before[index])


def _missing(
    stream: Stream, bars: NDArray[np.float32], days: Days, new: list[int]
) -> dict[np.datetime64, tuple[str, ...]]:
    """Assets without a bar that had one on the day before, by date of the new day."""
    before = bars[-1] if len(bars) else np.full(days.values.shape[1:], np.nan, np.float32)
    found = {}
    for d in new:
        gone = ~np.isnan(before).all(axis=0) & np.isnan(days.values[d]).all(axis=0)
        if gone.any():
            found[days.dates[d]] = tuple(stream.assets[n] for n in np.flatnonzero(gone))
        before = days.values[d]
    return found


def _refuse_missing(days: Days, missing: dict[np.datetime64, tuple[str, ...]]) -> None:
    date, names = next(iter(missing.items()))
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    raise PanelError(
        f"{days.name}: asset {names[0]!r}{more} had a bar the day before but none on {text_of(date)}; add"
        " it, or pass missing_ok=True (--missing-ok)"
    )


def _check_jumps(
    stream: Stream, bars: NDArray[np.float32], days: Days, patched: list[int], new: list[int]
) -> None:
    """Raise PanelError if a price jumps on a day that is new or corrected."""
    first = min(patched, default=len(bars))  # the days before it did not change
    table = np.concatenate([_last_known(bars[:first]), bars[first:], days.values[new]])
    dates = np.concatenate([stream.dates[first:], days.dates[new].astype(stream.dates.dtype)])
    changed = {index - first for index in patched} | set(range(len(bars) - first, len(dates)))
    for row, name in enumerate(stream.fields):
        if not is_price(name):
            continue
        days_of_jumps, columns, ratios = find_jumps(table[:, row])
        hits = [hit for hit, day in enumerate(days_of_jumps) if day - 1 in changed]
        if hits:
            asset, date = stream.assets[columns[hits[0]]], text_of(dates[days_of_jumps[hits[0]] - 1])
            more = f" (and {len(hits) - 1} more jumps)" if len(hits) > 1 else ""
            raise PanelError(
                f"{days.name}: field {name!r} of asset {asset!r} on {date} jumps by"
                f" {100 * (ratios[hits[0]] - 1):+,.0f} %{more}; adjust prices for splits, or pass"
                " allow_jumps=True (--allow-jumps) if it is real"
            )


def _last_known(bars: NDArray[np.float32]) -> NDArray[np.float32]:
    """The last known value of each field and asset of bars (K, F, N), as an array of shape (1, F, N)."""
    last = np.full((1, *bars.shape[1:]), np.nan, np.float32)
    for row in bars[::-1]:
        gaps = np.isnan(last[0])
        if not gaps.any():
            break
        last[0][gaps] = row[gaps]
    return last
