"""From columns to a tensor: long tables (date, asset, fields …) and wide ones (dates × assets)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quarva.errors import PanelError
from quarva.panel.dates import parse_dates, text_of
from quarva.panel.names import ASSET_NAMES, BAR_NAMES, DATE_NAMES, UNNAMED, nearest, normalise, normalise_all
from quarva.panel.panel import GroupCodes, Panel
from quarva.panel.source import Source

if TYPE_CHECKING:
    import polars as pl

__all__ = ["lay_out"]

_SPARSE = 0.02  # a panel of more than _LARGE bytes that is emptier than this has dates that do not line up
_LARGE = 1 << 30


def lay_out(source: Source, value: str, wanted: Sequence[str] | None) -> Panel:
    """Tell long from wide and arrange the table as a panel, not yet checked; assets are sorted by name.

    `value` names the one field of a wide table. `wanted` are the fields to keep, None for all.
    """
    if not source.frame.height:
        source.refuse("no rows; give a table with at least one date")
    date = _date_column(source)
    columns = [name for name in source.frame.columns if name != date and not source.counts_rows(name)]
    asset = _asset_column(source, columns)
    if asset is not None:
        return _long(source, date, asset, [name for name in columns if name != asset], wanted)
    bars = {normalise(name) for name in columns} & BAR_NAMES
    if len(bars) > 1 or len(bars) == len(columns) == 1:
        return _long(source, date, None, columns, wanted)
    if not columns:
        source.refuse("only dates; add a column for each asset, or date, asset and fields")
    if wanted is not None and tuple(wanted) != (value,):
        source.refuse(f"a wide table (dates × assets) holds one field, {value!r}; leave out fields=[...]")
    return _wide(source, date, columns, value)


def _date_column(source: Source) -> str:
    import polars as pl

    frame = source.frame
    named = {normalise(name): name for name in reversed(frame.columns)}
    for alias in DATE_NAMES:
        if alias in named and not frame[named[alias]].dtype.is_float():
            return named[alias]
    first = frame.columns[0]
    column = frame[first]
    if column.dtype.is_temporal():
        return first
    if column.dtype == pl.String and _reads_as_date(column):
        return first
    whole = column.dtype.is_integer() and not source.counts_rows(first)
    if whole and normalise(first) in UNNAMED:
        return first
    found = ", ".join(repr(name) for name in frame.columns[:8]) + (", …" if frame.width > 8 else "")
    known = ", ".join(DATE_NAMES)
    raise PanelError(f"{source.name}: no date column; name one of the columns {known} (found {found})")


def _reads_as_date(column: "pl.Series") -> bool:
    text = column.drop_nulls().head(5)
    shape = r"^\s*(\d{4}[-/.]?\d{1,2}[-/.]?\d{1,2}|\d{1,2}[-/. ](\d{1,2}|[A-Za-z]{3})[-/. ]\d{4})(\D|$)"
    return bool(len(text)) and bool(text.str.contains(shape).all())


def _asset_column(source: Source, columns: list[str]) -> str | None:
    """The column of assets; a column of prices of a stock called SID or CODE is none."""
    named = {normalise(name): name for name in reversed(columns)}
    for alias in ASSET_NAMES:
        prices = alias in ("sid", "code") and alias in named and source.frame[named[alias]].dtype.is_float()
        if alias in named and not prices:
            return named[alias]
    return None


def _long(
    source: Source, date: str, asset: str | None, columns: list[str], wanted: Sequence[str] | None
) -> Panel:
    names = normalise_all(columns, source.name)
    if wanted is not None:
        for name in wanted:
            if name not in names.values():
                source.refuse(f"no field {name!r}; {nearest(name, names.values())}")
    days = parse_dates(source, date)
    dates, row_day = _distinct(days)
    assets, row_asset = _assets(source, asset)
    shape = (len(dates), len(assets))
    cell = row_day * shape[1] + row_asset
    _check_order(source, dates, assets, row_day, row_asset, cell, shape)
    rows = _Rows(source, cell, row_asset, shape, assets)
    return rows.arrange(dates, names, wanted)


def _distinct(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct dates, ascending, and the place of each row's date among them."""
    new = days[1:] != days[:-1]
    if (days[1:] >= days[:-1]).all():  # the usual layout needs no sort
        return days[np.concatenate(([True], new))], np.concatenate(([0], np.cumsum(new)))
    dates, place = np.unique(days, return_inverse=True)
    return dates, place.reshape(-1)


