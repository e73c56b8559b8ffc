"""Conversion of dates in files, frames and sequences to datetime64: days, or instants in UTC."""

import re
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from quarva.errors import PanelError
from quarva.panel.date_formats import read_dates
from quarva.panel.source import Source
from quarva.panel.zones import Stamps, in_zone, offsets_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["date_of", "dates_of", "parse_dates", "reads_as_times", "text_of"]

# A zone comes after a time of day, never after a date: 02-01-2020 does not end in a zone.
_ZONE = r"\d:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"
_EPOCH_UNITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (np.inf, "ns"))
_UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
# Suffix that completes an all-digit date to YYYYMMDDHHMMSS, by its length.
_COMPACT = {6: "01000000", 8: "000000", 10: "0000", 12: "00", 14: "", 17: ""}
# Dates outside are taken for typing errors; dates inside fit datetime64[ns].
_FIRST, _END = np.datetime64("1700-01-01"), np.datetime64("2201-01-01")
_ISO = re.compile(r"\d{4}(-|$)")


def parse_dates(source: Source, column: str, time: str | None = None, zone: str | None = None) -> np.ndarray:
    """Parse a column of dates.

    Parameters
    ----------
    source : Source
        Source of the column; assumptions are recorded in its log.
    column : str
        Column of dates.
    time : str, optional
        Column of times of day to add to the dates.
    zone : str, optional
        Time zone of the market. Dates without a zone are local times in it; instants become days of this zone
        if their local time of day is always the same.

    Returns
    -------
    datetime64 array of shape (rows,)
        In row order; unit D if every time of day is midnight, otherwise ns in UTC.

    Raises
    ------
    PanelError
        If a date is missing or unreadable, or if only some dates have a time zone.

    Notes
    -----
    Dates with a time zone whose local times are all midnight keep their local calendar day, even if their
    offsets differ. Other instants are converted to UTC.
    """
    series = source.frame[column]
    if series.null_count():
        row = series.is_null().arg_max() or 0
        raise PanelError(f"{source.at(row)}: the date is missing; fill it in or drop the row")
    stamps = _stamps(source, series)
    if time is not None:
        stamps = Stamps(stamps.local + _parse_times(source, time), stamps.offset)
    days = stamps.local.astype("datetime64[D]")
    if len(days) and not (days.min() >= _FIRST and days.max() < _END):
        row = int(((days < _FIRST) | (days >= _END)).argmax())
        _raise_unreadable(source, row, series[row])
    if zone is not None:
        return _days_if_midnight(in_zone(source, stamps, zone))
    if (days == stamps.local).all():
        _log_midnight(source, stamps)
        return days
    return _instants(source, stamps)


def dates_of(given: Any, name: str) -> np.ndarray:
    """Convert a sequence of dates.

    Parameters
    ----------
    given : sequence of T dates
        NumPy datetime64 array, pandas or polars index or column, or a list of dates, datetimes, periods,
        strings or numbers such as 20220103, with the rules of `Panel.read`. A period stands for its first
        day.
    name : str
        Name of the data, for messages.

    Returns
    -------
    datetime64 array of shape (T,)
        In the given order; unit D if every time of day is midnight, otherwise ns in UTC.

    Raises
    ------
    PanelError
        If a date is missing or unreadable, or if only some dates have a time zone.
    """
    if np.ndim(given) != 1:
        raise PanelError(f"{name}: dates must be one-dimensional, not {np.ndim(given)}-dimensional")
    if isinstance(given, np.ndarray) and given.dtype.kind == "M":
        return _days_or_instants(given, name)
    import pandas as pd
    import polars as pl

    series = given if isinstance(given, pl.Series) else None
    if series is None:
        index = pd.Index(given)  # infers the type of a list
        if isinstance(index, pd.PeriodIndex):
            index = index.to_timestamp()
        if isinstance(index, pd.DatetimeIndex) and index.tz is None:
            return _days_or_instants(index.to_numpy(), name)
        if index.dtype == object:
            index = pd.Index([None if each is None or each != each else str(each) for each in index])
        series = pl.Series(pl.from_pandas(index.to_series(index=range(len(index)))))
    return parse_dates(Source(pl.DataFrame({"date": series}), name), "date")


