"""Time zones of dates: UTC offsets in text and a time zone named by the user."""

import zoneinfo
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quarva.errors import PanelError
from quarva.panel.names import nearest
from quarva.panel.source import Source

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Stamps", "check_zone", "in_zone", "offsets_of"]


@dataclass(frozen=True)
class Stamps:
    """Dates with times of day.

    Attributes
    ----------
    local : datetime64 array of shape (rows,)
        Local times as written.
    offset : int64 array of shape (rows,) or None
        Minutes ahead of UTC; None if the time zone is unknown.
    """

    local: np.ndarray
    offset: np.ndarray | None


def check_zone(zone: str, name: str) -> None:
    """Raise PanelError, prefixed with `name`, unless `zone` is in the IANA time zone database."""
    known = zoneinfo.available_timezones()
    if zone not in known:
        raise PanelError(f"{name}: unknown time zone {zone!r} (--time-zone); {nearest(zone, sorted(known))}")


def offsets_of(
    source: Source, series: "pl.Series", distinct: "pl.Series", zones: "pl.Series"
) -> np.ndarray | None:
    """UTC offsets of distinct texts in minutes, int64; None if no text has a time zone.

    Raises
    ------
    PanelError
        If only some texts have a time zone.
    """
    if zones.null_count() == len(zones):
        return None
    if zones.null_count():
        bare = distinct[zones.is_null().arg_max() or 0]
        zoned = distinct[zones.is_not_null().arg_max() or 0]
        row = (series == bare).arg_max() or 0
        raise PanelError(
            f"{source.at(row)}: date {bare!r} has no time zone or a different one than {zoned!r}; write all"
            " dates in UTC"
        )
    unique = {zone: _minutes(zone) for zone in zones.unique()}
    return np.array([unique[zone] for zone in zones.to_list()], np.int64)


def _minutes(zone: str) -> int:
    if zone in ("Z", "UTC", "GMT"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (int(digits[:2]) * 60 + int(digits[2:])) * (-1 if zone[0] == "-" else 1)


def in_zone(source: Source, stamps: Stamps, zone: str) -> np.ndarray:
    """Convert dates to days in `zone` if all have the same local time of day, otherwise to instants in UTC.

    Dates without a time zone are local times in `zone`.

    Raises
    ------
    PanelError
        If a local time does not exist or is ambiguous because of daylight saving.
    """
    import polars as pl

    check_zone(zone, source.name)
    local = stamps.local
    if stamps.offset is not None:
        utc = pl.Series(local - stamps.offset.astype("timedelta64[m]")).dt.replace_time_zone("UTC")
        local = utc.dt.convert_time_zone(zone).dt.replace_time_zone(None).to_numpy()
    days = local.astype("datetime64[D]")
    times = np.unique(local - days)
    if len(times) == 1 and (not times[0].astype(np.int64) or stamps.offset is not None):
        source.log.dates = f"days in {zone}"
        return days
    source.log.dates = f"instants in UTC, from local times in {zone}"
    if stamps.offset is not None:
        source.log.dates = "instants in UTC"
        return stamps.local - stamps.offset.astype("timedelta64[m]")
    naive = pl.Series(local)
    aware = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    if aware.null_count():
        row = aware.is_null().arg_max() or 0
        raise PanelError(
            f"{source.at(row)}: {naive[row]} is not a unique instant in {zone} because clocks change then;"
            " write dates in UTC"
        )
    return aware.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
