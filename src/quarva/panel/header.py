"""Detection of the separator, the header lines and the first data line of a delimited file."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from quarva.errors import PanelError
from quarva.panel.numerals import MISSING
from quarva.panel.vendors import meaning_of

__all__ = ["Header", "read_header"]

_SEPARATORS = ",;\t|"
_SAMPLE = 50  # records used to determine the kind of cell in each column
_MAX_CELLS = 2000  # cells that suffice for it in wide files
_MAX_HEADER_ROWS = 3  # two levels of names and the name of the index

Kind = Literal["", "word", "number", "date"]

_NUMBER = re.compile(
    r"[-+−]?\s*[$€£¥₹]?\s*[-+]?(\d[\d.,'’\s]*|\.\d+)(e[-+]?\d+)?\s*[kmbt%]?|\d{1,2}:\d\d.*", re.IGNORECASE
)
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?!\d).*"
    r"|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?!\d).*"
    r"|(19|20)\d\d[-/](0?[1-9]|1[0-2])"
    r"|(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\s?\d{4,9})?"
    rf"|\d{{1,2}}[-/. ]?{_MONTH}[-/., ]*\d{{2,4}}(?!\d).*"
    rf"|{_MONTH}\.? \d{{1,2}},? \d{{4}}.*"
    r"|\d{4}[年년].*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Header:
    """Column names of a delimited file and the position of its data.

    Attributes
    ----------
    separator : str
        Character between cells.
    raw_names : tuple of str
        Cells of the first header line, unchanged.
    names : tuple of str
        Column names; for a header with two levels the lower one; see `levels`.
    levels : tuple of (str, str)
        Both labels of each column; empty if the header has one level.
    level_names : (str, str)
        Names of the two levels; '' if unnamed.
    line : int
        Number of the first header line, counted from 1.
    data_record, data_line : int
        Number of records (including blank lines) and of lines before the first row of data.
    rows : int
        Number of header lines.
    skipped : str
        First line before the header; '' if there is none.
    """

    separator: str
    raw_names: tuple[str, ...]
    names: tuple[str, ...]
    levels: tuple[tuple[str, str], ...]
    level_names: tuple[str, str]
    line: int
    data_record: int
    data_line: int
    rows: int
    skipped: str


@dataclass(frozen=True)
class _Record:
    number: int  # index of the record, from 0, including blank lines
    line: int  # number of its first line, from 1
    end: int  # number of its last line
    cells: list[str]


def read_header(text: str, name: str) -> Header:
    """Detect separator and header in the first lines of a file.

    Parameters
    ----------
    text : str
        Complete lines from the beginning of the file, without a byte order mark.
    name : str
        Name of the file, for messages.

    Returns
    -------
    Header

    Raises
    ------
    PanelError
        If there is no header or the first lines have different lengths.
    """
    hint = re.match(r'"?sep=(.)"?[\r\n]+', text)  # a line that Excel writes to state the separator
    start = hint.end() if hint else 0
    found: tuple[int, int, str, list[_Record]] | None = None
    for separator in hint[1] if hint else [each for each in _SEPARATORS if each in text]:
        records = _records(text[start:], separator, name, 1 if hint else 0)
        first = _find_first_record(records)
        if first is not None:
            key = (first, -len(records[first].cells))
            if found is None or key < found[:2]:
                found = (*key, separator, records)
    if found is None:
        separator = max(_SEPARATORS, key=text.splitlines()[0].count if text.splitlines() else None)
        records, first = _records(text[start:], separator, name, 1 if hint else 0), 0
    else:
        first, _, separator, records = found
    if not records:
        raise PanelError(f"{name}: the file is empty; give a table with a header and rows")
    _check_preamble(records[: first + 1], records[first + 1 : first + 2], name)
    skipped = separator.join(records[0].cells) if first else hint[0].strip() if hint else ""
    records = records[first:]
    enough = max(8, min(_SAMPLE, _MAX_CELLS // len(records[0].cells)))
    kinds = [[_kind(cell) for cell in record.cells] for record in records[:enough]]
    typical = _typical_kinds(kinds[1:], len(records[0].cells))
    _check_is_header(records, kinds, typical, name)
    rows = _count_header_rows(records, kinds, typical)
    last = records[rows - 1]
    above = [[cell.strip() for cell in record.cells] for record in records[:rows]]
    names, levels, level_names = _names(above, name, records[0].line)
    return Header(
        separator, tuple(records[0].cells), names, levels, level_names, records[0].line, last.number + 1,
        last.end, rows, skipped,
    )  # fmt: skip


def _records(text: str, separator: str, name: str, before: int) -> list[_Record]:
    """Parse the records that are not blank; `before` is the number of lines before `text`."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    found, number, end = [], before, before
    try:
        for cells in reader:
            line, end = end + 1, before + reader.line_num
            if any(cell.strip() for cell in cells) or len(cells) > 1:
                found.append(_Record(number, line, end, cells))
            number += 1
            if len(found) > _SAMPLE + 20:
                break
    except csv.Error as error:
        raise PanelError(f"{name}: line {end + 1}: not a table ({error}); give CSV with a header") from None
    return found


def _find_first_record(records: Sequence[_Record]) -> int | None:
    """Index of the first record with at least two cells whose successor has as many; None without one."""
    for index, record in enumerate(records):
        following = records[index + 1] if index + 1 < len(records) else record
        if len(record.cells) > 1 and len(following.cells) == len(record.cells):
            return index
    return None


