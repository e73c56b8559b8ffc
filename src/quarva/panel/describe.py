"""Summary statistics of a panel and signs of bad data."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from quarva.panel.calendar import Calendar, calendar_of
from quarva.panel.checking import broken_bars, find_jumps
from quarva.panel.dates import text_of
from quarva.panel.names import is_price
from quarva.panel.panel import Panel
from quarva.panel.reading import Reading

__all__ = ["Description", "Gap", "Jump", "Life", "describe"]

_SUSPICIOUS = 1.0  # relative change of a reported jump: the price more than doubles or halves
_MAX_LISTED = 20  # longest list of jumps; counts are complete


@dataclass(frozen=True)
class Gap:
    """Run of missing bars within the history of an asset, with its first and last date and its length."""

    asset: str
    first: str
    last: str
    bars: int


@dataclass(frozen=True)
class Jump:
    """A price jump; `change` is relative to the previous bar (1.0 = +100 %)."""

    field: str
    asset: str
    date: str
    change: float


@dataclass(frozen=True)
class Life:
    """First and last date of an asset with a value, or None; `coverage` is a fraction of its T × F cells."""

    asset: str
    first: str | None
    last: str | None
    coverage: float


@dataclass(frozen=True)
class Description:
    """Description of a panel. Fractions are of cells, from 0 to 1; dates are strings.

    Attributes
    ----------
    name, fingerprint : str
        Name of the panel and SHA-256 of its content.
    days, assets : int
        Number of dates and of assets.
    fields : tuple of str
        Names of the fields.
    first, last : str
        First and last date.
    longest_pause : float
        Largest spacing of consecutive dates in days.
    calendar : Calendar
        Bar length and bars per year, inferred from the dates.
    groups : dict of str to int
        Number of labels of each group.
    coverage : dict of str to float
        Fraction of cells with a value, by field.
    gap_count, missing_in_gaps : int
        Number of gaps and of bars in them. A gap is a run of bars without any field between an asset's first
        and last bar.
    longest_gap : Gap or None
        The longest gap; None if there is none.
    jump_count, jumps : int, tuple of Jump
        Number of closes (of all prices if there is no close) that more than doubled or halved, and the 20
        largest, largest first.
    zero_volumes, broken_bars : int
        Number of cells with zero volume, and of bars whose low exceeds, or whose high is below, another
        price.
    late, ended : int
        Number of assets that begin after the first date, and that end before the last.
    lives : tuple of Life
        First date, last date and coverage of each asset.
    twins : tuple of tuples of str
        Groups of assets with identical values.
    empty : tuple of str
        Assets without values.
    reading : Reading or None
        Interpretation of the columns; None if the panel was not read from a table.
    notes : tuple of str
        Remarks from reading, one sentence each.
    """

    name: str
    fingerprint: str
    days: int
    assets: int
    fields: tuple[str, ...]
    first: str
    last: str
    longest_pause: float
    calendar: Calendar
    groups: dict[str, int]
    coverage: dict[str, float]
    gap_count: int
    missing_in_gaps: int
    longest_gap: Gap | None
    jump_count: int
    jumps: tuple[Jump, ...]
    zero_volumes: int
    broken_bars: int
    late: int
    ended: int
    lives: tuple[Life, ...]
    twins: tuple[tuple[str, ...], ...]
    empty: tuple[str, ...]
    reading: Reading | None
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Convert to plain lists, numbers and strings for JSON."""
        return asdict(self) | {"periods_per_year": self.calendar.periods_per_year}

    def rows(self) -> list[tuple[str, str]]:
        """Labels and values of a printed table; lines without content are omitted."""
        coverage = ", ".join(f"{field} {100 * share:.4g} %" for field, share in self.coverage.items())
        rows = [
            ("panel", self.name),
            *self._reading_rows(),
            ("span", f"{self.first} to {self.last}, {self.days:,} dates"),
            ("longest pause", _duration(self.longest_pause)),
            ("calendar", str(self.calendar)),
            ("assets", f"{self.assets:,}; {self.late:,} start late, {self.ended:,} end early"),
            ("coverage", coverage),
        ]
        if self.groups:
            rows.append(("groups", ", ".join(f"{name} ({count})" for name, count in self.groups.items())))
        gap = self.longest_gap
        if gap is None:
            rows.append(("gaps", "none"))
        else:
            longest = f"longest {gap.bars:,} bars ({gap.asset}, {gap.first} to {gap.last})"
            rows.append(("gaps", f"{self.gap_count:,}, {self.missing_in_gaps:,} bars in total, {longest}"))
        jumps = ", ".join(f"{j.asset} {j.field} {100 * j.change:+,.0f} % on {j.date}" for j in self.jumps[:3])
        rows.append(("jumps", f"{self.jump_count:,} prices doubled or halved: {jumps}" if jumps else "none"))
        if self.zero_volumes:
            rows.append(("zero volume", f"{self.zero_volumes:,} bars"))
        if self.broken_bars:
            rows.append(
                ("broken bars", f"{self.broken_bars:,} with a low above or a high below another price")
            )
        if self.empty:
            names = ", ".join(self.empty[:8]) + (", …" if len(self.empty) > 8 else "")
            rows.append(("without values", f"{len(self.empty):,} assets: {names}"))
        if self.twins:
            rows.append(("identical assets", "; ".join(" = ".join(names) for names in self.twins[:5])))
        rows.extend(("note", note) for note in self.notes)
        rows.append(("fingerprint", self.fingerprint))
        return rows

    def _reading_rows(self) -> list[tuple[str, str]]:
        reading = self.reading
        if reading is None:
            return []
        rows = [("read as", reading.layout), ("dates from", f"{reading.date!r}: {reading.dates}")]
        if reading.layout != "wide":
            rows.append(
                ("assets from", "the name of the file" if reading.asset is None else repr(reading.asset))
            )
        columns = [
            name if name == column else f"{name} = {column!r}" for name, column in reading.columns.items()
        ]
        rows.append(("fields from", ", ".join(columns[:20]) + (", …" if len(columns) > 20 else "")))
        left_out = [f"{column!r} ({reason})" for column, reason in reading.left_out.items()]
        if left_out:
            rows.append(("left out", ", ".join(left_out)))
        if reading.file:
            details = ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in reading.file.items())
            rows.append(("file", details))
        return rows

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:<{width}}  {text}" for label, text in rows)


