"""Opens a file or a frame as polars columns and names locations in it for messages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from quarva.errors import PanelError
from quarva.panel.delimited import read_delimited
from quarva.panel.frames import Columns, from_pandas, from_polars, read_parquet
from quarva.panel.names import UNNAMED, nearest, normalise
from quarva.panel.numerals import read_numerals, without_missing
from quarva.panel.reading import ReadingLog
from quarva.panel.vendors import header_key, meaning_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Source", "find_column", "is_nameless", "open_source"]

_COUNTS = frozenset(["id", "row", "row_id", "rowid", "row_number", "rownames", "no", "idx", "obs"])
_PEEK = 1 << 16  # bytes examined to determine the type of a file


@dataclass(frozen=True)
class Source:
    """Columns of a file or a frame.

    Attributes
    ----------
    frame : DataFrame
        The columns.
    name : str
        Name of the source in messages.
    line : callable or None
        Line number of a row, and of its cell in a column, in a delimited file. If None, messages give the row
        number, counted from 1.
    index : tuple of str
        Columns that were the row index of a pandas frame. They may be dates or assets but not fields.
    levels : mapping of str to (str, str)
        Both labels of each column with a two-level name.
    level_names : (str, str)
        Names of the two levels.
    log : ReadingLog
        Records assumptions.
    """

    frame: "pl.DataFrame"
    name: str
    line: "Callable[[int, str | None], int] | None" = None
    index: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    level_names: tuple[str, str] = ("", "")
    log: ReadingLog = field(default_factory=ReadingLog)

    def at(self, row: int, column: str | None = None) -> str:
        """Location of a row, counted from 0, for messages: `bars.csv: line 17`."""
        if self.line is None:
            return f"{self.name}: row {row + 1}"
        return f"{self.name}: line {self.line(row, column)}"

    def refuse(self, problem: str) -> NoReturn:
        """Raise PanelError about the source as a whole."""
        raise PanelError(f"{self.name}: {problem}")

    def counts_rows(self, column: str) -> bool:
        """Whether a column has row labels, such as the default index that pandas writes.

        Row labels are non-negative integers in an unnamed column, in any order, since rows may have been
        filtered, sorted or concatenated. In columns named `index` and `level_0` they must mostly ascend; in
        `id`, `row` and similar columns they must count from 0 or 1.
        """
        counts = header_key(column) in _COUNTS
        if not counts and not is_nameless(column):
            return False
        series = self.frame[column]
        if series.null_count() or not _is_integral(series):
            return False
        numbers = series.to_numpy()
        if len(numbers) and numbers.min() < 0:
            return False
        if counts:
            return len(numbers) > 1 and bool((np.diff(numbers) == 1).all()) and numbers[0] in (0, 1)
        named = normalise(column) in ("index", "level_0") and column not in self.index
        return not named or bool(np.count_nonzero(np.diff(numbers) > 0) >= 0.9 * (len(numbers) - 1))

    def text(self, column: str) -> "pl.Series":
        """Convert a column to strings, null where missing; 10001.0 becomes 10001."""
        import polars as pl

        series = self.frame[column]
        if series.dtype.is_float():
            series = series.fill_nan(None)
            if (series.drop_nulls() == series.drop_nulls().round()).all():
                series = series.cast(pl.Int64)
        return series.cast(pl.String)

    def numbers(self, column: str, field: str | None = None) -> "pl.Series | None":
        """Convert a column to float64; None if it has text.

        Parameters
        ----------
        column : str
            Column to convert. Markers of missing values (`NA`, `nan`, `null`, `-`) become null.
        field : str, optional
            Name of the column in messages.

        Returns
        -------
        Series of float64 or None

        Raises
        ------
        PanelError
            If most cells are numbers but some are not; the message locates the first of them.
        """
        import polars as pl

        series = self.frame[column]
        if series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null):
            return series.cast(pl.Float64)
        if not _is_text(series.dtype):
            self.refuse(f"column {column!r} has type {series.dtype}; leave it out with fields=[...]")
        text = without_missing(series.cast(pl.String))
        numbers = text.cast(pl.Float64, strict=False)
        bad = numbers.is_null() & text.is_not_null()
        wrong = int(bad.sum())
        if not wrong:
            return numbers
        if wrong > len(numbers) - numbers.null_count():
            return None
        row = bad.arg_max() or 0
        called = field or normalise(column) or column
        raise PanelError(
            f"{self.at(row, column)}: field {called!r} contains {_shortened(text[row])} instead of a number;"
            " correct the cell or leave it empty"
        )


def open_source(
    source: Any,
    *,
    rename: Mapping[str, str] | None = None,
    text: Sequence[str | None] = (),
    numbers_only: bool = False,
) -> Source:
    """Open a CSV or Parquet file or a pandas or polars frame.

    Parameters
    ----------
    source : path, pandas or polars frame
        The file or the frame.
    rename : mapping of str to str, optional
        New column names by old name, applied first.
    text : sequence of str
        Columns that stay text, in addition to those with names of assets and dates.
    numbers_only : bool
        Ignore the names of columns: all columns may be numbers.

    Returns
    -------
    Source

    Raises
    ------
    PanelError
        If the source is not a table that can be read.
    """
    asked = {header_key(name) for name in text if name}
    spelled = {header_key(old): new for old, new in (rename or {}).items()}

    def stays_text(name: str) -> bool:
        name = (rename or {}).get(name) or spelled.get(header_key(name), name)
        if header_key(name) == "index" and "index" not in asked:
            return False  # a column of assets in some Kaggle data, but row labels in pandas
        return not numbers_only and ((meaning_of(name) or "").startswith("@") or header_key(name) in asked)

    if isinstance(source, str | Path):
        return _open_file(Path(source).expanduser(), rename or {}, stays_text)
    kind = type(source).__module__.split(".")[0]
    if kind == "polars":
        return _from_columns(from_polars(source), "polars frame", rename or {}, stays_text)
    if kind == "pandas":
        return _from_columns(from_pandas(source), "pandas frame", rename or {}, stays_text)
    raise PanelError(
        f"cannot read a {type(source).__name__}; give the path of a CSV or Parquet file, or a frame"
    )


def find_column(columns: Sequence[str], wanted: str) -> str | None:
    """Find a column by its exact name, or by its normalised name if that is unique; None otherwise."""
    if wanted in columns:
        return wanted
    key = header_key(wanted)
    matches = [name for name in columns if header_key(name) == key]
    return matches[0] if len(matches) == 1 else None


def is_nameless(column: str) -> bool:
    """Whether a column has no name, or a name that programs give to unnamed columns."""
    if len(column) > 20:
        return False
    name = normalise(column)
    return not any(char.isalnum() for char in column) or name in UNNAMED[1:] or name.startswith("unnamed_")


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _is_integral(series: "pl.Series") -> bool:
    if series.dtype.is_float():
        return bool((series.is_finite() & (series == series.round())).all())
    return series.dtype.is_integer()


def _is_text(dtype: Any) -> bool:
    import polars as pl

    return dtype in (pl.String, pl.Categorical, pl.Enum)


def _open_file(path: Path, rename: Mapping[str, str], stays_text: Callable[[str], bool]) -> Source:
    try:
        with path.open("rb") as file:
            head = file.read(_PEEK)
    except FileNotFoundError:
        raise PanelError(f"{path}: no such file; give the path of a CSV or Parquet file") from None
    except IsADirectoryError:
        raise PanelError(f"{path}: is a folder; give a CSV or Parquet file in it") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise PanelError(f"{path}: cannot be read ({getattr(error, 'strerror', error)})") from None
    if not head:
        raise PanelError(f"{path}: the file is empty; give a table with a header and rows")
    if head[:4] == b"PAR1":
        return _from_columns(read_parquet(path), path.name, rename, stays_text)
    if path.suffix.lower() in (".parquet", ".pq"):
        raise PanelError(
            f"{path}: not a Parquet file (it does not begin with PAR1); write it again, or rename it to .csv"
        )
    if head[:4] == b"PK\x03\x04":
        raise PanelError(f"{path}: a zip archive or spreadsheet, not a table; save it as CSV")
    log = ReadingLog()
    read = read_delimited(path, head, stays_text, log)
    both = zip(read.names, read.header.levels, strict=False)
    levels = {column: pair for column, pair in both if all(pair) and column in read.frame.columns}
    source = Source(read.frame, path.name, read.line, (), levels, read.header.level_names, log)
    return _finish(source, rename, stays_text, read.as_text)


def _from_columns(
    columns: Columns, name: str, rename: Mapping[str, str], stays_text: Callable[[str], bool]
) -> Source:
    source = Source(columns.frame, name, None, columns.index, columns.levels, columns.level_names)
    return _finish(source, rename, stays_text, None)


def _finish(
    source: Source,
    rename: Mapping[str, str],
    stays_text: Callable[[str], bool],
    as_text: "Callable[[], pl.DataFrame] | None",
) -> Source:
    """Parse formatted numbers and rename columns."""
    keep = [name for name in source.frame.columns if stays_text(name)]
    frame = read_numerals(source.frame, keep, as_text, source.at, source.log)
    source = replace(source, frame=frame)
    return _rename_columns(source, rename) if rename else source


def _rename_columns(source: Source, rename: Mapping[str, str]) -> Source:
    """Rename columns, or the labels of two-level names."""
    columns = source.frame.columns
    given: dict[str, str] = {}
    levels = dict(source.levels)
    for old, new in rename.items():
        column = find_column(columns, old)
        labels = {label for pair in levels.values() for label in pair}
        if column is not None:
            given[column] = new
        elif old in labels:
            levels = {
                name: (new if a == old else a, new if b == old else b) for name, (a, b) in levels.items()
            }
        else:
            known = labels or columns
            source.refuse(f"no column {old!r} to rename; {nearest(old, sorted(known))}")
    names = [given.get(name, name) for name in columns]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        source.refuse(f"two columns would be named {duplicate!r} after renaming; give each its own name")
    for old, new in given.items():
        source.log.note(f"column {old!r} is renamed to {new!r}")
    before = {new: old for old, new in given.items()}
    line = source.line
    return replace(
        source,
        frame=source.frame.rename(given),
        line=None if line is None else lambda row, column: line(row, before.get(column or "", column)),
        index=tuple(given.get(name, name) for name in source.index),
        levels={given.get(name, name): pair for name, pair in levels.items()},
    )
