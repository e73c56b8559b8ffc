"""Builds and walks expressions without recursion: an operator-precedence stack, and its way back.

The stack is Dijkstra's shunting yard, with a frame for each call or parenthesis that stands open.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.tokens import fault
from quarva.karva.operators import Operator

__all__ = ["MAX_DEPTH", "Frame", "Sign", "Stack", "Value", "bottom_up"]

_Spelled = TypeVar("_Spelled")

MAX_DEPTH = 200
"""How many levels a formula may have; what walks a tree by recursion is safe below."""


class Value(NamedTuple):
    """A finished expression and its number of levels."""

    expression: Expression
    depth: int


class Sign(NamedTuple):
    """An operator written between its arguments, or before its only one."""

    operator: Operator
    strength: int
    column: int
    from_right: bool = False


@dataclass(slots=True)
class Frame:
    """What stands open: a call, a parenthesis (no operator), or the whole formula (the first frame)."""

    column: int
    operator: Operator | None = None
    word: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    args: list[Value] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)


class Stack:
    """Takes a formula's parts from left to right; its frames are the calls and parentheses still open."""

    def __init__(self, text: str):
        self.text = text
        self.frames = [Frame(column=1)]

    @property
    def top(self) -> Frame:
        return self.frames[-1]

    @property
    def outermost(self) -> bool:
        return len(self.frames) == 1

    def open(self, frame: Frame) -> None:
        if len(self.frames) > MAX_DEPTH:
            raise self._too_deep(frame.column)
        self.frames.append(frame)

    def operand(self, symbol: Symbol) -> None:
        self.top.values.append(Value(Expression(symbol), 1))

    def finished(self, expression: Expression) -> None:
        """An operand that is a whole expression."""
        levels, level = 0, [expression]
        while level:
            levels, level = levels + 1, [arg for node in level for arg in node.args]
        self.top.values.append(Value(expression, levels))

    def before(self, sign: Sign) -> None:
        """A sign before its only argument."""
        self.top.signs.append(sign)

    def between(self, sign: Sign) -> None:
        """A sign after a finished argument; signs that bind the argument more tightly are applied first.

        Raises FormulaError for a comparison of a comparison, `a < b < c`, which means no one thing.
        """
        signs = self.top.signs
        while signs and (signs[-1].strength > sign.strength - (not sign.from_right)):
            before = signs.pop()
            if before.operator.compares and sign.operator.compares:
                hint = "write (a < b) & (b < c), say, with parentheses round each comparison"
                raise fault(self.text, sign.column, "a comparison of a comparison", hint)
            self._apply(before)
        signs.append(sign)

    def behind(self, symbol: Symbol, column: int) -> None:
        """A sign behind its argument: it binds the last value only."""
        self.top.values.append(self._node(symbol, [self.top.values.pop()], column))

    def fold(self) -> None:
        """Ends an argument: what the open frame holds becomes one value, its next argument."""
        frame = self.top
        while frame.signs:
            self._apply(frame.signs.pop())
        frame.args.append(frame.values.pop())

    def choose(self, operator: Operator, column: int) -> None:
        """A `?` behind a condition: the three parts of the choice are the arguments of a frame of its own."""
        self.fold()
        condition = self.top.args.pop()
        self.open(Frame(column, operator, word="?", args=[condition]))

    def close(self) -> None:
        """Ends the open frame, whose arguments are complete; its value stands in the frame below."""
        frame = self.frames.pop()
        if frame.operator is None:
            value = frame.args[0]
        else:
            symbol = Symbol(operator=frame.operator, **frame.parameters)
            value = self._node(symbol, frame.args, frame.column)
        self.top.values.append(value)

    def finish(self) -> Expression:
        """Ends the formula."""
        self.fold()
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
        return fault(self.text, column, f"formula nested more than {MAX_DEPTH} levels deep")


def bottom_up(expression: Expression, spell: Callable[[Expression, list[_Spelled]], _Spelled]) -> _Spelled:
    """What `spell` makes of the root from what it has made of the arguments, and so on from the leaves up."""
    made: dict[int, _Spelled] = {}
    # In level order every argument stands behind the node that takes it.
    for node in reversed(list(expression.walk())):
        made[id(node)] = spell(node, [made[id(arg)] for arg in node.args])
    return made[id(expression)]
