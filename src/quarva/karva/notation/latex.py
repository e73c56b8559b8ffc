r"""Rendering in LaTeX: `\operatorname{mean}_{20}\left(\frac{\mathrm{close}}{\mathrm{close}_{t-5}}\right)`.

Formulas are rendered from the `latex` templates of the operator table, so a new operator needs no code here.
A template that begins and ends with text is a call, one that ends with an argument is a prefix sign, and one
that begins with an argument is an infix or a postfix sign. LaTeX is for reports; it cannot be parsed.

Fields are written `\mathrm{adj\_close}`. A field with a one-letter name is written as that letter, except e,
which is Euler's number.
"""

import re

from quarva.karva.expression import Expression, Symbol, format_parameter
from quarva.karva.notation.stack import bottom_up
from quarva.karva.notation.symbols import checked_name, format_number
from quarva.karva.operators import Operator, Parameter

__all__ = ["render_latex"]

# Name of each parameter in templates.
_SHORT: dict[Parameter, str] = {"window": "w", "share": "q", "count": "k", "group": "g", "asset": "a"}
_ESCAPED = {c: "\\" + c for c in "_#$%&{} "} | {"\\": r"\backslash{}", "^": r"\wedge{}", "~": r"\sim{}"}
_NAME = r"[A-Za-z?]|\\mathrm\{(?:\\[a-z]+\{\}|\\[^a-z]|[^{}\\])+\}"
_NUMBER = r"-?[0-9.]+(?:\s*\\times\s*10\^\{-?[0-9]+\})?"
_ATOM, _POSTFIX = 9, 8  # strengths of calls, names and numbers, and of postfix signs


def render_latex(expression: Expression) -> str:
    """Render an expression in LaTeX's math mode; raise FormulaError if a name or number is invalid."""
    return bottom_up(expression, _render)[0]


def _render(node: Expression, args: list[tuple[str, int]]) -> tuple[str, int]:
    """Return the text and the binding strength of a node, from those of its arguments."""
    symbol, operator = node.symbol, node.symbol.operator
    if operator is None:
        return _render_terminal(symbol), _ATOM
    texts, strength = [text for text, _ in args], _ATOM
    begins = operator.latex.startswith("{0}")
    ends = operator.latex.endswith(f"{{{operator.arity - 1}}}")
    if begins and ends:  # infix
        strength = operator.strength
        texts = [_parenthesised(args[0], strength + operator.compares), _parenthesised(args[1], strength + 1)]
        texts[1] = _bracketed(texts[1]) if texts[1].startswith("-") else texts[1]
    elif ends:  # prefix
        strength = operator.strength
        number = re.fullmatch(_NUMBER, texts[0]) is not None
        texts = [_bracketed(texts[0]) if number else _parenthesised(args[0], _POSTFIX)]
    elif begins:  # postfix
        strength = _POSTFIX
        texts[0] = texts[0] if _may_precede_postfix(texts[0], operator) else _bracketed(texts[0])
    parameters = {
        _SHORT[name]: _render_name(value) if isinstance(value, str) else format_parameter(value)
        for name, value in zip(operator.parameters, symbol.parameters, strict=True)
    }
    template = operator.latex.replace("(", r"\left(").replace(")", r"\right)")
    return template.format(*texts, **parameters), strength


def _render_terminal(symbol: Symbol) -> str:
    if symbol.field is not None:
        alone = re.fullmatch("[A-Za-z]", symbol.field) and symbol.field != "e"
        return symbol.field if alone else _render_name(symbol.field)
    if symbol.number is None:
        return "?"
    mantissa, _, exponent = format_number(symbol.number).partition("e")
    return rf"{mantissa} \times 10^{{{exponent}}}" if exponent else mantissa


def _render_name(name: str) -> str:
    return rf"\mathrm{{{''.join(_ESCAPED.get(c, c) for c in checked_name(name))}}}"


def _parenthesised(part: tuple[str, int], strength: int) -> str:
    text, own = part
    return text if own >= strength else _bracketed(text)


def _bracketed(text: str) -> str:
    return rf"\left({text}\right)"


def _may_precede_postfix(text: str, operator: Operator) -> bool:
    """Return whether a postfix sign visibly applies to all of `text`: a name, or the base of a power."""
    if re.fullmatch(_NAME, text):
        return True
    return not operator.windowed and re.fullmatch("[0-9.]+", text) is not None
