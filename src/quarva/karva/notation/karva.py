"""K-expressions: a formula's symbols in level order, `sub close ref_5 close` for close − ref(close, 5).

After Ferreira 2001, Gene Expression Programming. A window or a group is part of the symbol: `mean_20`,
`group_demean_sector`. A field whose name would read as an operator's has a `$` before it (`$sign`); any
field may. What stands after the end of the expression carries no meaning and is not looked at.
"""

import re

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.stack import MAX_DEPTH, Value
from quarva.karva.notation.symbols import Letters, quoted, spell_number, unquoted
from quarva.karva.notation.tokens import END, NAME, NUMBER, QUOTED, Token, cut, fault
from quarva.karva.operators import BY_NAME, OPERATORS, Operator

__all__ = ["parse_karva", "render_karva"]

_BEHIND = r"(?![^\s])"  # a symbol ends at white space
_LONGEST = sorted((op.name for op in OPERATORS), key=len, reverse=True)
_NAMED = [name for name in _LONGEST if BY_NAME[name].parameters in (("group",), ("asset",))]
_NAMED_WORD = f"(?:{'|'.join(_NAMED)})_"
_VALUE = {"window": "_[0-9]+", "count": "_[0-9]+", "share": r"_[0-9]+(?:\.[0-9]+)?"}


def _letter(operator: Operator) -> str:
    """Pattern of an operator's letters; the last parameters may be missing, which is an error then."""
    pattern = ""
    for name in reversed(operator.parameters[1:]):
        pattern = f"(?:{_VALUE[name]}{pattern})?"
    return f"{operator.name}{_VALUE[operator.parameters[0]]}{pattern}"


_VALUED_WORD = "|".join(_letter(op) for op in OPERATORS if op.parameters and op.name not in _NAMED)
_PATTERN = re.compile(
    rf"(?P<field>\$(?:\w+|{QUOTED})|{QUOTED}){_BEHIND}|(?P<named>{_NAMED_WORD}(?:\w+|{QUOTED})){_BEHIND}"
    rf"|(?P<valued>{_VALUED_WORD}){_BEHIND}"
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
        case "named":
            word = next(name for name in _NAMED if token.text.startswith(name + "_"))
            return _with(BY_NAME[word], [unquoted(token.text[len(word) + 1 :])], token, letters)
        case "valued":
            word = next(name for name in _LONGEST if token.text.startswith(name + "_"))
            return _with(BY_NAME[word], token.text[len(word) + 1 :].split("_"), token, letters)
        case "other":
            hint = "a name with other signs than letters, digits and _ stands in backticks"
            raise fault(letters.text, token.column, f"unknown symbol '{token.text}'", hint)
    operator = BY_NAME.get(token.text)
    if operator is None:
        return letters.field(token.text, token.column)
    return _with(operator, [], token, letters)


def _with(operator: Operator, spelled: list[str], token: Token, letters: Letters) -> Symbol:
    """The symbol of an operator with its parameters as spelled."""
    names = operator.parameters
    if len(spelled) < len(names):
        what = f"{operator.name} lacks its {' and its '.join(names[len(spelled) :])}"
        hint = f"write {_example(operator)}, or ${token.text} if it is a field"
        raise fault(letters.text, token.column, what, hint)
    values = {
        name: letters.parameter(operator, name, text, token.column)
        for name, text in zip(names, spelled, strict=True)
    }
    return Symbol(operator, **values)


def _example(operator: Operator) -> str:
    share = "0.05" if operator.kind == "cross" else "0.8"
    given = {"window": "20", "share": share, "count": "5", "group": "sector", "asset": "SPY"}
    return "_".join((operator.name, *(given[name] for name in operator.parameters)))


def _spell(symbol: Symbol) -> str:
    if symbol.operator is not None:
        name = symbol.group if symbol.group is not None else symbol.asset
        if name is None:
            return symbol.name
        return f"{symbol.operator.name}_" + (name if re.fullmatch(r"\w+", name) else quoted(name))
    if symbol.field is not None:
        taken = symbol.field in BY_NAME or re.fullmatch(_VALUED_WORD, symbol.field)
        return ("$" if taken or re.match(_NAMED_WORD, symbol.field) else "") + quoted(symbol.field)
    return "?" if symbol.number is None else spell_number(symbol.number)


def _too_short(text: str, found: int, needed: int, column: int) -> FormulaError:
    if not found:
        return FormulaError("empty formula: write one such as sub close ref_5 close")
    what = f"K-expression ends too early, with {found} of at least {needed} symbols,"
    return fault(text, column, what, "add the arguments that its operators still lack")
