"""Division of days or rows into training, validation and a sealed test."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import PanelError, TaskError
from quarva.panel.dates import date_of

__all__ = [
    "DEFAULT_SPLIT",
    "PARTS",
    "TEST",
    "TRAIN",
    "UNUSED",
    "VALIDATION",
    "Split",
    "split_days",
    "split_rows",
]

TRAIN, VALIDATION, TEST, UNUSED = 0, 1, 2, -1
PARTS = ("train", "validation", "test")
DEFAULT_SPLIT = (0.6, 0.8)

Border = str | float | date | np.datetime64


@dataclass(frozen=True, eq=False)
class Split:
    """The parts of a panel.

    Attributes
    ----------
    segments : ndarray of int8, shape (T,)
        Part of each day: 0 train, 1 validation, 2 test, −1 none.
    spans : dict of str to tuple of str
        First and last day of each part, by name.
    purged : int
        Number of days left out before each border, so that no target reaches across it.
    embargo : int
        Number of days left out after each border.
    """

    segments: NDArray[np.int8]
    spans: dict[str, tuple[str, str]]
    purged: int
    embargo: int


def day_text(day: np.datetime64) -> str:
    """A date as text, such as 2017-01-03, with the time of day if there is one."""
    return str(
        day.astype("datetime64[D]") if day == day.astype("datetime64[D]") else day.astype("datetime64[s]")
    )


def split_days(
    dates: NDArray[np.datetime64],
    borders: Sequence[Border] | None = None,
    *,
    ahead: int,
    embargo: int = 0,
) -> Split:
    """Split days into train, validation and test, in this order.

    Parameters
    ----------
    dates : ndarray of datetime64, shape (T,)
        The days, ascending.
    borders : sequence of two dates or shares, optional
        First day of validation and first day of the test, as dates or as shares of the days in (0, 1).
        Defaults to (0.6, 0.8).
    ahead : int
        Number of days that the target looks ahead, horizon + delay. The last `ahead` days before each border
        are left out (purged), so that the target of every other day is known before the next part begins.
    embargo : int, default 0
        Number of days left out after each border.

    Returns
    -------
    Split

    Raises
    ------
    TaskError
        There are not two ascending borders within the panel, or a part has fewer than 2 days.

    References
    ----------
    López de Prado, M. (2018). Advances in Financial Machine Learning, chapter 7. Wiley.
    """
    if embargo < 0 or embargo != int(embargo):
        raise TaskError(f"the embargo must be 0 or more days, not {embargo}")
    first, second = _two_borders(DEFAULT_SPLIT if borders is None else borders)
    days = len(dates)
    validation, test = (_border_index(dates, border) for border in (first, second))
    if validation >= test:
        raise TaskError(
            f"split {first}, {second}: the test must begin after the validation; give ascending days"
        )
    segments = np.full(days, UNUSED, np.int8)
    begin, spans = 0, {}
    for part, (name, end) in enumerate(zip(PARTS, (validation, test, days))):
        start, stop = begin + (embargo if part else 0), end - ahead
        if stop - start < 2:
            raise TaskError(
                f"split {first}, {second}: of the {end - begin} days of the {name} part "
                f"{max(0, stop - start)} remain after {ahead} purged and {embargo if part else 0} embargoed; "
                "at least 2 are needed"
            )
        # The test ends with the panel, so there is no later part that its targets could reach into.
        segments[start : days if part == TEST else stop] = part
        spans[name] = (day_text(dates[start]), day_text(dates[days - 1 if part == TEST else stop - 1]))
        begin = end
    return Split(segments, spans, ahead, embargo)


def split_rows(rows: int, borders: Sequence[Border] | None) -> NDArray[np.int8]:
    """Assign rows of a table to parts at random.

    Parameters
    ----------
    rows : int
        Number of rows.
    borders : sequence of two shares or None
        Shares of the rows: (0.6, 0.8) means 60 % train, 20 % validation and 20 % test. None assigns all rows
        to training.

    Returns
    -------
    ndarray of int8, shape (rows,)
        0 train, 1 validation, 2 test. The result is the same for the same number of rows.

    Raises
    ------
    TaskError
        There are not two ascending shares in (0, 1), or a part has fewer than 2 rows.
    """
    segments = np.zeros(rows, np.int8)
    if borders is None:
        return segments
    shares = [_share(border) for border in _two_borders(borders)]
    first, second = (share if share is not None else np.nan for share in shares)
    if not 0 < first < second < 1:
        raise TaskError(
            f"the split of a table must be two ascending shares such as 0.6, 0.8, not {tuple(borders)}"
        )
    ends = [0, round(first * rows), round(second * rows), rows]
    if min(np.diff(ends)) < 2:
        raise TaskError(
            f"split {first}, {second}: a part has fewer than 2 of the {rows} rows; move the borders"
        )
    order = np.random.default_rng(0).permutation(rows)
    for part in (VALIDATION, TEST):
        segments[order[ends[part] : ends[part + 1]]] = part
    return segments


def _two_borders(borders: Sequence[Border]) -> tuple[Border, Border]:
    if isinstance(borders, str) or len(borders) != 2:
        raise TaskError(
            f"a split must be two borders, the first day of validation and of the test, not {borders!r}"
        )
    return borders[0], borders[1]


def _share(border: Border) -> float | None:
    """A share of the days, such as 0.6 or "0.6"; None for a date."""
    try:
        share = float(border)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return share if 0 < share < 1 else None


def _border_index(dates: NDArray[np.datetime64], border: Any) -> int:
    """Index of the first day on or after a border."""
    share = None if isinstance(border, np.datetime64) else _share(border)
    if share is not None:
        return round(share * len(dates))
    span = f"the panel runs from {day_text(dates[0])} to {day_text(dates[-1])}"
    try:
        day = date_of(str(border) if isinstance(border, int) else border, "split")
    except PanelError:
        raise TaskError(f"split: '{border}' is not a date such as 2017-01-31; {span}") from None
    if np.isnat(day) or not dates[0] < day <= dates[-1]:
        raise TaskError(f"split: {border} lies outside the panel; {span}")
    return int(np.searchsorted(dates, day))
