"""Signals as a long table, as in signals.parquet and `quarva evaluate --out`."""

import io
import os
from collections.abc import Sequence
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quarva._runtime.files import write_atomically
from quarva.engine import Device, Program, signals
from quarva.errors import RunError
from quarva.karva.expression import Expression
from quarva.panel import Panel, Table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["check_table_path", "signals_table", "write_table"]


def signals_table(
    names: Sequence[str],
    expressions: Sequence[Expression],
    data: Panel | Table,
    threads: int | None = None,
    device: Device = "cpu",
) -> "pl.DataFrame":
    """Compute the signals of formulas as a long table.

    Parameters
    ----------
    names : sequence of str
        Name of the column of each formula.
    expressions : sequence of Expression
        The formulas.
    data : Panel or Table
        The data.
    threads : int, optional
        Number of threads. Defaults to one per core.
    device : {"cpu", "cuda", "auto"}, default "cpu"
        Device of the evaluation; see `engine.evaluate`.

    Returns
    -------
    polars.DataFrame
        Columns `date`, `asset` and one per formula in the precision of the panel, with one row per date and
        asset, sorted by date. For a table: columns `row`, counted from 1, and one per formula. Null where a
        formula has no value.

    Raises
    ------
    FormulaError
        A formula reads a field, group or asset that the data lack.
    DeviceError
        The GPU is not available.
    """
    import polars as pl

    panel = data.panel if isinstance(data, Table) else data
    columns: dict[str, pl.Series] = {}
    if isinstance(data, Table):
        columns["row"] = pl.Series(np.arange(1, data.rows + 1))
    else:
        days, assets = panel.shape
        # Instants also for days: pandas would read Parquet's days as plain Python objects.
        unit = "us" if np.datetime_data(panel.dates.dtype)[0] == "D" else "ns"
        columns["date"] = pl.Series(np.repeat(panel.dates.astype(f"datetime64[{unit}]"), assets))
        columns["asset"] = pl.Series(np.tile(np.array(panel.assets, dtype=object), days), dtype=pl.String)
    for name, expression in zip(names, expressions, strict=True):
        signal = signals(Program.from_expressions([expression]), panel, threads, device)[0].reshape(-1)
        if isinstance(data, Table):
            signal = signal[: data.rows]
        columns[name] = pl.Series(signal, nan_to_null=True)
    return pl.DataFrame(columns)


def check_table_path(path: str | os.PathLike[str]) -> None:
    """Raise RunError if a path has another ending or no folder. Call it before a long computation."""
    target = Path(path)
    if target.suffix.lower() not in (".parquet", ".csv"):
        raise RunError(
            f"{target}: unknown ending '{target.suffix}'; name a file that ends in .parquet or .csv"
        )
    if not target.parent.is_dir():
        raise RunError(
            f"{target} cannot be written: there is no folder {target.parent}; create it, or name another path"
        )


def write_table(table: "pl.DataFrame", path: str | os.PathLike[str]) -> None:
    """Write a table atomically as Parquet or CSV, by the ending of the path. Raises RunError."""
    check_table_path(path)
    buffer = io.BytesIO()
    if Path(path).suffix.lower() == ".csv":
        instants = [table[name] for name, kind in table.schema.items() if kind.is_temporal()]
        days = all((times.dt.time() == time(0)).all() for times in instants)
        table.write_csv(buffer, datetime_format="%Y-%m-%d" if days else "%Y-%m-%dT%H:%M:%S")
    else:
        table.write_parquet(buffer)
    write_atomically(path, buffer.getvalue())
