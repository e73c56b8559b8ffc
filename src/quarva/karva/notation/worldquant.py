"""The spelling of the 101 Formulaic Alphas: `(-1 * correlation(rank(open), rank(volume), 10))`.

After Kakushadze 2016, appendix A. Names of functions, and of fields and groups that are known, are read in
any case. What the paper leaves open is settled so:

- `min(x, d)` and `max(x, d)` are ts_min and ts_max where d is a plain number, else of two values; an
  elementwise `min` with a number has it in parentheses, `min(x, (5))`, or as its first argument.
- a window may be a fraction and then means its whole part, as the paper says of `ts_` functions; it is
  printed back as the whole number.
- `signedpower(x, a)` is sign(x) · |x|^a, what its name says; the paper has x^a. `x ^ a` is the power.
- `adv20` is mean(vwap · volume, 20), the average daily dollar volume of the last 20 days; `returns` is
  close / delay(close, 1) − 1. Where the panel has a field of such a name, that field is read; a field is
  printed in backticks then.
- `IndClass.sector` is the panel's group sector, `IndClass.subindustry` its group subindustry, and so on.
- signs bind as in C, from the tightest: `^` (from the right), a `-` or `!` before an argument, `*` `/`,
  `+` `-`, comparisons, `&&`, `||`, and last `c ? x : y`.
- `ts_argmax` counts the oldest day as 1 and today as d, `ts_rank` and `rank` are in (0, 1].

Operators that the paper lacks have our names: `mean(x, 20)`, `quantile(x, 20, 0.8)`.
"""

import re
from types import MappingProxyType

from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.calls import read_calls
from quarva.karva.notation.dialect import BEFORE, POWER, Dialect, Signs
from quarva.karva.notation.symbols import Letters
from quarva.karva.notation.written import write_calls
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
# Each sign's operator and strength. The paper has no `&&`, `!=`, `<=`, `>=`.
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
"""The paper's word or sign for each operator that it has, by our name."""


def _between() -> Signs:
    return {sign: (BY_NAME[name], strength) for sign, (name, strength) in _SIGNS.items()} | {"^": POWER["^"]}


def _field(name: str) -> Expression:
    return Expression(Symbol(field=name))


_TRADED = Expression(Symbol.function("mul"), (_field("vwap"), _field("volume")))
_RETURNS = Expression(Symbol.function("pct_change", 1), (_field("close"),))


def _named(name: str) -> Expression | None:
    """The formula that `returns` or `adv{d}` stands for."""
    if name.lower() == "returns":
        return _RETURNS
    match = re.fullmatch("adv([0-9]{1,5})", name.lower())
    if match is None or not BY_NAME["mean"].min_window <= int(match[1]) <= MAX_WINDOW:
        return None
    return Expression(Symbol.function("mean", int(match[1])), (_TRADED,))


def _short(node: Expression) -> str | None:
    """The name that stands for a formula."""
    if node == _RETURNS:
        return "returns"
    operator = node.symbol.operator
    if operator is not None and operator.name == "mean" and node.args == (_TRADED,):
        return f"adv{node.symbol.window}"
    return None


_DIALECT = Dialect(
    operators={word: BY_NAME[name] for word, name in _RENAMED.items()} | BY_NAME,
    between=_between(),
    before=BEFORE,
    folds=True,
    floors=True,
    choice=True,
    of_window={"min": BY_NAME["ts_min"], "max": BY_NAME["ts_max"]},
    named=_named,
    short=_short,
    before_group="IndClass.",
)


def parse_worldquant(letters: Letters) -> Expression:
    """The expression that a formula of the paper's spelling means; raises FormulaError."""
    return read_calls(letters, _DIALECT)


def render_worldquant(expression: Expression) -> str:
    """The formula in the paper's spelling; raises FormulaError for what can not be written."""
    return write_calls(expression, _DIALECT)
