"""Conversion of columns to a panel: long tables (date, asset, fields …) and wide tables (dates × assets)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from quarva.errors import PanelError
from quarva.panel.dates import parse_dates, text_of
from quarva.panel.levels import joined_levels, stack
from quarva.panel.names import BAR_NAMES, nearest, normalise
from quarva.panel.naming import field_names
from quarva.panel.panel import GroupCodes, Panel
from quarva.panel.roles import Roles, find_roles
from quarva.panel.shapes import is_one_asset
from quarva.panel.source import Source, find_column
from quarva.panel.vendors import SIGNED_PRICES, header_key

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Layout", "to_panel"]

_LARGE = 1 << 30  # bytes
_SPARSE = 0.02  # filled fraction below which the dates of a panel of more than _LARGE bytes are not aligned
_CALENDAR = frozenset(["year", "month", "day", "weekday", "quarter", "week", "dayofweek", "hour"])


@dataclass(frozen=True)
class Layout:
    """Arguments of `Panel.read` on the layout; its `field` is `value` here, and its `fields` is `wanted`."""

    value: str | None = None
    wanted: Sequence[str] | None = None
    date_column: str | None = None
    asset_column: str | None = None
    time_zone: str | None = None


def to_panel(source: Source, options: Layout) -> Panel:
    """Detect the layout of a table and convert it to a panel; assets are sorted, values are not checked.

    Assumptions are recorded in the log of `source`.

    Raises
    ------
    PanelError
        If the layout is ambiguous, or dates or assets are missing, duplicated or out of order.
    """
    if not source.frame.height:
        source.refuse("no rows; give a table with at least one date")
    source = stack(source)
    roles = find_roles(source, options.date_column, options.asset_column)
    if roles.asset is None and not source.levels:
        names = [name for name in roles.fields if not source.counts_rows(name)]
        if pairs := joined_levels(names):
            return to_panel(replace(source, levels=pairs), options)
    _check_header(source, roles)
    source.log.date = roles.date if roles.time is None else f"{roles.date} and {roles.time}"
    source.log.asset = roles.asset
    if roles.asset is not None:
        return _long(source, roles, options)
    columns = list(roles.fields)
    if not columns:
        source.refuse("only dates; add a column for each asset, or date, asset and fields")
    if is_one_asset(source, roles, stated_wide=options.value is not None):
        return _long(source, roles, options)
    value = options.value or "close"
    if options.wanted is not None and tuple(options.wanted) != (value,):
        source.refuse(f"a wide table (dates × assets) has one field, {value!r}; remove fields=[...]")
    return _wide(source, roles, value, options)


def _check_header(source: Source, roles: Roles) -> None:
    """Raise PanelError for a frame without a header: columns named 0, 1, 2 … that include its dates."""
    names = [name for name in source.frame.columns if name not in source.index]
    if roles.date in names and names == [str(number) for number in range(len(names))]:
        source.refuse("columns are named 0, 1, 2 …: a table without a header; name them date, open, close …")


def _long(source: Source, roles: Roles, options: Layout) -> Panel:
    columns = [*roles.fields, *(name for name in roles.labels if normalise(name))]
    for name in roles.labels:
        if not normalise(name):
            source.log.leave_out(name, "its name gives no name for a group", note=False)
    names = field_names(source, columns, options.wanted)
    wanted = None if options.wanted is None else [_field_of(source, names, name) for name in options.wanted]
    days = parse_dates(source, roles.date, roles.time, options.time_zone)
    dates, row_day = _distinct(days)
    assets, row_asset = _assets(source, roles)
    shape = (len(dates), len(assets))
    cell = row_day * shape[1] + row_asset
    _check_order(source, roles, dates, assets, row_day, row_asset, cell, shape)
    rows = _Rows(source, cell, row_asset, shape, assets, frozenset(roles.labels))
    return rows.arrange(dates, names, wanted, "long" if roles.asset is not None else "one asset")


def _field_of(source: Source, names: dict[str, str], wanted: str) -> str:
    """Resolve a field given by its own name or by the name of its column."""
    if wanted in names.values():
        return wanted
    column = find_column(list(names), wanted)
    if column is None:
        source.refuse(f"no field {wanted!r}; {nearest(wanted, names.values())}")
    return names[column]


def _distinct(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct dates, ascending, and the index of each row's date among them."""
    new = days[1:] != days[:-1]
    if (days[1:] >= days[:-1]).all():  # already sorted, the usual case
        return days[np.concatenate(([True], new))], np.concatenate(([0], np.cumsum(new)))
    dates, index = np.unique(days, return_inverse=True)
    return dates, index.reshape(-1)


