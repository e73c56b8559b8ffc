"""Prints formulas made of calls and signs, with no more parentheses than the tree needs."""

from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.dialect import ATOM, POWER, Dialect
from quarva.karva.notation.stack import bottom_up
from quarva.karva.notation.symbols import quoted, spell_number
from quarva.karva.operators import Operator

__all__ = ["write_calls"]

_Part = tuple[str, int]  # a text, and how strongly it binds


def write_calls(expression: Expression, dialect: Dialect) -> str:
    """The formula in `dialect`; raises FormulaError for a name or number that can not be written."""
    return bottom_up(expression, lambda node, args: _spell(node, args, dialect))[0]


def _spell(node: Expression, args: list[_Part], dialect: Dialect) -> _Part:
    symbol, operator = node.symbol, node.symbol.operator
    short = dialect.short(node)
    if short is not None:
        return short, ATOM
    if operator is None:
        return _spell_terminal(symbol, dialect), ATOM
    if dialect.choice and operator.arity == 3:
        condition, first, second = (_within(arg, 1) for arg in args)
        return f"{condition} ? {first} : {second}", 0
    sign, strength = dialect.signs.get(operator.name, ("", 0))
    if sign and operator.arity == 2:
        left, right = _sides(operator, args, strength, sign in POWER)
        if right[0] == "-" and not dialect.bare:
            right = f"({right})"
        return f"{left}{dialect.space}{sign}{dialect.space}{right}", strength
    if sign and not (sign == "-" and _is_literal(args[0])):
        text = _within(args[0], strength)
        return sign + (f"({text})" if text[0] == "-" else text), strength
    texts = [text for text, _ in args]
    word = dialect.words[operator.name]
    if word in dialect.of_window and _is_literal(args[-1]):
        texts[-1] = f"({texts[-1]})"  # a plain number there would be a window
    return f"{word}({', '.join(texts + dialect.parameters(symbol))})", ATOM


def _sides(operator: Operator, args: list[_Part], strength: int, power: bool) -> tuple[str, str]:
    """The arguments of a sign, in parentheses where it would else bind less than what stands in them."""
    if not power:
        return _within(args[0], strength + operator.compares), _within(args[1], strength + 1)
    left = _within(args[0], strength + 1)  # a power binds from the right, and before a `-`
    return f"({left})" if left[0] == "-" else left, _within(args[1], strength)


def _spell_terminal(symbol: Symbol, dialect: Dialect) -> str:
    if symbol.field is not None:
        name = quoted(symbol.field)
        return dialect.mark + (f"`{name}`" if dialect.named(name) is not None else name)
    return "?" if symbol.number is None else spell_number(symbol.number)


def _is_literal(part: _Part) -> bool:
    """Whether a text is a number: a `-` before it would become part of it, so its negation is a call."""
    return part[1] == ATOM and part[0][0].isdigit()


def _within(part: _Part, strength: int) -> str:
    text, own = part
    return text if own >= strength else f"({text})"
