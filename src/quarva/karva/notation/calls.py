"""Formulas made of calls and signs, `f(x, y) + z`: the grammar that infix and Qlib share.

    formula  = operand (sign operand)*
    operand  = "-" operand | number | "?" | field | "(" formula ")" | call
    call     = operator "(" formula ("," formula)* ["," window | "," group] ")"

Signs bind as in Python: `**` (from the right), then a `-` before its argument, then `*` `/`, then `+` `-`.
A `-` directly before a literal belongs to the literal: `-2.5` is a number, `-(2.5)` a negation.
"""

import re
from dataclasses import dataclass

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.letters import Letters, quoted, signature, spell_number, unquoted
from quarva.karva.notation.stack import Frame, Sign, Stack, bottom_up
from quarva.karva.notation.tokens import END, NAME, NUMBER, QUOTED, Token, cut, fault
from quarva.karva.operators import BY_NAME, OPERATORS, Operator

__all__ = ["Dialect", "read_calls", "render_calls"]

_BETWEEN = {op.infix: op for op in OPERATORS if op.infix is not None and op.arity == 2}
_BEFORE = {op.infix: op for op in OPERATORS if op.infix is not None and op.arity == 1}
_POWER = ("**", "^")
_POWER_STRENGTH = 1 + max(op.strength for op in OPERATORS)
_ATOM = 1 + _POWER_STRENGTH  # what a call, a name or a number binds like


@dataclass(frozen=True)
class Dialect:
    """What differs between notations of calls.

    operators: the operator for each word; mark: what stands before a field; space: what is printed
    around a sign; bare_minus: whether a `-` is printed before an argument, or directly behind a sign.
    """

    operators: dict[str, Operator]
    mark: str = ""
    space: str = " "
    bare_minus: bool = True

    @property
    def pattern(self) -> re.Pattern[str]:
        """Kinds of tokens: number, field (with the mark), name (without), sign, call signs, `?`."""
        field = rf"(?P<field>{re.escape(self.mark)}(?:\w+|{QUOTED}))|" if self.mark else ""
        return re.compile(
            rf"{field}(?P<number>{NUMBER})|(?P<name>{NAME}|{QUOTED})|(?P<sign>\*\*|[-+*/^])"
            r"|(?P<open>\()|(?P<close>\))|(?P<comma>,)|(?P<constant>\?)"
            r"|(?P<compare>[<>]=?|[=!]=|[&|])"
        )

    def word(self, operator: Operator) -> str:
        return next(word for word, known in self.operators.items() if known is operator)


def read_calls(letters: Letters, dialect: Dialect) -> Expression:
    """The expression that the text of `letters` means; raises FormulaError."""
    return _Calls(letters, dialect).read()


def render_calls(expression: Expression, dialect: Dialect) -> str:
    """The formula in `dialect`; raises FormulaError for a name or number that can not be written."""
    words = {operator.name: word for word, operator in dialect.operators.items()}

    def spell(symbol: Symbol, args: list[tuple[str, int]]) -> tuple[str, int]:
        """A node's text, and how strongly it binds, from those of its arguments."""
        operator = symbol.operator
        if operator is None:
            return _spell_terminal(symbol, dialect), _ATOM
        if operator.infix is not None and operator.arity == 2:
            left, right = _within(args[0], operator.strength), _within(args[1], operator.strength + 1)
            if right[0] == "-" and not dialect.bare_minus:
                right = f"({right})"
            return f"{left}{dialect.space}{operator.infix}{dialect.space}{right}", operator.strength
        if operator.infix is not None and dialect.bare_minus and not _is_literal(args[0]):
            text = _within(args[0], operator.strength)
            return operator.infix + (f"({text})" if text[0] == "-" else text), operator.strength
        texts = [text for text, _ in args]
        if operator.windowed:
            texts.append(str(symbol.window))
        elif symbol.group is not None:
            texts.append(quoted(symbol.group))
        return f"{words[operator.name]}({', '.join(texts)})", _ATOM

    return bottom_up(expression, spell)[0]


def _spell_terminal(symbol: Symbol, dialect: Dialect) -> str:
    if symbol.field is not None:
        return dialect.mark + quoted(symbol.field)
    return "?" if symbol.number is None else spell_number(symbol.number)


def _is_literal(part: tuple[str, int]) -> bool:
    """Whether a `-` before the text would become part of a number: so a number's negation is a call."""
    return part[1] == _ATOM and part[0][0].isdigit()


def _within(part: tuple[str, int], strength: int) -> str:
    text, own = part
    return text if own >= strength else f"({text})"


