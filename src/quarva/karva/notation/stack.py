"""Building and traversing expressions without recursion.

Expressions are built by Dijkstra's shunting-yard algorithm, with one frame for each open call or parenthesis.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.tokens import error_at
from quarva.karva.operators import Operator

__all__ = ["MAX_DEPTH", "Frame", "Sign", "Stack", "Value", "bottom_up"]

_Rendered = TypeVar("_Rendered")

MAX_DEPTH = 200
"""Maximum number of levels of a formula; up to it, recursive functions on trees are safe."""


class Value(NamedTuple):
    """A complete expression and its number of levels."""

    expression: Expression
    depth: int


class Sign(NamedTuple):
    """An operator written as a binary or unary sign."""

    operator: Operator
    strength: int
    column: int
    right_associative: bool = False


@dataclass(slots=True)
class Frame:
    """An open call, an open parenthesis (without operator), or the whole formula (the first frame)."""

    column: int
    operator: Operator | None = None
    word: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    args: list[Value] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)


class Stack:
    """Builds an expression from the parts of a formula, from left to right.

    Attributes
    ----------
    text : str
        The formula, for error messages.
    frames : list of Frame
        The open calls and parentheses.
    """

    def __init__(self, text: str):
        self.text = text
        self.frames = [Frame(column=1)]

    @property
    def top(self) -> Frame:
        """The innermost frame."""
        return self.frames[-1]

    @property
    def outermost(self) -> bool:
        """Whether no call or parenthesis is open."""
        return len(self.frames) == 1

    def open(self, frame: Frame) -> None:
        """Open a call or a parenthesis."""
        if len(self.frames) > MAX_DEPTH:
            raise self._too_deep(frame.column)
        self.frames.append(frame)

    def push_symbol(self, symbol: Symbol) -> None:
        """Push a terminal as an operand."""
        self.top.values.append(Value(Expression(symbol), 1))

    def push_expression(self, expression: Expression) -> None:
        """Push a complete expression as an operand."""
        levels, level = 0, [expression]
        while level:
            levels, level = levels + 1, [arg for node in level for arg in node.args]
        self.top.values.append(Value(expression, levels))

    def prefix(self, sign: Sign) -> None:
        """Push a unary sign before its argument."""
        self.top.signs.append(sign)

    def infix(self, sign: Sign) -> None:
        """Push a binary sign after its first argument, and apply the signs that bind more tightly.

        Raises
        ------
        FormulaError
            For a comparison of a comparison, `a < b < c`, which is ambiguous.
        """
        signs = self.top.signs
        while signs and (signs[-1].strength > sign.strength - (not sign.right_associative)):
            before = signs.pop()
            if before.operator.compares and sign.operator.compares:
                hint = "put parentheses around each comparison, for example (a < b) & (b < c)"
                raise error_at(self.text, sign.column, "a comparison of a comparison", hint)
            self._apply(before)
        signs.append(sign)

    def end_argument(self) -> None:
        """Reduce the contents of the open frame to one value, its next argument."""
        frame = self.top
        while frame.signs:
            self._apply(frame.signs.pop())
        frame.args.append(frame.values.pop())

    def open_ternary(self, operator: Operator, column: int) -> None:
        """Open a frame for `c ? x : y` after its condition; the three parts become its arguments."""
        self.end_argument()
        condition = self.top.args.pop()
        self.open(Frame(column, operator, word="?", args=[condition]))

    def close(self) -> None:
        """Close the open frame, whose arguments are complete, and push its value on the frame below."""
        frame = self.frames.pop()
        if frame.operator is None:
            value = frame.args[0]
        else:
            symbol = Symbol(operator=frame.operator, **frame.parameters)
            value = self._node(symbol, frame.args, frame.column)
        self.top.values.append(value)

    def finish(self) -> Expression:
        """End the formula and return its expression."""
        self.end_argument()
        return self.top.args[0].expression

    def _apply(self, sign: Sign) -> None:
        values = self.top.values
        first = len(values) - sign.operator.arity
        values[first:] = [self._node(Symbol(operator=sign.operator), values[first:], sign.column)]

    def _node(self, symbol: Symbol, args: list[Value], column: int) -> Value:
        depth = 1 + max(arg.depth for arg in args)
        if depth > MAX_DEPTH:
            raise self._too_deep(column)
        return Value(Expression(symbol, tuple(arg.expression for arg in args)), depth)

    def _too_deep(self, column: int) -> Exception:
        return error_at(self.text, column, f"formula nested more than {MAX_DEPTH} levels deep")


def bottom_up(
    expression: Expression, render: Callable[[Expression, list[_Rendered]], _Rendered]
) -> _Rendered:
    """Apply `render` to each node and the results for its arguments, bottom-up; return the root's result."""
    done: dict[int, _Rendered] = {}
    # In level order every argument follows its parent.
    for node in reversed(list(expression.walk())):
        done[id(node)] = render(node, [done[id(arg)] for arg in node.args])
    return done[id(expression)]
