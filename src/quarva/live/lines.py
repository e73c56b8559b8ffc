"""Bars that arrive as lines of CSV: one table per day, as soon as the day is complete."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO

from quarva.errors import PanelError
from quarva.panel.names import DATE_NAMES
from quarva.panel.naming import role_of
from quarva.panel.source import Source, find_column
from quarva.panel.vendors import DATE, TIME

__all__ = ["days_in_lines"]


def days_in_lines(
    lines: Iterable[str],
    name: str,
    *,
    asset_column: str | None = None,
    date_column: str | None = None,
    rename: Mapping[str, str] | None = None,
) -> Iterator[Source]:
    """The table of each day in lines of CSV, the first of which names the columns.

    A day is complete when a line has another date, when a line is empty, and at the end.

    Parameters
    ----------
    lines : iterable of str
        The lines. The first one that is not empty names the columns, as in `Panel.read`.
    name : str
        Name of the input, for error messages.
    asset_column, date_column : str, optional
        Columns of assets and dates, if their headers are not known names.
    rename : mapping of str to str, optional
        New names of columns.

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
        raise PanelError(f"{name}: no lines; give a header line and one line for each date and asset")
    separator = max(",;\t|", key=header.count)
    columns = [(rename or {}).get(each, each) for each in next(csv.reader([header], delimiter=separator))]
    text = tuple(each for each in columns if role_of(each) or each in (asset_column, date_column))
    date_columns = _date_columns(columns, name, date_column)
    day, kept = [""], [header]
    numbers: list[int] = []
    for number, line in numbered:
        line = line.strip("\r\n")
        if line == header:
            continue  # concatenated files, each with its own header
        cells = next(csv.reader([line], delimiter=separator), []) if line.strip() else []
        if cells and len(cells) != len(columns):
            raise PanelError(
                f"{name}: line {number} has {len(cells)} cells but the first line has {len(columns)}; give"
                " one cell per column, empty if the value is missing"
            )
        if numbers and (not cells or [cells[column] for column in date_columns] != day):
            yield _table(columns, text, separator, kept[1:], name, numbers)
            kept, numbers = [header], []
        if cells:
            day = [cells[column] for column in date_columns]
            kept.append(line)
            numbers.append(number)
    if numbers:
        yield _table(columns, text, separator, kept[1:], name, numbers)


def _date_columns(columns: list[str], name: str, given: str | None) -> list[int]:
    """Indices of the columns of dates and times of day."""
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise PanelError(f"{name}: line 1: column {twice!r} occurs more than once; keep one")
    if given is not None and (found := find_column(columns, given)) is not None:
        return [columns.index(found)]
    indices = [index for index, column in enumerate(columns) if role_of(column) in (DATE, TIME)]
    if indices:
        return indices
    first = ", ".join(map(repr, columns[:8]))
    raise PanelError(
        f"{name}: no date column; name one of the columns {', '.join(DATE_NAMES)} (found {first})"
    )


def _table(
    columns: list[str], text: tuple[str, ...], separator: str, lines: list[str], name: str, numbers: list[int]
) -> Source:
    import polars as pl

    # Codes such as 000001 must keep their zeros, and a ticker NA is not a missing value.
    names = [f"c{index}" for index in range(len(columns))]
    overrides = {each: pl.String for each, column in zip(names, columns, strict=True) if column in text}
    try:
        frame = pl.read_csv(
            BytesIO("\n".join([separator.join(names), *lines]).encode()), separator=separator,
            infer_schema_length=None, schema_overrides=overrides,
        )  # fmt: skip
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()[0][:160]
        raise PanelError(f"{name}: line {numbers[0]}: not a table ({reason})") from None
    frame.columns = columns
    return Source(frame, name, lambda row, _column: numbers[row])
