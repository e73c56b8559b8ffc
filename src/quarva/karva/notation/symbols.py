"""Parsing and formatting of single symbols, shared by all notations."""

import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from quarva.errors import FormulaError
from quarva.karva.expression import Symbol
from quarva.karva.notation.tokens import NAME, error_at, suggestion
from quarva.karva.numbers import nearest_float32
from quarva.karva.operators import BY_NAME, MAX_COUNT, MAX_WINDOW, Operator, Parameter

__all__ = ["MAX_WINDOW", "SymbolParser", "checked_name", "format_number", "quoted", "unquoted"]

# Names of our operators in other tools, for suggestions in error messages.
_SYNONYMS = {
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


class SymbolParser:
    """Makes the symbols of one formula, and raises FormulaError for invalid ones.

    Attributes
    ----------
    text : str
        The formula, for error messages.
    fields, groups, assets : frozenset of str or None
        Known names; None accepts any name.
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
        """Return the symbol of a field."""
        if self.fields is not None and name not in self.fields:
            hint = suggestion(name, self.fields, "field")
            if name in BY_NAME and "did you mean" not in hint:
                takes = (*"xyz"[: BY_NAME[name].arity], *BY_NAME[name].parameters)
                hint = f"the operator is written {name}({', '.join(takes)})"
            raise error_at(self.text, column, f"unknown field '{name}'", hint)
        self._check_printable("field", name, column)
        return Symbol(field=name)

    def match_case(self, name: str, known: Collection[str] | None) -> str:
        """Return the one known name that differs from `name` in case only, or `name` itself."""
        same = [other for other in known or () if other.lower() == name.lower()]
        return same[0] if len(same) == 1 and name not in same else name

    def number(self, text: str, column: int) -> Symbol:
        """Return the number of a literal, which may have a sign; it must lie in the range of float32."""
        value = float(text)
        rounded = nearest_float32(value)
        problem = f"number {_shorten(text)} is too"
        if not math.isfinite(rounded):
            raise error_at(self.text, column, f"{problem} large", "the largest float32 is 3.4e38")
        if rounded == 0 and re.search("[1-9]", re.split("[eE]", text)[0]):
            raise error_at(self.text, column, f"{problem} small", "the smallest positive float32 is 1.4e-45")
        return Symbol(number=value)

    def parameter(self, operator: Operator, name: Parameter, text: str, at: int, word: str = "") -> Any:
        """Return the value of a parameter of `operator`, which the formula calls `word`."""
        word = word or operator.name
        match name:
            case "window":
                return self._window(operator, text, at, word)
            case "share":
                return self._share(operator, text, at, word)
            case "count":
                return self._count(text, at, word)
            case "group":
                return self._name("group", self.groups, text, at)
            case "asset":
                return self._name("asset", self.assets, text, at)

    def _window(self, operator: Operator, text: str, column: int, word: str) -> int:
        days = _integer(text, MAX_WINDOW + 1)
        problem = f"window {_shorten(text)} of {word} is"
        if text.startswith("-") or days < operator.min_window:
            ahead = text.startswith("-") and operator.lookback(1) == 1
            hint = "a formula cannot look ahead" if ahead else ""
            if days == 0 and operator.min_window > 1:
                hint = "a window is a fixed number of days and cannot be unlimited"
            raise error_at(self.text, column, f"{problem} below {operator.min_window}", hint)
        if days > MAX_WINDOW:
            raise error_at(self.text, column, f"{problem} above {MAX_WINDOW}")
        return days

    def _share(self, operator: Operator, text: str, column: int, word: str) -> float:
        share = float(text)
        if not operator.allows_share(share):
            problem = f"share {_shorten(text)} of {word} is out of range"
            raise error_at(self.text, column, problem, f"it must be {operator.shares}")
        return abs(share)  # turns -0.0 into 0.0

    def _count(self, text: str, column: int, word: str) -> int:
        count = -1 if text.startswith("-") else _integer(text, MAX_COUNT + 1)
        if not 2 <= count <= MAX_COUNT:
            problem = f"number of parts {_shorten(text)} of {word} is out of range"
            raise error_at(self.text, column, problem, f"it must be 2 to {MAX_COUNT}")
        return count

    def _name(self, kind: str, known: Collection[str] | None, name: str, column: int) -> str:
        if known is not None and name not in known:
            raise error_at(self.text, column, f"unknown {kind} '{name}'", suggestion(name, known, kind))
        self._check_printable(kind, name, column)
        return name

    def unknown_operator(self, word: str, column: int, known: Mapping[str, Operator]) -> FormulaError:
        """Return the error for a word that is not in `known`, with the nearest operator."""
        return error_at(self.text, column, f"unknown operator '{word}'", _suggest_operator(word, known))

    def _check_printable(self, kind: str, name: str, column: int) -> None:
        if not _is_printable(name):
            raise error_at(self.text, column, f"{kind} name with a control character", "rename the column")


def format_number(number: float) -> str:
    """Return the shortest decimal that is parsed as the same number: `0.1`, `20`, `1e-5`.

    Raises
    ------
    FormulaError
        If the number is not finite in float32, and so has no literal.
    """
    if not math.isfinite(nearest_float32(number)):
        raise FormulaError(f"number {number!r} cannot be written: it is not a finite float32")
    mantissa, _, exponent = repr(float(number)).partition("e")
    mantissa = mantissa.removesuffix(".0")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def quoted(name: str) -> str:
    """Return a name as written in a formula: in backticks unless it has only letters, digits and `_`."""
    checked_name(name)
    return name if _PLAIN.fullmatch(name) else "`" + name.replace("`", "``") + "`"


def unquoted(text: str) -> str:
    """Return the name that `quoted` formatted."""
    return text[1:-1].replace("``", "`") if text.startswith("`") else text


def checked_name(name: str) -> str:
    """Return the name; raise FormulaError if it is empty or has control characters."""
    if not name or not _is_printable(name):
        raise FormulaError(f"name {name!r} cannot be written in a formula: rename the column")
    return name


def _is_printable(name: str) -> bool:
    """Return whether a name has no control characters, line separators or surrogates."""
    return not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name)


def _integer(text: str, maximum: int) -> int:
    """Return the integer in a text without its sign, clipped to `maximum`."""
    # Python refuses to convert very long numbers, so their length is checked first.
    digits = text.lstrip("-").lstrip("0") or "0"
    return min(int(digits), maximum) if len(digits) <= len(str(maximum)) else maximum


def _suggest_operator(word: str, known: Mapping[str, Operator]) -> str:
    low = word.lower()
    bare = low.removeprefix("ts_")
    for name in (low, bare, f"ts_{low}", _SYNONYMS.get(low), _SYNONYMS.get(bare)):
        for text, operator in known.items():
            if name in (text.lower(), operator.name):
                return f"did you mean '{text}'?"
    return suggestion(word, known, "operator")


def _shorten(text: str) -> str:
    return text if len(text) <= 20 else text[:20] + "…"
