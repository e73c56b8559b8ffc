"""What differs between the notations that are made of calls and signs: infix, Qlib's, WorldQuant's."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from quarva.karva.expression import Expression, Symbol, spell_parameter
from quarva.karva.notation.symbols import checked_name, quoted, unquoted
from quarva.karva.notation.tokens import NAME, NUMBER, QUOTED, Token
from quarva.karva.operators import BY_NAME, OPERATORS, Operator

__all__ = ["ATOM", "BEFORE", "BETWEEN", "POWER", "Dialect", "Signs"]

Signs = Mapping[str, tuple[Operator, int]]

BETWEEN: Signs = {op.infix: (op, op.strength) for op in OPERATORS if op.infix is not None and op.arity == 2}
"""Signs between two arguments, and how strongly they bind: as in Python."""

BEFORE: Signs = {op.infix: (op, op.strength) for op in OPERATORS if op.infix is not None and op.arity == 1}
"""Signs before one argument."""

_POWER_STRENGTH = 1 + max(op.strength for op in OPERATORS)
POWER: Signs = dict.fromkeys(("**", "^"), (BY_NAME["power"], _POWER_STRENGTH))
"""Signs of a power, which bind from the right and more tightly than all others."""

ATOM = 1 + _POWER_STRENGTH
"""How strongly a call, a name or a number binds."""

_TEXT = r"'(?:[^'\\]|\\.)*'|" + r'"(?:[^"\\]|\\.)*"'
# Signs of other languages, known so that an error can name ours.
_FOREIGN = ("&&", "||", "&", "|", "!", "~", "=", "%", ":", ";")


@dataclass(frozen=True)
class Dialect:
    """One notation of calls.

    operators: the operator for each word that is read; the first word for an operator is the one printed.
    mark: what stands before a field; space: what is printed around a sign.
    bare: whether a sign is printed before its argument, and directly behind another sign.
    between, before: the signs and how strongly they bind.
    folds: whether the case of a word does not matter.
    floors: whether a window may be a fraction, whose whole part is meant.
    choice: whether `c ? x : y` is read and printed.
    of_window: the operator that a word means where its last argument is a plain number.
    named: the formula that a name (not a field that is known) stands for, None for a field.
    short: what is written instead of an expression, None where that is nothing but the expression.
    before_group: what stands before the name of a group.
    texts: whether the name of an asset is printed in quotes.
    """

    operators: Mapping[str, Operator]
    mark: str = ""
    space: str = " "
    bare: bool = True
    between: Signs = field(default_factory=lambda: BETWEEN)
    before: Signs = field(default_factory=lambda: BEFORE)
    folds: bool = False
    floors: bool = False
    choice: bool = False
    of_window: Mapping[str, Operator] = field(default_factory=dict)
    named: Callable[[str], Expression | None] = lambda name: None
    short: Callable[[Expression], str | None] = lambda expression: None
    before_group: str = ""
    texts: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Kinds of tokens: number, field (with the mark), name (without), group, text, call signs, sign."""
        field_ = rf"(?P<field>{re.escape(self.mark)}(?:\w+|{QUOTED}))|" if self.mark else ""
        before = re.escape(self.before_group)
        group = rf"(?P<group>(?i:{before})(?:\w+|{QUOTED}))|" if self.before_group else ""
        known = {*self.between, *self.before, *POWER, *_FOREIGN}
        signs = "|".join(re.escape(sign) for sign in sorted(known, key=len, reverse=True))
        return re.compile(
            rf"{field_}{group}(?P<number>{NUMBER})|(?P<name>{NAME}|{QUOTED})|(?P<text>{_TEXT})"
            rf"|(?P<open>\()|(?P<close>\))|(?P<comma>,)|(?P<constant>\?)|(?P<sign>{signs})"
        )

    @cached_property
    def words(self) -> Mapping[str, str]:
        """The word printed for each operator, by its name."""
        return {op.name: word for word, op in reversed(list(self.operators.items()))}

    @cached_property
    def signs(self) -> Mapping[str, tuple[str, int]]:
        """The sign printed for each operator that is written with one, and its strength, by its name."""
        signs = [*self.between.items(), *(self.before.items() if self.bare else ())]
        return {op.name: (sign, strength) for sign, (op, strength) in signs}

    def sign_between(self, text: str) -> tuple[Operator, int] | None:
        """The operator of a sign between two arguments, and its strength."""
        return POWER.get(text) or self.between.get(text)

    def find(self, word: str) -> Operator | None:
        """The operator that a word names."""
        return self.operators.get(word.lower() if self.folds else word)

    def example(self, operator: Operator) -> str:
        """How to write a call of an operator: `corr(x, y, 20)`."""
        given: dict[str, int | float | str] = {
            "window": 20, "share": 0.05 if operator.kind == "cross" else 0.8, "count": 5,
            "group": "sector", "asset": "SPY",
        }  # fmt: skip
        args = [self.mark + name for name in "xyz"[: operator.arity]]
        symbol = Symbol(operator, **{name: given[name] for name in operator.parameters})  # type: ignore[arg-type]
        args += self.parameters(symbol)
        return f"{self.words[operator.name]}({', '.join(args)})"

    def parameters(self, symbol: Symbol) -> list[str]:
        """What stands behind the arguments of a call: window, share, count, group, asset."""
        if symbol.group is not None:
            return [self.before_group + quoted(symbol.group)]
        if symbol.asset is not None:
            return [_text(checked_name(symbol.asset)) if self.texts else quoted(symbol.asset)]
        return [spell_parameter(value) for value in symbol.parameters]

    def plain(self, token: Token) -> str:
        """The name that a token of a field, a group or an asset spells."""
        text = token.text
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if token.kind == "field":
            text = text[len(self.mark) :]
        elif token.kind == "group":
            text = text[len(self.before_group) :]
        return unquoted(text)


def _text(name: str) -> str:
    return "'" + re.sub(r"(['\\])", r"\\\1", name) + "'"
