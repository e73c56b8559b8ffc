"""The panel: named fields over dates and assets, and what belongs to them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from quarva.errors import PanelError
from quarva.panel.conventions import Conventions, check_conventions
from quarva.panel.dates import date_of, dates_of
from quarva.panel.names import nearest, normalise_all
from quarva.panel.precision import Precision
from quarva.panel.reading import Reading

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GroupCodes", "Panel", "check_panel"]


@dataclass(frozen=True, eq=False)
class GroupCodes:
    """Which group each asset is in: `codes` int32[N], −1 for none, and `labels`, one for each code."""

    codes: np.ndarray
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Panel:
    """What is known of a market.

    values: float32[F, T, N], C-contiguous; NaN = not there. float64 where `precision` says so.
    fields: F names, lower case, as formulas use them.
    dates: datetime64[T], ascending and distinct; [D] for daily bars, [ns] in UTC for shorter ones.
    assets: N names.
    groups: by name (`sector`), the group of each asset.
    universe: bool[T, N], which assets may be traded on which day; None where all may.
    name: where the panel comes from, for reports.
    notes: what reading left out or changed, a sentence each.
    reading: which column was taken for what, None where the panel was not read from a table.
    conventions: what windows do before they are full and around NaN; see `quarva.panel.conventions`.
    precision: type in which formulas are computed, float64 only for a table that float32 would blur; see
        `quarva.panel.precision`.

    Raises PanelError where `conventions` is no name of such a set.
    """

    values: np.ndarray
    fields: tuple[str, ...]
    dates: np.ndarray
    assets: tuple[str, ...]
    groups: dict[str, GroupCodes] = field(default_factory=dict)
    universe: np.ndarray | None = None
    name: str = "panel"
    notes: tuple[str, ...] = ()
    conventions: Conventions = "quarva"
    reading: Reading | None = None
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        check_conventions(self.conventions, self.name)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of dates T and of assets N."""
        return len(self.dates), len(self.assets)

    def __repr__(self) -> str:
        days, assets = self.shape
        return f"<Panel {self.name}: {days} dates × {assets} assets, {', '.join(self.fields)}>"

    @classmethod
    def read(
        cls,
        source: Any,
        *,
        field: str | None = None,
        fields: Sequence[str] | None = None,
        allow_jumps: bool = False,
        asset_column: str | None = None,
        date_column: str | None = None,
        rename: Mapping[str, str] | None = None,
        time_zone: str | None = None,
    ) -> "Panel":
        """Read and check a CSV or Parquet file, or a pandas or polars frame.

        A long table has a column of dates, one of assets and fields. Without a column of assets, a table of
        bars (open, close, volume …) is one asset, and any other is wide: dates × assets of one field. Names
        of columns may have two levels, fields and assets in either order. pandas frames may have dates, or
        dates and assets, in the index. Headers of the usual vendors and of several languages are known
        (`quarva.panel.vendors`). Text that stays the same for each asset becomes a group, a column
        `universe` of booleans the universe. Assets are sorted by name, and field names made lower case with
        underscores.

        What was assumed is in `reading`, and what a user should know in `notes`: constant and empty columns
        that were left out, row labels, sorted rows, an encoding that is not UTF-8, and the like.

        Parameters
        ----------
        source : path, pandas or polars frame
            The table.
        field : str, optional
            Name of the one field of a wide table, `close` by default. Naming it also says that a table whose
            columns might be the prices of one asset is wide.
        fields : sequence of str, optional
            The only fields to keep.
        allow_jumps : bool
            Accept prices that jump by more than 300 %.
        asset_column, date_column : str, optional
            Columns of assets and of dates, where their names do not say so.
        rename : mapping of str to str, optional
            Other names for columns, old to new, before anything is made of them.
        time_zone : str, optional
            Zone of the market, such as `America/New_York`: dates without a zone are local times of it, and
            instants become its days if all have the same local time of day.

        Returns
        -------
        Panel
            values float32 [F, T, N], NaN where a cell is missing.

        Raises
        ------
        PanelError
            If the table cannot be read in one way only, or a field cannot be used; see `check_fields`.
        """
        from quarva.panel.checking import check_fields, leave_out_constants
        from quarva.panel.layout import Layout, lay_out
        from quarva.panel.markets import to_market_days
        from quarva.panel.oddities import note_oddities
        from quarva.panel.source import open_source

        opened = open_source(source, rename=rename, text=(asset_column, date_column))
        said = Layout(field, fields, date_column, asset_column, time_zone)
        try:
            panel = to_market_days(lay_out(opened, said))
        except MemoryError:
            raise PanelError(f"{opened.name}: does not fit in memory; read fewer fields=[...]") from None
        panel = leave_out_constants(panel, fields)
        check_fields(panel, allow_jumps=allow_jumps)
        return note_oddities(panel)

    @classmethod
    def from_arrays(
        cls,
        values: Mapping[str, Any],
        dates: Any,
        assets: Sequence[Any],
        *,
        groups: Mapping[str, Any] | None = None,
        universe: Any = None,
        name: str = "arrays",
    ) -> "Panel":
        """A panel of arrays [T, N], one for each field, without a check of what they hold.

        `dates`: T dates, ascending, in any form that `dates.dates_of` reads; `assets`: N names, kept in their
        order; `groups`: for each group N labels, None or '' for an asset without one; `universe`: bool[T, N].
        Raises PanelError where names repeat, shapes do not fit, dates do not ascend or values are no numbers.
        """
        if not isinstance(values, Mapping):
            raise PanelError(
                f"{name}: values are arrays by the name of their field, as in {{'close': array}}, not a "
                f"{type(values).__name__}; a frame is read with Panel.read"
            )
        if not values:
            raise PanelError(f"{name}: no field; give at least one array")
        names = normalise_all(values, name)
        days = _as_dates(dates, name)
        labels = tuple(str(asset) for asset in assets)
        if len(set(labels)) < len(labels):
            twice = next(label for label in labels if labels.count(label) > 1)
            raise PanelError(f"{name}: asset {twice!r} stands twice; give each asset its own name")
        shape = (len(days), len(labels))
        stacked = np.empty((len(names), *shape), dtype=np.float32)
        for row, (given, array) in enumerate(values.items()):
            if np.shape(array) != shape:
                found = np.shape(array)
                raise PanelError(f"{name}: field {given!r} has shape {found}; dates × assets is {shape}")
            try:
                with np.errstate(over="ignore"):
                    stacked[row] = array
            except (TypeError, ValueError):
                raise PanelError(f"{name}: field {given!r} holds something that is no number") from None
        if universe is not None:
            universe = np.ascontiguousarray(universe, dtype=bool)
            if universe.shape != shape:
                raise PanelError(f"{name}: universe has shape {universe.shape}; dates × assets is {shape}")
        coded = {group: _as_group(given, group, name, shape[1]) for group, given in (groups or {}).items()}
        return cls(stacked, tuple(names.values()), days, labels, coded, universe, name)

    def field(self, name: str) -> np.ndarray:
        """Values of a field, a view float32[T, N]; PanelError where there is no such field."""
        if name not in self.fields:
            raise PanelError(f"{self.name}: no field {name!r}; {nearest(str(name), self.fields)}")
        return self.values[self.fields.index(name)]

    def between(self, first: Any = None, last: Any = None) -> "Panel":
        """The part from date `first` to date `last`, both included; None leaves that end open."""
        begin = 0 if first is None else int(np.searchsorted(self.dates, self._date(first), side="left"))
        end = len(self.dates)
        if last is not None:
            # A day includes its last instant, so the end of '2020-01-31' is the beginning of the day after.
            end = int(np.searchsorted(self.dates, self._date(last), side="right"))
            if self._date(last).astype("datetime64[D]") == self._date(last):
                end = int(np.searchsorted(self.dates, self._date(last) + np.timedelta64(1, "D"), side="left"))
        if begin >= end:
            raise PanelError(
                f"{self.name}: no dates from {first or 'the beginning'} to {last or 'the end'};"
                f" the panel runs from {self.dates[0]} to {self.dates[-1]}"
            )
        return replace(
            self,
            values=np.ascontiguousarray(self.values[:, begin:end]),
            dates=self.dates[begin:end],
            universe=None if self.universe is None else self.universe[begin:end],
        )

    def with_conventions(self, name: Conventions) -> "Panel":
        """The same panel, its formulas read by the conventions "quarva" or "qlib"; the arrays are shared.

        Raises PanelError for another name. What each means: `quarva.panel.conventions`.
        """
        return replace(self, conventions=name)

    def _date(self, date: Any) -> np.datetime64:
        return np.datetime64(date_of(date, self.name).astype(self.dates.dtype))

    def to_frame(self) -> "pd.DataFrame":
        """A long pandas frame: date, asset, groups, fields, and `universe` where the panel has one.

        A row is left out where every field is missing.
        """
        from quarva.panel.writing import long_frame

        return long_frame(self).to_pandas()

    def write(self, path: str | PathLike[str]) -> None:
        """Write a long table, Parquet or CSV by the ending of the path, whole or not at all.

        Reading it gives the same panel (assets sorted). Raises PanelError where it can not be written.
        """
        from quarva.panel.writing import write_panel

        write_panel(self, path)

    def fingerprint(self) -> str:
        """SHA-256 of the content, 64 hexadecimal digits, the same on every machine.

        It covers values, dates, names, groups, universe and conventions. The order of fields and of assets,
        `name` and `notes` do not matter, so a file and a rearranged copy of it have the same fingerprint.
        """
        digest = hashlib.sha256()
        order = np.array(sorted(range(len(self.assets)), key=self.assets.__getitem__))
        assets = [self.assets[n] for n in order]
        digest.update(repr(("panel 1", sorted(self.fields), assets)).encode())
        digest.update(self.dates.astype("datetime64[ns]").astype("<i8").tobytes())
        for name in sorted(self.fields):
            kind = "<f8" if self.precision == "float64" else "<f4"
            table = self.field(name)[:, order].astype(kind)
            table += 0  # one zero, not two
            table[np.isnan(table)] = np.nan  # and one NaN
            digest.update(table.tobytes())
        for name in sorted(self.groups):
            group = self.groups[name]
            labels = [group.labels[code] if code >= 0 else None for code in group.codes[order]]
            digest.update(repr((name, labels)).encode())
        if self.universe is not None:
            digest.update(np.packbits(self.universe[:, order]).tobytes())
        if self.conventions != "quarva":
            digest.update(self.conventions.encode())
        return digest.hexdigest()


