"""Columns of pandas and polars frames and Parquet files, with row index and column levels."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarva.errors import PanelError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Columns", "from_pandas", "from_polars", "quoted_pair", "read_parquet"]


@dataclass(frozen=True)
class Columns:
    """Columns of a frame.

    Attributes
    ----------
    frame : DataFrame
        All columns, including the row index.
    index : tuple of str
        Columns that were the row index.
    levels : mapping of str to (str, str)
        Both labels of each column with a two-level name.
    level_names : (str, str)
        Names of the two levels; '' if unnamed.
    """

    frame: "pl.DataFrame"
    index: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    level_names: tuple[str, str] = ("", "")


def from_polars(source: Any) -> Columns:
    """Columns of a polars frame; PanelError for any other polars object."""
    import polars as pl

    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if not isinstance(source, pl.DataFrame):
        raise PanelError(f"cannot read a polars {type(source).__name__}; give a DataFrame")
    return Columns(source)


def read_parquet(path: Path) -> Columns:
    """Columns of a Parquet file, using the metadata of pandas on the index and column levels."""
    import polars as pl

    try:
        frame = pl.read_parquet(path)
        text = pl.read_parquet_metadata(path).get("pandas", "")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        message = re.split(r"[\n\r]", str(error).strip())[0].rstrip(".:")[:160]
        raise PanelError(f"{path}: not a Parquet file ({message}); write it again") from None
    metadata = _metadata(text)
    stored = [name for name in metadata.get("index_columns", []) if isinstance(name, str)]
    index = tuple(name for name in stored if name in frame.columns)
    levels = metadata.get("column_indexes", [])
    if len(levels) < 2:
        return Columns(frame, index)
    if len(levels) > 2:
        _raise_levels(path.name, len(levels))
    labels: dict[str, tuple[str, str]] = {}
    for name in frame.columns:
        if name not in index:
            pair = quoted_pair(name)
            if pair is None:
                raise PanelError(
                    f"{path.name}: column {name!r} is not a pair of labels, although the file has two column"
                    " levels; write it again"
                )
            labels[name] = pair
    names = tuple(str(level.get("name") or "") for level in levels)
    return Columns(frame, index, labels, (names[0], names[1]))


def _metadata(text: str) -> dict[str, Any]:
    """Metadata written by pandas; empty if missing or not a JSON object."""
    try:
        metadata = json.loads(text) if text else {}
    except ValueError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def quoted_pair(name: str) -> tuple[str, str] | None:
    """Split a two-level name as pandas writes it, such as ('Close', 'AAPL'); None for other names."""
    quoted = r"""(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^'",]+))"""
    found = re.fullmatch(rf"\(\s*{quoted}\s*,\s*{quoted}\s*\)", name)
    if found is None:
        return None
    first, second = (
        next((re.sub(r"\\(.)", r"\1", part) for part in found.groups()[k : k + 3] if part is not None), "")
        for k in (0, 3)
    )
    return first, second


def _raise_levels(source: str, levels: int) -> None:
    raise PanelError(f"{source}: columns have {levels} levels; use two, fields × assets")


def from_pandas(source: Any) -> Columns:
    """Columns of a pandas frame or series, including its row index."""
    import pandas as pd
    import polars as pl

    if isinstance(source, pd.Series):
        source = source.to_frame(source.name if source.name is not None else "close")
    if not isinstance(source, pd.DataFrame):
        raise PanelError(f"cannot read a pandas {type(source).__name__}; give a DataFrame")
    depth = source.columns.nlevels
    if depth > 2:
        _raise_levels("pandas frame", depth)
    names = [str(name) for name in source.columns]
    duplicate = (
        next((name for name in names if names.count(name) > 1), None)
        if len(set(names)) < len(names)
        else None
    )
    if duplicate is not None:
        raise PanelError(f"pandas frame: duplicate column {duplicate!r}; keep one")
    columns: dict[str, pl.Series] = {}
    index = _index_columns(source)
    index_names: list[str] = []
    for name, values in index:
        series = _to_series(name, values)
        if name in names and depth == 1:
            if not _is_equal(series, _to_series(name, source.iloc[:, names.index(name)])):
                raise PanelError(
                    f"pandas frame: the index and the column {name!r} differ; rename or drop one of them"
                )
            continue
        if name in columns and not _is_equal(series, columns[name]):
            raise PanelError(f"pandas frame: two levels of the index are named {name!r}; rename one")
        if name not in columns:
            columns[name] = series
            index_names.append(name)
    for place, name in enumerate(names):
        columns[name] = _to_series(name, source.iloc[:, place])
    labels: dict[str, tuple[str, str]] = {}
    level_names = ("", "")
    if depth == 2:
        labels = {
            name: (str(pair[0]), str(pair[1])) for name, pair in zip(names, source.columns, strict=True)
        }
        first, second = ("" if name is None else str(name) for name in source.columns.names)
        level_names = (first, second)
    return Columns(pl.DataFrame(columns), tuple(index_names), labels, level_names)


def _index_columns(frame: Any) -> list[tuple[str, Any]]:
    """Names and values of the levels of a row index; empty for an unnamed RangeIndex."""
    import pandas as pd

    index = frame.index
    if isinstance(index, pd.RangeIndex) and index.name is None:
        return []
    if index.nlevels == 1:
        return [("__index_level_0__" if index.name is None else str(index.name), index)]
    names = [f"__index_level_{k}__" if name is None else str(name) for k, name in enumerate(index.names)]
    return [(name, index.get_level_values(k)) for k, name in enumerate(names)]


def _is_equal(one: "pl.Series", other: "pl.Series") -> bool:
    """Whether two columns are equal after conversion to a common type."""
    import polars as pl

    if one.dtype != other.dtype:
        if one.dtype.is_temporal() and other.dtype.is_temporal():
            one, other = one.cast(pl.Datetime("ns")), other.cast(pl.Datetime("ns"))
        else:
            one, other = one.cast(pl.String), other.cast(pl.String)
    return bool(one.eq_missing(other).all())


def _to_series(name: str, values: Any) -> "pl.Series":
    """Convert a pandas column or index level to a polars series."""
    import pandas as pd
    import polars as pl

    dtype = values.dtype
    if isinstance(dtype, pd.PeriodDtype):
        values = values.to_timestamp() if isinstance(values, pd.Index) else values.dt.to_timestamp()
    elif isinstance(dtype, pd.SparseDtype):
        values = values.sparse.to_dense() if isinstance(values, pd.Series) else pd.Series(values.to_numpy())
    elif isinstance(dtype, pd.CategoricalDtype) and not pd.api.types.is_string_dtype(dtype.categories.dtype):
        values = values.astype(dtype.categories.dtype)
    if values.dtype == object:  # dates in several time zones or mixed types: parsed later from text
        cells = [None if pd.api.types.is_scalar(cell) and pd.isna(cell) else str(cell) for cell in values]
        return pl.Series(name, cells, dtype=pl.String)
    try:
        return pl.Series(name, pl.from_pandas(pd.Series(values)))
    except (pl.exceptions.PolarsError, TypeError, ValueError, NotImplementedError) as error:
        message = str(error).strip().splitlines()[:1]
        raise PanelError(
            f"pandas frame: column {name!r} of type {dtype} cannot be read ({''.join(message)[:120]}); change"
            " its type or drop the column"
        ) from None
