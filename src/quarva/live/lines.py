"""Bars that arrive line by line: lines of CSV become the table of a day as soon as the day is complete."""

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
    """Rows whose lines are counted from the beginning of what they came with."""

    line_of: tuple[int, ...] = ()

    def at(self, row: int) -> str:
        return f"{self.name}: line {self.line_of[row]}"


def days_in_lines(lines: Iterable[str], name: str) -> Iterator[Source]:
    """The table of each day in lines of CSV, the first of which names the columns.

    A day is complete when a line has another date, when a line is empty, and at the end. The columns are
    those that `Panel.read` takes; `name` is what errors call the lines.

    Raises PanelError: no date column, a line with more or fewer cells than the first, or no text.
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
    at = _date_place(columns, name)
    day, kept = "", [header]
    numbers: list[int] = []
    for number, line in numbered:
        line = line.strip("\r\n")
        if line == header:
            continue  # files one after the other, each with its own first line
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


def _date_place(columns: list[str], name: str) -> int:
    names = [normalise(column) for column in columns]
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise PanelError(f"{name}: line 1: column {twice!r} stands there twice; keep one")
    for alias in DATE_NAMES:
        if alias in names:
            return names.index(alias)
    found = ", ".join(map(repr, columns[:8]))
    raise PanelError(
        f"{name}: no date column; name one of the columns {', '.join(DATE_NAMES)} (found {found})"
    )


def _table(columns: list[str], separator: str, lines: list[str], name: str, numbers: list[int]) -> Source:
    import polars as pl

    # Codes such as 000001 must keep their zeros, and a ticker NA is no missing value.
    text = {name: pl.String for name in columns if normalise(name) in (*ASSET_NAMES, *DATE_NAMES)}
    try:
        frame = pl.read_csv(
            BytesIO("\n".join(lines).encode()), separator=separator, infer_schema_length=None,
            schema_overrides=text,
        )  # fmt: skip
    except pl.exceptions.PolarsError as error:
        said = str(error).strip().splitlines()[0][:160]
        raise PanelError(f"{name}: line {numbers[0]}: not a table ({said})") from None
    return _Lines(frame, name, True, tuple(numbers))