def _assets(source: Source, roles: Roles) -> tuple[tuple[str, ...], np.ndarray]:
    """Sorted asset names and the index of each row's asset among them."""
    if roles.asset is None:
        name = source.name.split(".")[0] if "." in source.name else "asset"
        return (name,), np.zeros(source.frame.height, dtype=np.int64)
    text = source.text(roles.asset)
    if roles.issue is not None:
        text = text + "." + source.text(roles.issue).fill_null("")
        source.log.note(f"assets are identified by columns {roles.asset!r} and {roles.issue!r}")
    codes, labels = _encode(text)
    if any(label != label.strip() or not label for label in labels):
        text = text.str.strip_chars().replace("", None)
        codes, labels = _encode(text)
    if text.null_count():
        row = text.is_null().arg_max() or 0
        raise PanelError(
            f"{source.at(row)}: the asset is missing; fill in column {roles.asset!r} or drop the row"
        )
    if len({label.casefold() for label in labels}) < len(labels):
        seen: dict[str, str] = {}
        pair = next(
            (seen[key], label) for label in labels if seen.setdefault(key := label.casefold(), label) != label
        )
        source.log.note(f"assets {pair[0]!r} and {pair[1]!r} differ only in case")
    return labels, codes.astype(np.int64)


def _encode(text: "pl.Series") -> tuple[np.ndarray, tuple[str, ...]]:
    """Index of each text among the sorted distinct texts, int32, −1 for null; and the distinct texts."""
    import polars as pl

    labels = text.drop_nulls().unique().sort()
    codes = text.cast(pl.Enum(labels)).to_physical().cast(pl.Int32).fill_null(-1)
    return codes.to_numpy(), tuple(labels.to_list())


def _decode_crsp_prices(source: Source, column: str, numbers: "pl.Series") -> "pl.Series":
    """Decode CRSP prices: a minus sign marks a bid–ask mean, and 0 a missing price."""
    if header_key(column) not in SIGNED_PRICES:
        return numbers
    signed, zeros = int((numbers < 0).sum()), int((numbers == 0).sum())
    if signed:
        source.log.note(
            f"column {column!r}: {signed:,} bid–ask means, marked by a minus sign, are read as prices"
        )
    if zeros:
        source.log.note(f"column {column!r}: 0 is read as a missing price ({zeros:,} cells)")
    if not signed and not zeros:
        return numbers
    return numbers.abs().replace(0.0, None)


def _check_order(
    source: Source,
    roles: Roles,
    dates: np.ndarray,
    assets: tuple[str, ...],
    row_day: np.ndarray,
    row_asset: np.ndarray,
    cell: np.ndarray,
    shape: tuple[int, int],
) -> None:
    """Raise PanelError for a duplicate (date, asset) and for an asset whose dates are not monotonic."""
    if shape[0] * shape[1] * 4 > _LARGE and len(cell) < _SPARSE * shape[0] * shape[1]:
        source.refuse(
            f"dates are not aligned: {shape[0]:,} distinct dates × {shape[1]:,} assets for {len(cell):,}"
            " rows; round dates to bars of equal length"
        )
    if len(cell) == shape[0] == shape[1] > 3:
        source.refuse(
            f"every row has its own date and its own asset; {roles.asset!r} has no assets or {roles.date!r}"
            " no dates: name the right columns with --asset-column and --date-column"
        )
    seen = np.zeros(shape[0] * shape[1], dtype=bool)
    seen[cell] = True
    if np.count_nonzero(seen) < len(cell):
        order = np.argsort(cell, kind="stable")
        again = order[1:][cell[order][1:] == cell[order][:-1]].min()
        _raise_duplicate(source, roles, int(again), dates[row_day[again]], assets[row_asset[again]])
    if (row_day[1:] >= row_day[:-1]).all():
        return
    order = np.argsort(row_asset, kind="stable")
    same = row_asset[order][1:] == row_asset[order][:-1]
    back = same & (row_day[order][1:] < row_day[order][:-1])
    if back.any() and (back == same).all():
        source.log.note("rows are in descending order of date; they are sorted by date")
    elif back.any():
        row = order[1:][back].min()
        before = order[np.flatnonzero(order == row)[0] - 1]
        late, early = text_of(dates[row_day[before]]), text_of(dates[row_day[row]])
        raise PanelError(
            f"{source.at(int(row))}: {early} comes after {late} for asset {assets[row_asset[row]]!r};"
            " sort the rows by date"
        )


