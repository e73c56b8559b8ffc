"""The calendar of a panel: how long its bars are, and how many of them make a year."""

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["SESSIONS_PER_YEAR", "Calendar", "calendar_of"]

SESSIONS_PER_YEAR = 252.0
"""Trading days a year of a market that closes at weekends."""

_DAYS_PER_YEAR = 365.25
_WEEKS_PER_YEAR = 52.0
_INTRADAY = 0.8  # bars closer together than this, in days, are shorter than a day
_REGULAR = 0.2  # a weekday is traded if it has this share of the busiest weekday's bars
# Name of the bar, the range of median distances in days that it covers, bars a year.
_LONGER = (
    ("weekly", 6.5, 7.5, 52.0),
    ("two-weekly", 13.5, 14.5, 26.0),
    ("monthly", 27.0, 32.5, 12.0),
    ("quarterly", 84.0, 95.0, 4.0),
    ("half-yearly", 175.0, 190.0, 2.0),
    ("yearly", 355.0, 375.0, 1.0),
)
_UNITS = ((3600.0, "hour"), (60.0, "minute"), (1.0, "second"))


@dataclass(frozen=True)
class Calendar:
    """What the dates of a panel say about its bars.

    Attributes:
        bars: length of a bar: `daily`, `weekly`, `monthly`, `5-minute`, …
        sessions_per_year: days of trading a year: 252, or 365 for a market that never closes. Bars longer
            than a day have one session each.
        bars_per_session: bars of a full session; 1 for daily and longer bars.
    """

    bars: str
    sessions_per_year: float
    bars_per_session: int = 1

    @property
    def periods_per_year(self) -> float:
        """Bars a year, by which means and volatilities of returns are annualised."""
        return self.bars_per_session * self.sessions_per_year

    def __str__(self) -> str:
        if self.bars_per_session == 1:
            return f"{self.bars} bars, {self.periods_per_year:,.6g} a year"
        return (
            f"{self.bars} bars, {self.bars_per_session:,} a session, {self.sessions_per_year:g} sessions "
            f"a year: {self.periods_per_year:,.8g} a year"
        )


def calendar_of(dates: Any) -> Calendar:
    """Infer bar length and bars a year from the dates of a panel.

    The median distance of neighbouring dates gives the length of a bar. Weekly, monthly, quarterly and
    yearly bars have 52, 12, 4 and 1 a year. Daily bars have 252 a year, 365 if the market also trades on
    Saturdays and Sundays, and 52 for each weekday if it trades on six. Intraday bars have the bars of a full
    session times the sessions a year, the latter found as for daily bars. A session is a day as cut at the
    longest daily break, so that one which crosses midnight UTC stays whole. Any other distance gives the
    mean number of dates a year. A panel of one date counts as daily.

    Parameters
    ----------
    dates : array_like of datetime64, shape (T,)
        Ascending and distinct.

    Returns
    -------
    Calendar
    """
    instants = np.asarray(dates).astype("datetime64[s]").astype(np.int64)
    if len(instants) < 2:
        return Calendar("daily", SESSIONS_PER_YEAR)
    typical = float(np.median(np.diff(instants))) / 86400
    if typical < _INTRADAY:
        return _intraday(instants, typical)
    if typical < 1.5:
        return Calendar("daily", _sessions_per_year(instants // 86400))
    for bars, shortest, longest, per_year in _LONGER:
        if shortest <= typical <= longest:
            return Calendar(bars, per_year)
    mean = float(instants[-1] - instants[0]) / 86400 / (len(instants) - 1)
    return Calendar(f"{typical:.3g}-day", round(_DAYS_PER_YEAR / mean, 2))


def _intraday(instants: np.ndarray, typical: float) -> Calendar:
    """Calendar of bars shorter than a day, `typical` days apart."""
    seconds = round(typical * 86400)
    size, unit = next(((s, name) for s, name in _UNITS if seconds % s == 0), (1.0, "second"))
    days, counts = np.unique((instants - _session_start(instants)) // 86400, return_counts=True)
    regular = _sessions_per_year(np.repeat(days, counts))
    # The first and the last session may be cut off; the upper median also passes over half days.
    full = counts[1:-1] if len(counts) > 3 else counts
    bars = int(np.percentile(full, 50, method="higher")) if len(counts) > 2 else int(counts.max())
    return Calendar(f"{seconds / size:g}-{unit}", regular, bars)


def _session_start(instants: np.ndarray) -> int:
    """Second of the day, UTC, in the middle of the longest daily break; 0 where there is none."""
    times = np.unique(instants % 86400)
    breaks = np.diff(times, append=times[0] + 86400)
    longest = int(breaks.argmax())
    if breaks[longest] < 3 * np.median(breaks) or breaks[longest] < 3600:
        return 0
    return int(times[longest] + breaks[longest] // 2) % 86400


def _sessions_per_year(days: np.ndarray) -> float:
    """Trading days a year, from the day of each bar (days since 1970)."""
    bars = np.bincount((days + 3) % 7, minlength=7)  # Monday is 0; 1970-01-01 was a Thursday
    traded = bars >= max(1.0, _REGULAR * bars.max())
    if traded[5] and traded[6]:
        return 365.0
    if traded.sum() == 6:
        return 6 * _WEEKS_PER_YEAR
    return SESSIONS_PER_YEAR
