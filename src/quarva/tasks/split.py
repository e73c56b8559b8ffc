"""Which days (of a table: which rows) are for training, for validation, and sealed."""

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
    """Days by the part they belong to.

    Attributes:
        segments: int8 [T]: 0 train, 1 validation, 2 test, −1 in none.
        spans: first and last day of each part, by name, as text.
        purged: days left out before each border, so that no target reaches across it.
        embargo: days left out after each border.
    """

    segments: NDArray[np.int8]
    spans: dict[str, tuple[str, str]]
    purged: int
    embargo: int


def day_text(day: np.datetime64) -> str:
    """A date as people write it: 2017-01-03, with the time of day where it has one."""
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
    """Train, validation and test, in this order of time.

    Before each border the last `ahead` days are left out (purged): the target of a day that remains is known
    before the next part begins. `embargo` days after each border are left out as well. Source: López de Prado
    2018, Advances in Financial Machine Learning, chapter 7.

    Args:
        dates: datetime64 [T], ascending.
        borders: first day of validation and first day of the test: dates, or shares of the days in (0, 1);
            None is (0.6, 0.8).
        ahead: days that the target looks ahead, horizon + delay.
        embargo: days.

    Raises:
        TaskError: not two borders, not in order, outside the panel, or a part with fewer than 2 days.
    """
    if embargo < 0 or embargo != int(embargo):
        raise TaskError(f"the embargo must be 0 or more days, not {embargo}")
    first, second = _two(DEFAULT_SPLIT if borders is None else borders)
    days = len(dates)
    validation, test = (_place(dates, border) for border in (first, second))
    if validation >= test:
        raise TaskError(f"split {first}, {second}: the test must begin after the validation")
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
        # The panel ends with the test: its last days lack a target, there is nothing behind them to protect.
        segments[start : days if part == TEST else stop] = part
        spans[name] = (day_text(dates[start]), day_text(dates[days - 1 if part == TEST else stop - 1]))
        begin = end
    return Split(segments, spans, ahead, embargo)


def split_rows(rows: int, borders: Sequence[Border] | None) -> NDArray[np.int8]:
    """Which part each row of a table belongs to, int8 [rows].

    Rows have no order in time: they are drawn at random, always the same ones for the same number of rows.

    Args:
        rows: number of rows.
        borders: shares of the rows, such as (0.6, 0.8): 60 % train, 20 % validation, 20 % test. None is all
            rows for training.

    Raises:
        TaskError: not two ascending shares in (0, 1), or a part with fewer than 2 rows.
    """
    segments = np.zeros(rows, np.int8)
    if borders is None:
        return segments
    shares = [_share(border) for border in _two(borders)]
    first, second = (share if share is not None else np.nan for share in shares)
    if not 0 < first < second < 1:
        raise TaskError(
            f"the split of a table must be two ascending shares such as 0.6, 0.8, not {tuple(borders)}"
        )
    ends = [0, round(first * rows), round(second * rows), rows]
    if min(np.diff(ends)) < 2:
        raise TaskError(f"split {first}, {second}: a part of {rows} rows has fewer than 2")
    order = np.random.default_rng(0).permutation(rows)
    for part in (VALIDATION, TEST):
        segments[order[ends[part] : ends[part + 1]]] = part
    return segments


def _two(borders: Sequence[Border]) -> tuple[Border, Border]:
    if isinstance(borders, str) or len(borders) != 2:
        raise TaskError(
            f"a split is two borders, the first day of validation and of the test, not {borders!r}"
        )
    return borders[0], borders[1]


def _share(border: Border) -> float | None:
    """A share of the days: 0.6 or '0.6'; None for a date."""
    try:
        share = float(border)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return share if 0 < share < 1 else None


def _place(dates: NDArray[np.datetime64], border: Any) -> int:
    """Number of the first day on or after the border."""
    share = None if isinstance(border, np.datetime64) else _share(border)
    if share is not None:
        return round(share * len(dates))
    span = f"the panel runs from {day_text(dates[0])} to {day_text(dates[-1])}"
    try:
        day = date_of(str(border) if isinstance(border, int) else border, "split")
    except PanelError:
        raise TaskError(f"split: '{border}' is no date such as 2017-01-31; {span}") from None
    if np.isnat(day) or not dates[0] < day <= dates[-1]:
        raise TaskError(f"split: {border} lies outside the panel; {span}")
    return int(np.searchsorted(dates, day))