def _may_identify_assets(source: Source, date: str, name: str) -> bool:
    """Whether text or integers occur once per date and on several dates, as identifiers of assets do."""
    series = source.frame[name]
    if series.dtype.is_float() or series.dtype.is_nested():
        return False
    once = source.frame.select(date, name).n_unique() == source.frame.height
    return once and series.n_unique() * 2 <= source.frame.height


def _raise_duplicate(source: Source, roles: Roles, row: int, date: np.datetime64, asset: str) -> None:
    if roles.asset is not None:
        raise PanelError(
            f"{source.at(row)}: {text_of(date)} occurs twice for asset {asset!r}; keep one row per date and"
            " asset, or name the column that identifies assets with --asset-column"
        )
    candidates = [
        name for name in (*roles.labels, *roles.fields) if _may_identify_assets(source, roles.date, name)
    ]
    hint = f" ({candidates[0]!r} may be one)" if candidates else ""
    raise PanelError(
        f"{source.at(row)}: {text_of(date)} occurs twice and no column of assets is known{hint}; name it"
        f" with --asset-column {candidates[0] if candidates else 'NAME'}, or keep one row per date"
    )


@dataclass
class _Rows:
    """Rows of a long table and the cell of the panel for each of them."""

    source: Source
    cell: np.ndarray
    row_asset: np.ndarray
    shape: tuple[int, int]
    assets: tuple[str, ...]
    labels: frozenset[str]

    def arrange(
        self, dates: np.ndarray, names: dict[str, str], wanted: Sequence[str] | None, layout: str
    ) -> Panel:
        fields: dict[str, np.ndarray] = {}
        groups: dict[str, GroupCodes] = {}
        universe = None
        log = self.source.log
        for column, name in names.items():
            if name in ("universe", "in_universe") and (wanted is None or name not in wanted):
                universe = self._universe(column)
                continue
            is_label = column in self.labels and (wanted is None or name not in wanted)
            if wanted is not None and name not in wanted and not is_label and not self._is_text(column):
                continue
            numbers = None if is_label else self.source.numbers(column, name)
            if numbers is not None:
                fields[name] = _decode_crsp_prices(self.source, column, numbers).to_numpy()
                log.columns[name] = column
                continue
            if name in BAR_NAMES or (wanted is not None and name in wanted):
                self._raise_text(column, name)
            group = self._group(column, name, strict=wanted is None and not is_label)
            if group is not None and len(group.labels) <= max(32, len(self.assets) // 2):
                groups[name] = group
                log.columns[name] = column
            elif group is not None:
                log.leave_out(name, f"{len(group.labels)} labels, too many for a group")
            elif is_label:
                log.leave_out(column, "its label changes for an asset")
        if not fields:
            self.source.refuse("no field; add a column of numbers such as close")
        order = tuple(fields) if wanted is None else tuple(dict.fromkeys(wanted))
        values = np.full((len(order), self.shape[0] * self.shape[1]), np.nan, dtype=np.float32)
        with np.errstate(over="ignore"):
            for row, name in enumerate(order):
                values[row, self.cell] = fields[name]
        tensor = values.reshape(len(order), *self.shape)
        return Panel(
            tensor, order, dates, self.assets, groups, universe, self.source.name, tuple(log.notes),
            reading=log.reading(layout),
        )  # fmt: skip

    def _is_text(self, column: str) -> bool:
        dtype = self.source.frame[column].dtype
        return not (dtype.is_numeric() or dtype.is_temporal() or dtype.is_nested() or str(dtype) == "Boolean")

    def _universe(self, column: str) -> np.ndarray:
        import polars as pl

        series = self.source.frame[column]
        if series.dtype == pl.String and series.str.to_lowercase().is_in(["true", "false"]).all():
            series = series.str.to_lowercase() == "true"
        if series.dtype != pl.Boolean and not series.dtype.is_integer():
            self.source.refuse(f"column {column!r} must be true or false; rename it if it is a field")
        mask = np.zeros(self.shape[0] * self.shape[1], dtype=bool)
        mask[self.cell] = series.cast(pl.Boolean).fill_null(False).to_numpy()
        return mask.reshape(self.shape)

    def _group(self, column: str, name: str, strict: bool) -> GroupCodes | None:
        """Group of each asset if no asset changes its label; otherwise PanelError if `strict`, else None."""
        codes, labels = _encode(self.source.text(column).str.strip_chars().replace("", None))
        labelled = np.flatnonzero(codes >= 0)
        own = np.full(len(self.assets), -1, dtype=np.int32)
        own[self.row_asset[labelled[::-1]]] = codes[labelled[::-1]]
        changed = labelled[codes[labelled] != own[self.row_asset[labelled]]]
        if not len(changed):
            return GroupCodes(own, labels)
        if strict:
            self._raise_text(column, name, int(changed[0]), labels[own[self.row_asset[changed[0]]]])
        return None

    def _raise_text(self, column: str, name: str, row: int = 0, before: str | None = None) -> None:
        text = self.source.text(column)[row]
        asset = self.assets[self.row_asset[row]]
        change = "" if before is None else f" (for asset {asset!r} after {before!r}, so it is not a group)"
        raise PanelError(
            f"{self.source.at(row, column)}: field {name!r} contains text, {text!r}{change}; convert it to"
            " numbers or leave the column out with fields=[...] (--fields)"
        )


def _wide(source: Source, roles: Roles, value: str, options: Layout) -> Panel:
    days = parse_dates(source, roles.date, roles.time, options.time_zone)
    descends = len(days) > 1 and bool((days[1:] < days[:-1]).all())
    if descends:
        source.log.note("rows are in descending order of date; they are sorted by date")
    back = np.flatnonzero(days[1:] <= days[:-1])
    if len(back) and not descends:
        row = int(back[0]) + 1
        day, before = text_of(days[row]), text_of(days[row - 1])
        if days[row] in days[:row]:
            _raise_duplicate_wide(source, roles, row, day)
        raise PanelError(f"{source.at(row)}: {day} comes after {before}; sort the rows by date")
    columns = _without_calendar(source, roles.fields)
    ordered = sorted(columns)
    values = np.empty((1, len(days), len(ordered)), dtype=np.float32)
    for index, column in enumerate(ordered):
        numbers = source.numbers(column, column)
        if numbers is None:
            text = source.text(column).drop_nulls()[0]
            source.refuse(
                f"column {column!r} contains text, {text!r}; a wide table has only numbers, and a long one"
                f" needs a column of assets: name it with --asset-column {column}"
            )
        with np.errstate(over="ignore"):
            values[0, :, index] = numbers.to_numpy()
    if descends:
        days, values = days[::-1].copy(), np.ascontiguousarray(values[:, ::-1])
    for name in roles.labels:
        source.log.leave_out(name, "it contains labels")
    field = normalise(value) or value
    source.log.columns = {field: f"{len(ordered):,} columns"}
    assets = tuple(name.strip() for name in ordered)
    return Panel(
        values, (field,), days, assets, name=source.name, notes=tuple(source.log.notes),
        reading=source.log.reading("wide"),
    )  # fmt: skip


def _raise_duplicate_wide(source: Source, roles: Roles, row: int, day: str) -> None:
    hint = f" ({roles.labels[0]!r} may be one)" if roles.labels else ""
    raise PanelError(
        f"{source.at(row)}: {day} occurs twice; keep one row per date, or name the column of assets{hint}"
        " with --asset-column"
    )


def _without_calendar(source: Source, columns: Sequence[str]) -> list[str]:
    """Columns of a wide table without those that repeat parts of the date, such as year and month."""
    assets = []
    for name in columns:
        is_part = name in _CALENDAR or (name.lower() in _CALENDAR and not name.isupper())
        if is_part and source.frame[name].dtype.is_integer():
            source.log.leave_out(name, "it repeats a part of the date")
        else:
            assets.append(name)
    return assets
