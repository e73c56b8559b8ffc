"""The panel: named fields over dates and assets."""

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
    """Group of each asset.

    Attributes
    ----------
    codes : int32 array of shape (N,)
        Index of each asset's label; −1 for none.
    labels : tuple of str
        Distinct labels, sorted.
    """

    codes: np.ndarray
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Panel:
    """Market data: named fields over dates and assets.

    Attributes
    ----------
    values : float32 array of shape (F, T, N)
        C-contiguous; NaN where missing. float64 if `precision` is "float64".
    fields : tuple of str
        F field names in lower case, as used in formulas.
    dates : datetime64 array of shape (T,)
        Ascending and distinct; unit D for daily bars, ns in UTC for intraday bars.
    assets : tuple of str
        N names.
    groups : dict of str to GroupCodes
        Group of each asset by the name of the grouping, such as `sector`.
    universe : bool array of shape (T, N), optional
        Assets that may be traded on each day; None if all may.
    name : str
        Source of the panel, shown in reports.
    notes : tuple of str
        Remarks from reading, one sentence each.
    conventions : {"quarva", "qlib"}
        Rules for incomplete windows and NaN; see `quarva.panel.conventions`.
    reading : Reading, optional
        Interpretation of the columns; None if the panel was not read from a table.
    precision : {"float32", "float64"}
        Type in which formulas are evaluated; float64 only for tables with values that float32 cannot
        distinguish; see `quarva.panel.precision`.

    Raises
    ------
    PanelError
        If `conventions` is unknown.
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
        """Number of dates T and number of assets N."""
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

        Parameters
        ----------
        source : path, pandas or polars frame
            The table.
        field : str, optional
            Name of the single field of a wide table; `close` by default. Setting it also states that a table
            whose columns might be the prices of one asset is wide.
        fields : sequence of str, optional
            Fields to keep; all by default.
        allow_jumps : bool
            Accept prices that jump by more than 300 %.
        asset_column, date_column : str, optional
            Columns of assets and dates. Detected by default.
        rename : mapping of str to str, optional
            New column names by old name, applied first.
        time_zone : str, optional
            Time zone of the market, such as `America/New_York`. Dates without a time zone are local times in
            it; instants become days of this zone if all have the same local time of day.

        Returns
        -------
        Panel
            Assets are sorted by name. NaN where a cell is missing.

        Raises
        ------
        PanelError
            If the table is ambiguous or a field is unusable; see `check_fields`.

        Notes
        -----
        A long table has a column of dates, a column of assets, and fields. Without a column of assets, a
        table of bars (open, close, volume …) is one asset, and any other table is wide: dates × assets of one
        field. Column names may have two levels, fields and assets in either order. pandas frames may have
        dates, or dates and assets, in the index.

        Headers of common vendors and of several languages are known (`quarva.panel.vendors`); other field
        names are converted to lower case with underscores. A text column that is constant for each asset
        becomes a group, and a boolean column `universe` becomes the universe. Assumptions are recorded in
        `reading`; `notes` lists those that matter for results, such as dropped constant columns, sorted rows
        or an encoding other than UTF-8.
        """
        from quarva.panel.checking import check_fields, leave_out_constants
        from quarva.panel.layout import Layout, to_panel
        from quarva.panel.markets import to_market_days
        from quarva.panel.oddities import note_oddities
        from quarva.panel.source import open_source

        opened = open_source(source, rename=rename, text=(asset_column, date_column))
        options = Layout(field, fields, date_column, asset_column, time_zone)
        try:
            panel = to_market_days(to_panel(opened, options))
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
        """Build a panel from arrays, without the checks of values that `Panel.read` makes.

        Parameters
        ----------
        values : mapping of str to array_like of shape (T, N)
            One array per field; NaN where missing. Stored as float32.
        dates : sequence of length T
            Ascending dates in any form that `Panel.read` accepts in a column.
        assets : sequence of length N
            Distinct names; their order is kept.
        groups : mapping of str to sequence of length N, optional
            Labels of each grouping; None or '' for an asset without one.
        universe : array_like of bool, shape (T, N), optional
            Assets that may be traded on each day.
        name : str
            Name of the panel, for messages and reports.

        Returns
        -------
        Panel

        Raises
        ------
        PanelError
            If names are duplicated, shapes do not match, dates do not ascend or values are not numbers.
        """
        if not isinstance(values, Mapping):
            raise PanelError(
                f"{name}: values must map field names to arrays, such as {{'close': array}}, not be a "
                f"{type(values).__name__}; read a frame with Panel.read"
            )
        if not values:
            raise PanelError(f"{name}: no field; give at least one array")
        names = normalise_all(values, name)
        days = _as_dates(dates, name)
        labels = tuple(str(asset) for asset in assets)
        if len(set(labels)) < len(labels):
            duplicate = next(label for label in labels if labels.count(label) > 1)
            raise PanelError(f"{name}: duplicate asset {duplicate!r}; give each asset its own name")
        shape = (len(days), len(labels))
        stacked = np.empty((len(names), *shape), dtype=np.float32)
        for row, (given, array) in enumerate(values.items()):
            if np.shape(array) != shape:
                found = np.shape(array)
                raise PanelError(
                    f"{name}: field {given!r} must have shape {shape} (dates × assets), not {found}"
                )
            try:
                if np.iscomplexobj(array):
                    raise TypeError
                with np.errstate(over="ignore"):
                    stacked[row] = array
            except (TypeError, ValueError):
                raise PanelError(f"{name}: field {given!r} must contain only numbers and NaN") from None
        if universe is not None:
            universe = np.ascontiguousarray(universe, dtype=bool)
            if universe.shape != shape:
                raise PanelError(
                    f"{name}: universe must have shape {shape} (dates × assets), not {universe.shape}"
                )
        coded = {group: _as_group(given, group, name, shape[1]) for group, given in (groups or {}).items()}
        return cls(stacked, tuple(names.values()), days, labels, coded, universe, name)

    def field(self, name: str) -> np.ndarray:
        """Values of a field as a view, float32 [T, N]; PanelError if there is no such field."""
        if name not in self.fields:
            raise PanelError(f"{self.name}: no field {name!r}; {nearest(str(name), self.fields)}")
        return self.values[self.fields.index(name)]

    def between(self, first: Any = None, last: Any = None) -> "Panel":
        """Slice the panel by date.

        Parameters
        ----------
        first, last : date, optional
            First and last date, both included; None leaves that end open. `2020` and `2020-01` are accepted.
            A day includes all of its intraday bars.

        Returns
        -------
        Panel

        Raises
        ------
        PanelError
            If the slice is empty or an argument is not a date.
        """
        begin = 0 if first is None else int(np.searchsorted(self.dates, self._date(first), side="left"))
        end = len(self.dates)
        if last is not None:
            # A day includes all of its instants, so '2020-01-31' ends where the next day begins.
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
        """Return a panel with other conventions for incomplete windows and NaN; arrays are shared.

        Parameters
        ----------
        name : {"quarva", "qlib"}
            See `quarva.panel.conventions`.

        Raises
        ------
        PanelError
            If `name` is unknown.
        """
        return replace(self, conventions=name)

    def _date(self, date: Any) -> np.datetime64:
        return np.datetime64(date_of(date, self.name).astype(self.dates.dtype))

    def to_frame(self) -> "pd.DataFrame":
        """Convert to a long pandas frame: date, asset, groups, fields and, if present, `universe`.

        Rows without any value are left out.
        """
        from quarva.panel.writing import long_frame

        return long_frame(self).to_pandas()

    def write(self, path: str | PathLike[str]) -> None:
        """Write a long table atomically.

        Reading the file gives the same panel with assets sorted by name.

        Parameters
        ----------
        path : str or PathLike
            File ending in .parquet, .pq or .csv.

        Raises
        ------
        PanelError
            If the ending is unknown or the file cannot be written.
        """
        from quarva.panel.writing import write_panel

        write_panel(self, path)

    def fingerprint(self) -> str:
        """SHA-256 of the content as 64 hexadecimal digits; the same on every machine.

        The hash covers values, dates, names, groups, universe and conventions. It does not depend on the
        order of fields and assets, on `name` or on `notes`, so a rearranged copy of a file has the same
        fingerprint.
        """
        digest = hashlib.sha256()
        order = np.array(sorted(range(len(self.assets)), key=self.assets.__getitem__))
        assets = [self.assets[n] for n in order]
        digest.update(repr(("panel 1", sorted(self.fields), assets)).encode())
        digest.update(self.dates.astype("datetime64[ns]").astype("<i8").tobytes())
        for name in sorted(self.fields):
            kind = "<f8" if self.precision == "float64" else "<f4"
            table = self.field(name)[:, order].astype(kind)
            table += 0  # replace −0 by 0
            table[np.isnan(table)] = np.nan  # a single NaN bit pattern
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
    """Raise PanelError unless `given` is a Panel; `verb` names the caller in the message."""
    if not isinstance(given, Panel):
        raise PanelError(
            f"{verb} takes a Panel, not a {type(given).__name__}: read it with Panel.read(...), or build one "
            "with Panel.from_arrays(...)"
        )


def _as_dates(dates: Any, name: str) -> np.ndarray:
    """Convert dates and check that they ascend."""
    found = dates_of(dates, name)
    back = np.flatnonzero(found[1:] <= found[:-1])
    if len(back):
        before, after = found[back[0]], found[back[0] + 1]
        what = "occurs twice; keep one" if before == after else f"comes after {before}; sort by date"
        raise PanelError(f"{name}: date {after} {what}")
    return found


def _as_group(given: Any, group: str, name: str, assets: int) -> GroupCodes:
    if isinstance(given, GroupCodes):
        given = [given.labels[code] if code >= 0 else None for code in given.codes]
    texts = [None if label is None or label == "" or label != label else str(label) for label in given]
    if len(texts) != assets:
        raise PanelError(
            f"{name}: group {group!r} has {len(texts)} labels; give one for each of the {assets} assets"
        )
    labels = tuple(sorted({text for text in texts if text is not None}))
    codes = [-1 if text is None else labels.index(text) for text in texts]
    return GroupCodes(np.array(codes, dtype=np.int32), labels)
