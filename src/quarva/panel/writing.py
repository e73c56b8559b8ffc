"""Writing of panels as long tables."""

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quarva._runtime.files import write_atomically
from quarva.errors import PanelError, RunError

if TYPE_CHECKING:
    import polars as pl

    from quarva.panel.panel import Panel

__all__ = ["long_frame", "write_panel"]


def long_frame(panel: "Panel") -> "pl.DataFrame":
    """Convert a panel to a long frame with columns date, asset, groups, fields and universe.

    Rows are sorted by date, then in the order of the panel's assets. Rows without any value are left out,
    unless a date or an asset would disappear.
    """
    import polars as pl

    keep = ~np.isnan(panel.values).all(axis=0)
    if panel.universe is not None:
        keep |= panel.universe
    if not (keep.any(axis=0).all() and keep.any(axis=1).all()):
        keep[:] = True
    day, asset = np.nonzero(keep)
    precision = "us" if np.datetime_data(panel.dates.dtype)[0] == "D" else "ns"
    dates = pl.Series(panel.dates.astype(f"datetime64[{precision}]"))[day]
    columns: dict[str, pl.Series] = {
        "date": dates.cast(pl.Date) if precision == "us" else dates,
        "asset": pl.Series(panel.assets, dtype=pl.String)[asset],
    }
    for name, group in panel.groups.items():
        labels = pl.Series([*group.labels, None], dtype=pl.String)
        columns[name] = labels[np.where(group.codes < 0, len(group.labels), group.codes)[asset]]
    for name, table in zip(panel.fields, panel.values, strict=True):
        columns[name] = pl.Series(table[keep], nan_to_null=True)
    if panel.universe is not None:
        columns["universe"] = pl.Series(panel.universe[keep])
    return pl.DataFrame(columns)


def write_panel(panel: "Panel", path: str | os.PathLike[str]) -> None:
    """Write `long_frame(panel)` as Parquet or CSV atomically.

    Raises
    ------
    PanelError
        If the ending of `path` is unknown or the file cannot be written.
    """
    target = Path(path).expanduser()
    ending = target.suffix.lower()
    if ending not in (".parquet", ".pq", ".csv"):
        raise PanelError(f"{target}: unknown file ending {target.suffix!r}; use .parquet or .csv")
    frame = long_frame(panel)
    content = BytesIO()
    if ending == ".csv":
        frame.write_csv(content)
    else:
        frame.write_parquet(content)
    try:
        write_atomically(target, content.getvalue())
    except RunError as error:
        raise PanelError(str(error)) from None
