"""Reads formulas made of calls and signs, `f(x, y) + z`: infix, Qlib's and WorldQuant's.

    formula  = operand (sign operand)*
    operand  = sign operand | number | "?" | field | "(" formula ")" | call
    call     = operator "(" formula ("," formula)* ("," parameter)* ")"

Signs bind as in Python: `**` (from the right), then a `-` or `!` before its argument, then `*` `/`, then
`+` `-`, then `&`, then `|`, then comparisons, which do not chain. So `a > b & c > d` is refused as the
comparison of a comparison that it is, and `(a > b) & (c > d)` is what is meant. A dialect may bind them
otherwise. A `-` directly before a literal belongs to the literal: `-2.5` is a number, `-(2.5)` a negation.
"""

import re

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.dialect import POWER, Dialect
from quarva.karva.notation.stack import Frame, Sign, Stack
from quarva.karva.notation.symbols import Letters
from quarva.karva.notation.tokens import END, Token, cut, fault
from quarva.karva.operators import BY_NAME, Operator, Parameter

__all__ = ["read_calls"]

# Signs and words of other languages, and the operator that they mean.
_MEANT = {
    "&&": "and", "and": "and", "&": "and", "||": "or", "or": "or", "|": "or", "not": "not", "~": "not",
    "!": "not", "=": "eq", "?": "if_else", ":": "if_else",
}  # fmt: skip