def _assets(source: Source, column: str | None) -> tuple[tuple[str, ...], np.ndarray]:
    """Sorted asset names and the place of each row's asset among them."""
    if column is None:
        name = source.name.split(".")[0] if "." in source.name else "asset"
        return (name,), np.zeros(source.frame.height, dtype=np.int64)
    text = source.text(column)
    if text.null_count():
        row = text.is_null().arg_max() or 0
        raise PanelError(f"{source.at(row)}: the asset is missing; fill in column {column!r} or drop the row")
    codes, labels = _codes(text)
    return labels, codes.astype(np.int64)


def _codes(text: "pl.Series") -> tuple[np.ndarray, tuple[str, ...]]:
    """Place of each text among the sorted distinct ones, int32, −1 for null; and the distinct ones."""
    import polars as pl

    labels = text.drop_nulls().unique().sort()
    codes = text.cast(pl.Enum(labels)).to_physical().cast(pl.Int32).fill_null(-1)
    return codes.to_numpy(), tuple(labels.to_list())


def _check_order(
    source: Source,
    dates: np.ndarray,
    assets: tuple[str, ...],
    row_day: np.ndarray,
    row_asset: np.ndarray,
    cell: np.ndarray,
    shape: tuple[int, int],
) -> None:
    """Refuse a (date, asset) that comes twice, and an asset whose dates do not ascend."""
    if shape[0] * shape[1] * 4 > _LARGE and len(cell) < _SPARSE * shape[0] * shape[1]:
        source.refuse(
            f"dates do not line up: {shape[0]:,} distinct dates × {shape[1]:,} assets for {len(cell):,} rows;"
            " round dates to bars of one length"
        )
    seen = np.zeros(shape[0] * shape[1], dtype=bool)
    seen[cell] = True
    if np.count_nonzero(seen) < len(cell):
        order = np.argsort(cell, kind="stable")
        again = order[1:][cell[order][1:] == cell[order][:-1]].min()
        raise PanelError(
            f"{source.at(int(again))}: {text_of(dates[row_day[again]])} stands twice for asset"
            f" {assets[row_asset[again]]!r}; keep one row for each date and asset"
        )
    if (row_day[1:] >= row_day[:-1]).all():
        return
    order = np.argsort(row_asset, kind="stable")
    back = (row_asset[order][1:] == row_asset[order][:-1]) & (row_day[order][1:] < row_day[order][:-1])
    if back.any():
        row = order[1:][back].min()
        before = order[np.flatnonzero(order == row)[0] - 1]
        late, early = text_of(dates[row_day[before]]), text_of(dates[row_day[row]])
        raise PanelError(
            f"{source.at(int(row))}: {early} comes after {late} for asset {assets[row_asset[row]]!r};"
            " sort the rows by date"
        )


