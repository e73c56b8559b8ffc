"""Symbols from their spelling and back: what all notations share below the level of grammar."""

import math
import re
import struct
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from quarva.errors import FormulaError
from quarva.karva.expression import Symbol
from quarva.karva.notation.tokens import NAME, fault, nearest
from quarva.karva.operators import BY_NAME, MAX_COUNT, MAX_WINDOW, Operator, Parameter

__all__ = ["MAX_WINDOW", "Letters", "checked_name", "quoted", "spell_number", "unquoted"]

# What other tools call our operators; only used to suggest the right word.
_ELSEWHERE = {
    "avg": "mean", "sma": "mean", "ma": "mean", "delay": "ref", "lag": "ref", "shift": "ref", "diff": "delta",
    "returns": "pct_change", "roc": "pct_change", "pow": "power", "signedpower": "power", "ln": "log",
    "stddev": "std", "correlation": "corr", "covariance": "cov", "ewm": "ema", "wma": "decay_linear",
    "decaylinear": "decay_linear", "indneutralize": "group_demean", "group_neutralize": "group_demean",
    "cs_rank": "rank", "rolling_mean": "mean", "negative": "neg", "reciprocal": "inv", "maximum": "max",
    "minimum": "min", "greater": "max", "less": "min", "normalize": "zscore", "med": "median",
    "where": "if_else", "iff": "if_else", "cond": "if_else", "prod": "product", "kurtosis": "kurt",
    "winsorize": "winsorise", "clip": "winsorise", "qcut": "bucket", "ntile": "bucket", "resid": "residual",
    "regression": "residual", "rsquared": "rsquare", "mask": "of_asset", "changeinstrument": "of_asset",
    "argmax": "ts_argmax", "argmin": "ts_argmin", "percentile": "quantile", "aroon": "days_since_max",
}  # fmt: skip

_PLAIN = re.compile(NAME)


class Letters:
    """Makes the symbols of one formula, and refuses those that can not be.

    `fields`, `groups` and `assets` are the known names; None lets every name pass.
    """

    def __init__(
        self,
        text: str,
        fields: Iterable[str] | None = None,
        groups: Iterable[str] | None = None,
        assets: Iterable[str] | None = None,
    ):
        self.text = text
        self.fields = None if fields is None else frozenset(fields)
        self.groups = None if groups is None else frozenset(groups)
        self.assets = None if assets is None else frozenset(assets)

    def field(self, name: str, column: int) -> Symbol:
        if self.fields is not None and name not in self.fields:
            hint = nearest(name, self.fields, "field")
            if name in BY_NAME and "did you mean" not in hint:
                takes = (*"xyz"[: BY_NAME[name].arity], *BY_NAME[name].parameters)
                hint = f"the operator is written {name}({', '.join(takes)})"
            raise fault(self.text, column, f"unknown field '{name}'", hint)
        self._check_writable("field", name, column)
        return Symbol(field=name)

    def folded(self, name: str, known: Collection[str] | None) -> str:
        """The one of the known names that differs from `name` in capitals only, else `name`."""
        same = [other for other in known or () if other.lower() == name.lower()]
        return same[0] if len(same) == 1 and name not in same else name

    def number(self, spelling: str, column: int) -> Symbol:
        """The float32 nearest to the literal `spelling` (a '-' may stand before it)."""
        value = _float32(float(spelling))
        what = f"number {_short(spelling)} is too"
        if not math.isfinite(value):
            raise fault(self.text, column, f"{what} large", "float32 ends at 3.4e38")
        if value == 0 and re.search("[1-9]", re.split("[eE]", spelling)[0]):
            raise fault(self.text, column, f"{what} small", "float32 begins at 1.4e-45")
        return Symbol(number=value)

    def parameter(self, operator: Operator, name: Parameter, spelling: str, at: int, word: str = "") -> Any:
        """The value that `spelling` means for a parameter of `operator`, which the formula calls `word`."""
        word = word or operator.name
        match name:
            case "window":
                return self._window(operator, spelling, at, word)
            case "share":
                return self._share(operator, spelling, at, word)
            case "count":
                return self._count(spelling, at, word)
            case "group":
                return self._name("group", self.groups, spelling, at)
            case "asset":
                return self._name("asset", self.assets, spelling, at)

    def _window(self, operator: Operator, spelling: str, column: int, word: str) -> int:
        days = _integer(spelling, MAX_WINDOW + 1)
        what = f"window {_short(spelling)} of {word} is"
        if spelling.startswith("-") or days < operator.min_window:
            ahead = spelling.startswith("-") and operator.lookback(1) == 1
            hint = "a formula can not look ahead" if ahead else ""
            if days == 0 and operator.min_window > 1:
                hint = "a window is a fixed number of days; there is none without end"
            raise fault(self.text, column, f"{what} below {operator.min_window}", hint)
        if days > MAX_WINDOW:
            raise fault(self.text, column, f"{what} above {MAX_WINDOW}")
        return days

    def _share(self, operator: Operator, spelling: str, column: int, word: str) -> float:
        share = float(spelling)
        if not operator.allows_share(share):
            what = f"share {_short(spelling)} of {word} is out of range"
            raise fault(self.text, column, what, f"it must be {operator.shares}")
        return abs(share)  # not -0.0, which is no other share than 0

    def _count(self, spelling: str, column: int, word: str) -> int:
        count = -1 if spelling.startswith("-") else _integer(spelling, MAX_COUNT + 1)
        if not 2 <= count <= MAX_COUNT:
            what = f"number of parts {_short(spelling)} of {word} is out of range"
            raise fault(self.text, column, what, f"it must be 2 to {MAX_COUNT}")
        return count

    def _name(self, kind: str, known: Collection[str] | None, name: str, column: int) -> str:
        if known is not None and name not in known:
            raise fault(self.text, column, f"unknown {kind} '{name}'", nearest(name, known, kind))
        self._check_writable(kind, name, column)
        return name

    def no_operator(self, word: str, column: int, known: Mapping[str, Operator]) -> FormulaError:
        """That `word` is none of the `known` words for operators."""
        return fault(self.text, column, f"unknown operator '{word}'", _nearest_operator(word, known))

    def _check_writable(self, kind: str, name: str, column: int) -> None:
        if not _writable(name):
            raise fault(self.text, column, f"{kind} name with a control character", "rename the column")


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


def _integer(spelling: str, most: int) -> int:
    """The integer that digits (a '-' may stand before them) mean, without its sign and at most `most`."""
    # Python refuses to convert very long digits, so their number is looked at first.
    digits = spelling.lstrip("-").lstrip("0") or "0"
    return min(int(digits), most) if len(digits) <= len(str(most)) else most


def _nearest_operator(word: str, known: Mapping[str, Operator]) -> str:
    low = word.lower()
    bare = low.removeprefix("ts_")
    for name in (low, bare, f"ts_{low}", _ELSEWHERE.get(low), _ELSEWHERE.get(bare)):
        for spelling, operator in known.items():
            if name in (spelling.lower(), operator.name):
                return f"did you mean '{spelling}'?"
    return nearest(word, known, "operator")


def _short(spelling: str) -> str:
    return spelling if len(spelling) <= 20 else spelling[:20] + "…"
