"""Time zones of dates: offsets that texts carry, and a zone that the user names."""

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
    """Dates with their times of day.

    Attributes:
        local: datetime64[rows], as written.
        offset: minutes by which each is ahead of UTC, int64[rows]; None where no zone is known.
    """

    local: np.ndarray
    offset: np.ndarray | None


def check_zone(zone: str, name: str) -> None:
    """Raise PanelError unless `zone` is a name of the time zone database; `name` leads the message."""
    known = zoneinfo.available_timezones()
    if zone not in known:
        raise PanelError(f"{name}: no time zone {zone!r} (--time-zone); {nearest(zone, sorted(known))}")


def offsets_of(
    source: Source, series: "pl.Series", distinct: "pl.Series", zones: "pl.Series"
) -> np.ndarray | None:
    """Minutes ahead of UTC of distinct texts, int64; None where no text has a zone.

    Raises PanelError where some texts have a zone and some have none.
    """
    if zones.null_count() == len(zones):
        return None
    if zones.null_count():
        bare = distinct[zones.is_null().arg_max() or 0]
        zoned = distinct[zones.is_not_null().arg_max() or 0]
        row = (series == bare).arg_max() or 0
        raise PanelError(
            f"{source.at(row)}: date {bare!r} has no time zone, or is in another time zone than {zoned!r};"
            " write all dates in UTC"
        )
    unique = {zone: _minutes(zone) for zone in zones.unique()}
    return np.array([unique[zone] for zone in zones.to_list()], np.int64)


def _minutes(zone: str) -> int:
    if zone in ("Z", "UTC", "GMT"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (int(digits[:2]) * 60 + int(digits[2:])) * (-1 if zone[0] == "-" else 1)


def in_zone(source: Source, stamps: Stamps, zone: str) -> np.ndarray:
    """Days of a zone's calendar where all local times of day are the same, else instants in UTC.

    Dates without a zone are local times of it. Raises PanelError for a local time that the zone's clocks
    pass over, or show twice.
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
            f"{source.at(row)}: {naive[row]} does not name one instant in {zone}, whose clocks change then;"
            " write dates in UTC"
        )
    return aware.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
