"""The differences between the notations that consist of calls and signs: infix, Qlib's and WorldQuant's."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from quarva.karva.expression import Expression, Symbol, format_parameter
from quarva.karva.notation.symbols import checked_name, quoted, unquoted
from quarva.karva.notation.tokens import NAME, NUMBER, QUOTED, Token
from quarva.karva.operators import BY_NAME, OPERATORS, Operator

__all__ = ["ATOM", "BINARY", "POWER", "UNARY", "Dialect", "Signs"]

Signs = Mapping[str, tuple[Operator, int]]
"""The operator and the binding strength of each sign."""

BINARY: Signs = {op.infix: (op, op.strength) for op in OPERATORS if op.infix is not None and op.arity == 2}
"""Signs between two arguments; they bind as in Python."""

UNARY: Signs = {op.infix: (op, op.strength) for op in OPERATORS if op.infix is not None and op.arity == 1}
"""Signs before one argument."""

_POWER_STRENGTH = 1 + max(op.strength for op in OPERATORS)
POWER: Signs = dict.fromkeys(("**", "^"), (BY_NAME["power"], _POWER_STRENGTH))
"""Signs of the power, which are right-associative and bind more tightly than all others."""

ATOM = 1 + _POWER_STRENGTH
"""Binding strength of a call, a name or a number."""

_TEXT = r"'(?:[^'\\]|\\.)*'|" + r'"(?:[^"\\]|\\.)*"'
# Signs of other languages, recognised so that an error message can name the equivalent.
_FOREIGN = ("&&", "||", "&", "|", "!", "~", "=", "%", ":", ";")


@dataclass(frozen=True)
class Dialect:
    """A notation of calls and signs.

    Attributes
    ----------
    operators : mapping of str to Operator
        The operator of each word. The first word of an operator is the one that is printed.
    field_prefix : str
        Text before a field.
    space : str
        Text printed around a binary sign.
    unary_signs : bool
        Whether unary signs are printed, also directly after another sign.
    binary, unary : Signs
        The signs.
    ignores_case : bool
        Whether the case of words is ignored.
    truncates_windows : bool
        Whether a window may be a fraction, which is truncated.
    ternary : bool
        Whether `c ? x : y` is parsed and printed.
    windowed : mapping of str to Operator
        The operator that a word stands for if its last argument is a plain number.
    expand : callable
        Returns the expression that a name stands for, or None for a field. It is not called for known fields.
    abbreviate : callable
        Returns a name for an expression, or None.
    group_prefix : str
        Text before a group.
    quotes_assets : bool
        Whether assets are printed in quotes.
    """

    operators: Mapping[str, Operator]
    field_prefix: str = ""
    space: str = " "
    unary_signs: bool = True
    binary: Signs = field(default_factory=lambda: BINARY)
    unary: Signs = field(default_factory=lambda: UNARY)
    ignores_case: bool = False
    truncates_windows: bool = False
    ternary: bool = False
    windowed: Mapping[str, Operator] = field(default_factory=dict)
    expand: Callable[[str], Expression | None] = lambda name: None
    abbreviate: Callable[[Expression], str | None] = lambda expression: None
    group_prefix: str = ""
    quotes_assets: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Pattern of tokens: number, field (with prefix), name (without), group, text, call signs, sign."""
        field_ = rf"(?P<field>{re.escape(self.field_prefix)}(?:\w+|{QUOTED}))|" if self.field_prefix else ""
        before = re.escape(self.group_prefix)
        group = rf"(?P<group>(?i:{before})(?:\w+|{QUOTED}))|" if self.group_prefix else ""
        known = {*self.binary, *self.unary, *POWER, *_FOREIGN}
        signs = "|".join(re.escape(sign) for sign in sorted(known, key=len, reverse=True))
        return re.compile(
            rf"{field_}{group}(?P<number>{NUMBER})|(?P<name>{NAME}|{QUOTED})|(?P<text>{_TEXT})"
            rf"|(?P<open>\()|(?P<close>\))|(?P<comma>,)|(?P<constant>\?)|(?P<sign>{signs})"
        )

    @cached_property
    def words(self) -> Mapping[str, str]:
        """The word printed for each operator, by name of the operator."""
        return {op.name: word for word, op in reversed(list(self.operators.items()))}

    @cached_property
    def signs(self) -> Mapping[str, tuple[str, int]]:
        """The sign and the strength of each operator that is printed as a sign, by name of the operator."""
        signs = [*self.binary.items(), *(self.unary.items() if self.unary_signs else ())]
        return {op.name: (sign, strength) for sign, (op, strength) in signs}

    def binary_sign(self, text: str) -> tuple[Operator, int] | None:
        """Return the operator and the strength of a binary sign; None for any other sign."""
        return POWER.get(text) or self.binary.get(text)

    def find(self, word: str) -> Operator | None:
        """Return the operator that a word names; None if there is none."""
        return self.operators.get(word.lower() if self.ignores_case else word)

    def example(self, operator: Operator) -> str:
        """Return an example of a call, such as `corr(x, y, 20)`."""
        given: dict[str, int | float | str] = {
            "window": 20, "share": 0.05 if operator.kind == "cross" else 0.8, "count": 5,
            "group": "sector", "asset": "SPY",
        }  # fmt: skip
        args = [self.field_prefix + name for name in "xyz"[: operator.arity]]
        symbol = Symbol(operator, **{name: given[name] for name in operator.parameters})  # type: ignore[arg-type]
        args += self.parameters(symbol)
        return f"{self.words[operator.name]}({', '.join(args)})"

    def parameters(self, symbol: Symbol) -> list[str]:
        """Return the parameters that follow the arguments of a call."""
        if symbol.group is not None:
            return [self.group_prefix + quoted(symbol.group)]
        if symbol.asset is not None:
            return [_text(checked_name(symbol.asset)) if self.quotes_assets else quoted(symbol.asset)]
        return [format_parameter(value) for value in symbol.parameters]

    def plain(self, token: Token) -> str:
        """Return the name in a token of a field, a group or an asset."""
        text = token.text
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if token.kind == "field":
            text = text[len(self.field_prefix) :]
        elif token.kind == "group":
            text = text[len(self.group_prefix) :]
        return unquoted(text)


def _text(name: str) -> str:
    return "'" + re.sub(r"(['\\])", r"\\\1", name) + "'"
