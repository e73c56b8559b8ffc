"""Parser of formulas made of calls and signs, `f(x, y) + z`: infix, Qlib's and WorldQuant's notation.

    formula  = operand (sign operand)*
    operand  = sign operand | number | "?" | field | "(" formula ")" | call
    call     = operator "(" formula ("," formula)* ("," parameter)* ")"

Signs bind as in Python, from the tightest: `**` (right-associative), unary `-` and `!`, `*` and `/`, `+` and
`-`, `&`, `|`, comparisons. Comparisons cannot be chained, so `a > b & c > d` is an error, because it is a
comparison of a comparison; `(a > b) & (c > d)` is valid. A dialect may define other strengths. A `-` directly
before a literal is part of the literal: `-2.5` is a number, and `-(2.5)` is a negation. A unary `+` has no
effect: `+x` is x.
"""

import re

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.dialect import POWER, Dialect
from quarva.karva.notation.stack import Frame, Sign, Stack
from quarva.karva.notation.symbols import SymbolParser
from quarva.karva.notation.tokens import END, Token, error_at, tokenize
from quarva.karva.operators import BY_NAME, Operator, Parameter

__all__ = ["parse_calls"]

# Signs and words of other languages, and the equivalent operator.
_EQUIVALENT = {
    "&&": "and", "and": "and", "&": "and", "||": "or", "or": "or", "|": "or", "not": "not", "~": "not",
    "!": "not", "=": "eq", "?": "if_else", ":": "if_else",
}  # fmt: skip


def parse_calls(symbols: SymbolParser, dialect: Dialect) -> Expression:
    """Parse the text of `symbols` in a dialect; raise FormulaError if it is invalid."""
    return _CallParser(symbols, dialect).parse()


