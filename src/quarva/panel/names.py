"""Column names: conversion to field names, price fields, renaming, and suggestions for unknown names."""

import difflib
import re
from collections.abc import Iterable, Sequence

from quarva.errors import PanelError

__all__ = [
    "ASSET_NAMES",
    "BAR_NAMES",
    "DATE_NAMES",
    "UNNAMED",
    "is_price",
    "listed",
    "nearest",
    "normalise",
    "normalise_all",
    "parse_renames",
    "parse_units",
]

DATE_NAMES = ("datetime", "timestamp", "date", "trade_date", "time")
"""Names of date columns in order of preference: a file may have both `timestamp` and `time`."""

ASSET_NAMES = ("asset", "symbol", "ticker", "instrument", "permno", "sid", "code")

BAR_NAMES = frozenset(
    ["open", "high", "low", "close", "adj_close", "volume", "vwap", "amount", "turnover", "price", "last"]
)
"""Fields of a bar. A table with some of these and without an asset column is the history of one asset."""

UNNAMED = ("", "unnamed_0", "index", "index_level_0", "index_level_1", "level_0", "level_1")
"""Names that pandas gives to the columns of an unnamed index."""

_PRICES = frozenset(["open", "high", "low", "close", "vwap", "price", "last", "mid", "bid", "ask", "settle"])


def normalise(name: object) -> str:
    """Convert a column name to a field name: `Adj Close` → `adj_close`, `$close` → `close`, `5d` → `x5d`.

    Field names are lower case with words joined by underscores and have only ASCII letters and digits, so
    that formulas can contain them. The result is empty if nothing is left.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name))
    plain = re.sub(r"[^0-9A-Za-z]+", "_", words).strip("_").lower()
    return f"x{plain}" if plain[:1].isdigit() else plain


def normalise_all(names: Iterable[str], source: str) -> dict[str, str]:
    """Field name of each column; PanelError if two columns would share a name or nothing is left of one."""
    fields: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in names:
        field = normalise(name)
        if not field:
            raise PanelError(f"{source}: column {name!r} gives no field name; rename it with letters a to z")
        if field in taken:
            raise PanelError(
                f"{source}: columns {taken[field]!r} and {name!r} would both be field {field!r}; rename one"
            )
        taken[field] = name
        fields[name] = field
    return fields


def parse_renames(text: str) -> dict[str, str]:
    """Parse `OLD=NEW,OLD=NEW` into new column names by old name; ValueError for anything else."""
    return _parse_pairs(text, "OLD=NEW", "收盘=close", "column", "renamed")


def parse_units(text: str) -> dict[str, str]:
    """Parse `FIELD=UNIT,FIELD=UNIT` into units by field; ValueError for anything else."""
    return _parse_pairs(text, "FIELD=UNIT", "earnings=price", "field", "given a unit")


def _parse_pairs(text: str, form: str, example: str, noun: str, done: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.rpartition("="))
        if not (name and equals and value):
            raise ValueError(f"{part!r} is not of the form {form}, for example {example}")
        if name in pairs:
            raise ValueError(f"{noun} {name!r} is {done} twice")
        pairs[name] = value
    if not pairs:
        raise ValueError(f"name at least one {noun}, for example {example}")
    return pairs


def is_price(field: str) -> bool:
    """Whether a field is a price by its name (`close`, `adj_close`, …). Prices must be positive."""
    return field.removeprefix("adj_").removesuffix("_adj") in _PRICES


def listed(names: Sequence[str]) -> str:
    """Join one or more names: `constant, last value and linear`."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def nearest(name: str, known: Iterable[str]) -> str:
    """End of a message about an unknown name: a suggestion, or the known names."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    listing = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"available: {listing or 'none'}"
