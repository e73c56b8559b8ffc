"""Parsing of dates in text: finds the one format that fits a whole column and rejects ambiguous columns."""

from typing import TYPE_CHECKING, Literal

from quarva.errors import PanelError
from quarva.panel.source import Source

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_dates"]

_DAYS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y",
    "%d%b%Y", "%d %B %Y", "%B %d, %Y", "%b %d %Y", "%d/%b/%Y", "%Y-%b-%d", "%Y年%m月%d日",
)  # fmt: skip
_EITHER_ORDER = (("%d/%m/%Y", "%m/%d/%Y"), ("%d-%m-%Y", "%m-%d-%Y"))
_TIMES = ("%H:%M:%S%.f", "%H:%M", "%H%M%S", "%I:%M:%S %p", "%I:%M %p")
_SHORT = r"^\d{1,2}[-/. ]([A-Za-z]{3}|\d{1,2})[-/. ]\d{1,2}(\D|$)|^\d{1,2}[A-Za-z]{3}\d{2}(\D|$)"
_MIN_DATES = 10  # distinct dates needed to choose between two formats by their order
_LAST_SHORT = 2050  # two-digit years after this are ambiguous with the previous century


def read_dates(source: Source, series: "pl.Series", text: "pl.Series") -> "pl.Series":
    """Parse the distinct texts of a column.

    Parameters
    ----------
    source : Source
        Source of the column, for messages and notes.
    series : Series
        The whole column, for row numbers in messages.
    text : Series of str
        Distinct texts.

    Returns
    -------
    Series of naive datetimes
        One per text; null where a text cannot be parsed. Two-digit years are accepted if exactly one order of
        day, month and year fits every text.

    Raises
    ------
    PanelError
        If several orders of day, month and year fit.
    """
    if text.str.contains(r"^\d{4}[-/]\d{1,2}$").all():
        text = text.str.replace("/", "-") + "-01"  # a month stands for its first day
    if text.str.contains(_SHORT).all():
        return _parse_short_years(source, series, text)
    return _parse_best_format(source, text)


def _parse_short_years(source: Source, series: "pl.Series", text: "pl.Series") -> "pl.Series":
    """Parse dates with two-digit years, such as 3-Jan-22 and 1/31/22."""
    parts = text.str.replace(r"^(\d{1,2})([A-Za-z]{3})(\d{2})", "$1-$2-$3")
    parts = parts.str.replace(r"^(\w+)[-/. ](\w+)[-/. ](\d{1,2})", "$1-$2-$3")
    worded = bool(parts.str.contains(r"^\d{1,2}-[A-Za-z]{3}-").all())
    orders = ("%d-%b-%y",) if worded else ("%m-%d-%y", "%d-%m-%y", "%y-%m-%d")
    read = [_parse_format(parts, order, "us") for order in orders]
    complete = _monotonic_readings([parsed for parsed in read if not parsed.null_count()])
    different = any((parsed != complete[0]).any() for parsed in complete[1:])
    late = bool(complete) and (complete[0].dt.year() > _LAST_SHORT).any()
    if different or late or not complete:
        nearest = min(read, key=lambda parsed: parsed.null_count())
        first = text[0] if complete else text[nearest.is_null().arg_max() or 0]
        row = (series.str.strip_chars() == first).arg_max() or 0
        raise PanelError(
            f"{source.at(row)}: date {first!r} is ambiguous: its year has two digits; write dates as"
            " YYYY-MM-DD"
        )
    source.log.note(
        f"two-digit years are read as 1969 to {_LAST_SHORT} ({text[0]!r} is {complete[0].dt.date()[0]})"
    )
    return complete[0]


def _monotonic_readings(read: "list[pl.Series]") -> "list[pl.Series]":
    """Keep the readings whose dates are monotonic, if only some of them are."""
    ordered = [
        parsed for parsed in read if parsed.is_sorted() or parsed.is_sorted(descending=True)
    ]  # fmt: skip
    return ordered if len(read) > 1 and ordered and len(read[0]) >= _MIN_DATES else read


def _parse_format(text: "pl.Series", day: str, unit: Literal["ns", "us"]) -> "pl.Series":
    """Parse texts with the format `day`, optionally followed by a time of day."""
    import polars as pl

    parsed = text.str.to_datetime(day, strict=False, time_unit=unit)
    for time in _TIMES:
        for joint in (" ", "T"):
            if not parsed.null_count():
                return parsed
            with_time = text.str.to_datetime(day + joint + time, strict=False, time_unit=unit)
            parsed = pl.select(pl.coalesce(parsed, with_time)).to_series()
    return parsed


def _parse_best_format(source: Source, text: "pl.Series") -> "pl.Series":
    """Parse texts with the format that fits most of them; naive datetimes, null where it fails."""
    # Nanoseconds only where the texts have them: years outside their range would overflow.
    fine = text.str.contains(r"^(1[7-9]|2[01])\d\d\D.*\.\d{7,}").any()
    unit: Literal["ns", "us"] = "ns" if fine else "us"
    best = _parse_format(text, _DAYS[0], unit)
    for day in (*_DAYS[1:], *(day for pair in _EITHER_ORDER for day in pair)):
        if not best.null_count():
            return best
        parsed = _parse_format(text, day, unit)
        if parsed.null_count() < best.null_count():
            best = parsed
            other = next((b if day == a else a for a, b in _EITHER_ORDER if day in (a, b)), None)
            if other is not None and not best.null_count():
                swapped = _parse_format(text, other, unit)
                if not swapped.null_count() and (swapped != best).any():
                    likely = _monotonic_readings([best, swapped])
                    if len(likely) > 1:
                        source.refuse(f"{text[0]!r} may be day/month or month/day; write dates as YYYY-MM-DD")
                    best = likely[0]
                    source.log.note(
                        f"{text[0]!r} is read as {best.dt.date()[0]} because the dates are then in order"
                    )
    return best
