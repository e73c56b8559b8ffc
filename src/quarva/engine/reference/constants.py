"""Constants of an expression: replacing numbers by `?` and filling them in again."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.numbers import nearest_float32

__all__ = ["check_constants", "count_constants", "extract_constants", "fill_constants", "fold", "is_constant"]

V = TypeVar("V")


def fold(expression: Expression, combine: Callable[[Symbol, list[V]], V]) -> V:
    """Evaluate an expression bottom-up without recursion, so that its depth is not limited.

    Nodes are visited in reverse level order, in which the arguments of a node are the oldest values that are
    not used yet.

    Parameters
    ----------
    expression : Expression
        The expression.
    combine : callable
        Maps a symbol and the values of its arguments to the value of the node.

    Returns
    -------
    object
        The value of the root.
    """
    waiting: deque[V] = deque()
    for node in reversed(list(expression.walk())):
        args = [waiting.popleft() for _ in node.args]
        waiting.append(combine(node.symbol, args[::-1]))
    return waiting.popleft()


def is_constant(symbol: Symbol) -> bool:
    """True if the symbol is `?`, a constant without a value."""
    return symbol.operator is None and symbol.field is None and symbol.number is None


def count_constants(expression: Expression) -> int:
    """Number of `?` in an expression."""
    return sum(is_constant(node.symbol) for node in expression.walk())


def check_constants(expression: Expression, given: int) -> None:
    """Raise FormulaError unless `given` is the number of `?` in the expression."""
    needed = count_constants(expression)
    if given != needed:
        raise FormulaError(
            f"the formula has {needed} '?' without a value, but {given} values were given: "
            f"pass constants= with {needed} numbers, in level order"
        )


def extract_constants(expression: Expression) -> tuple[Expression, tuple[float, ...]]:
    """Replace every number by `?`. This is the inverse of `fill_constants`.

    Parameters
    ----------
    expression : Expression
        An expression without `?`.

    Returns
    -------
    skeleton : Expression
        The expression with `?` in place of its numbers.
    constants : tuple of float
        The numbers in level order.

    Raises
    ------
    FormulaError
        The expression has a `?`, whose value is unknown.
    """
    check_constants(expression, 0)
    numbers = tuple(node.symbol.number for node in expression.walk() if node.symbol.number is not None)

    def replace(symbol: Symbol, args: list[Expression]) -> Expression:
        return Expression(Symbol() if symbol.number is not None else symbol, tuple(args))

    return fold(expression, replace), numbers


def fill_constants(expression: Expression, constants: Sequence[float]) -> Expression:
    """Replace every `?` by a number.

    Parameters
    ----------
    expression : Expression
        The expression.
    constants : sequence of float, length K
        The values of the K `?` in level order.

    Returns
    -------
    Expression

    Raises
    ------
    FormulaError
        The number of values is wrong, or a value is not finite in float32.
    """
    check_constants(expression, len(constants))
    numbers = [float(value) for value in constants]
    for k, value in enumerate(numbers):
        if not math.isfinite(nearest_float32(value)):
            raise FormulaError(f"constant {k} is {value}: numbers must be finite in float32")

    def fill(symbol: Symbol, args: list[Expression]) -> Expression:
        return Expression(Symbol(number=numbers.pop()) if is_constant(symbol) else symbol, tuple(args))

    return fold(expression, fill)
