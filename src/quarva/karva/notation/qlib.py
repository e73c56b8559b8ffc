"""Qlib's expression language: `Corr($close, $volume, 10)`, `($close-$open)/Std($close, 20)`.

A name is mapped to the operator that Qlib's operator of this name corresponds to: `Greater` and `Less` are
the maximum and minimum of two values, `Max` and `Min` those of a window, and `Rank` is the rank within a
window. Not all values agree: Qlib also returns values before a window is full, and its `EMA` has infinite
memory.

Operators that Qlib does not have (`OWN_NAMES`) are written in the same style, cross-sectional ones with the
prefix CS: `CSRank($close)`, `GroupDemean($close, sector)`, `PctChange($close, 5)`, `Neg($close)`. Qlib can
evaluate such formulas once operators with these names are registered there.
"""

from types import MappingProxyType

from quarva.karva.expression import Expression
from quarva.karva.notation.calls import parse_calls
from quarva.karva.notation.dialect import Dialect
from quarva.karva.notation.rendering import render_calls
from quarva.karva.notation.symbols import SymbolParser
from quarva.karva.operators import OPERATORS, Operator

__all__ = ["NAMES", "OWN_NAMES", "parse_qlib", "render_qlib"]


def _own_name(operator: Operator) -> str:
    camel = "".join(part.capitalize() for part in operator.name.split("_"))
    return "CS" + camel if operator.kind == "cross" else camel


OWN_NAMES = MappingProxyType({op.name: _own_name(op) for op in OPERATORS if op.qlib is None})
"""Names in Qlib's style of the operators that Qlib does not have."""

NAMES = MappingProxyType({op.name: op.qlib or OWN_NAMES[op.name] for op in OPERATORS})
"""The name of each operator."""

# Qlib has binary signs, but no unary ones.
_DIALECT = Dialect(
    {NAMES[op.name]: op for op in OPERATORS},
    field_prefix="$",
    space="",
    unary_signs=False,
    quotes_assets=True,
)


def parse_qlib(symbols: SymbolParser) -> Expression:
    """Parse a formula in Qlib's language; raise FormulaError if it is invalid."""
    return parse_calls(symbols, _DIALECT)


def render_qlib(expression: Expression) -> str:
    """Render an expression in Qlib's language; raise FormulaError if a name or number is invalid."""
    return render_calls(expression, _DIALECT)