class _CallParser:
    """Parses one text, alternating between operands and what may follow them."""

    def __init__(self, symbols: SymbolParser, dialect: Dialect):
        self.symbols, self.dialect, self.text = symbols, dialect, symbols.text
        self.tokens = list(tokenize(self.text, dialect.pattern))
        self.at = 0
        self.stack = Stack(self.text)

    def parse(self) -> Expression:
        if self.tokens[0].kind == END:
            raise FormulaError(f"empty formula: {self._usage(BY_NAME['mean'])}, for example")
        while True:
            while not self._operand():
                pass
            while not self._follower():
                pass
            if self._ahead().kind == END and self.stack.outermost:
                return self.stack.finish()
            self.at += 1

    def _operand(self) -> bool:
        """Read a part of an operand, and return whether the operand is complete."""
        token = self._next()
        stack = self.stack
        match token.kind:
            case "sign" if token.text == "-" and self._ahead_is_literal():
                stack.push_symbol(self.symbols.number(token.text + self._next().text, token.column))
            case "sign" if token.text == "+":
                return False  # unary plus
            case "sign" if token.text in self.dialect.unary:
                operator, strength = self.dialect.unary[token.text]
                stack.prefix(Sign(operator, strength, token.column))
                return False
            case "number":
                stack.push_symbol(self.symbols.number(token.text, token.column))
            case "constant":
                stack.push_symbol(Symbol())
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
        """Read what follows an operand, and return whether a sign, a comma or the end is next."""
        token, stack = self._ahead(), self.stack
        frame = stack.top
        if (frame.word == "?" and token.kind not in ("sign", "constant")) or token.text == ":":
            return self._end_of_choice(token)
        sign = self.dialect.binary_sign(token.text) if token.kind == "sign" else None
        if sign is not None:
            stack.infix(Sign(*sign, token.column, right_associative=token.text in POWER))
            return True
        match token.kind:
            case "constant" if self.dialect.ternary:
                stack.open_ternary(BY_NAME["if_else"], token.column)
                return True
            case "comma" if frame.operator is not None:
                stack.end_argument()
                return self._comma(frame, frame.operator)
            case "close" if not stack.outermost:
                stack.end_argument()
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
            raise error_at(self.text, token.column, "a name in backticks is a field and takes no arguments")
        operator = self.dialect.find(token.text)
        if operator is None:
            raise self.symbols.unknown_operator(token.text, token.column, self.dialect.operators)
        self.stack.open(Frame(token.column, operator, word=token.text))
        self.at += 1
        if self._ahead().kind == "close":
            raise self._wrong_count(self.stack.top, operator, 0)

    def _comma(self, frame: Frame, operator: Operator) -> bool:
        """Read the parameters after a comma if there are any, and return whether an argument is next."""
        windowed = self.dialect.windowed.get(self.dialect.words[operator.name])
        number = [token.kind for token in self.tokens[self.at + 1 :][:2]] == ["number", "close"]
        if windowed is not None and number and len(frame.args) == windowed.arity:
            frame.operator = operator = windowed
        if len(frame.args) < operator.arity:
            return True
        self.at += 1
        if not operator.parameters:
            raise self._wrong_count(frame, operator, operator.arity + 1, self._ahead().column)
        for name in operator.parameters:
            if frame.parameters:
                comma = self._next()
                if comma.kind != "comma":
                    if comma.kind == "close":
                        raise self._wrong_count(frame, operator, operator.arity + len(frame.parameters))
                    raise self._not_closed(comma, frame, operator)
            frame.parameters[name] = self._parameter(name, frame, operator)
        self._close_call(frame, operator)
        return False

    def _parameter(self, name: Parameter, frame: Frame, operator: Operator) -> int | float | str:
        """Read the value of a parameter."""
        token = self._next()
        column, text = token.column, token.text
        if name in ("group", "asset"):
            if token.kind not in ("name", "group" if name == "group" else "text"):
                problem = f"the {name} of {frame.word} must be a name, not {_describe(token)}"
                raise error_at(self.text, column, problem, self._usage(operator))
            text = self.dialect.plain(token)
            if name == "group" and self.dialect.ignores_case:
                text = self.symbols.match_case(text, self.symbols.groups)
        else:
            if text in ("-", "+") and self._ahead().kind == "number":
                token = self._next()
                text = token.text if text == "+" else text + token.text
            if name == "window" and self.dialect.truncates_windows and token.kind == "number":
                text = re.sub(r"\.[0-9]*$", "", text)
            if not re.fullmatch("-?[0-9]+", text) if name != "share" else token.kind != "number":
                expected = "a number" if name == "share" else "an integer"
                label = _LABELS.get(name, name)
                problem = f"the {label} of {frame.word} must be {expected}, not {_describe(token)}"
                raise error_at(self.text, token.column, problem, self._usage(operator))
        return self.symbols.parameter(operator, name, text, column, frame.word)

    def _close_call(self, frame: Frame, operator: Operator) -> None:
        token = self._next()
        if token.kind == END:
            raise self._no_follower(token)
        given, needed = len(frame.args) + len(frame.parameters), _n_arguments(operator)
        if given < needed:
            raise self._wrong_count(frame, operator, given)
        if token.kind == "comma":
            raise self._wrong_count(frame, operator, given + 1, token.column)
        if token.kind != "close":
            raise self._not_closed(token, frame, operator)
        self.stack.close()

    def _end_of_choice(self, token: Token) -> bool:
        """End the second or third part of `c ? x : y`, and return whether an operand is next."""
        frame = self.stack.top
        if frame.word != "?":
            raise self._no_follower(token)
        if len(frame.args) == 1:
            if token.text != ":":
                problem = f"expected the ':' of a choice, not {_describe(token)}"
                raise error_at(self.text, token.column, problem, "write condition ? x : y")
            self.stack.end_argument()
            return True
        self.stack.end_argument()
        self.stack.close()
        return False

    def _name(self, token: Token) -> None:
        """Push a field, or the expression that a name stands for."""
        name = self.dialect.plain(token)
        if token.kind == "name" and self.dialect.field_prefix:
            hint = f"write a field as {self.dialect.field_prefix}{token.text}"
            raise error_at(self.text, token.column, f"unexpected '{token.text}'", hint)
        if self.dialect.ignores_case:
            name = self.symbols.match_case(name, self.symbols.fields)
        known = self.symbols.fields is not None and name in self.symbols.fields
        expansion = None if known or token.text.startswith("`") else self.dialect.expand(name)
        if expansion is None:
            self.stack.push_symbol(self.symbols.field(name, token.column))
            return
        for part in expansion.fields():
            self.symbols.field(part, token.column)
        self.stack.push_expression(expansion)

    def _ahead_is_literal(self) -> bool:
        number, after = self.tokens[self.at], self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        return number.kind == "number" and after.text not in POWER

    def _next(self) -> Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def _ahead(self) -> Token:
        return self.tokens[self.at]

    def _usage(self, operator: Operator) -> str:
        return "write " + self.dialect.example(operator)

    def _wrong_count(
        self, frame: Frame, operator: Operator, given: int, column: int | None = None
    ) -> FormulaError:
        names = [_LABELS.get(name, name) for name in operator.parameters]
        needed = _n_arguments(operator)
        last = (
            f" (the last {'is' if len(names) == 1 else 'are'} its {' and its '.join(names)})" if names else ""
        )
        expected = f"{needed} argument{'s' * (needed > 1)}{last}"
        problem = f"{frame.word} takes {expected}, not {given}{' or more' * (column is not None)},"
        return error_at(self.text, column or frame.column, problem, self._usage(operator))

    def _not_closed(self, token: Token, frame: Frame, operator: Operator) -> FormulaError:
        problem = f"expected the ')' of {frame.word}, not {_describe(token)}"
        return error_at(self.text, token.column, problem, self._usage(operator))

    def _no_operand(self, token: Token) -> FormulaError:
        hint = self._equivalent(token)
        return error_at(self.text, token.column, f"expected an operand, not {_describe(token)}", hint)

    def _no_follower(self, token: Token) -> FormulaError:
        frame = self.stack.top
        if token.kind == END:
            opened = frame.column if frame.operator is None else self.text.index("(", frame.column - 1) + 1
            return error_at(self.text, opened, "'(' is never closed")
        if token.kind == "close":
            return error_at(self.text, token.column, "unmatched ')'")
        if token.kind == "comma":
            hint = "" if self.stack.outermost else "is a ')' missing before it?"
            return error_at(self.text, token.column, "a comma outside of a call", hint)
        before = self.tokens[self.at - 1]
        hint = (
            self._equivalent(token)
            or self._equivalent(before)
            or "a sign such as + or * is missing before it"
        )
        return error_at(self.text, token.column, f"unexpected '{token.text}'", hint)

    def _equivalent(self, token: Token) -> str:
        """Return how to write a sign or word of another language in this notation, or an empty string."""
        if token.kind == "group":
            call = self.dialect.example(BY_NAME["group_demean"])
            return f"a group is the last argument of a call such as {call}"
        operator = BY_NAME.get(_EQUIVALENT.get(token.text, ""))
        if operator is None:
            return ""
        sign = self.dialect.signs.get(operator.name)
        if sign is None:
            return self._usage(operator)
        prefix = self.dialect.field_prefix
        return f"write ({prefix}x) {sign[0]} ({prefix}y)" if operator.arity == 2 else f"write {sign[0]}(x)"


_LABELS = {"count": "number of parts"}


def _n_arguments(operator: Operator) -> int:
    return operator.arity + len(operator.parameters)


def _describe(token: Token) -> str:
    return "the end" if token.kind == END else f"'{token.text}'"