def check_panel(given: object, verb: str) -> None:
    """Raise PanelError where what a verb (`a formula's signal`) was given is no Panel."""
    if not isinstance(given, Panel):
        raise PanelError(
            f"{verb} takes a Panel, not a {type(given).__name__}: read it with Panel.read(...), or make one "
            "with Panel.from_arrays(...)"
        )


def _as_dates(dates: Any, name: str) -> np.ndarray:
    """Ascending dates as datetime64[D] where all are midnight, else [ns]."""
    found = dates_of(dates, name)
    back = np.flatnonzero(found[1:] <= found[:-1])
    if len(back):
        before, after = found[back[0]], found[back[0] + 1]
        what = "stands twice; keep one" if before == after else f"comes after {before}; sort by date"
        raise PanelError(f"{name}: date {after} {what}")
    return found


def _as_group(given: Any, group: str, name: str, assets: int) -> GroupCodes:
    if isinstance(given, GroupCodes):
        given = [given.labels[code] if code >= 0 else None for code in given.codes]
    texts = [None if label is None or label == "" or label != label else str(label) for label in given]
    if len(texts) != assets:
        raise PanelError(
            f"{name}: group {group!r} has {len(texts)} labels; give one for each of {assets} assets"
        )
    labels = tuple(sorted({text for text in texts if text is not None}))
    codes = [-1 if text is None else labels.index(text) for text in texts]
    return GroupCodes(np.array(codes, dtype=np.int32), labels)