def _check_preamble(before: Sequence[_Record], following: Sequence[_Record], name: str) -> None:
    """Raise PanelError for leading lines of unequal length, unless they are comments or a single cell."""
    *before, header = before
    for record in before:
        if len(record.cells) > 1 and not record.cells[0].lstrip().startswith(("#", "//")):
            after = next(each for each in [*before, header] if len(each.cells) != len(record.cells))
            _raise_unequal_length(after, len(record.cells), record.line, name)
    for record in following:
        if len(record.cells) != len(header.cells):
            _raise_unequal_length(record, len(header.cells), header.line, name)


def _raise_unequal_length(record: _Record, cells: int, line: int, name: str) -> None:
    raise PanelError(
        f"{name}: line {record.line} has {len(record.cells)} cells but line {line} has {cells}: not a table;"
        " give a header and lines of equal length"
    )


def _kind(cell: str) -> Kind:
    cell = cell.strip()
    if cell.lower() in MISSING:
        return ""
    if _DATE.fullmatch(cell):
        return "date"
    return "number" if _NUMBER.fullmatch(cell) or cell.lower().strip("+-") in ("inf", "infinity") else "word"


def _typical_kinds(kinds: Sequence[Sequence[Kind]], columns: int) -> list[Kind]:
    """Most frequent kind of cell in each column, over the second half of the rows."""
    kinds = kinds[len(kinds) // 2 :]
    typical: list[Kind] = []
    for column in range(columns):
        rows = reversed(kinds)  # ties go to the later kind, since names come first
        seen = Counter(row[column] for row in rows if column < len(row) and row[column])
        typical.append(seen.most_common(1)[0][0] if seen else "")
    return typical


def _check_is_header(
    records: Sequence[_Record], kinds: Sequence[Sequence[Kind]], typical: Sequence[Kind], name: str
) -> None:
    """Raise PanelError if the first row is data or if dates are column names."""
    first = kinds[0]
    typed = [kind for kind in first if kind in ("date", "number")]
    named = "word" in first or not records[0].cells[0].strip()  # pandas leaves the corner empty
    matches = all(kind == below for kind, below in zip(first, typical) if below and (kind or below == "date"))
    dated = any(kind == below == "date" for kind, below in zip(first, typical))
    if typed and (dated or matches or not named):
        cell = next(c.strip() for c, kind in zip(records[0].cells, first) if kind in ("date", "number"))
        raise PanelError(
            f"{name}: line {records[0].line} is data, not a header (it contains {cell!r}); add a header such"
            " as date,open,high,low,close"
        )
    dates = typed.count("date")
    if dates >= 2 and dates >= 0.5 * len(first):
        cell = records[0].cells[list(first).index("date")].strip()
        raise PanelError(
            f"{name}: line {records[0].line}: dates such as {cell!r} are column names; transpose the table so"
            " that each date is a row"
        )


def _count_header_rows(
    records: Sequence[_Record], kinds: Sequence[Sequence[Kind]], typical: Sequence[Kind]
) -> int:
    """Number of header lines."""
    typed = [column for column, kind in enumerate(typical) if kind in ("date", "number")]
    dated = [column for column in typed if typical[column] == "date"]
    labels = [cell.strip() for cell in records[0].cells[1:]]
    repeated = len(set(labels)) < len(labels)

    def is_names(line: int) -> bool:
        row = kinds[line]
        if not typed or any(row[j] == "date" for j in dated):
            return False
        numbers = any(row[j] == "number" for j in typed)
        return not numbers or (line == 1 and repeated and row[0] == "word")

    height = 1
    while height <= _MAX_HEADER_ROWS and height < len(kinds) - 1 and is_names(height):
        height += 1
    return height


def _names(
    above: list[list[str]], name: str, line: int
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, str]]:
    """Column names, both labels of each column, and level names, from the header lines."""
    index, at = None, 0
    if (
        len(above) > 1 and sum(map(bool, above[-1])) == 1
    ):  # pandas writes the name of the index on its own line
        last = above.pop()
        index, at = next((cell, column) for column, cell in enumerate(last) if cell)
    if len(above) == 1:
        names = list(above[0])
        names[at] = index or names[at]
        return tuple(names), (), ("", "")
    if len(above) > 2:
        raise PanelError(f"{name}: lines {line} to {line + len(above) - 1} are all headers; keep one of them")
    upper, lower = (list(row) for row in above)
    for column in range(2, len(upper)):  # a label that spans several columns is above the first of them
        upper[column] = upper[column] or (upper[column - 1] if lower[column] else "")
    if index is None and (_is_role(lower[0]) or _is_role(upper[0])):
        index = lower[0] if _is_role(lower[0]) else upper[0]
    for column, (above_it, below) in enumerate(zip(upper, lower, strict=True)):
        if column != at and bool(above_it) != bool(below) and not _is_role(above_it or below):
            raise PanelError(
                f"{name}: lines {line} and {line + 1} are both headers, but one has no name for column"
                f" {above_it or below!r}; keep one of them"
            )
    level_names = (upper[at], lower[at])
    names, upper[at], lower[at] = list(lower), "", index or ""
    names[at] = index or ""
    return tuple(names), tuple(zip(upper, lower, strict=True)), level_names


def _is_role(name: str) -> bool:
    """Whether a name is known for a column of dates or assets."""
    return (meaning_of(name) or "").startswith("@") if name else False
