"""Converts a formula from LaTeX to MathML, which browsers render without a library.

LaTeX would typeset a field name letter by letter and escape its underscores. Each field is therefore replaced
by one placeholder letter before the conversion; afterwards its name is restored as a single MathML
identifier, inserted as text, never as markup.
"""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from types import ModuleType

from quarva.karva.expression import Expression, Symbol

__all__ = ["clean", "mathml"]

SPACE = "http://www.w3.org/1998/Math/MathML"
_FIRST_PLACEHOLDER = 0xE100  # in Unicode's private use area, so it cannot occur in a formula
# fmt: off
_TAGS = frozenset((
    "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle", "mpadded",
    "msub", "msup", "msubsup", "munder", "mover", "munderover",
))
# fmt: on
_ATTRIBUTES = frozenset(("display", "mathvariant", "stretchy", "fence", "form", "accent", "lspace", "rspace"))


def mathml(expression: Expression) -> str:
    """Render `expression` as a `<math>` element; an empty string if its LaTeX cannot be converted."""
    from latex2mathml import exceptions
    from latex2mathml.converter import convert

    from quarva.karva.notation import render

    names = {name: chr(_FIRST_PLACEHOLDER + k) for k, name in enumerate(expression.fields())}
    try:
        source = convert(render(_renamed(expression, names), "latex"), display="block")
        root = ET.fromstring(source)
    except _conversion_errors(exceptions):
        return ""  # the page then shows the LaTeX source only
    _bind_signs(root)
    letters = {letter: name for name, letter in names.items()}
    for element in root.iter():
        text = (element.text or "").strip()
        if text in letters:
            element.text = letters[text]
            element.attrib.clear()
        elif element.tag.endswith("}mo") and re.fullmatch(r"[A-Za-z]{2,}", text):
            element.tag = f"{{{SPACE}}}mi"
    return clean(ET.tostring(root, encoding="unicode"))


def _bind_signs(root: ET.Element) -> None:
    """Mark a leading minus as a prefix operator; otherwise it is spaced like a subtraction."""
    for parent in root.iter():
        before = "("
        for element in parent:
            text = (element.text or "").strip()
            if element.tag.endswith("}mo") and text in ("-", "−") and before in ("(", ",", "|"):
                element.set("form", "prefix")
            before = text if element.tag.endswith("}mo") else ""


def _conversion_errors(module: ModuleType) -> tuple[type[Exception], ...]:
    """Exceptions of the converter, which have no common base class."""
    own = [
        value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Exception)
    ]
    return (*own, ET.ParseError, LookupError, ValueError)


def _renamed(expression: Expression, names: dict[str, str]) -> Expression:
    symbol = expression.symbol
    if symbol.field is not None:
        symbol = Symbol(field=names[symbol.field])
    return replace(expression, symbol=symbol, args=tuple(_renamed(arg, names) for arg in expression.args))


def clean(source: str) -> str:
    """Remove everything but presentation MathML from `source`; an empty string if it is not well formed.

    All markup that the page marks as safe passes through this function.
    """
    try:
        root = ET.fromstring(source)
    except ET.ParseError:
        return ""
    if root.tag.rpartition("}")[2] != "math":
        return ""
    fresh = _copy(root)
    if fresh is None:
        return ""
    fresh.set("xmlns", SPACE)
    return ET.tostring(fresh, encoding="unicode")


def _copy(element: ET.Element) -> ET.Element | None:
    tag = element.tag.rpartition("}")[2]
    if tag not in _TAGS:
        return None
    fresh = ET.Element(tag, {k: v for k, v in element.attrib.items() if k in _ATTRIBUTES})
    fresh.text = element.text
    for child in element:
        copied = _copy(child)
        if copied is not None:
            fresh.append(copied)
    return fresh
