"""Opens what a user hands over - a file or a frame - as a polars frame of columns, with names for places."""

import csv
import gzip
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from quarva.errors import PanelError
from quarva.panel.names import ASSET_NAMES, DATE_NAMES, UNNAMED, normalise

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Source", "open_source"]

_MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none", "-")
_PEEK = 1 << 16  # bytes that are looked at to tell what kind of file it is


@dataclass(frozen=True)
class Source:
    """Columns as they came, and what to call the places in them.

    `lines` says whether a row is called by its line in a CSV file (the header being line 1) or by its
    number in the frame, the first being row 1.
    """

    frame: "pl.DataFrame"
    name: str
    lines: bool = False

    def at(self, row: int) -> str:
        """The place of a row, counted from 0, as an error names it: `bars.csv: line 17`."""
        return f"{self.name}: line {row + 2}" if self.lines else f"{self.name}: row {row + 1}"

    def refuse(self, problem: str) -> NoReturn:
        """Raise PanelError about the source as a whole."""
        raise PanelError(f"{self.name}: {problem}")

    def counts_rows(self, column: str) -> bool:
        """Whether a column only counts rows: the index that pandas writes without being asked."""
        series = self.frame[column]
        if normalise(column) not in UNNAMED or not series.dtype.is_integer() or series.null_count():
            return False
        return bool((series.to_numpy() == np.arange(len(series))).all())

    def text(self, column: str) -> "pl.Series":
        """A column as strings, null where nothing is there; 10001.0 is 10001."""
        import polars as pl

        series = self.frame[column]
        if series.dtype.is_float():
            series = series.fill_nan(None)
            if (series.drop_nulls() == series.drop_nulls().round()).all():
                series = series.cast(pl.Int64)
        return series.cast(pl.String)

    def numbers(self, column: str) -> "pl.Series | None":
        """A column as float64, null where nothing is there; None where it holds text.

        Words for 'not there' (`NA`, `nan`, `null`, `-`) count as such. A column of numbers with a few other
        words in it is a PanelError that names the first of them.
        """
        import polars as pl

        series = self.frame[column]
        if series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null):
            return series.cast(pl.Float64)
        if not _is_text(series.dtype):
            self.refuse(f"column {column!r} holds {series.dtype}; leave it out with fields=[...]")
        text = series.cast(pl.String).str.strip_chars()
        numbers = text.cast(pl.Float64, strict=False)
        bad = numbers.is_null() & text.is_not_null()
        bad &= ~text.str.to_lowercase().is_in(_MISSING)
        wrong = int(bad.sum())
        if not wrong:
            return numbers
        if wrong > len(numbers) - numbers.null_count():
            return None
        row = bad.arg_max() or 0
        raise PanelError(
            f"{self.at(row)}: field {normalise(column)!r} holds {text[row]!r} where a number belongs;"
            " correct the cell or leave it empty"
        )


def open_source(source: Any) -> Source:
    """Open a path (CSV, Parquet) or a pandas or polars frame; PanelError where it is none of these."""
    if isinstance(source, str | Path):
        return _open_file(Path(source).expanduser())
    kind = type(source).__module__.split(".")[0]
    if kind == "polars":
        return _open_polars(source)
    if kind == "pandas":
        return _open_pandas(source)
    raise PanelError(
        f"can not read a {type(source).__name__}; give the path of a CSV or Parquet file, or a frame"
    )


def _is_text(dtype: Any) -> bool:
    import polars as pl

    return dtype in (pl.String, pl.Categorical, pl.Enum)


def _open_file(path: Path) -> Source:
    try:
        with path.open("rb") as file:
            head = file.read(_PEEK)
    except FileNotFoundError:
        raise PanelError(f"{path}: no such file; give the path of a CSV or Parquet file") from None
    except IsADirectoryError:
        raise PanelError(f"{path}: is a folder; give a CSV or Parquet file in it") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise PanelError(f"{path}: can not be read ({getattr(error, 'strerror', error)})") from None
    if not head:
        raise PanelError(f"{path}: the file is empty; give a table with a header and rows")
    if head[:4] == b"PAR1":
        return Source(_parquet(path), path.name)
    if path.suffix.lower() in (".parquet", ".pq"):
        raise PanelError(
            f"{path}: not a Parquet file (no PAR1 at its beginning); write it again, or name it .csv"
        )
    if head[:4] == b"PK\x03\x04":
        raise PanelError(f"{path}: not a table but a zip archive or spreadsheet; save it as CSV")
    return Source(_csv(path, head), path.name, lines=True)


def _parquet(path: Path) -> "pl.DataFrame":
    import polars as pl

    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise PanelError(f"{path}: not a Parquet file that can be read ({_first_line(error)})") from None