class _Calls:
    """One reading of one text: alternates between an operand and what may follow it."""

    def __init__(self, letters: Letters, dialect: Dialect):
        self.letters, self.dialect, self.text = letters, dialect, letters.text
        self.tokens = list(cut(self.text, dialect.pattern))
        self.at = 0
        self.stack = Stack(self.text)

    def read(self) -> Expression:
        if self.tokens[0].kind == END:
            raise FormulaError(f"empty formula: {self._write(BY_NAME['mean'])}, say")
        while True:
            while not self._operand():
                pass
            while not self._follower():
                pass
            if self._ahead().kind == END and self.stack.outermost:
                return self.stack.finish()
            self.at += 1

    def _operand(self) -> bool:
        """Reads a step towards an operand; whether one stands complete."""
        token = self._next()
        stack = self.stack
        match token.kind:
            case "sign" if token.text in _BEFORE and not self._negative_literal():
                operator = _BEFORE[token.text]
                stack.before(Sign(operator, operator.strength, token.column))
                return False
            case "sign" if token.text in _BEFORE:
                stack.operand(self.letters.number(token.text + self._next().text, token.column))
            case "number":
                stack.operand(self.letters.number(token.text, token.column))
            case "constant":
                stack.operand(Symbol())
            case "name" if self._ahead().kind == "open":
                self._open_call(token)
                return False
            case "open":
                stack.open(Frame(token.column))
                return False
            case "field" | "name":
                stack.operand(self._field(token))
            case _:
                raise self._no_operand(token)
        return True

    def _follower(self) -> bool:
        """Reads a step behind an operand; whether a sign, a comma or the end is ahead (not yet passed)."""
        token, stack = self._ahead(), self.stack
        frame = stack.top
        match token.kind:
            case "sign" if token.text in _POWER:
                stack.between(Sign(BY_NAME["power"], _POWER_STRENGTH, token.column, from_right=True))
                return True
            case "sign":
                operator = _BETWEEN[token.text]
                stack.between(Sign(operator, operator.strength, token.column))
                return True
            case "comma" if frame.operator is not None:
                stack.fold()
                if len(frame.args) < frame.operator.arity:
                    return True
                self.at += 1
                self._last_argument(frame, frame.operator)
                self._close_call(frame, frame.operator)
                return False
            case "close" if not stack.outermost:
                stack.fold()
                if frame.operator is None:
                    self.at += 1
                    stack.close()
                else:
                    self._close_call(frame, frame.operator)
                return False
            case "end" if stack.outermost:
                return True
        raise self._no_follower(token)

    def _open_call(self, token: Token) -> None:
        if token.text.startswith("`"):
            raise fault(self.text, token.column, "a name in backticks is a field and takes no arguments")
        operator = self.letters.operator(token.text, token.column, self.dialect.operators)
        self.stack.open(Frame(token.column, operator, word=token.text))
        self.at += 1
        if self._ahead().kind == "close":
            raise self._count(self.stack.top, operator, 0)

    def _last_argument(self, frame: Frame, operator: Operator) -> None:
        """The window or the group of a call whose arguments are complete, the comma before it passed."""
        token = self._next()
        if operator.windowed:
            sign = ""
            if token.text == "-" and self._ahead().kind == "number":
                sign, token = "-", self._next()
            if not re.fullmatch("[0-9]+", token.text):
                raise self._not_window(token, frame, operator)
            frame.window = self.letters.window(operator, sign + token.text, token.column - len(sign))
        elif operator.kind == "group":
            if token.kind != "name":
                what = f"the group of {frame.word} must be a name, not {self._found(token)}"
                raise fault(self.text, token.column, what, self._write(operator))
            frame.group = self.letters.group(unquoted(token.text), token.column)
        else:
            raise self._count(frame, operator, operator.arity + 1, token.column)

    def _close_call(self, frame: Frame, operator: Operator) -> None:
        token = self._next()
        if token.kind == END:
            raise self._no_follower(token)
        given = len(frame.args) + (frame.window is not None or frame.group is not None)
        needed = operator.arity + (operator.windowed or operator.kind == "group")
        if given < needed:
            raise self._count(frame, operator, given)
        if token.kind == "comma":
            raise self._count(frame, operator, given + 1, token.column)
        if token.kind != "close":
            raise self._not_window(token, frame, operator)
        self.stack.close()

    def _field(self, token: Token) -> Symbol:
        name = unquoted(token.text.removeprefix(self.dialect.mark))
        if token.kind == "name" and self.dialect.mark:
            hint = f"write a field as {self.dialect.mark}{token.text}"
            raise fault(self.text, token.column, f"unexpected '{token.text}'", hint)
        return self.letters.field(name, token.column)

    def _negative_literal(self) -> bool:
        number, behind = self.tokens[self.at], self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        return number.kind == "number" and behind.text not in _POWER

    def _next(self) -> Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def _ahead(self) -> Token:
        return self.tokens[self.at]

    def _write(self, operator: Operator) -> str:
        return "write " + signature(operator, self.dialect.word(operator), self.dialect.mark)

    def _found(self, token: Token) -> str:
        return "the end" if token.kind == END else f"'{token.text}'"

    def _count(self, frame: Frame, operator: Operator, given: int, column: int | None = None) -> FormulaError:
        last = "window" if operator.windowed else "group" if operator.kind == "group" else ""
        needed = operator.arity + bool(last)
        wants = f"{needed} argument{'s' * (needed > 1)}" + (f" (the last is its {last})" if last else "")
        what = f"{frame.word} takes {wants}, not {given}{' or more' * (column is not None)},"
        return fault(self.text, column or frame.column, what, self._write(operator))

    def _not_window(self, token: Token, frame: Frame, operator: Operator) -> FormulaError:
        what = f"the window of {frame.word} must be an integer, not {self._found(token)}"
        if frame.window is not None or frame.group is not None:
            what = f"')' of {frame.word} is expected, not {self._found(token)}"
        return fault(self.text, token.column, what, self._write(operator))

    def _no_operand(self, token: Token) -> FormulaError:
        return fault(self.text, token.column, f"an operand is expected, not {self._found(token)}")

    def _no_follower(self, token: Token) -> FormulaError:
        frame = self.stack.top
        if token.kind == END:
            opened = frame.column if frame.operator is None else self.text.index("(", frame.column - 1) + 1
            return fault(self.text, opened, "'(' is never closed")
        if token.kind == "close":
            return fault(self.text, token.column, "')' closes nothing")
        if token.kind == "comma":
            hint = "" if self.stack.outermost else "is a ')' missing before it?"
            return fault(self.text, token.column, "a comma outside of a call", hint)
        hint = "a sign such as + or * is missing before it"
        if token.kind == "compare":
            hint = "comparisons are not in the language"
        return fault(self.text, token.column, f"unexpected '{token.text}'", hint)
