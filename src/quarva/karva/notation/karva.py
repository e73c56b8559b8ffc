"""K-expressions: the symbols of a formula in level order, `sub close ref_5 close` for close − ref(close, 5).

After Ferreira 2001, Gene Expression Programming. Parameters are part of the symbol: `mean_20`,
`group_demean_sector`. A field with the name of an operator is written with a `$` (`$sign`); any field may
have one. Text after the end of the expression is ignored.
"""

import re

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation.stack import MAX_DEPTH, Value
from quarva.karva.notation.symbols import SymbolParser, format_number, quoted, unquoted
from quarva.karva.notation.tokens import END, NAME, NUMBER, QUOTED, Token, error_at, tokenize
from quarva.karva.operators import BY_NAME, OPERATORS, Operator

__all__ = ["parse_karva", "render_karva"]

_BOUNDARY = r"(?![^\s])"  # a symbol ends at white space
_LONGEST_FIRST = sorted((op.name for op in OPERATORS), key=len, reverse=True)
_NAMED = [name for name in _LONGEST_FIRST if BY_NAME[name].parameters in (("group",), ("asset",))]
_NAMED_WORD = f"(?:{'|'.join(_NAMED)})_"
_VALUE = {"window": "_[0-9]+", "count": "_[0-9]+", "share": r"_[0-9]+(?:\.[0-9]+)?"}


def _symbol_pattern(operator: Operator) -> str:
    """Return the pattern of an operator's symbols; the last parameters may be missing, for error messages."""
    pattern = ""
    for name in reversed(operator.parameters[1:]):
        pattern = f"(?:{_VALUE[name]}{pattern})?"
    return f"{operator.name}{_VALUE[operator.parameters[0]]}{pattern}"


_VALUED_WORD = "|".join(_symbol_pattern(op) for op in OPERATORS if op.parameters and op.name not in _NAMED)
_PATTERN = re.compile(
    rf"(?P<field>\$(?:\w+|{QUOTED})|{QUOTED}){_BOUNDARY}"
    rf"|(?P<named>{_NAMED_WORD}(?:\w+|{QUOTED})){_BOUNDARY}"
    rf"|(?P<valued>{_VALUED_WORD}){_BOUNDARY}"
    rf"|(?P<number>[-+]?{NUMBER}){_BOUNDARY}|(?P<name>{NAME}){_BOUNDARY}|(?P<constant>\?){_BOUNDARY}"
    r"|(?P<other>\S+)"
)


def parse_karva(symbols: SymbolParser) -> Expression:
    """Parse the expression at the start of a K-expression; raise FormulaError if it is invalid."""
    found: list[Symbol] = []
    columns: list[int] = []
    needed = 1
    for token in tokenize(symbols.text, _PATTERN):
        if token.kind == END:
            raise _too_short(symbols.text, len(found), needed, token.column)
        found.append(_symbol(token, symbols))
        columns.append(token.column)
        needed += found[-1].arity
        if needed == len(found):
            break
    return _tree(found, columns, symbols.text)


def render_karva(expression: Expression) -> str:
    """Render an expression as a K-expression; raise FormulaError if a name or number is invalid."""
    return " ".join(_render(node.symbol) for node in expression.walk())


def _tree(symbols: list[Symbol], columns: list[int], text: str) -> Expression:
    """Build the nodes from last to first: the arguments of each are the last ones without a parent."""
    first = len(symbols)  # index of the first node that has a parent already
    nodes: list[Value | None] = [None] * len(symbols)
    for at in range(len(symbols) - 1, -1, -1):
        first -= symbols[at].arity
        values = [value for value in nodes[first : first + symbols[at].arity] if value is not None]
        depth = 1 + max((value.depth for value in values), default=0)
        if depth > MAX_DEPTH:
            raise error_at(text, columns[at], f"formula nested more than {MAX_DEPTH} levels deep")
        nodes[at] = Value(Expression(symbols[at], tuple(value.expression for value in values)), depth)
    assert nodes[0] is not None
    return nodes[0].expression


def _symbol(token: Token, symbols: SymbolParser) -> Symbol:
    match token.kind:
        case "number":
            return symbols.number(token.text, token.column)
        case "constant":
            return Symbol()
        case "field":
            return symbols.field(unquoted(token.text.removeprefix("$")), token.column)
        case "named":
            word = next(name for name in _NAMED if token.text.startswith(name + "_"))
            return _with_parameters(BY_NAME[word], [unquoted(token.text[len(word) + 1 :])], token, symbols)
        case "valued":
            word = next(name for name in _LONGEST_FIRST if token.text.startswith(name + "_"))
            return _with_parameters(BY_NAME[word], token.text[len(word) + 1 :].split("_"), token, symbols)
        case "other":
            hint = "a name with characters other than letters, digits and _ must be in backticks"
            raise error_at(symbols.text, token.column, f"unknown symbol '{token.text}'", hint)
    operator = BY_NAME.get(token.text)
    if operator is None:
        return symbols.field(token.text, token.column)
    return _with_parameters(operator, [], token, symbols)


def _with_parameters(operator: Operator, texts: list[str], token: Token, symbols: SymbolParser) -> Symbol:
    """Return the symbol of an operator with the parameters in `texts`."""
    names = operator.parameters
    if len(texts) < len(names):
        problem = f"{operator.name} lacks its {' and its '.join(names[len(texts) :])}"
        hint = f"write {_example(operator)}, or ${token.text} if it is a field"
        raise error_at(symbols.text, token.column, problem, hint)
    values = {
        name: symbols.parameter(operator, name, text, token.column)
        for name, text in zip(names, texts, strict=True)
    }
    return Symbol(operator, **values)


def _example(operator: Operator) -> str:
    share = "0.05" if operator.kind == "cross" else "0.8"
    given = {"window": "20", "share": share, "count": "5", "group": "sector", "asset": "SPY"}
    return "_".join((operator.name, *(given[name] for name in operator.parameters)))


def _render(symbol: Symbol) -> str:
    if symbol.operator is not None:
        name = symbol.group if symbol.group is not None else symbol.asset
        if name is None:
            return symbol.name
        return f"{symbol.operator.name}_" + (name if re.fullmatch(r"\w+", name) else quoted(name))
    if symbol.field is not None:
        ambiguous = symbol.field in BY_NAME or re.fullmatch(_VALUED_WORD, symbol.field)
        return ("$" if ambiguous or re.match(_NAMED_WORD, symbol.field) else "") + quoted(symbol.field)
    return "?" if symbol.number is None else format_number(symbol.number)


def _too_short(text: str, found: int, needed: int, column: int) -> FormulaError:
    if not found:
        return FormulaError("empty formula: write for example sub close ref_5 close")
    problem = f"the K-expression ends too early, with {found} of at least {needed} symbols,"
    return error_at(text, column, problem, "add the missing arguments")
