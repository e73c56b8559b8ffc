"""Sets a formula as mathematics that a browser draws by itself: LaTeX turned to MathML, names kept whole.

LaTeX spells a name letter by letter and escapes its underscores; so every field is first replaced by one
stand-in letter, and its real name is put back as one MathML identifier, as text, never as markup.
"""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from types import ModuleType

from quarva.karva.expression import Expression, Symbol

__all__ = ["clean", "mathml"]

SPACE = "http://www.w3.org/1998/Math/MathML"
_FIRST = 0xE100  # in Unicode's private use area: letters that no field is named after
# fmt: off
_TAGS = frozenset((
    "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle", "mpadded",
    "msub", "msup", "msubsup", "munder", "mover", "munderover",
))
# fmt: on
_ATTRIBUTES = frozenset(("display", "mathvariant", "stretchy", "fence", "form", "accent", "lspace", "rspace"))


def mathml(expression: Expression) -> str:
    """`expression` as a `<math>` element, or an empty text where its LaTeX can not be converted."""
    from latex2mathml import exceptions
    from latex2mathml.converter import convert

    from quarva.karva.notation import render

    names = {name: chr(_FIRST + k) for k, name in enumerate(expression.fields())}
    try:
        source = convert(render(_renamed(expression, names), "latex"), display="block")
        root = ET.fromstring(source)
    except _failures(exceptions):
        return ""  # what the converter does not know; the page then shows the LaTeX itself
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
    """Marks the minus of a negative number or name, which else is set with the room of a difference."""
    for parent in root.iter():
        before = "("
        for element in parent:
            text = (element.text or "").strip()
            if element.tag.endswith("}mo") and text in ("-", "−") and before in ("(", ",", "|"):
                element.set("form", "prefix")
            before = text if element.tag.endswith("}mo") else ""


def _failures(module: ModuleType) -> tuple[type[Exception], ...]:
    """The converter's errors, which have no family of their own."""
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
    """`source` with nothing in it but presentation MathML; empty where it is not well formed.

    What a page marks as safe passes through here, whoever made it.
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
        kept = _copy(child)
        if kept is not None:
            fresh.append(kept)
    return fresh
