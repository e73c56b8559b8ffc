"""Parsing and rendering of formulas in several notations.

    parse("rank(corr(close, volume, 10))")              infix
    parse("rank corr_10 close volume", "karva")         K-expression
    parse("CSRank(Corr($close, $volume, 10))", "qlib")  Qlib
    parse("rank(correlation(close, volume, 10))", "worldquant")     the 101 Formulaic Alphas
    render(expression, "latex")                         LaTeX, for reports; it cannot be parsed

Every notation n in `NOTATIONS` preserves the tree: `parse(render(e, n), n) == e`. This package depends on
symbols and trees only, not on data.
"""

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any

from quarva.errors import FormulaError
from quarva.karva.expression import Expression
from quarva.karva.notation.infix import parse_infix, render_infix
from quarva.karva.notation.karva import parse_karva, render_karva
from quarva.karva.notation.latex import render_latex
from quarva.karva.notation.qlib import parse_qlib, render_qlib
from quarva.karva.notation.stack import MAX_DEPTH
from quarva.karva.notation.symbols import SymbolParser
from quarva.karva.notation.tokens import suggestion
from quarva.karva.notation.worldquant import parse_worldquant, render_worldquant
from quarva.karva.operators import MAX_WINDOW

__all__ = ["MAX_DEPTH", "MAX_WINDOW", "NOTATIONS", "expression_of", "parse", "render"]

_Notation = tuple[Callable[[SymbolParser], Expression], Callable[[Expression], str]]

_NOTATIONS: MappingProxyType[str, _Notation] = MappingProxyType(
    {
        "infix": (parse_infix, render_infix),
        "karva": (parse_karva, render_karva),
        "qlib": (parse_qlib, render_qlib),
        "worldquant": (parse_worldquant, render_worldquant),
    }
)

NOTATIONS: tuple[str, ...] = tuple(_NOTATIONS)
"""Names of the notations that `parse` reads; `render` also writes "latex"."""


def parse(
    text: str,
    notation: str = "infix",
    fields: Iterable[str] | None = None,
    groups: Iterable[str] | None = None,
    assets: Iterable[str] | None = None,
) -> Expression:
    """Parse a formula.

    Parameters
    ----------
    text : str
        The formula.
    notation : str
        One of `NOTATIONS`.
    fields, groups, assets : iterable of str, optional
        Names that the formula may use. By default any name is accepted.

    Returns
    -------
    Expression
        Number literals are kept in float64; the engine rounds them to the precision of its data. Windows are
        in days.

    Raises
    ------
    FormulaError
        If the notation is unknown, or the formula is invalid, uses an unknown name, has a window above
        `MAX_WINDOW` days, or has more than `MAX_DEPTH` levels. The message is one line with the column (from
        1) of the error, and suggests the nearest known name or the correct form of the call.
    """
    if not isinstance(text, str):
        raise FormulaError(f"a formula is written as text, such as 'rank(close)', not as a {_kind(text)}")
    if notation == "latex":
        raise FormulaError(
            "LaTeX is only written, not parsed: write the formula as in 'rank(delta(close, 5))'"
        )
    return _functions(notation)[0](SymbolParser(text, fields, groups, assets))


def expression_of(
    given: Any,
    fields: Iterable[str] | None = None,
    groups: Iterable[str] | None = None,
    assets: Iterable[str] | None = None,
) -> Expression:
    """Return the expression of a formula, however it is given.

    Parameters
    ----------
    given : str, Expression, or an object that holds one
        Text is in infix notation. A `Formula` holds an expression, a `Finding` a formula.
    fields, groups, assets : iterable of str, optional
        Names that a text may use, as for `parse`.

    Returns
    -------
    Expression

    Raises
    ------
    FormulaError
        If a text cannot be parsed, or `given` is anything else.
    """
    if isinstance(given, str):
        return parse(given, "infix", fields, groups, assets)
    found = getattr(given, "formula", given)
    found = getattr(found, "expression", found)
    if not isinstance(found, Expression):
        raise FormulaError(
            f"a formula is text such as 'rank(close)', a Formula or an Expression, not a {_kind(given)}"
        )
    return found


def render(expression: Any, notation: str = "infix") -> str:
    """Render a formula as text. `parse` turns the text into an equal expression, except for LaTeX.

    Parameters
    ----------
    expression : Expression, Formula or str
        Text is in infix notation.
    notation : str
        One of `NOTATIONS`, or "latex".

    Returns
    -------
    str

    Raises
    ------
    FormulaError
        If the notation is unknown, a text cannot be parsed, a name is empty or has control characters, or a
        number is not a finite float32.
    """
    tree = expression_of(expression)
    return render_latex(tree) if notation == "latex" else _functions(notation)[1](tree)


def _kind(given: object) -> str:
    return type(given).__name__


def _functions(notation: str) -> _Notation:
    if notation not in _NOTATIONS:
        raise FormulaError(f"unknown notation '{notation}': {suggestion(notation, NOTATIONS, 'notation')}")
    return _NOTATIONS[notation]