@dataclass
class _Rows:
    """Rows of a long table and the cell of the panel that each belongs to."""

    source: Source
    cell: np.ndarray
    row_asset: np.ndarray
    shape: tuple[int, int]
    assets: tuple[str, ...]

    def arrange(self, dates: np.ndarray, names: dict[str, str], wanted: Sequence[str] | None) -> Panel:
        fields: dict[str, np.ndarray] = {}
        groups: dict[str, GroupCodes] = {}
        universe = None
        notes: list[str] = []
        for column, name in names.items():
            if name in ("universe", "in_universe") and (wanted is None or name not in wanted):
                universe = self._universe(column)
                continue
            if wanted is not None and name not in wanted and not self._holds_text(column):
                continue
            numbers = self.source.numbers(column)
            if numbers is not None:
                fields[name] = numbers.to_numpy()
                continue
            if name in BAR_NAMES or (wanted is not None and name in wanted):
                self._refuse_text(column, name)
            group = self._group(column, name, strict=wanted is None)
            if group is not None and len(group.labels) <= max(32, len(self.assets) // 2):
                groups[name] = group
            elif group is not None:
                notes.append(f"column {name!r} left out: {len(group.labels)} labels, too many for a group")
        if not fields:
            self.source.refuse("no field; add a column of numbers such as close")
        order = tuple(fields) if wanted is None else tuple(dict.fromkeys(wanted))
        values = np.full((len(order), self.shape[0] * self.shape[1]), np.nan, dtype=np.float32)
        with np.errstate(over="ignore"):
            for row, name in enumerate(order):
                values[row, self.cell] = fields[name]
        tensor = values.reshape(len(order), *self.shape)
        return Panel(tensor, order, dates, self.assets, groups, universe, self.source.name, tuple(notes))

    def _holds_text(self, column: str) -> bool:
        dtype = self.source.frame[column].dtype
        return not (dtype.is_numeric() or dtype.is_temporal() or dtype.is_nested() or str(dtype) == "Boolean")

    def _universe(self, column: str) -> np.ndarray:
        import polars as pl

        series = self.source.frame[column]
        if series.dtype != pl.Boolean and not series.dtype.is_integer():
            self.source.refuse(f"column {column!r} must hold true or false; rename it if it is a field")
        mask = np.zeros(self.shape[0] * self.shape[1], dtype=bool)
        mask[self.cell] = series.cast(pl.Boolean).fill_null(False).to_numpy()
        return mask.reshape(self.shape)

    def _group(self, column: str, name: str, strict: bool) -> GroupCodes | None:
        """Label code of each asset, if the labels of every asset stay the same; else PanelError or None."""
        codes, labels = _codes(self.source.text(column).str.strip_chars())
        there = np.flatnonzero(codes >= 0)
        own = np.full(len(self.assets), -1, dtype=np.int32)
        own[self.row_asset[there[::-1]]] = codes[there[::-1]]
        changed = there[codes[there] != own[self.row_asset[there]]]
        if not len(changed):
            return GroupCodes(own, labels)
        if strict:
            self._refuse_text(column, name, int(changed[0]), labels[own[self.row_asset[changed[0]]]])
        return None

    def _refuse_text(self, column: str, name: str, row: int = 0, before: str | None = None) -> None:
        text = self.source.text(column)[row]
        asset = self.assets[self.row_asset[row]]
        now = "" if before is None else f" (for asset {asset!r} after {before!r}, so it is no group)"
        raise PanelError(
            f"{self.source.at(row)}: field {name!r} holds text, {text!r}{now}; make it numbers, or leave the"
            " column out with fields=[...]"
        )


def _wide(source: Source, date: str, columns: list[str], value: str) -> Panel:
    days = parse_dates(source, date)
    back = np.flatnonzero(days[1:] <= days[:-1])
    if len(back):
        row = int(back[0]) + 1
        day, before = text_of(days[row]), text_of(days[row - 1])
        if days[row] in days[:row]:
            raise PanelError(f"{source.at(row)}: {day} stands twice; keep one row for each date")
        raise PanelError(f"{source.at(row)}: {day} comes after {before}; sort the rows by date")
    ordered = sorted(columns)
    values = np.empty((1, len(days), len(ordered)), dtype=np.float32)
    for place, column in enumerate(ordered):
        numbers = source.numbers(column)
        if numbers is None:
            text = source.text(column).drop_nulls()[0]
            source.refuse(
                f"column {column!r} holds text, {text!r}; a wide table holds numbers only, a long one needs a"
                f" column of assets named {', '.join(ASSET_NAMES[:3])}"
            )
        with np.errstate(over="ignore"):
            values[0, :, place] = numbers.to_numpy()
    return Panel(values, (normalise(value) or value,), days, tuple(ordered), name=source.name)
