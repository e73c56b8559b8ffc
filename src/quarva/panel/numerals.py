"""Parsing of formatted numbers: decimal marks, thousands separators, currency signs, suffixes (M, %)."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from quarva.errors import PanelError
from quarva.panel.reading import ReadingLog
from quarva.panel.vendors import meaning_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MISSING", "read_numerals", "without_missing"]

MISSING: Final = frozenset(
    ["", "na", "n/a", "#n/a", "#n/a n/a", "nan", "null", "none", "nil", "-", "--", "---", "–", "n.a.", "n.m.",
     "#div/0!", "#value!", "#ref!", "#num!", "."]
)  # fmt: skip
"""Markers of missing values, in lower case."""

_SIGN, _CURRENCY, _SUFFIX = r"[-+]?\s*", r"[$€£¥₹]?\s*", r"\s*[KkMmBbTt%]?"
_GROUP = "[ '’\u00a0\u202f]"
_SHAPE = rf"^{_SIGN}{_CURRENCY}[-+]?(\d[\d.,]*({_GROUP}\d{{3}}[\d.,]*)*|[.,]\d+)([eE][-+]?\d+)?{_SUFFIX}$"
_DECIMAL_COMMA = r"^(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{4,},\d+|,\d+|\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,})$"
_DECIMAL_POINT = (
    r"^(\d+\.(\d{1,2}|\d{4,})|0\.\d+|\d{4,}\.\d+|\.\d+"
    r"|\d{1,3}(,\d{2,3})+\.\d+|\d{1,3}(,\d{2,3})*(,\d{3}){2,})$"
)
_POINTED = (
    r"^[-+]*(\d+|\d{1,3}(,\d{2,3})*,\d{3})?(\.\d*)?([eE][-+]?\d+)?$"  # with commas between groups of digits
)
_COMMAED = r"^[-+]*(\d+|\d{1,3}(\.\d{3})+)?(,\d*)?([eE][-+]?\d+)?$"
_DATED = r"^\s*\d{1,4}\.\d{1,2}\.\d{1,4}\s*$"
_COUNTED = ("volume", "volume?", "amount", "amount?", "trades", "tick_volume", "open_interest")
_FACTORS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12, "%": 0.01}


def without_missing(text: "pl.Series") -> "pl.Series":
    """Strip blanks and replace markers of missing values by null."""
    import polars as pl

    stripped = text.str.strip_chars()
    missing = stripped.str.to_lowercase().is_in(list(MISSING))
    return pl.select(pl.when(~missing).then(stripped)).to_series().rename(text.name)


def read_numerals(
    frame: "pl.DataFrame",
    keep: Iterable[str],
    raw: "Callable[[], pl.DataFrame] | None",
    place: Callable[[int, str], str],
    log: ReadingLog,
) -> "pl.DataFrame":
    """Convert text columns with formatted numbers to float64.

    Parameters
    ----------
    frame : DataFrame
        Columns as read from the source.
    keep : iterable of str
        Columns that stay text: dates, assets, labels.
    raw : callable or None
        Reads the same columns again as text; None if that is impossible. It is needed with decimal commas: a
        point then separates thousands, so columns already parsed as numbers are wrong.
    place : callable
        Location of a row and column, for messages.
    log : ReadingLog
        Records assumptions.

    Returns
    -------
    DataFrame
        The frame with numbers parsed.

    Raises
    ------
    PanelError
        If commas may separate decimals or thousands, or if both decimal marks occur.
    """
    formatted = [name for name in _text_columns(frame, keep) if _is_formatted(frame[name])]
    if not formatted:
        return frame
    commas = [name for name in formatted if frame[name].str.contains(r"\d,\d|^\s*,\d").any()]
    mark = "."
    if commas:
        whole = frame if raw is None else raw()
        mark = _decimal_mark(whole, keep, commas, place)
        if mark == ",":
            frame = whole
            formatted = [name for name in _text_columns(whole, keep) if _is_numeric(whole[name])]
        log.file["decimal_mark"] = "comma" if mark == "," else "point"
        log.note(
            "numbers are read with a decimal comma"
            if mark == ","
            else f"commas in column {_label(commas[0])!r}"
            + (f" and {len(commas) - 1} more" if len(commas) > 1 else "")
            + " are read as thousands separators"
        )
    return frame.with_columns([_parse_column(frame[name], mark, log) for name in formatted])


def _label(name: str) -> str:
    """Name of a column for messages; for two levels the lower label."""
    return name.rsplit("\0", 1)[-1]


def _text_columns(frame: "pl.DataFrame", keep: Iterable[str]) -> list[str]:
    import polars as pl

    excluded = set(keep)
    return [name for name, dtype in frame.schema.items() if dtype == pl.String and name not in excluded]


def _is_numeric(column: "pl.Series") -> bool:
    """Whether at least half of the cells are numbers in any format."""
    text = without_missing(column).drop_nulls()
    shaped = text.str.contains(_SHAPE) & ~text.str.contains(_DATED)
    return bool(len(text)) and int(shaped.sum()) * 2 >= len(text)


def _is_formatted(column: "pl.Series") -> bool:
    """Whether a text column has numbers, some of them formatted."""
    import polars as pl

    text = without_missing(column.head(200)).drop_nulls()
    if len(text) and not text.str.contains(_SHAPE).any():
        return False  # fast path for ordinary text
    text = without_missing(column).drop_nulls()
    plain = text.cast(pl.Float64, strict=False).is_not_null()
    return not plain.all() and _is_numeric(column)


def _decimal_mark(
    frame: "pl.DataFrame", keep: Iterable[str], commas: list[str], place: Callable[[int, str], str]
) -> str:
    points = comma = None
    for name in _text_columns(frame, keep):
        if not _is_numeric(frame[name]):
            continue
        bare = frame[name].str.strip_chars().str.replace_all(r"^[-+$€£¥₹\s]+|[\sKkMmBbTt%]+$", "")
        for shape in (_DECIMAL_POINT, _DECIMAL_COMMA):
            fits = bare.str.contains(shape).fill_null(False)
            if fits.any():
                row = fits.arg_max() or 0
                if shape is _DECIMAL_POINT:
                    points = points or (name, row)
                else:
                    comma = comma or (name, row)
    if points and comma:
        (name, row), (other, before) = comma, points
        raise PanelError(
            f"{place(row, name)}: column {_label(name)!r} has {frame[name][row]!r} with a decimal comma but"
            f" column {_label(other)!r} has {frame[other][before]!r} with a decimal point; use one of them"
        )
    dotted = [name for name in _text_columns(frame, keep) if frame[name].str.contains(r"\d\.\d").any()]
    if not points and not comma and dotted and all(meaning_of(name) in _COUNTED for name in commas):
        return "."  # thousands separators in volumes only, and points in prices
    if not points and not comma:
        name = commas[0]
        row = frame[name].str.contains(",").fill_null(False).arg_max() or 0
        raise PanelError(
            f"{place(row, name)}: column {_label(name)!r} has {frame[name][row]!r}, where the comma may"
            " separate decimals or thousands; write numbers with a decimal point and without separators"
        )
    return "," if comma else "."


def _parse_column(column: "pl.Series", mark: str, log: ReadingLog) -> "pl.Series":
    """Parse a column: float64 if all cells are numbers, otherwise text with the numbers in plain format."""
    import polars as pl

    text = without_missing(column)
    shaped = text.str.contains(_SHAPE)
    bare = text.str.replace_all("−", "-").str.replace_all(rf"[$€£¥₹\s]|{_GROUP}", "")
    suffix = bare.str.extract(r"([KkMmBbTt%])$", 1).str.to_lowercase()
    if (suffix == "%").any() and not bool(((suffix == "%") | text.is_null()).all()):
        suffix = pl.select(pl.when(suffix != "%").then(suffix)).to_series()
        shaped &= ~text.str.ends_with("%").fill_null(False)  # a single % among plain numbers is a mistake
    bare = bare.str.replace(r"[KkMmBbTt%]$", "")
    shaped &= bare.str.contains(_COMMAED if mark == "," else _POINTED)
    if mark == ",":
        bare = bare.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    else:
        bare = bare.str.replace_all(",", "", literal=True)
    numbers = bare.cast(pl.Float64, strict=False)
    if suffix.null_count() < len(suffix):
        factor = suffix.replace_strict(_FACTORS, default=1.0, return_dtype=pl.Float64).fill_null(1.0)
        numbers = numbers * factor
        used = sorted({each.upper() for each in suffix.drop_nulls().unique()})
        log.note(f"column {_label(column.name)!r}: suffixes {', '.join(used)} are applied as factors")
    if text.str.contains(r"[$€£¥₹]").any():
        log.note(f"column {_label(column.name)!r}: currency signs are ignored")
    read = shaped & numbers.is_not_null()
    if bool((read | text.is_null()).all()):
        return numbers.rename(column.name)
    words = pl.select(pl.when(read).then(numbers.cast(pl.String)).otherwise(text)).to_series()
    return words.rename(column.name)
