"""Bars that arrive as lines of CSV: a table per day, as soon as the day is complete."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

from quarva.errors import PanelError
from quarva.panel.names import ASSET_NAMES, DATE_NAMES, normalise
from quarva.panel.source import Source

__all__ = ["days_in_lines"]


@dataclass(frozen=True)
class _Lines(Source):
    """A table that knows the line number of each row in the whole input."""

    line_of: tuple[int, ...] = ()

    def at(self, row: int) -> str:
        return f"{self.name}: line {self.line_of[row]}"


def days_in_lines(lines: Iterable[str], name: str) -> Iterator[Source]:
    """Split lines of CSV into a table per day.

    A day is complete when a line has another date, when a line is empty, and at the end of the input.

    Parameters
    ----------
    lines : iterable of str
        The lines. The first one that is not empty names the columns, as in `Panel.read`.
    name : str
        Name of the input, for error messages.

    Yields
    ------
    Source
        The table of a day.

    Raises
    ------
    PanelError
        There is no line or no date column, a column name is repeated, or a line does not have as many cells
        as the first line.
    """
    numbered = enumerate(lines, start=1)
    header = ""
    for _, header in numbered:
        if header.strip():
            break
    header = header.strip("\r\n").lstrip("\ufeff")
    if not header:
        raise PanelError(f"{name}: no line; give one that names the columns, and one for each date and asset")
    separator = max(",;\t|", key=header.count)
    columns = next(csv.reader([header], delimiter=separator))
    at = _date_column(columns, name)
    day, kept = "", [header]
    numbers: list[int] = []
    for number, line in numbered:
        line = line.strip("\r\n")
        if line == header:
            continue  # concatenated files, each with its own header
        cells = next(csv.reader([line], delimiter=separator), []) if line.strip() else []
        if cells and len(cells) != len(columns):
            raise PanelError(
                f"{name}: line {number} has {len(cells)} cells, the first line {len(columns)}; give each"
                " field its cell, empty where there is no value"
            )
        if numbers and (not cells or cells[at] != day):
            yield _table(columns, separator, kept, name, numbers)
            kept, numbers = [header], []
        if cells:
            day = cells[at]
            kept.append(line)
            numbers.append(number)
    if numbers:
        yield _table(columns, separator, kept, name, numbers)


def _date_column(columns: list[str], name: str) -> int:
    """Index of the date column."""
    names = [normalise(column) for column in columns]
    repeated = next((column for column in columns if columns.count(column) > 1), None)
    if repeated is not None:
        raise PanelError(f"{name}: line 1: column {repeated!r} occurs more than once; keep one")
    for alias in DATE_NAMES:
        if alias in names:
            return names.index(alias)
    found = ", ".join(map(repr, columns[:8]))
    raise PanelError(
        f"{name}: no date column; name one of the columns {', '.join(DATE_NAMES)} (found {found})"
    )


def _table(columns: list[str], separator: str, lines: list[str], name: str, numbers: list[int]) -> Source:
    """Parse the lines of a day, the header first; `numbers` are the line numbers of the rows."""
    import polars as pl

    # Codes such as 000001 must keep their zeros, and the ticker NA is not a missing value.
    text = {name: pl.String for name in columns if normalise(name) in (*ASSET_NAMES, *DATE_NAMES)}
    try:
        frame = pl.read_csv(
            BytesIO("\n".join(lines).encode()), separator=separator, infer_schema_length=None,
            schema_overrides=text,
        )  # fmt: skip
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()[0][:160]
        raise PanelError(f"{name}: line {numbers[0]}: not a table ({reason})") from None
    return _Lines(frame, name, True, tuple(numbers))
