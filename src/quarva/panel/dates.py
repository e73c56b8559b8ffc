"""Dates as users write them, to numpy datetime64: days, or instants in UTC."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from quarva.errors import PanelError
from quarva.panel.source import Source

if TYPE_CHECKING:
    import polars as pl

__all__ = ["parse_dates", "text_of"]

_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y")
_EITHER_ORDER = (("%d/%m/%Y", "%m/%d/%Y"), ("%d-%m-%Y", "%m-%d-%Y"))
_TIMES = ("%H:%M:%S%.f", "%H:%M")
# The zone stands after a time of day, never after a date: 02-01-2020 does not end in a zone.
_ZONE = r"\d:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"
_EPOCHS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (np.inf, "ns"))
_YEARS = (1700, 2200)  # what a typing error leaves is outside; all inside fits datetime64[ns]


def parse_dates(source: Source, column: str) -> np.ndarray:
    """The dates of a column, datetime64[rows], in the order of its rows.

    datetime64[D] where every time of day is midnight, datetime64[ns] in UTC otherwise. Dates with a zone
    whose local times are all midnight are days of that zone's calendar and keep their day; other instants
    are converted to UTC. Raises PanelError for a missing or unreadable date and for mixed time zones.
    """
    import polars as pl

    series = source.frame[column]
    if series.null_count():
        row = series.is_null().arg_max() or 0
        raise PanelError(f"{source.at(row)}: the date is missing; fill it in or drop the row")
    if series.dtype == pl.Date:
        instants = series.to_numpy().astype("datetime64[us]")
    elif isinstance(series.dtype, pl.Datetime):
        instants = _from_datetime(series, series.dtype.time_zone)
    elif series.dtype.is_numeric():
        instants = _from_numbers(source, series)
    elif series.dtype in (pl.String, pl.Categorical, pl.Enum):
        instants = _from_text(source, series.cast(pl.String))
    else:
        source.refuse(f"column {column!r} holds {series.dtype}, not dates; write dates as YYYY-MM-DD")
    years = instants.astype("datetime64[Y]").astype(np.int64) + 1970
    wrong = (years < _YEARS[0]) | (years > _YEARS[1])
    if wrong.any():
        _unreadable(source, int(wrong.argmax()), series[int(wrong.argmax())])
    days = instants.astype("datetime64[D]")
    return days if (days == instants).all() else instants.astype("datetime64[ns]")


def text_of(date: np.datetime64) -> str:
    """A date as errors and tables write it: 2020-01-31, or 2020-01-31T15:30 with the shortest time of day."""
    if np.datetime_data(date.dtype)[0] == "D":
        return str(date)
    text = str(date.astype("datetime64[ns]"))
    return text.rstrip("0").rstrip(".").removesuffix(":00") if "." in text else text


def _unreadable(source: Source, row: int, value: Any) -> None:
    raise PanelError(f"{source.at(row)}: {str(value)!r} is not a date; write dates as YYYY-MM-DD")


def _from_datetime(series: "pl.Series", zone: str | None) -> np.ndarray:
    local = series.dt.replace_time_zone(None).to_numpy()
    if zone is None or (local == local.astype("datetime64[D]")).all():
        return local
    return series.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()


def _from_numbers(source: Source, series: "pl.Series") -> np.ndarray:
    """Days as 20200131, or seconds, milliseconds, … since 1970."""
    import polars as pl

    numbers = series.to_numpy()
    wrong = ~np.isfinite(numbers) | (numbers != np.trunc(numbers)) | (numbers < 17_000_101)
    if wrong.any():
        _unreadable(source, int(wrong.argmax()), series[int(wrong.argmax())])
    whole = numbers.astype(np.int64)
    if whole.max() <= 22_001_231:
        return _from_text(source, series.cast(pl.Int64).cast(pl.String))
    unit = next(unit for limit, unit in _EPOCHS if whole.max() < limit)
    return whole.astype(f"datetime64[{unit}]")


def _from_text(source: Source, series: "pl.Series") -> np.ndarray:
    """Parse distinct texts once: a long table repeats each date for every asset."""
    import polars as pl

    name = series.name
    distinct = series.unique(maintain_order=True)
    text = distinct.str.strip_chars()
    if text.str.contains(r"^\d{9,19}$").all():
        return _from_numbers(source, series.str.strip_chars().cast(pl.Int64))
    if text.str.contains(r"^\d{4}-\d{2}$").all():
        text = text + "-01"  # months begin with their first day
    zones = text.str.extract(_ZONE, 1)
    offset = _one_zone(source, series, distinct, zones)
    if offset is not None:
        text = text.str.replace(r"\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$", "")
    parsed = _best_format(source, text)
    if parsed.null_count():
        bad = distinct[parsed.is_null().arg_max() or 0]
        row = (series == bad).arg_max() or 0
        _unreadable(source, row, bad)
    instants = parsed.to_numpy()
    if offset is not None and (instants != instants.astype("datetime64[D]")).any():
        instants = instants - np.timedelta64(offset, "m")
    if len(distinct) == len(series):
        return instants
    places = pl.DataFrame({name: distinct, "place": np.arange(len(distinct))})
    rows = series.to_frame().join(places, on=name, how="left", maintain_order="left")
    return instants[rows["place"].to_numpy()]


def _one_zone(source: Source, series: "pl.Series", distinct: "pl.Series", zones: "pl.Series") -> int | None:
    """Minutes by which the zone of all dates is ahead of UTC, None where they have none."""
    if zones.null_count() == len(zones):
        return None
    offsets = [None if zone is None else _minutes(zone) for zone in zones.to_list()]
    other = next((place for place, offset in enumerate(offsets) if offset != offsets[0]), None)
    if other is not None:
        rows = [(series == distinct[place]).arg_max() or 0 for place in (0, other)]
        raise PanelError(
            f"{source.at(rows[1])}: date {distinct[other]!r} is in another time zone than {distinct[0]!r};"
            " write all dates in UTC"
        )
    return offsets[0]


def _minutes(zone: str) -> int:
    if zone in ("Z", "UTC", "GMT"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (int(digits[:2]) * 60 + int(digits[2:])) * (-1 if zone[0] == "-" else 1)


def _best_format(source: Source, text: "pl.Series") -> "pl.Series":
    """The texts read in the format that reads the most of them, as naive datetimes, null where it fails."""
    import polars as pl

    # Years outside the reach of nanoseconds would wrap around, so they are used only where they are written.
    fine = text.str.contains(r"^(1[7-9]|2[01])\d\d\D.*\.\d{7,}").any()
    unit: Literal["ns", "us"] = "ns" if fine else "us"

    def read(day: str) -> "pl.Series":
        parsed = text.str.to_datetime(day, strict=False, time_unit=unit)
        for time in _TIMES:
            for joint in (" ", "T"):
                if not parsed.null_count():
                    return parsed
                with_time = text.str.to_datetime(day + joint + time, strict=False, time_unit=unit)
                parsed = pl.select(pl.coalesce(parsed, with_time)).to_series()
        return parsed

    best = read(_DAYS[0])
    for day in (*_DAYS[1:], *(day for pair in _EITHER_ORDER for day in pair)):
        if not best.null_count():
            return best
        parsed = read(day)
        if parsed.null_count() < best.null_count():
            best = parsed
            other = next((b if day == a else a for a, b in _EITHER_ORDER if day in (a, b)), None)
            if other is not None and not best.null_count():
                swapped = read(other)
                if not swapped.null_count() and (swapped != best).any():
                    source.refuse(f"{text[0]!r} may be day/month or month/day; write YYYY-MM-DD")
    return best
