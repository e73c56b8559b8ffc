"""Infix: the way people write formulas, `rank(corr(close, volume, 10)) - 2 * ref(close, 5) / close`.

Arithmetic, comparisons (`<  <=  >  >=  ==  !=`) and logic (`&` and, `|` or, `!` not) are written with
signs that bind as in Python and pandas (see `calls`), with no more parentheses than the tree needs; every
other operator is a call that ends with its parameters: `mean(x, 20)`, `quantile(x, 20, 0.8)`,
`winsorise(x, 0.05)`, `bucket(x, 5)`, `group_demean(x, sector)`, `of_asset(x, SPY)`. `x ** y` and `x ^ y`
are read as power(x, y), and `and(x, y)`, `not(x)` as any other call. Names that are more than letters,
digits and `_` stand in backticks: `` `Adj Close` ``.
"""

from quarva.karva.expression import Expression
from quarva.karva.notation.calls import read_calls
from quarva.karva.notation.dialect import Dialect
from quarva.karva.notation.symbols import Letters
from quarva.karva.notation.written import write_calls
from quarva.karva.operators import BY_NAME

__all__ = ["parse_infix", "render_infix"]

_DIALECT = Dialect(operators=BY_NAME)


def parse_infix(letters: Letters) -> Expression:
    """The expression that an infix formula means; raises FormulaError."""
    return read_calls(letters, _DIALECT)


def render_infix(expression: Expression) -> str:
    """The formula in infix notation; raises FormulaError for a name or number that can not be written."""
    return write_calls(expression, _DIALECT)