def _duration(days: float) -> str:
    """A number of days in the unit that fits: days, hours or minutes."""
    for unit, per_day in (("day", 1), ("hour", 24), ("minute", 24 * 60)):
        count = round(days * per_day, 1)
        if count >= 1 or unit == "minute":
            break
    return f"{count:g} {unit}{'' if count == 1 else 's'}"


def describe(panel: Panel) -> Description:
    """Describe a panel: span, coverage, gaps, jumps and signs of bad data.

    Parameters
    ----------
    panel : Panel
        Read it with `allow_jumps=True` to have all jumps reported rather than rejected.

    Returns
    -------
    Description
    """
    present = ~np.isnan(panel.values)
    any_present: np.ndarray = np.asarray(present.any(axis=0))
    lives = _lives(panel, present, any_present)
    gaps, missing, longest = _gaps(panel, any_present)
    jumps = _jumps(panel)
    pauses = np.diff(panel.dates.astype("datetime64[s]")).astype(np.int64) / 86400
    volume = panel.field("volume") if "volume" in panel.fields else np.empty(0)
    first, last = text_of(panel.dates[0]), text_of(panel.dates[-1])
    return Description(
        name=panel.name,
        fingerprint=panel.fingerprint(),
        days=len(panel.dates),
        assets=len(panel.assets),
        fields=panel.fields,
        first=first,
        last=last,
        longest_pause=round(float(pauses.max()), 6) if len(pauses) else 0.0,
        calendar=calendar_of(panel.dates),
        groups={name: len(group.labels) for name, group in panel.groups.items()},
        coverage={
            field: float(np.count_nonzero(table) / table.size)
            for field, table in zip(panel.fields, present, strict=True)
        },
        gap_count=gaps,
        missing_in_gaps=missing,
        longest_gap=longest,
        jump_count=len(jumps),
        jumps=tuple(jumps[:_MAX_LISTED]),
        zero_volumes=int(np.count_nonzero(volume == 0)),
        broken_bars=int(np.count_nonzero(broken_bars(panel))),
        late=sum(life.first is not None and life.first != first for life in lives),
        ended=sum(life.last is not None and life.last != last for life in lives),
        lives=lives,
        twins=_twins(panel),
        empty=tuple(life.asset for life in lives if life.first is None),
        reading=panel.reading,
        notes=panel.notes,
    )


def _lives(panel: Panel, present: np.ndarray, any_present: np.ndarray) -> tuple[Life, ...]:
    alive = np.asarray(any_present.any(axis=0))
    first = any_present.argmax(axis=0)
    last = len(any_present) - 1 - any_present[::-1].argmax(axis=0)
    coverage: np.ndarray = np.asarray(present.mean(axis=(0, 1)))
    dates = [text_of(date) for date in panel.dates]
    return tuple(
        Life(
            asset,
            dates[first[place]] if alive[place] else None,
            dates[last[place]] if alive[place] else None,
            float(coverage[place]),
        )
        for place, asset in enumerate(panel.assets)
    )


def _gaps(panel: Panel, any_present: np.ndarray) -> tuple[int, int, Gap | None]:
    """Number of gaps, number of bars in them, and the longest gap."""
    asset, day = np.nonzero(any_present.T)
    within = asset[1:] == asset[:-1]
    bars = np.where(within, day[1:] - day[:-1] - 1, 0)
    if not bars.any():
        return 0, 0, None
    place = int(bars.argmax())
    begin, end = panel.dates[day[place] + 1], panel.dates[day[place + 1] - 1]
    longest = Gap(panel.assets[asset[place]], text_of(begin), text_of(end), int(bars[place]))
    return int(np.count_nonzero(bars)), int(bars.sum()), longest


def _jumps(panel: Panel) -> list[Jump]:
    found: list[Jump] = []
    prices = [field for field in panel.fields if is_price(field)]
    for field in ["close"] if "close" in prices else prices:  # other prices jump with the close
        days, assets, ratios = find_jumps(panel.field(field), _SUSPICIOUS)
        found.extend(
            Jump(field, panel.assets[asset], text_of(panel.dates[day]), float(ratio) - 1)
            for day, asset, ratio in zip(days, assets, ratios, strict=True)
        )
    return sorted(found, key=lambda jump: -abs(np.log1p(jump.change)))


def _twins(panel: Panel) -> tuple[tuple[str, ...], ...]:
    """Groups of assets whose values are equal in every field on every date."""
    same: dict[bytes, list[str]] = defaultdict(list)
    columns = np.ascontiguousarray(panel.values.transpose(2, 0, 1))
    for asset, values in zip(panel.assets, columns, strict=True):
        if not np.isnan(values).all():
            same[values.tobytes()].append(asset)
    return tuple(tuple(names) for names in same.values() if len(names) > 1)
