"""K-expressions: a formula's symbols in level order, `sub close ref_5 close` for close − ref(close, 5).

After Ferreira 2001, Gene Expression Programming. A window or a group is part of the symbol: `mean_20`,
`group_demean_sector`. A field whose name would read as an operator's has a `$` before it (`$sign`); any
field may. What stands after the end of the expression carries no meaning and is not looked at.
"""

import re

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.letters import Letters, quoted, spell_number, unquoted
from quarva.karva.notation.stack import MAX_DEPTH, Value
from quarva.karva.notation.tokens import END, NAME, NUMBER, QUOTED, Token, cut, fault
from quarva.karva.operators import BY_NAME, OPERATORS, Operator

__all__ = ["parse_karva", "render_karva"]

_BEHIND = r"(?![^\s])"  # a symbol ends at white space
_GROUPED = sorted((op.name for op in OPERATORS if op.kind == "group"), key=len, reverse=True)
_GROUPED_WORD = f"(?:{'|'.join(_GROUPED)})_"
_PATTERN = re.compile(
    rf"(?P<field>\$(?:\w+|{QUOTED})|{QUOTED}){_BEHIND}|(?P<grouped>{_GROUPED_WORD}(?:\w+|{QUOTED})){_BEHIND}"
    rf"|(?P<number>-?{NUMBER}){_BEHIND}|(?P<name>{NAME}){_BEHIND}|(?P<constant>\?){_BEHIND}|(?P<other>\S+)"
)


def parse_karva(letters: Letters) -> Expression:
    """The expression at the beginning of a K-expression; raises FormulaError."""
    symbols: list[Symbol] = []
    columns: list[int] = []
    needed = 1
    for token in cut(letters.text, _PATTERN):
        if token.kind == END:
            raise _too_short(letters.text, len(symbols), needed, token.column)
        symbols.append(_symbol(token, letters))
        columns.append(token.column)
        needed += symbols[-1].arity
        if needed == len(symbols):
            break
    return _tree(symbols, columns, letters.text)


def render_karva(expression: Expression) -> str:
    """The formula as a K-expression; raises FormulaError for a name or number that can not be written."""
    return " ".join(_spell(node.symbol) for node in expression.walk())


def _tree(symbols: list[Symbol], columns: list[int], text: str) -> Expression:
    """Builds the nodes from the last to the first: the arguments of each are the last ones not yet taken."""
    waiting = len(symbols)  # place of the first argument not yet taken
    nodes: list[Value | None] = [None] * len(symbols)
    for at in range(len(symbols) - 1, -1, -1):
        waiting -= symbols[at].arity
        values = [value for value in nodes[waiting : waiting + symbols[at].arity] if value is not None]
        depth = 1 + max((value.depth for value in values), default=0)
        if depth > MAX_DEPTH:
            raise fault(text, columns[at], f"formula nested more than {MAX_DEPTH} levels deep")
        nodes[at] = Value(Expression(symbols[at], tuple(value.expression for value in values)), depth)
    assert nodes[0] is not None
    return nodes[0].expression


def _symbol(token: Token, letters: Letters) -> Symbol:
    match token.kind:
        case "number":
            return letters.number(token.text, token.column)
        case "constant":
            return Symbol()
        case "field":
            return letters.field(unquoted(token.text.removeprefix("$")), token.column)
        case "grouped":
            word = next(name for name in _GROUPED if token.text.startswith(name + "_"))
            group = letters.group(unquoted(token.text[len(word) + 1 :]), token.column)
            return Symbol.function(word, group=group)
        case "other":
            hint = "a name with other signs than letters, digits and _ stands in backticks"
            raise fault(letters.text, token.column, f"unknown symbol '{token.text}'", hint)
    operator_and_window = _operator(token.text)
    if operator_and_window is None:
        return letters.field(token.text, token.column)
    operator, window = operator_and_window
    if operator.windowed and window is not None:
        return Symbol(operator=operator, window=letters.window(operator, window, token.column))
    if operator.windowed or operator.kind == "group":
        what = "window" if operator.windowed else "group"
        right = f"{operator.name}_{'20' if operator.windowed else 'sector'}"
        hint = f"write {right}, or ${token.text} if it is a field"
        raise fault(letters.text, token.column, f"{operator.name} lacks its {what}", hint)
    return Symbol(operator=operator)


def _operator(word: str) -> tuple[Operator, str | None] | None:
    """The operator, and the digits of the window, that a word names; None if it names none."""
    if word in BY_NAME:
        return BY_NAME[word], None
    name, _, window = word.rpartition("_")
    if name in BY_NAME and BY_NAME[name].windowed and re.fullmatch("[0-9]+", window):
        return BY_NAME[name], window
    return None


def _spell(symbol: Symbol) -> str:
    if symbol.operator is not None:
        if symbol.group is not None:
            grouped = symbol.group if re.fullmatch(r"\w+", symbol.group) else quoted(symbol.group)
            return f"{symbol.operator.name}_{grouped}"
        return symbol.name
    if symbol.field is not None:
        reads_otherwise = _operator(symbol.field) or re.match(_GROUPED_WORD, symbol.field)
        return ("$" if reads_otherwise else "") + quoted(symbol.field)
    return "?" if symbol.number is None else spell_number(symbol.number)


def _too_short(text: str, found: int, needed: int, column: int) -> FormulaError:
    if not found:
        return FormulaError("empty formula: write one such as sub close ref_5 close")
    what = f"K-expression ends too early, with {found} of at least {needed} symbols,"
    return fault(text, column, what, "add the arguments that its operators still lack")
