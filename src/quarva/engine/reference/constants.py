"""The constants of an expression: made open for tuning, and filled in again."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol

__all__ = ["check_constants", "count_constants", "fill_constants", "fold", "is_constant", "open_numbers"]

V = TypeVar("V")


def fold(expression: Expression, combine: Callable[[Symbol, list[V]], V]) -> V:
    """`combine(symbol, values of the arguments)` at every node, last node in level order first.

    Going backwards through the level order, the arguments of a node are the oldest values not yet used:
    no recursion, so that depth has no limit.
    """
    waiting: deque[V] = deque()
    for node in reversed(list(expression.walk())):
        args = [waiting.popleft() for _ in node.args]
        waiting.append(combine(node.symbol, args[::-1]))
    return waiting.popleft()


def is_constant(symbol: Symbol) -> bool:
    """Whether the symbol is `?`, a constant without a value of its own."""
    return symbol.operator is None and symbol.field is None and symbol.number is None


def count_constants(expression: Expression) -> int:
    """Number of `?` in the expression."""
    return sum(is_constant(node.symbol) for node in expression.walk())


def check_constants(expression: Expression, given: int) -> None:
    """Raise FormulaError unless as many values are given as the expression has `?`."""
    needed = count_constants(expression)
    if given != needed:
        raise FormulaError(
            f"the formula has {needed} '?' without a value, but {given} values were given: "
            f"pass constants= with {needed} numbers, in level order"
        )


def open_numbers(expression: Expression) -> tuple[Expression, tuple[float, ...]]:
    """The expression with `?` for each number, and the numbers in level order: what a tuner starts from.

    Raises FormulaError if the expression holds a `?` already, whose value nobody knows.
    """
    check_constants(expression, 0)
    numbers = tuple(node.symbol.number for node in expression.walk() if node.symbol.number is not None)

    def opened(symbol: Symbol, args: list[Expression]) -> Expression:
        return Expression(Symbol() if symbol.number is not None else symbol, tuple(args))

    return fold(expression, opened), numbers


def fill_constants(expression: Expression, constants: Sequence[float]) -> Expression:
    """The expression with a number for each `?`: `constants` in level order, rounded to float32.

    Raises FormulaError if their count is not that of the `?`, or if one is no finite float32.
    """
    check_constants(expression, len(constants))
    with np.errstate(over="ignore"):
        rounded = [float(np.float32(value)) for value in constants]
    for place, (value, number) in enumerate(zip(constants, rounded, strict=True)):
        if not np.isfinite(number):
            raise FormulaError(f"constant {place} is {value}: numbers must be finite in float32")

    def filled(symbol: Symbol, args: list[Expression]) -> Expression:
        return Expression(Symbol(number=rounded.pop()) if is_constant(symbol) else symbol, tuple(args))

    return fold(expression, filled)