def date_of(given: Any, name: str) -> np.datetime64:
    """Convert a single date by the rules of `dates_of`; also accepts `2020` and `2020-01`.

    Raises
    ------
    PanelError
        If `given` is not a date.
    """
    try:
        if isinstance(given, np.datetime64) or (isinstance(given, str) and _ISO.match(given)):
            return np.datetime64(given)
        return np.datetime64(dates_of([given], name)[0])
    except (PanelError, ValueError):
        raise PanelError(f"{name}: {given!r} is not a date; write it as YYYY-MM-DD") from None


def _days_or_instants(dates: np.ndarray, name: str) -> np.ndarray:
    """Convert datetime64 of any unit to D if every time of day is midnight, otherwise to ns."""
    if np.isnat(dates).any():
        row = int(np.isnat(dates).argmax())
        raise PanelError(f"{name}: row {row + 1}: the date is missing; fill it in or drop the row")
    days = dates.astype("datetime64[D]")
    return days if (days == dates).all() else dates.astype("datetime64[ns]")


def text_of(date: np.datetime64) -> str:
    """Format a date for messages and tables: 2020-01-31, or 2020-01-31T15:30 with a time of day."""
    if np.datetime_data(date.dtype)[0] == "D":
        return str(date)
    text = str(date.astype("datetime64[ns]"))
    return text.rstrip("0").rstrip(".").removesuffix(":00") if "." in text else text


