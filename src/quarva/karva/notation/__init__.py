"""Reads and writes formulas as people and other tools write them; knows symbols and trees, never data.

    parse("rank(corr(close, volume, 10))")              infix
    parse("rank corr_10 close volume", "karva")         K-expression
    parse("CSRank(Corr($close, $volume, 10))", "qlib")  Qlib
    parse("rank(correlation(close, volume, 10))", "worldquant")     the 101 Formulaic Alphas
    render(expression, "latex")                         LaTeX, which parse reads back

Every notation gives back the very tree: `parse(render(e, n), n) == e`.
"""

from collections.abc import Callable, Iterable
from types import MappingProxyType

from quarva.errors import FormulaError
from quarva.karva.expression import Expression
from quarva.karva.notation.infix import parse_infix, render_infix
from quarva.karva.notation.karva import parse_karva, render_karva
from quarva.karva.notation.latex import parse_latex, render_latex
from quarva.karva.notation.qlib import parse_qlib, render_qlib
from quarva.karva.notation.stack import MAX_DEPTH
from quarva.karva.notation.symbols import Letters
from quarva.karva.notation.tokens import nearest
from quarva.karva.notation.worldquant import parse_worldquant, render_worldquant
from quarva.karva.operators import MAX_WINDOW

__all__ = ["MAX_DEPTH", "MAX_WINDOW", "NOTATIONS", "parse", "render"]

_Notation = tuple[Callable[[Letters], Expression], Callable[[Expression], str]]

_NOTATIONS: MappingProxyType[str, _Notation] = MappingProxyType(
    {
        "infix": (parse_infix, render_infix),
        "karva": (parse_karva, render_karva),
        "qlib": (parse_qlib, render_qlib),
        "latex": (parse_latex, render_latex),
        "worldquant": (parse_worldquant, render_worldquant),
    }
)

NOTATIONS: tuple[str, ...] = tuple(_NOTATIONS)
"""The names of the notations."""


def parse(
    text: str,
    notation: str = "infix",
    fields: Iterable[str] | None = None,
    groups: Iterable[str] | None = None,
    assets: Iterable[str] | None = None,
) -> Expression:
    """The expression that a formula means.

    `fields`, `groups` and `assets` are the names that the formula may use; None lets any name pass. Number
    literals become the nearest float32, windows are days (at most `MAX_WINDOW`), a formula has at most
    `MAX_DEPTH` levels.

    Raises FormulaError: one line that says what is wrong, marks the column (from 1) in the text, and
    names the nearest operator, field, group or notation, or the right number of arguments.
    """
    return _named(notation)[0](Letters(text, fields, groups, assets))


def render(expression: Expression, notation: str = "infix") -> str:
    """The formula as text, in a notation that `parse` reads back to an equal expression.

    Raises FormulaError for an unknown notation, an empty name or one with control characters, and a
    number that is not a finite float32.
    """
    return _named(notation)[1](expression)


def _named(notation: str) -> _Notation:
    if notation not in _NOTATIONS:
        raise FormulaError(f"unknown notation '{notation}': {nearest(notation, NOTATIONS, 'notation')}")
    return _NOTATIONS[notation]
