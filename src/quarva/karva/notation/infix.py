"""Infix notation: `rank(corr(close, volume, 10)) - 2 * ref(close, 5) / close`.

Arithmetic, comparisons (`<  <=  >  >=  ==  !=`) and logic (`&` and, `|` or, `!` not) are written with signs
that bind as in Python (see `calls`), with the fewest parentheses that preserve the tree. All other operators
are calls whose last arguments are the parameters: `mean(x, 20)`, `quantile(x, 20, 0.8)`, `winsorise(x,
0.05)`, `bucket(x, 5)`, `group_demean(x, sector)`, `of_asset(x, SPY)`. `x ** y` and `x ^ y` are parsed as
power(x, y). Operators with signs can also be written as calls: `and(x, y)`, `not(x)`. A name with characters
other than letters, digits and `_` is written in backticks: `` `Adj Close` ``.
"""

from quarva.karva.expression import Expression
from quarva.karva.notation.calls import parse_calls
from quarva.karva.notation.dialect import Dialect
from quarva.karva.notation.rendering import render_calls
from quarva.karva.notation.symbols import SymbolParser
from quarva.karva.operators import BY_NAME

__all__ = ["parse_infix", "render_infix"]

_DIALECT = Dialect(operators=BY_NAME)


def parse_infix(symbols: SymbolParser) -> Expression:
    """Parse an infix formula; raise FormulaError if it is invalid."""
    return parse_calls(symbols, _DIALECT)


def render_infix(expression: Expression) -> str:
    """Render an expression in infix notation; raise FormulaError if a name or number is invalid."""
    return render_calls(expression, _DIALECT)