def read_calls(letters: Letters, dialect: Dialect) -> Expression:
    """The expression that the text of `letters` means; raises FormulaError."""
    return _Calls(letters, dialect).read()


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
            case "sign" if token.text == "-" and self._ahead_is_literal():
                stack.operand(self.letters.number(token.text + self._next().text, token.column))
            case "sign" if token.text in self.dialect.before:
                operator, strength = self.dialect.before[token.text]
                stack.before(Sign(operator, strength, token.column))
                return False
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
                self._name(token)
            case _:
                raise self._no_operand(token)
        return True

    def _follower(self) -> bool:
        """Reads a step behind an operand; whether a sign, a comma or the end is ahead (not yet passed)."""
        token, stack = self._ahead(), self.stack
        frame = stack.top
        if (frame.word == "?" and token.kind not in ("sign", "constant")) or token.text == ":":
            return self._choice_ends(token)
        sign = self.dialect.sign_between(token.text) if token.kind == "sign" else None
        if sign is not None:
            stack.between(Sign(*sign, token.column, from_right=token.text in POWER))
            return True
        match token.kind:
            case "constant" if self.dialect.choice:
                stack.choose(BY_NAME["if_else"], token.column)
                return True
            case "comma" if frame.operator is not None:
                stack.fold()
                return self._comma(frame, frame.operator)
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
        operator = self.dialect.find(token.text)
        if operator is None:
            raise self.letters.no_operator(token.text, token.column, self.dialect.operators)
        self.stack.open(Frame(token.column, operator, word=token.text))
        self.at += 1
        if self._ahead().kind == "close":
            raise self._count(self.stack.top, operator, 0)

    def _comma(self, frame: Frame, operator: Operator) -> bool:
        """What a comma behind an argument of a call opens; whether that is one more argument."""
        windowed = self.dialect.of_window.get(self.dialect.words[operator.name])
        number = [token.kind for token in self.tokens[self.at + 1 :][:2]] == ["number", "close"]
        if windowed is not None and number and len(frame.args) == windowed.arity:
            frame.operator = operator = windowed
        if len(frame.args) < operator.arity:
            return True
        self.at += 1
        if not operator.parameters:
            raise self._count(frame, operator, operator.arity + 1, self._ahead().column)
        for name in operator.parameters:
            if frame.parameters:
                comma = self._next()
                if comma.kind != "comma":
                    if comma.kind == "close":
                        raise self._count(frame, operator, operator.arity + len(frame.parameters))
                    raise self._not_closed(comma, frame, operator)
            frame.parameters[name] = self._parameter(name, frame, operator)
        self._close_call(frame, operator)
        return False

    def _parameter(self, name: Parameter, frame: Frame, operator: Operator) -> int | float | str:
        """The window, share, count, group or asset that is ahead."""
        token = self._next()
        column, spelling = token.column, token.text
        if name in ("group", "asset"):
            if token.kind not in ("name", "group" if name == "group" else "text"):
                what = f"the {name} of {frame.word} must be a name, not {_found(token)}"
                raise fault(self.text, column, what, self._write(operator))
            spelling = self.dialect.plain(token)
            if name == "group" and self.dialect.folds:
                spelling = self.letters.folded(spelling, self.letters.groups)
        else:
            if spelling == "-" and self._ahead().kind == "number":
                token = self._next()
                spelling += token.text
            if name == "window" and self.dialect.floors and token.kind == "number":
                spelling = re.sub(r"\.[0-9]*$", "", spelling)
            if not re.fullmatch("-?[0-9]+", spelling) if name != "share" else token.kind != "number":
                wants = "a number" if name == "share" else "an integer"
                what = f"the {_KNOWN_AS.get(name, name)} of {frame.word} must be {wants}, not {_found(token)}"
                raise fault(self.text, token.column, what, self._write(operator))
        return self.letters.parameter(operator, name, spelling, column, frame.word)

    def _close_call(self, frame: Frame, operator: Operator) -> None:
        token = self._next()
        if token.kind == END:
            raise self._no_follower(token)
        given, needed = (len(part) for part in ((*frame.args, *frame.parameters), _places(operator)))
        if given < needed:
            raise self._count(frame, operator, given)
        if token.kind == "comma":
            raise self._count(frame, operator, given + 1, token.column)
        if token.kind != "close":
            raise self._not_closed(token, frame, operator)
        self.stack.close()

    def _choice_ends(self, token: Token) -> bool:
        """Ends the second or the third part of `c ? x : y`; whether an operand must come next."""
        frame = self.stack.top
        if frame.word != "?":
            raise self._no_follower(token)
        if len(frame.args) == 1:
            if token.text != ":":
                what = f"the ':' of a choice is expected, not {_found(token)}"
                raise fault(self.text, token.column, what, "write condition ? x : y")
            self.stack.fold()
            return True
        self.stack.fold()
        self.stack.close()
        return False

    def _name(self, token: Token) -> None:
        """A field, or what a name stands for."""
        name = self.dialect.plain(token)
        if token.kind == "name" and self.dialect.mark:
            hint = f"write a field as {self.dialect.mark}{token.text}"
            raise fault(self.text, token.column, f"unexpected '{token.text}'", hint)
        if self.dialect.folds:
            name = self.letters.folded(name, self.letters.fields)
        known = self.letters.fields is not None and name in self.letters.fields
        meant = None if known or token.text.startswith("`") else self.dialect.named(name)
        if meant is None:
            self.stack.operand(self.letters.field(name, token.column))
            return
        for part in meant.fields():
            self.letters.field(part, token.column)
        self.stack.finished(meant)

    def _ahead_is_literal(self) -> bool:
        number, behind = self.tokens[self.at], self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        return number.kind == "number" and behind.text not in POWER

    def _next(self) -> Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def _ahead(self) -> Token:
        return self.tokens[self.at]

    def _write(self, operator: Operator) -> str:
        return "write " + self.dialect.example(operator)

    def _count(self, frame: Frame, operator: Operator, given: int, column: int | None = None) -> FormulaError:
        names = [_KNOWN_AS.get(name, name) for name in operator.parameters]
        needed = len(_places(operator))
        last = (
            f" (the last {'is' if len(names) == 1 else 'are'} its {' and its '.join(names)})" if names else ""
        )
        wants = f"{needed} argument{'s' * (needed > 1)}{last}"
        what = f"{frame.word} takes {wants}, not {given}{' or more' * (column is not None)},"
        return fault(self.text, column or frame.column, what, self._write(operator))

    def _not_closed(self, token: Token, frame: Frame, operator: Operator) -> FormulaError:
        what = f"')' of {frame.word} is expected, not {_found(token)}"
        return fault(self.text, token.column, what, self._write(operator))

    def _no_operand(self, token: Token) -> FormulaError:
        hint = self._instead(token)
        return fault(self.text, token.column, f"an operand is expected, not {_found(token)}", hint)

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
        before = self.tokens[self.at - 1]
        hint = self._instead(token) or self._instead(before) or "a sign such as + or * is missing before it"
        return fault(self.text, token.column, f"unexpected '{token.text}'", hint)

    def _instead(self, token: Token) -> str:
        """How this notation writes what the token means in another language; empty where it means nothing."""
        if token.kind == "group":
            call = self.dialect.example(BY_NAME["group_demean"])
            return f"a group is the last argument of a call such as {call}"
        operator = BY_NAME.get(_MEANT.get(token.text, ""))
        if operator is None:
            return ""
        sign = self.dialect.signs.get(operator.name)
        if sign is None:
            return self._write(operator)
        return (
            f"write ({self.dialect.mark}x) {sign[0]} ({self.dialect.mark}y)"
            if operator.arity == 2
            else f"write {sign[0]}(x)"
        )


_KNOWN_AS = {"count": "number of parts"}


def _places(operator: Operator) -> tuple[str, ...]:
    return ("",) * operator.arity + operator.parameters


def _found(token: Token) -> str:
    return "the end" if token.kind == END else f"'{token.text}'"
