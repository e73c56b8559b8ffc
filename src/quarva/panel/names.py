"""What columns are called: aliases of dates and assets, names of prices, and how a name becomes a field."""

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
]

DATE_NAMES = ("datetime", "timestamp", "date", "trade_date", "time")
"""Columns that hold dates, the most telling first: a file may have both `timestamp` and `time`."""

ASSET_NAMES = ("asset", "symbol", "ticker", "instrument", "permno", "sid", "code")

BAR_NAMES = frozenset(
    ["open", "high", "low", "close", "adj_close", "volume", "vwap", "amount", "turnover", "price", "last"]
)
"""Fields of a bar: a table without an asset column that has some of these is one asset's history."""

UNNAMED = ("", "unnamed_0", "index", "index_level_0", "index_level_1", "level_0", "level_1")
"""Columns that pandas made of a nameless index."""

_PRICES = frozenset(["open", "high", "low", "close", "vwap", "price", "last", "mid", "bid", "ask", "settle"])


def normalise(name: object) -> str:
    """The field name for a column name: `Adj Close` → `adj_close`, `$close` → `close`, `5d` → `x5d`.

    Lower case, words joined by underscores, ASCII letters and digits only, so that formulas can name it.
    Gives an empty string where nothing is left.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name))
    plain = re.sub(r"[^0-9A-Za-z]+", "_", words).strip("_").lower()
    return f"x{plain}" if plain[:1].isdigit() else plain


def normalise_all(names: Iterable[str], source: str) -> dict[str, str]:
    """Field name of each column; PanelError where two columns would share one, or nothing is left."""
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
    """New names of columns by their old ones, from `OLD=NEW,OLD=NEW`. Raises ValueError for anything else."""
    renames: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        old, equals, new = (piece.strip() for piece in part.rpartition("="))
        if not (old and equals and new):
            raise ValueError(f"{part!r} is not OLD=NEW, as in 收盘=close")
        if old in renames:
            raise ValueError(f"column {old!r} is renamed twice")
        renames[old] = new
    if not renames:
        raise ValueError("name at least one column, as in 收盘=close")
    return renames


def is_price(field: str) -> bool:
    """Whether a field is a price by its name (`close`, `adj_close`, …), which must stay above zero."""
    return field.removeprefix("adj_").removesuffix("_adj") in _PRICES


def listed(names: Sequence[str]) -> str:
    """Names in a row, one or more: `constant, last value and linear`."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: a suggestion, or what there is."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"there is {shown or 'none'}"
