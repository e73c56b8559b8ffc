"""Delimited text files: CSV and its relatives, with everything that programs vary about them."""

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

_PEEK = 1 << 16  # bytes in which the header is looked for first
_MOST = 1 << 24  # and at most: a wide file may have tens of thousands of names
_INFERRED = 10_000  # rows that types are inferred from; if a later row does not fit, all are


@dataclass(frozen=True)
class Delimited:
    """A delimited file as columns.

    Attributes:
        frame: the columns, by unique names; numbers as numbers where they are written plainly.
        names: those names in the order of the file, also of columns that were left out.
        header: names, levels and where the data begin.
        as_text: reads the same columns again, all of them as text.
        line: the line of a row and column, for errors.
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
        The file, plain or compressed by gzip.
    head : bytes
        Its first bytes.
    is_text : callable
        Whether a column of this name stays text: codes such as 000001 keep their zeros.
    log : ReadingLog
        Receives what was assumed.

    Raises
    ------
    PanelError
        Where it is no text, its encoding is unclear, it has no header, or lines differ in length.
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
        file.places = np.flatnonzero(~blank)
        frame = frame[file.places]
    if content.encoding not in ("utf-8", "utf-8-sig"):
        log.note(f"the file is read as {content.encoding}, not UTF-8")
    if not content.ends_with_line():
        log.note("the last line has no line end: if the file was cut off, its last cell is not whole")
    if header.passed_over:
        log.note(
            f"line {header.line} is taken for the header; what stands before it is passed over"
            f" ({header.passed_over[:60]!r})"
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
    """The bytes of a file, and what encoding they are in."""

    path: Path
    head: bytes
    encoding: str
    utf8: bytes | None = None  # the whole content as UTF-8, where polars cannot read the file as it is

    @classmethod
    def open(cls, path: Path, head: bytes) -> "_Content":
        whole = None
        if head[:2] == b"\x1f\x8b":
            try:
                whole = gzip.decompress(path.read_bytes())
            except (OSError, EOFError, zlib.error) as error:
                raise PanelError(f"{path}: not a table: the gzip archive is damaged ({error})") from None
            head = whole[:_MOST]
        else:
            head = _grown(path, head)
        if not head.strip():
            raise PanelError(f"{path}: the file is empty; give a table with a header and rows")
        complete = (whole is not None and len(head) == len(whole)) or path.stat().st_size <= len(head)
        encoding = encoding_of(head, whole=complete)
        if not encoding:
            what = (
                "its encoding is not UTF-8 and cannot be told; save it as UTF-8"
                if encoding is None
                else "it holds binary data; give CSV (UTF-8) or Parquet"
            )
            raise PanelError(f"{path}: not a table: {what}")
        content = cls(path, head, encoding, whole)
        lone = b"\n" not in head and b"\r" in head  # line ends of old systems
        if encoding not in ("utf-8", "utf-8-sig") or lone:
            content.recode(encoding)
        return content

    def recode(self, encoding: str | None = None) -> None:
        """Read the whole file and keep it as UTF-8."""
        raw = self.utf8 if self.utf8 is not None else self.path.read_bytes()
        encoding = encoding or encoding_of(raw, whole=True)
        try:
            text = raw.decode(encoding or "utf-8")
        except UnicodeDecodeError as error:
            raise PanelError(
                f"{self.path}: the encoding is neither UTF-8 nor {encoding or 'another known one'} (byte"
                f" {error.start:,}); save the file as UTF-8"
            ) from None
        if "\n" not in text:
            text = text.replace("\r", "\n")
        if "\0" in text:
            raise PanelError(f"{self.path}: not a table: it holds binary data; give CSV (UTF-8) or Parquet")
        self.encoding = encoding or self.encoding
        self.utf8 = text.encode()
        self.head = self.utf8[:_MOST]

    def beginning(self) -> str:
        """Whole lines from the beginning, without a byte order mark."""
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
        """What polars reads."""
        return self.utf8 if self.utf8 is not None else str(self.path)


def _grown(path: Path, head: bytes) -> bytes:
    """More of the file, until some lines are whole."""
    while head.count(b"\n") < 20 and len(head) < min(_MOST, path.stat().st_size):
        with path.open("rb") as file:
            head = file.read(len(head) * 4 or _PEEK)
    return head


def _unique(names: tuple[str, ...], name: str, header: Header) -> list[str]:
    """Names of columns, blanks cut off; those without a name get one that no header has."""
    stripped = [each.strip() for each in names]
    if header.levels:
        plain = [not all(pair) for pair in header.levels]
        return [
            each if bare else f"{place}\0{each}" for place, (each, bare) in enumerate(zip(stripped, plain))
        ]
    twice = sorted({each for each in stripped if each and stripped.count(each) > 1})
    if twice:
        raise PanelError(f"{name}: line {header.line}: column {twice[0]!r} occurs more than once; keep one")
    return [
        each or ("" if "" not in stripped[:place] else f"\0{place}") for place, each in enumerate(stripped)
    ]


@dataclass
class _File:
    content: _Content
    header: Header
    names: list[str]
    places: np.ndarray | None = None  # of the rows that are kept, where there are blank lines

    def read(self, text: list[str]) -> "pl.DataFrame":
        """All columns; those named in `text` as text, the others by what they hold."""
        import polars as pl

        keep = set(text)
        try:
            return self._parsed(_INFERRED, keep)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
            if "utf-8" in str(error):
                self.content.recode()
        return _typed(self.as_text(), keep)

    def as_text(self, columns: Sequence[str] | None = None) -> "pl.DataFrame":
        """Columns as text, all of them by default."""
        import polars as pl

        try:
            frame = self._parsed(0, set())
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
            said = re.split(r"[\n\r]", str(error).strip())[0].rstrip(".:")[:160]
            raise PanelError(
                f"{self.content.path}: not a table ({said}); give CSV with a header and equally long lines"
            ) from None
        frame = frame if self.places is None else frame[self.places]
        return frame if columns is None else frame.select(columns)

    def _parsed(self, infer: int, text: "set[str]") -> "pl.DataFrame":
        import polars as pl

        given, source = list(self.header.raw_names), self.content.readable
        if self.header.rows > 1 or self.header.line > 1:  # one line of names takes the place of all before
            given = [f"c{place}" for place in range(len(self.names))]
            lines = self.content.whole().split(b"\n", self.header.data_line)
            data = lines[-1] if len(lines) > self.header.data_line else b""
            source = self.header.separator.join(given).encode() + b"\n" + data
        overrides = {each: pl.String for each, name in zip(given, self.names, strict=True) if name in text}
        frame = pl.read_csv(
            source, separator=self.header.separator, infer_schema_length=infer, schema_overrides=overrides
        )
        if frame.width != len(self.names):
            raise ValueError(f"{frame.width} columns under {len(self.names)} names")
        frame.columns = self.names
        return frame

    def line(self, row: int, column: str | None = None) -> int:
        """Line of the file in which a row begins, or in which its cell of a column does."""
        place = row if self.places is None else int(self.places[row])
        wanted, end = self.header.data_record + place, 0
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
        """Refuse a line that ends before the last column, and a quoted cell that swallowed lines."""
        last = self.names.index(frame.columns[-1]) if frame.width else 0
        empty = frame[frame.columns[-1]].is_null().to_numpy() if frame.width else np.zeros(0, bool)
        if last and empty.any():
            counts = self._separators(len(empty))
            short = np.flatnonzero(empty & (counts < last) & ~blank)
            if len(short):
                raise PanelError(
                    f"{self.content.path.name}: line {self.line(int(short[0]))} has"
                    f" {counts[short[0]] + 1} cells, the header {len(self.names)}: the line is cut off, or"
                    " lacks a separator"
                )
        for name in frame.columns:
            column = frame[name]
            if column.dtype.is_numeric() or str(column.dtype) != "String":
                continue
            swallowed = column.str.contains("\n", literal=True) & (
                column.str.count_matches(self.header.separator, literal=True) >= max(1, last)
            )
            if swallowed.any():
                line = self.line(swallowed.arg_max() or 0, name)
                raise PanelError(
                    f"{self.content.path.name}: line {line}: a quoted cell of column {name!r} holds whole"
                    " lines; close the quotation mark"
                )

    def _separators(self, rows: int) -> np.ndarray:
        """Separators in the line of each row, int64[rows]."""
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
    """Columns of text as integers, floats or booleans where all of their cells are."""
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
    """The frame without nameless columns that hold no value."""
    return frame.drop(
        name
        for name in frame.columns
        if (not name or name.startswith("\0")) and frame[name].null_count() == frame.height
    )


def _blank_rows(frame: "pl.DataFrame") -> np.ndarray:
    """Which rows hold nothing, bool[rows]: blank lines."""
    import polars as pl

    fewest = min((column.null_count() for column in frame.iter_columns()), default=0)
    if not fewest:
        return np.zeros(frame.height, bool)
    return frame.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy()
