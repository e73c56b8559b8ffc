"""Delimited text files in the variants that programs write: encodings, separators, headers, line ends."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quarva.errors import PanelError
from quarva.panel.encodings import encoding_of
from quarva.panel.header import Header, read_header
from quarva.panel.reading import ReadingLog

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Delimited", "read_delimited"]

_PEEK = 1 << 16  # bytes first searched for the header
_MAX_HEAD = 1 << 24  # largest search: a wide file may have tens of thousands of names
_INFERENCE_ROWS = 10_000  # rows used to infer types; all rows if a later one does not fit


@dataclass(frozen=True)
class Delimited:
    """Columns of a delimited file.

    Attributes
    ----------
    frame : DataFrame
        Columns with unique names; plainly formatted numbers are parsed.
    names : list of str
        Names in file order, including columns that were left out.
    header : Header
        Names, levels and start of the data.
    as_text : callable
        Reads the same columns again, all as text.
    line : callable
        Line number of a row and column, for messages.
    """

    frame: "pl.DataFrame"
    names: list[str]
    header: Header
    as_text: "Callable[[], pl.DataFrame]"
    line: Callable[[int, str | None], int]


def read_delimited(path: Path, head: bytes, is_text: Callable[[str], bool], log: ReadingLog) -> Delimited:
    """Read a delimited file.

    Parameters
    ----------
    path : Path
        Plain or gzip-compressed file.
    head : bytes
        Its first bytes.
    is_text : callable
        Whether a column with a given name stays text, so that codes such as 000001 keep their zeros.
    log : ReadingLog
        Records assumptions.

    Returns
    -------
    Delimited

    Raises
    ------
    PanelError
        If the file is not text, its encoding cannot be determined, it has no header, or lines differ in
        length.
    """
    content = _Content.open(path, head)
    header = read_header(content.beginning(), path.name)
    names = _unique(header.names, path.name, header)
    file = _File(content, header, names)
    text = [name for name in names if header.levels or is_text(name)]
    frame = _without_nameless(file.read(text))
    blank = _blank_rows(frame)
    file.check_lengths(frame, blank)
    if blank.any():
        file.rows = np.flatnonzero(~blank)
        frame = frame[file.rows]
    if content.encoding not in ("utf-8", "utf-8-sig"):
        log.note(f"the file is read as {content.encoding}, not UTF-8")
    if not content.ends_with_line():
        log.note("the last line has no line end: if the file is truncated, its last cell is incomplete")
    if header.skipped:
        log.note(
            f"line {header.line} is read as the header; lines before it are skipped ({header.skipped[:60]!r})"
        )
    separator = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}[header.separator]
    log.file.update(
        encoding=content.encoding.removesuffix("-sig"), separator=separator, header_lines=str(header.rows)
    )
    return Delimited(
        frame, names, header, lambda: file.as_text().head(frame.height).select(frame.columns), file.line
    )


@dataclass
class _Content:
    """Bytes of a file and their encoding."""

    path: Path
    head: bytes
    encoding: str
    utf8: bytes | None = None  # whole content as UTF-8 if polars cannot read the file itself

    @classmethod
    def open(cls, path: Path, head: bytes) -> "_Content":
        whole = None
        if head[:2] == b"\x1f\x8b":
            try:
                whole = gzip.decompress(path.read_bytes())
            except (OSError, EOFError, zlib.error) as error:
                raise PanelError(f"{path}: not a table: the gzip archive is damaged ({error})") from None
            head = whole[:_MAX_HEAD]
        else:
            head = _extended(path, head)
        if not head.strip():
            raise PanelError(f"{path}: the file is empty; give a table with a header and rows")
        complete = (whole is not None and len(head) == len(whole)) or path.stat().st_size <= len(head)
        encoding = encoding_of(head, whole=complete)
        if not encoding:
            what = (
                "its encoding is not UTF-8 and cannot be determined; save it as UTF-8"
                if encoding is None
                else "it contains binary data; give CSV (UTF-8) or Parquet"
            )
            raise PanelError(f"{path}: not a table: {what}")
        content = cls(path, head, encoding, whole)
        lone = b"\n" not in head and b"\r" in head  # carriage returns alone, as on old systems
        if encoding not in ("utf-8", "utf-8-sig") or lone:
            content.recode(encoding)
        return content

    def recode(self, encoding: str | None = None) -> None:
        """Convert the whole file to UTF-8 in memory."""
        raw = self.utf8 if self.utf8 is not None else self.path.read_bytes()
        encoding = encoding or encoding_of(raw, whole=True)
        try:
            text = raw.decode(encoding or "utf-8")
        except UnicodeDecodeError as error:
            raise PanelError(
                f"{self.path}: the encoding is neither UTF-8 nor {encoding or 'another known encoding'} (byte"
                f" {error.start:,}); save the file as UTF-8"
            ) from None
        if "\n" not in text:
            text = text.replace("\r", "\n")
        if "\0" in text:
            raise PanelError(
                f"{self.path}: not a table: it contains binary data; give CSV (UTF-8) or Parquet"
            )
        self.encoding = encoding or self.encoding
        self.utf8 = text.encode()
        self.head = self.utf8[:_MAX_HEAD]

    def beginning(self) -> str:
        """Complete lines from the beginning of the file, without a byte order mark."""
        text = self.head.decode("utf-8-sig", errors="ignore")
        size = len(self.utf8) if self.utf8 is not None else self.path.stat().st_size
        return text if size <= len(self.head) else text[: text.rfind("\n") + 1] or text

    def ends_with_line(self) -> bool:
        if self.utf8 is not None:
            return self.utf8[-1:] in (b"\n", b"\r")
        with self.path.open("rb") as file:
            file.seek(-1, io.SEEK_END)
            return file.read(1) in (b"\n", b"\r")

    def whole(self) -> bytes:
        """The whole file as UTF-8."""
        return self.utf8 if self.utf8 is not None else self.path.read_bytes()

    @property
    def readable(self) -> "str | bytes":
        """Path or content to pass to polars."""
        return self.utf8 if self.utf8 is not None else str(self.path)


def _extended(path: Path, head: bytes) -> bytes:
    """Read more of the file until it contains some complete lines."""
    while head.count(b"\n") < 20 and len(head) < min(_MAX_HEAD, path.stat().st_size):
        with path.open("rb") as file:
            head = file.read(len(head) * 4 or _PEEK)
    return head


def _unique(names: tuple[str, ...], name: str, header: Header) -> list[str]:
    """Strip column names and give nameless columns a unique internal name."""
    stripped = [each.strip() for each in names]
    if header.levels:
        plain = [not all(pair) for pair in header.levels]
        return [
            each if bare else f"{index}\0{each}" for index, (each, bare) in enumerate(zip(stripped, plain))
        ]
    duplicates = sorted({each for each in stripped if each and stripped.count(each) > 1})
    if duplicates:
        raise PanelError(f"{name}: line {header.line}: duplicate column {duplicates[0]!r}; keep one")
    return [
        each or ("" if "" not in stripped[:index] else f"\0{index}") for index, each in enumerate(stripped)
    ]


@dataclass
class _File:
    content: _Content
    header: Header
    names: list[str]
    rows: np.ndarray | None = None  # indices of the rows that are not blank; None if no row is blank

    def read(self, text: list[str]) -> "pl.DataFrame":
        """Read all columns; those in `text` as text, the others with inferred types."""
        import polars as pl

        keep = set(text)
        try:
            return self._parsed(_INFERENCE_ROWS, keep)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
            if "utf-8" in str(error):
                self.content.recode()
        return _typed(self.as_text(), keep)

    def as_text(self, columns: Sequence[str] | None = None) -> "pl.DataFrame":
        """Read columns as text; all by default."""
        import polars as pl

        try:
            frame = self._parsed(0, set())
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
            message = re.split(r"[\n\r]", str(error).strip())[0].rstrip(".:")[:160]
            raise PanelError(
                f"{self.content.path}: not a table ({message}); give CSV with a header and lines of equal"
                " length"
            ) from None
        frame = frame if self.rows is None else frame[self.rows]
        return frame if columns is None else frame.select(columns)

    def _parsed(self, infer: int, text: "set[str]") -> "pl.DataFrame":
        import polars as pl

        names, source = list(self.header.raw_names), self.content.readable
        if self.header.rows > 1 or self.header.line > 1:  # replace everything before the data by one header
            names = [f"c{index}" for index in range(len(self.names))]
            lines = self.content.whole().split(b"\n", self.header.data_line)
            data = lines[-1] if len(lines) > self.header.data_line else b""
            source = self.header.separator.join(names).encode() + b"\n" + data
        overrides = {each: pl.String for each, name in zip(names, self.names, strict=True) if name in text}
        frame = pl.read_csv(
            source, separator=self.header.separator, infer_schema_length=infer, schema_overrides=overrides
        )
        if frame.width != len(self.names):
            raise ValueError(f"{frame.width} columns under {len(self.names)} names")
        frame.columns = self.names
        return frame

    def line(self, row: int, column: str | None = None) -> int:
        """Line number of the first line of a row, or of its cell in `column`."""
        index = row if self.rows is None else int(self.rows[row])
        wanted, end = self.header.data_record + index, 0
        reader = csv.reader(io.StringIO(self._text(), newline=""), delimiter=self.header.separator)
        for number, cells in enumerate(reader):
            if number == wanted:
                before = self.names.index(column) if column in self.names else 0
                return end + 1 + sum(cell.count("\n") for cell in cells[:before])
            end = reader.line_num
        return end + 1

    def _text(self) -> str:
        return self.content.whole().decode("utf-8-sig", errors="replace")

    def check_lengths(self, frame: "pl.DataFrame", blank: np.ndarray) -> None:
        """Raise PanelError for a line with too few cells or a quoted cell that contains whole lines."""
        last = self.names.index(frame.columns[-1]) if frame.width else 0
        empty = frame[frame.columns[-1]].is_null().to_numpy() if frame.width else np.zeros(0, bool)
        if last and empty.any():
            counts = self._separators(len(empty))
            short = np.flatnonzero(empty & (counts < last) & ~blank)
            if len(short):
                raise PanelError(
                    f"{self.content.path.name}: line {self.line(int(short[0]))} has"
                    f" {counts[short[0]] + 1} cells but the header has {len(self.names)}: the line is"
                    " truncated or lacks a separator"
                )
        for name in frame.columns:
            column = frame[name]
            if column.dtype.is_numeric() or str(column.dtype) != "String":
                continue
            unclosed = column.str.contains("\n", literal=True) & (
                column.str.count_matches(self.header.separator, literal=True) >= max(1, last)
            )
            if unclosed.any():
                line = self.line(unclosed.arg_max() or 0, name)
                raise PanelError(
                    f"{self.content.path.name}: line {line}: a quoted cell of column {name!r} contains whole"
                    " lines; close the quotation mark"
                )

    def _separators(self, rows: int) -> np.ndarray:
        """Number of separators in the line of each row, int64 [rows]."""
        content = self.content.whole()
        if b'"' in content:
            reader = csv.reader(io.StringIO(self._text(), newline=""), delimiter=self.header.separator)
            counts = [len(cells) - 1 for cells in reader][self.header.data_record :]
            return np.array((counts + [0] * rows)[:rows], np.int64)
        array = np.frombuffer(content, np.uint8)
        ends = np.flatnonzero(array == ord("\n"))[self.header.data_line - 1 :]
        ends = np.append(ends, len(array))
        total = np.searchsorted(np.flatnonzero(array == ord(self.header.separator)), ends)
        return np.append(np.diff(total), [0] * rows)[:rows].astype(np.int64)


def _typed(frame: "pl.DataFrame", text: set[str]) -> "pl.DataFrame":
    """Convert text columns to integers, floats or booleans if all of their cells allow it."""
    import polars as pl

    typed: list[pl.Series] = []
    for column in frame.iter_columns():
        found = column
        if column.name not in text:
            for dtype in (pl.Int64, pl.Float64):
                cast = column.cast(dtype, strict=False)
                if cast.null_count() == column.null_count():
                    found = cast
                    break
            words = set(column.head(100).drop_nulls())
            if found is column and words <= {"true", "false"} and set(column.drop_nulls().unique()) == words:
                found = column == "true"
        typed.append(found.rename(column.name))
    return pl.DataFrame(typed)


def _without_nameless(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Drop nameless columns without values."""
    return frame.drop(
        name
        for name in frame.columns
        if (not name or name.startswith("\0")) and frame[name].null_count() == frame.height
    )


def _blank_rows(frame: "pl.DataFrame") -> np.ndarray:
    """Mask of blank lines, bool [rows]."""
    import polars as pl

    fewest = min((column.null_count() for column in frame.iter_columns()), default=0)
    if not fewest:
        return np.zeros(frame.height, bool)
    return frame.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy()