def _csv(path: Path, head: bytes) -> "pl.DataFrame":
    import polars as pl

    header, separator = _header(path, head)
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise PanelError(f"{path.name}: line 1: column {twice[0]!r} stands there twice; keep one")
    # Codes such as 000001 must keep their zeros, and a ticker NA is no missing value.
    text = {name: pl.String for name in header if normalise(name) in (*ASSET_NAMES, *DATE_NAMES)}
    try:
        frame = pl.read_csv(path, separator=separator, infer_schema_length=None, schema_overrides=text)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise PanelError(
            f"{path}: not a table ({_first_line(error)}); give CSV with a header and equally long lines"
        ) from None
    # A comma at the end of each line and empty lines at the end of the file are no data.
    frame = frame.drop(
        name for name in header if not name and name in frame.columns and _is_empty(frame[name])
    )
    there = np.flatnonzero(~frame.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy())
    return frame.head(there[-1] + 1 if len(there) else 0)


def _is_empty(column: "pl.Series") -> bool:
    return column.null_count() == len(column)


def _header(path: Path, head: bytes) -> tuple[list[str], str]:
    """Column names and separator of a CSV file; PanelError where its beginning is no text."""
    try:
        if head[:2] == b"\x1f\x8b":
            with gzip.open(path) as file:
                head = file.read(_PEEK)
        # A character may be cut at the end of what was read.
        text = head.decode("utf-8-sig", errors="strict" if len(head) < _PEEK else "ignore")
    except (OSError, EOFError, UnicodeDecodeError):
        text = "\0"
    if "\0" in text:
        raise PanelError(f"{path}: not a table: it holds binary data; give CSV (UTF-8) or Parquet")
    first = text.lstrip("\r\n").splitlines()[:1]
    if not first:
        raise PanelError(f"{path}: the file is empty; give a table with a header and rows")
    separator = max(",;\t|", key=first[0].count)
    return next(csv.reader(first, delimiter=separator)), separator


def _first_line(error: Exception) -> str:
    return re.split(r"[\n\r]", str(error).strip())[0].rstrip(".:")[:160]


def _open_polars(source: Any) -> Source:
    import polars as pl

    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if not isinstance(source, pl.DataFrame):
        raise PanelError(f"can not read a polars {type(source).__name__}; give a DataFrame")
    return Source(source, "polars frame")


def _open_pandas(source: Any) -> Source:
    """A pandas frame with its index (dates, or dates and assets) as columns."""
    import pandas as pd
    import polars as pl

    if isinstance(source, pd.Series):
        source = source.to_frame(source.name if source.name is not None else "close")
    if not isinstance(source, pd.DataFrame):
        raise PanelError(f"can not read a pandas {type(source).__name__}; give a DataFrame")
    frame = source
    if isinstance(frame.columns, pd.MultiIndex):
        frame = _stack_assets(frame)
    if isinstance(frame.index, pd.MultiIndex) and frame.index.nlevels == 2:
        frame = _name_levels(frame).reset_index()
    elif isinstance(frame.index, pd.PeriodIndex):
        frame = frame.set_axis(frame.index.to_timestamp(), axis=0).reset_index()
    elif not _only_counts(frame):
        frame = frame.reset_index()
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise PanelError(f"pandas frame: column {twice!r} stands there twice; keep one")
    columns: dict[str, pl.Series] = {}
    for name in frame.columns:
        column: Any = frame[name]
        if column.dtype == object:  # dates of several zones, or words among numbers: told apart as text
            cells = [None if cell is pd.NaT or cell != cell else cell for cell in column]
            texts = [None if cell is None else str(cell) for cell in cells]
            columns[name] = pl.Series(name, texts, dtype=pl.String)
        else:
            columns[name] = pl.Series(name, pl.from_pandas(column))
    return Source(pl.DataFrame(columns), "pandas frame")


def _only_counts(frame: Any) -> bool:
    """Whether the row index of a pandas frame is nameless numbers beside a column of dates."""
    import pandas as pd

    dated = any(normalise(name) in DATE_NAMES for name in frame.columns)
    return frame.index.name is None and pd.api.types.is_integer_dtype(frame.index.dtype) and dated


def _name_levels(frame: Any) -> Any:
    """Name the two levels of a row index `date` and `asset` where their names do not say which is which."""
    import pandas as pd

    names = [normalise(name) for name in frame.index.names]
    if any(name in DATE_NAMES for name in names) and any(name in ASSET_NAMES for name in names):
        return frame
    dates = [pd.api.types.is_datetime64_any_dtype(frame.index.levels[level].dtype) for level in (0, 1)]
    if any(name in DATE_NAMES for name in names):
        dates = [name in DATE_NAMES for name in names]
    first = dates[0] or not dates[1]
    return frame.rename_axis(index=["date", "asset"] if first else ["asset", "date"])


def _stack_assets(frame: Any) -> Any:
    """Fields × assets in two rows of column names (as yfinance gives them) become a long frame."""
    if frame.columns.nlevels != 2:
        raise PanelError(f"pandas frame: columns have {frame.columns.nlevels} levels; give fields × assets")
    names = [normalise(name) for name in frame.columns.names]
    level = next((i for i, name in enumerate(names) if name in ASSET_NAMES), 1)
    columns = frame.columns.set_names("asset", level=level).set_names(None, level=1 - level)
    frame = frame.set_axis(columns, axis=1).rename_axis(index="date")
    return frame.stack(level="asset", future_stack=True)
