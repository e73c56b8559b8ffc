"""Symbols from their spelling and back: what all notations share below the level of grammar."""

import math
import re
import struct
import unicodedata
from collections.abc import Collection, Iterable

from quarva.errors import FormulaError
from quarva.karva.expression import Symbol
from quarva.karva.notation.tokens import NAME, fault, nearest
from quarva.karva.operators import BY_NAME, Operator

__all__ = ["MAX_WINDOW", "Letters", "checked_name", "quoted", "signature", "spell_number", "unquoted"]

MAX_WINDOW = 10_000
"""The longest window (days) that a formula may carry: about forty years."""

# What other tools call our operators; only used to suggest the right word.
_ELSEWHERE = {
    "avg": "mean", "sma": "mean", "ma": "mean", "delay": "ref", "lag": "ref", "shift": "ref", "diff": "delta",
    "returns": "pct_change", "roc": "pct_change", "pow": "power", "signedpower": "power", "ln": "log",
    "stddev": "std", "correlation": "corr", "covariance": "cov", "ewm": "ema", "wma": "decay_linear",
    "decaylinear": "decay_linear", "indneutralize": "group_demean", "group_neutralize": "group_demean",
    "cs_rank": "rank", "rolling_mean": "mean", "negative": "neg", "reciprocal": "inv", "maximum": "max",
    "minimum": "min", "greater": "max", "less": "min", "normalize": "zscore", "med": "median",
}  # fmt: skip

_PLAIN = re.compile(NAME)


class Letters:
    """Makes the symbols of one formula, and refuses those that can not be.

    `fields` and `groups` are the known names; None lets every name pass.
    """

    def __init__(self, text: str, fields: Iterable[str] | None = None, groups: Iterable[str] | None = None):
        self.text = text
        self.fields = None if fields is None else frozenset(fields)
        self.groups = None if groups is None else frozenset(groups)

    def field(self, name: str, column: int) -> Symbol:
        if self.fields is not None and name not in self.fields:
            hint = nearest(name, self.fields, "field")
            if name in BY_NAME and "did you mean" not in hint:
                hint = f"the operator is written {signature(BY_NAME[name], name)}"
            raise fault(self.text, column, f"unknown field '{name}'", hint)
        self._check_writable("field", name, column)
        return Symbol(field=name)

    def number(self, spelling: str, column: int) -> Symbol:
        """The float32 nearest to the literal `spelling` (a '-' may stand before it)."""
        value = _float32(float(spelling))
        what = f"number {_short(spelling)} is too"
        if not math.isfinite(value):
            raise fault(self.text, column, f"{what} large", "float32 ends at 3.4e38")
        if value == 0 and re.search("[1-9]", re.split("[eE]", spelling)[0]):
            raise fault(self.text, column, f"{what} small", "float32 begins at 1.4e-45")
        return Symbol(number=value)

    def window(self, operator: Operator, spelling: str, column: int) -> int:
        """The window that `spelling` (digits, a '-' may stand before them) means for `operator`."""
        digits = spelling.lstrip("-").lstrip("0") or "0"
        # Python refuses to convert very long digits, so their number is looked at first.
        days = int(digits) if len(digits) <= len(str(MAX_WINDOW)) else MAX_WINDOW + 1
        what = f"window {_short(spelling)} of {operator.name} is"
        if spelling.startswith("-") or days < operator.min_window:
            ahead = spelling.startswith("-") and operator.lookback(1) == 1
            hint = "a formula can not look ahead" if ahead else ""
            raise fault(self.text, column, f"{what} below {operator.min_window}", hint)
        if days > MAX_WINDOW:
            raise fault(self.text, column, f"{what} above {MAX_WINDOW}")
        return days

    def group(self, name: str, column: int) -> str:
        if self.groups is not None and name not in self.groups:
            raise fault(self.text, column, f"unknown group '{name}'", nearest(name, self.groups, "group"))
        self._check_writable("group", name, column)
        return name

    def operator(self, word: str, column: int, spelled: dict[str, Operator]) -> Operator:
        """The operator that `word` names in a notation whose words are the keys of `spelled`."""
        found = spelled.get(word)
        if found is None:
            raise fault(self.text, column, f"unknown operator '{word}'", _nearest_operator(word, spelled))
        return found

    def _check_writable(self, kind: str, name: str, column: int) -> None:
        if not _writable(name):
            raise fault(self.text, column, f"{kind} name with a control character", "rename the column")


def signature(operator: Operator, word: str, mark: str = "") -> str:
    """How to write a call of `operator`, called `word`, with `mark` before fields: `corr(x, y, 20)`."""
    tail = ["20"] if operator.windowed else ["sector"] if operator.kind == "group" else []
    return f"{word}({', '.join([mark + name for name in 'xy'[: operator.arity]] + tail)})"


def spell_number(number: float) -> str:
    """The shortest decimal that reads back as the same float32: `0.1`, `20`, `1e-5`.

    Raises FormulaError for a number that is not a finite float32: no literal means it.
    """
    value = _float32(number)
    if not math.isfinite(value):
        raise FormulaError(f"number {number!r} can not be written: not a finite float32")
    short = next(s for s in (f"{value:.{digits}g}" for digits in range(1, 18)) if _float32(float(s)) == value)
    mantissa, _, exponent = repr(float(short)).partition("e")
    mantissa = mantissa.removesuffix(".0")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def quoted(name: str) -> str:
    """A name as written in a formula: itself, or in backticks if it is more than letters, digits and `_`."""
    checked_name(name)
    return name if _PLAIN.fullmatch(name) else "`" + name.replace("`", "``") + "`"


def unquoted(spelling: str) -> str:
    """The name that `quoted` has written."""
    return spelling[1:-1].replace("``", "`") if spelling.startswith("`") else spelling


def checked_name(name: str) -> str:
    """The name itself; raises FormulaError for an empty one or one with control characters."""
    if not name or not _writable(name):
        raise FormulaError(f"name {name!r} can not be written in a formula: rename the column")
    return name


def _writable(name: str) -> bool:
    """Whether a name has no control characters, line ends or halves of characters."""
    return not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name)


def _float32(value: float) -> float:
    # struct instead of NumPy: the same rounding, and this room stays free of a slow import.
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _nearest_operator(word: str, known: Collection[str]) -> str:
    low = word.lower()
    guess = _ELSEWHERE.get(low) or _ELSEWHERE.get(low.removeprefix("ts_"))
    for name in (low, low.removeprefix("ts_"), f"ts_{low}", guess):
        same = [spelling for spelling in known if spelling.lower() == name]
        if same:
            return f"did you mean '{same[0]}'?"
    return nearest(word, known, "operator")


def _short(spelling: str) -> str:
    return spelling if len(spelling) <= 20 else spelling[:20] + "…"
