"""Rendering of formulas as calls and signs, with the fewest parentheses that preserve the tree."""

from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.dialect import ATOM, POWER, Dialect
from quarva.karva.notation.stack import bottom_up
from quarva.karva.notation.symbols import format_number, quoted
from quarva.karva.operators import Operator

__all__ = ["render_calls"]

_Part = tuple[str, int]  # a text and its binding strength


def render_calls(expression: Expression, dialect: Dialect) -> str:
    """Render an expression in `dialect`; raise FormulaError if a name or number is invalid."""
    return bottom_up(expression, lambda node, args: _render(node, args, dialect))[0]


def _render(node: Expression, args: list[_Part], dialect: Dialect) -> _Part:
    symbol, operator = node.symbol, node.symbol.operator
    short = dialect.abbreviate(node)
    if short is not None:
        return short, ATOM
    if operator is None:
        return _render_terminal(symbol, dialect), ATOM
    if dialect.ternary and operator.arity == 3:
        condition, first, second = (_parenthesised(arg, 1) for arg in args)
        return f"{condition} ? {first} : {second}", 0
    sign, strength = dialect.signs.get(operator.name, ("", 0))
    if sign and operator.arity == 2:
        left, right = _operands(operator, args, strength, sign in POWER)
        if right[0] == "-" and not dialect.unary_signs:
            right = f"({right})"
        return f"{left}{dialect.space}{sign}{dialect.space}{right}", strength
    if sign and not (sign == "-" and _is_literal(args[0])):
        text = _parenthesised(args[0], strength)
        return sign + (f"({text})" if text[0] == "-" else text), strength
    texts = [text for text, _ in args]
    word = dialect.words[operator.name]
    if word in dialect.windowed and _is_literal(args[-1]):
        texts[-1] = f"({texts[-1]})"  # a plain number would be parsed as a window
    return f"{word}({', '.join(texts + dialect.parameters(symbol))})", ATOM


def _operands(operator: Operator, args: list[_Part], strength: int, power: bool) -> tuple[str, str]:
    """Return the operands of a binary sign, in parentheses where precedence requires them."""
    if not power:
        return (
            _parenthesised(args[0], strength + operator.compares),
            _parenthesised(args[1], strength + 1),
        )
    # A power is right-associative and binds more tightly than a unary minus.
    left = _parenthesised(args[0], strength + 1)
    return f"({left})" if left[0] == "-" else left, _parenthesised(args[1], strength)


def _render_terminal(symbol: Symbol, dialect: Dialect) -> str:
    if symbol.field is not None:
        name = quoted(symbol.field)
        return dialect.field_prefix + (f"`{name}`" if dialect.expand(name) is not None else name)
    return "?" if symbol.number is None else format_number(symbol.number)


def _is_literal(part: _Part) -> bool:
    """Return whether a text is a number, which would absorb a `-` before it."""
    return part[1] == ATOM and part[0][0].isdigit()


def _parenthesised(part: _Part, strength: int) -> str:
    text, own = part
    return text if own >= strength else f"({text})"