def reads_as_times(series: "pl.Series") -> bool:
    """Whether a column has times of day, such as 09:30, 9:30:00.5 PM, 093000, 930 or a time type."""
    import polars as pl

    if series.dtype in (pl.Time, pl.Duration):
        return True
    values = series.drop_nulls()
    if not len(values):
        return False
    if series.dtype.is_integer() or series.dtype.is_float():
        return _seconds_of_day(values.cast(pl.Float64).to_numpy()) is not None
    if series.dtype != pl.String:
        return False
    text = values.unique().str.strip_chars()
    if text.str.contains(r"^\d{1,6}$").all():
        return _seconds_of_day(text.cast(pl.Float64).to_numpy()) is not None
    return bool(text.str.contains(r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*([AaPp][Mm])?$").all())


def _days_if_midnight(instants: np.ndarray) -> np.ndarray:
    days = instants.astype("datetime64[D]")
    return days if (days == instants).all() else instants.astype("datetime64[ns]")


def _log_midnight(source: Source, stamps: Stamps) -> None:
    if stamps.offset is None or (offsets := np.unique(stamps.offset)).size < 2:
        return
    source.log.dates = "local midnight, read as local days"
    if offsets[-1] - offsets[0] > 60:
        source.log.note("dates are midnight in several time zones; each is read as its local day")


def _instants(source: Source, stamps: Stamps) -> np.ndarray:
    """Instants in UTC if the time zone is known, otherwise unchanged."""
    if stamps.offset is None:
        source.log.dates = "times without a time zone, read as UTC; set another with --time-zone"
        return _days_if_midnight(stamps.local)
    source.log.dates = "instants in UTC"
    return _days_if_midnight(stamps.local - stamps.offset.astype("timedelta64[m]"))


def _raise_unreadable(source: Source, row: int, value: Any) -> NoReturn:
    raise PanelError(f"{source.at(row)}: {str(value)[:40]!r} is not a date; write dates as YYYY-MM-DD")


def _stamps(source: Source, series: "pl.Series") -> Stamps:
    import polars as pl

    if series.dtype == pl.Date:
        return Stamps(series.to_numpy().astype("datetime64[us]"), None)
    if isinstance(series.dtype, pl.Datetime):
        local = series.dt.replace_time_zone(None).to_numpy()
        if series.dtype.time_zone is None:
            return Stamps(local, None)
        utc = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
        return Stamps(local, ((local - utc) / np.timedelta64(1, "m")).astype(np.int64))
    if series.dtype.is_numeric():
        return _parse_numbers(source, series)
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum):
        source.refuse(f"column {series.name!r} has type {series.dtype}, not dates; write dates as YYYY-MM-DD")
    return _parse_text(source, series.cast(pl.String))


def _parse_numbers(source: Source, series: "pl.Series") -> Stamps:
    """Parse numbers: 202001, 20200131 and longer, or seconds, milliseconds, … since 1970."""
    import polars as pl

    numbers = series.to_numpy()
    wrong = ~np.isfinite(numbers) | (numbers != np.trunc(numbers)) | (numbers < 170_001)
    if wrong.any():
        _raise_unreadable(source, int(wrong.argmax()), series[int(wrong.argmax())])
    whole = numbers.astype(np.int64)
    compact = _parse_compact(series.cast(pl.Int64).cast(pl.String))
    if compact is not None:
        return Stamps(compact, None)
    if (whole < 100_000_000).any():
        days = series.cast(pl.Int64).cast(pl.String).str.to_datetime("%Y%m%d", strict=False)
        row = int((days.is_null().to_numpy() | (whole < 17_000_101)).argmax())
        _raise_unreadable(source, row, series[row])
    return Stamps(_from_epoch(source, whole), np.zeros(len(whole), np.int64))


def _parse_compact(text: "pl.Series") -> np.ndarray | None:
    """Parse all-digit dates of equal length; None if one is not a date or six digits are ambiguous."""
    import polars as pl

    lengths = text.str.len_chars().unique()
    if len(lengths) != 1 or lengths[0] not in _COMPACT:
        return None
    size = lengths[0]
    if not text.str.contains(r"^(1[7-9]|2[01])\d\d(0[1-9]|1[0-2])").all():
        return None
    parsed = (
        (text + _COMPACT[size]).str.head(14).str.to_datetime("%Y%m%d%H%M%S", strict=False, time_unit="us")
    )
    if parsed.null_count() or (size == 6 and text.str.head(4).n_unique() < 2):
        return None
    instants = parsed.to_numpy()
    if size == 17:
        instants = instants + text.str.tail(3).cast(pl.Int64).to_numpy().astype("timedelta64[ms]")
    return instants


def _from_epoch(source: Source, whole: np.ndarray) -> np.ndarray:
    """Convert numbers since 1970. The magnitude determines the unit, which may change within a file."""
    limits = np.array([limit for limit, _ in _EPOCH_UNITS])
    units = np.searchsorted(limits, whole, side="right")
    out = np.empty(len(whole), "datetime64[ns]" if (units == 3).any() else "datetime64[us]")
    for place in np.unique(units):
        rows = units == place
        out[rows] = whole[rows].astype(f"datetime64[{_EPOCH_UNITS[place][1]}]")
    change = np.flatnonzero(units[1:] != units[:-1])
    if len(change):
        before, after = (_UNIT_NAMES[_EPOCH_UNITS[units[change[0] + k]][1]] for k in (0, 1))
        place = source.at(int(change[0]) + 1).removeprefix(f"{source.name}: ")
        source.log.note(
            f"dates are {before} since 1970, but {after} from {place} on; each is read in its own unit"
        )
    return out


def _parse_text(source: Source, series: "pl.Series") -> Stamps:
    """Parse text dates. Distinct texts are parsed once, since a long table repeats each date per asset."""
    import polars as pl

    distinct = series.unique(maintain_order=True)
    text = distinct.str.strip_chars()
    if text.str.contains(r"^\d+\.0*$").any():  # integers that became floats because one was missing
        text = text.str.replace(r"\.0*$", "")
    if text.str.contains(r"^\d+$").all():
        compact = _parse_compact(text)
        if compact is None:
            whole = series.str.strip_chars().str.replace(r"\.0*$", "")
            return _parse_numbers(source, whole.cast(pl.Int64))
        return Stamps(_map_to_rows(series, distinct, compact), None)
    zones = text.str.extract(_ZONE, 1)
    offset = offsets_of(source, series, distinct, zones)
    if offset is not None:
        text = text.str.replace(r"\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$", "")
    parsed = read_dates(source, series, text)
    if parsed.null_count():
        bad = distinct[parsed.is_null().arg_max() or 0]
        _raise_unreadable(source, (series == bad).arg_max() or 0, bad)
    local = _map_to_rows(series, distinct, parsed.to_numpy())
    return Stamps(local, None if offset is None else _map_to_rows(series, distinct, offset))


def _map_to_rows(series: "pl.Series", distinct: "pl.Series", values: np.ndarray) -> np.ndarray:
    """Map values of the distinct texts back to the rows."""
    import polars as pl

    if len(distinct) == len(series):
        return values
    places = pl.DataFrame({series.name: distinct, "\0place": np.arange(len(distinct))})
    rows = series.to_frame().join(places, on=series.name, how="left", maintain_order="left")
    return values[rows["\0place"].to_numpy()]


def _parse_times(source: Source, column: str) -> np.ndarray:
    """Parse a column of times of day, timedelta64[us]."""
    import polars as pl

    series = source.frame[column]
    if series.null_count():
        row = series.is_null().arg_max() or 0
        raise PanelError(
            f"{source.at(row)}: the time of day in {column!r} is missing; fill it in or drop the row"
        )
    if series.dtype in (pl.Time, pl.Duration):
        return series.cast(pl.Duration("us")).to_numpy().astype("timedelta64[us]")
    text = series.cast(pl.String).str.strip_chars() if series.dtype == pl.String else None
    if text is None or text.str.contains(r"^\d{1,6}$").all():
        seconds = _seconds_of_day((series if text is None else text).cast(pl.Float64).to_numpy())
        if seconds is None:
            source.refuse(f"column {column!r} has no times of day; write them as HH:MM")
        return seconds.astype("timedelta64[s]").astype("timedelta64[us]")
    afternoon = re.compile(r"([AaPp])[Mm]$")
    parts = text.str.replace(r"\s*[AaPp][Mm]$", "").str.split(":").list.to_struct(fields=["h", "m", "s"])
    frame = parts.struct.unnest().cast(pl.Float64, strict=False)
    hours = frame["h"].to_numpy()
    half = text.str.extract(afternoon.pattern, 1).str.to_lowercase()
    if half.null_count() < len(half):
        hours = hours % 12 + 12 * (half == "p").fill_null(False).to_numpy()
    total = hours * 3600 + frame["m"].to_numpy() * 60
    if "s" in frame.columns:
        total = total + frame["s"].fill_null(0.0).to_numpy()
    wrong = ~np.isfinite(total) | (hours > 24) | (frame["m"].to_numpy() > 59)
    if np.any(wrong):
        row = int(np.argmax(wrong))
        raise PanelError(f"{source.at(row)}: {series[row]!r} in {column!r} is not a time of day; write HH:MM")
    return np.round(total * 1e6).astype("timedelta64[us]")


def _seconds_of_day(numbers: np.ndarray) -> np.ndarray | None:
    """Seconds of the day from numbers such as 93000 (9:30:00) or 930 (9:30); None if they are not times."""
    if not np.isfinite(numbers).all() or (numbers != np.trunc(numbers)).any() or (numbers < 0).any():
        return None
    whole = numbers.astype(np.int64)
    if not whole.any():
        return whole
    if whole.max() > 2400:
        hours, minutes, seconds = whole // 10_000, whole // 100 % 100, whole % 100
    elif whole.max() >= 100:
        hours, minutes, seconds = whole // 100, whole % 100, np.zeros_like(whole)
    else:
        return None  # could be hours or minutes
    if (hours > 24).any() or (minutes > 59).any() or (seconds > 59).any():
        return None
    return hours * 3600 + minutes * 60 + seconds
