"""Notation of the 101 Formulaic Alphas: `(-1 * correlation(rank(open), rank(volume), 10))`.

After Kakushadze 2016, appendix A. The case of function names, and of known fields and groups, is ignored.
Where the paper is ambiguous, these conventions hold:

- `min(x, d)` and `max(x, d)` are ts_min and ts_max if d is a plain number, else the minimum and maximum of
  two values. An elementwise `min` with a number has it in parentheses, `min(x, (5))`, or as its first
  argument.
- A fractional window is truncated, as the paper states for `ts_` functions, and printed as an integer.
- `signedpower(x, a)` is sign(x) · |x|^a, as its name says; the paper defines it as x^a. `x ^ a` is the power.
- `adv20` is mean(vwap · volume, 20), the average daily dollar volume of the last 20 days, and `returns` is
  close / delay(close, 1) − 1. If the panel has a field of such a name, the field is used, and printed in
  backticks.
- `IndClass.sector` is the panel's group sector, `IndClass.subindustry` its group subindustry, and so on.
- Signs bind as in C, from the tightest: `^` (right-associative), unary `-` and `!`, `*` and `/`, `+` and `-`,
  comparisons, `&&`, `||`, `c ? x : y`.
- `ts_argmax` is 1 for the oldest day and d for today; `ts_rank` and `rank` are in (0, 1].

Operators that the paper does not have are written with our names: `mean(x, 20)`, `quantile(x, 20, 0.8)`.
"""

import re
from types import MappingProxyType

from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.calls import parse_calls
from quarva.karva.notation.dialect import POWER, UNARY, Dialect, Signs
from quarva.karva.notation.rendering import render_calls
from quarva.karva.notation.symbols import SymbolParser
from quarva.karva.operators import BY_NAME, MAX_WINDOW

__all__ = ["NAMES", "parse_worldquant", "render_worldquant"]

_RENAMED = {
    "delay": "ref", "correlation": "corr", "covariance": "cov", "stddev": "std",
    "signedpower": "signed_power", "indneutralize": "group_demean",
}  # fmt: skip
_SAME = (
    "abs", "log", "sign", "rank", "scale", "delta", "decay_linear", "ts_min", "ts_max", "ts_argmin",
    "ts_argmax", "ts_rank", "min", "max", "sum", "product",
)  # fmt: skip
# Operator and binding strength of each sign. The paper has no `&&`, `!=`, `<=`, `>=`.
_SIGNS = {
    "||": ("or", 1), "&&": ("and", 2), "<": ("lt", 3), "<=": ("le", 3), ">": ("gt", 3), ">=": ("ge", 3),
    "==": ("eq", 3), "!=": ("ne", 3), "+": ("add", 4), "-": ("sub", 4), "*": ("mul", 5), "/": ("div", 5),
}  # fmt: skip

NAMES: MappingProxyType[str, str] = MappingProxyType(
    {name: sign for sign, (name, _) in _SIGNS.items() if sign not in ("&&", "!=", "<=", ">=")}
    | {name: word for word, name in _RENAMED.items()}
    | {name: name for name in _SAME}
    | {"power": "^", "if_else": "? :"}
)
"""The paper's word or sign for each of its operators, by our name."""


def _binary() -> Signs:
    return {sign: (BY_NAME[name], strength) for sign, (name, strength) in _SIGNS.items()} | {"^": POWER["^"]}


def _field(name: str) -> Expression:
    return Expression(Symbol(field=name))


_TRADED = Expression(Symbol.function("mul"), (_field("vwap"), _field("volume")))
_RETURNS = Expression(Symbol.function("pct_change", 1), (_field("close"),))


def _expand(name: str) -> Expression | None:
    """Return the expression that `returns` or `adv{d}` stands for; None for any other name."""
    if name.lower() == "returns":
        return _RETURNS
    match = re.fullmatch("adv([0-9]{1,5})", name.lower())
    if match is None or not BY_NAME["mean"].min_window <= int(match[1]) <= MAX_WINDOW:
        return None
    return Expression(Symbol.function("mean", int(match[1])), (_TRADED,))


def _abbreviate(node: Expression) -> str | None:
    """Return the name that stands for an expression; None if there is none."""
    if node == _RETURNS:
        return "returns"
    operator = node.symbol.operator
    if operator is not None and operator.name == "mean" and node.args == (_TRADED,):
        return f"adv{node.symbol.window}"
    return None


_DIALECT = Dialect(
    operators={word: BY_NAME[name] for word, name in _RENAMED.items()} | BY_NAME,
    binary=_binary(),
    unary=UNARY,
    ignores_case=True,
    truncates_windows=True,
    ternary=True,
    windowed={"min": BY_NAME["ts_min"], "max": BY_NAME["ts_max"]},
    expand=_expand,
    abbreviate=_abbreviate,
    group_prefix="IndClass.",
)


def parse_worldquant(symbols: SymbolParser) -> Expression:
    """Parse a formula in the paper's notation; raise FormulaError if it is invalid."""
    return parse_calls(symbols, _DIALECT)


def render_worldquant(expression: Expression) -> str:
    """Render an expression in the paper's notation; raise FormulaError if a name or number is invalid."""
    return render_calls(expression, _DIALECT)
