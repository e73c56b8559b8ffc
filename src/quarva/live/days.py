"""Reading new bars for a stream: a table of a few days in the layout of the stream, checked like a panel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import PanelError
from quarva.panel.dates import text_of
from quarva.panel.layout import Layout, to_panel
from quarva.panel.names import is_price
from quarva.panel.source import Source, open_source

if TYPE_CHECKING:
    from quarva.live.stream import Stream
    from quarva.panel import Panel

__all__ = ["Days", "read_days"]


@dataclass(frozen=True)
class Days:
    """Bars of D days in the layout of a stream.

    Attributes
    ----------
    name : str
        Name of the source, for error messages.
    dates : ndarray of datetime64, shape (D,)
        The dates, ascending.
    values : ndarray of float32, shape (D, F, N)
        The bars. NaN marks a missing value.
    universe : ndarray of bool, shape (D, N), or None
        True for the assets that belong to the universe on a day.
    unknown : tuple of str
        Assets of the table that the stream does not have. They were left out.
    """

    name: str
    dates: NDArray[np.datetime64]
    values: NDArray[np.float32]
    universe: NDArray[np.bool_] | None
    unknown: tuple[str, ...] = ()


def read_days(
    source: Any,
    stream: "Stream",
    *,
    extra_ok: bool = False,
    asset_column: str | None = None,
    date_column: str | None = None,
    rename: Mapping[str, str] | None = None,
    time_zone: str | None = None,
) -> Days:
    """Read days for a stream.

    Parameters
    ----------
    source : str, os.PathLike, DataFrame or Source
        A CSV or Parquet file, a pandas or polars frame, or a `Source`, with a layout that `Panel.read`
        accepts. Columns that the stream does not read are ignored.
    stream : Stream
        The stream.
    extra_ok : bool, default False
        Whether to leave out assets that the stream does not have.
    asset_column, date_column, rename, time_zone
        As in `Panel.read`.

    Returns
    -------
    Days

    Raises
    ------
    PanelError
        The table cannot be read, lacks a field, or has an asset that the stream does not have; a value is
        infinite; a price is not above zero; the group of an asset changed; the table has a universe and the
        days before have none, or the other way round.
    """
    opened = source
    if not isinstance(source, Source):
        opened = open_source(source, rename=rename, text=(asset_column, date_column))
    value = stream.fields[0] if len(stream.fields) == 1 else None
    panel = to_panel(opened, Layout(value, stream.fields, date_column, asset_column, time_zone))
    names = panel.assets
    if len(names) == len(stream.assets) == 1 and panel.reading is not None and panel.reading.asset is None:
        names = stream.assets  # a table with the bars of one asset, which was named after its file
    column_of = {name: n for n, name in enumerate(stream.assets)}
    unknown = tuple(name for name in names if name not in column_of)
    if unknown and not extra_ok:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise PanelError(
            f"{opened.name}: asset {unknown[0]!r}{more} is not among the {len(column_of)} assets of the"
            " stream; ignore it with extra_ok=True (--extra-ok), or start again with a panel that has it"
        )
    known = np.array([name in column_of for name in names], np.bool_)
    columns = np.array([column_of[name] for name in names if name in column_of], np.int64)
    _check_groups(panel, names, stream)
    days, universe = len(panel.dates), None
    values = np.full((days, len(stream.fields), len(column_of)), np.nan, np.float32)
    values[:, :, columns] = panel.values[:, :, known].swapaxes(0, 1)
    if (panel.universe is not None) != stream.has_universe:
        opened.refuse(
            "no column 'universe'; add it, as on the days before"
            if stream.has_universe
            else "a column 'universe', but the days before have none; leave it out, or start again with a"
            " panel that has one"
        )
    if panel.universe is not None:
        universe = np.zeros((days, len(column_of)), np.bool_)
        universe[:, columns] = panel.universe[:, known]
    found = Days(opened.name, panel.dates, values, universe, unknown)
    _check_values(found, stream)
    return found


def _check_groups(panel: "Panel", names: tuple[str, ...], stream: "Stream") -> None:
    """Raise PanelError if the group of an asset changed: earlier days were computed with the old one."""
    for group, before in stream.groups.items():
        now = panel.groups.get(group)
        if now is None:
            continue
        for n, name in enumerate(names):
            label = now.labels[now.codes[n]] if now.codes[n] >= 0 else None
            if label is None or name not in stream.assets:
                continue
            code = before.codes[stream.assets.index(name)]
            previous = before.labels[code] if code >= 0 else None
            if label != previous:
                raise PanelError(
                    f"{panel.name}: {group} of asset {name!r} is {label!r} but was {previous!r} on the"
                    " days before; the group of an asset cannot change, so start again, or drop the column"
                )


def _check_values(days: Days, stream: "Stream") -> None:
    """Raise PanelError for infinite values and for prices that are not above zero."""
    for row, field in enumerate(stream.fields):
        table = days.values[:, row]
        price = is_price(field)
        wrong = np.argwhere(np.isinf(table) | (table <= 0) if price else np.isinf(table))
        if not len(wrong):
            continue
        value = table[tuple(wrong[0])]
        date, asset = text_of(days.dates[wrong[0][0]]), stream.assets[wrong[0][1]]
        fault = "infinite, or beyond 3.4e38" if np.isinf(value) else f"{value:g}, but a price is above zero"
        raise PanelError(
            f"{days.name}: field {field!r} of asset {asset!r} on {date} is {fault}; leave the cell empty"
        )
