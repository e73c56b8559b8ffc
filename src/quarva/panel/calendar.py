"""Calendar of a panel: bar length and number of bars per year."""

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["SESSIONS_PER_YEAR", "Calendar", "calendar_of"]

SESSIONS_PER_YEAR = 252.0
"""Trading days per year of a market that is closed at weekends."""

_DAYS_PER_YEAR = 365.25
_WEEKS_PER_YEAR = 52.0
_INTRADAY = 0.8  # median spacing in days below which bars are intraday
_REGULAR = 0.2  # a weekday counts as traded if it has this fraction of the busiest weekday's bars
# Bar name, range of the median spacing in days, bars per year.
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
    """Bar length and annualisation of a panel, inferred from its dates.

    Attributes
    ----------
    bars : str
        Bar length: `daily`, `weekly`, `monthly`, `5-minute`, …
    sessions_per_year : float
        Trading days per year: 252, or 312 with trading on six weekdays, or 365 with trading on all days. Bars
        longer than a day count as one session each.
    bars_per_session : int
        Bars in a full session; 1 for daily and longer bars.
    """

    bars: str
    sessions_per_year: float
    bars_per_session: int = 1

    @property
    def periods_per_year(self) -> float:
        """Bars per year, used to annualise means and volatilities of returns."""
        return self.bars_per_session * self.sessions_per_year

    def __str__(self) -> str:
        if self.bars_per_session == 1:
            return f"{self.bars} bars, {self.periods_per_year:,.6g} per year"
        return (
            f"{self.bars} bars, {self.bars_per_session:,} per session, {self.sessions_per_year:g} sessions "
            f"per year: {self.periods_per_year:,.8g} per year"
        )


def calendar_of(dates: Any) -> Calendar:
    """Infer bar length and bars per year from the dates of a panel.

    Parameters
    ----------
    dates : array_like of datetime64, shape (T,)
        Ascending and distinct.

    Returns
    -------
    Calendar

    Notes
    -----
    The bar length is the median spacing of consecutive dates. Weekly, monthly, quarterly and yearly bars have
    52, 12, 4 and 1 bars per year. Daily bars have 252, 365 if the market also trades on Saturdays and
    Sundays, and 312 if it trades on six weekdays. Intraday bars have the number of bars in a full session
    times the number of sessions per year, the latter as for daily bars. Days are split at the longest daily
    break, so a session that crosses midnight UTC stays whole. For any other spacing the number is the mean
    number of dates per year. A panel with a single date counts as daily.
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
    """Calendar of intraday bars with a median spacing of `typical` days."""
    seconds = round(typical * 86400)
    size, unit = next(((s, name) for s, name in _UNITS if seconds % s == 0), (1.0, "second"))
    days, counts = np.unique((instants - _session_start(instants)) // 86400, return_counts=True)
    regular = _sessions_per_year(np.repeat(days, counts))
    # The first and last session may be incomplete; the upper median also ignores half days.
    full = counts[1:-1] if len(counts) > 3 else counts
    bars = int(np.percentile(full, 50, method="higher")) if len(counts) > 2 else int(counts.max())
    return Calendar(f"{seconds / size:g}-{unit}", regular, bars)


def _session_start(instants: np.ndarray) -> int:
    """Second of the day (UTC) in the middle of the longest daily break; 0 without a break."""
    times = np.unique(instants % 86400)
    breaks = np.diff(times, append=times[0] + 86400)
    longest = int(breaks.argmax())
    if breaks[longest] < 3 * np.median(breaks) or breaks[longest] < 3600:
        return 0
    return int(times[longest] + breaks[longest] // 2) % 86400


def _sessions_per_year(days: np.ndarray) -> float:
    """Trading days per year, from the day of each bar (days since 1970)."""
    bars = np.bincount((days + 3) % 7, minlength=7)  # Monday is 0; 1970-01-01 was a Thursday
    traded = bars >= max(1.0, _REGULAR * bars.max())
    if traded[5] and traded[6]:
        return 365.0
    if traded.sum() == 6:
        return 6 * _WEEKS_PER_YEAR
    return SESSIONS_PER_YEAR
