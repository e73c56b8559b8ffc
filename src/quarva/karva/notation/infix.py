"""Infix: the way people write formulas, `rank(corr(close, volume, 10)) - 2 * ref(close, 5) / close`.

Arithmetic is written with signs and no more parentheses than the tree needs; every other operator is a
call whose last argument is its window (days) or its group. `x ** y` and `x ^ y` are read as power(x, y).
Names that are more than letters, digits and `_` stand in backticks: `` `Adj Close` ``.
"""

from quarva.karva.expression import Expression
from quarva.karva.notation.calls import Dialect, read_calls, render_calls
from quarva.karva.notation.letters import Letters
from quarva.karva.operators import BY_NAME

__all__ = ["parse_infix", "render_infix"]

_DIALECT = Dialect(operators=BY_NAME)


def parse_infix(letters: Letters) -> Expression:
    """The expression that an infix formula means; raises FormulaError."""
    return read_calls(letters, _DIALECT)


def render_infix(expression: Expression) -> str:
    """The formula in infix notation; raises FormulaError for a name or number that can not be written."""
    return render_calls(expression, _DIALECT)
