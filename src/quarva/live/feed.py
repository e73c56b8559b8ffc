"""A table of days into a stream: new days are stepped, old ones refused or replayed, all of them or none."""

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

__all__ = ["Answer", "Rules", "feed"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Rules:
    """What to do about days that are not as expected.

    late: a day that is already in is refused; or its bars are replaced, and the days since replayed.
    missing_ok: accept that an asset which had a bar the day before has none.
    allow_jumps: accept prices that jump by more than 300 %.
    """

    late: Literal["refuse", "replay"] = "refuse"
    missing_ok: bool = False
    allow_jumps: bool = False


@dataclass(frozen=True)
class Answer:
    """What a stream said to a table of days.

    dates: datetime64 (D,), the new days; the stream's last day if there was none.
    signals: float32 (D, P, N), the signals of those days.
    corrected: days whose bars were replaced. too_old: days that no signal from now on depends on.
    missing: assets without a bar that had one the day before, by date.
    """

    dates: NDArray[np.datetime64]
    signals: NDArray[np.float32]
    corrected: tuple[np.datetime64, ...] = ()
    too_old: tuple[np.datetime64, ...] = ()
    missing: dict[np.datetime64, tuple[str, ...]] = field(default_factory=dict)


def feed(
    stream: Stream, days: Days, rules: Rules, progress: Callable[[int, int], None] | None = None
) -> Answer:
    """Hand a table of days to a stream.

    Of a day that is already in, the table's rows replace those assets' bars; the others keep theirs. New days
    are taken in order. All is checked before the stream is touched.

    progress: see `Stream.catch_up`.

    Raises PanelError: an old day, where the rules refuse it or it is none of the stream's; an asset that
    vanishes; a price that jumps.
    """
    dates = [_of(days, stream.date_of, date) for date in days.dates]
    known = stream.dates
    late = [d for d, date in enumerate(dates) if len(known) and date <= known[-1]]
    if late and rules.late == "refuse":
        raise PanelError(
            f"{days.name}: {text_of(dates[late[0]])} is not after the stream's last day,"
            f" {text_of(known[-1])}; leave it out, or replace its bars with late='replay' (--late replay)"
        )
    places = {d: _of(days, stream.place, dates[d]) for d in late}
    patched = {d: place for d, place in places.items() if place is not None}
    new = [d for d in range(len(dates)) if d not in places]
    bars = stream.bars().swapaxes(0, 1)
    for d, place in patched.items():
        rows = ~np.isnan(days.values[d]).all(axis=0)
        bars[place][:, rows] = days.values[d][:, rows]
    missing = _missing(stream, bars, days, new)
    if missing and not rules.missing_ok:
        _refuse_missing(days, missing)
    if not rules.allow_jumps:
        _check_jumps(stream, bars, days, list(patched.values()), new)

    matters = {}
    for d, at in places.items():
        now = days.values[d] if at is None else bars[at]
        matters[dates[d]] = stream.correct(dates[d], now, _patched_universe(stream, days, d, at))
    if new:
        stream.catch_up(progress)
    said = []
    for d in new:
        inside = None if days.universe is None else days.universe[d]
        said.append(stream.step(dates[d], days.values[d], inside))
    if not new:
        said.append(stream.signals(progress))
    told = [dates[d] for d in new] or [stream.dates[-1]]
    corrected = tuple(date for date, does in matters.items() if does)
    too_old = tuple(date for date, does in matters.items() if not does)
    return Answer(np.array(told), np.stack(said), corrected, too_old, missing)


def _of(days: Days, ask: Callable[[np.datetime64], _T], date: np.datetime64) -> _T:
    """What the stream says of a date, its refusal with the name of the table before it."""
    try:
        return ask(date)
    except PanelError as error:
        raise PanelError(f"{days.name}: {error}") from None


def _patched_universe(stream: Stream, days: Days, d: int, place: int | None) -> NDArray[np.bool_] | None:
    before = stream.universe()
    if before is None or days.universe is None or place is None:
        return None if days.universe is None else days.universe[d]
    rows = ~np.isnan(days.values[d]).all(axis=0)
    return np.where(rows, days.universe[d], before[place])


def _missing(
    stream: Stream, bars: NDArray[np.float32], days: Days, new: list[int]
) -> dict[np.datetime64, tuple[str, ...]]:
    """Assets that have a bar on one day and none on the next, which is new; by the date of the latter."""
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
        f"{days.name}: asset {names[0]!r}{more} had a bar the day before and has none on {text_of(date)}; add"
        " it, or say that this is right by missing_ok (--missing-ok)"
    )


def _check_jumps(
    stream: Stream, bars: NDArray[np.float32], days: Days, patched: list[int], new: list[int]
) -> None:
    """Refuse a jump of a price into a day that is new or corrected."""
    first = min(patched, default=len(bars))  # the days before it are as they were
    table = np.concatenate([_last_known(bars[:first]), bars[first:], days.values[new]])
    dates = np.concatenate([stream.dates[first:], days.dates[new].astype(stream.dates.dtype)])
    changed = {place - first for place in patched} | set(range(len(bars) - first, len(dates)))
    for row, name in enumerate(stream.fields):
        if not is_price(name):
            continue
        places, columns, ratios = find_jumps(table[:, row])
        hits = [hit for hit, place in enumerate(places) if place - 1 in changed]
        if hits:
            asset, date = stream.assets[columns[hits[0]]], text_of(dates[places[hits[0]] - 1])
            more = f" (and {len(hits) - 1} more jumps)" if len(hits) > 1 else ""
            raise PanelError(
                f"{days.name}: field {name!r} of asset {asset!r} on {date} jumps by"
                f" {100 * (ratios[hits[0]] - 1):+,.0f} %{more}; adjust prices for splits, or pass"
                " allow_jumps=True (--allow-jumps) if it is real"
            )


def _last_known(bars: NDArray[np.float32]) -> NDArray[np.float32]:
    """The last value of each field and asset in (K, F, N), as (1, F, N)."""
    last = np.full((1, *bars.shape[1:]), np.nan, np.float32)
    for row in bars[::-1]:
        gaps = np.isnan(last[0])
        if not gaps.any():
            break
        last[0][gaps] = row[gaps]
    return last
