"""Qlib's expression language: `Corr($close, $volume, 10)`, `($close-$open)/Std($close, 20)`.

A name means the operator of ours that Qlib's operator of that name stands for: `Greater` and `Less` are
max and min of two values, `Max` and `Min` those of a window, `Rank` is the rank within a window. The
two do not agree on every number: Qlib also answers before a window is full, and its `EMA` has no end.
Operators that Qlib lacks (`OWN_NAMES`) are written in the same style, those across assets with CS before
them: `CSRank($close)`, `GroupDemean($close, sector)`, `PctChange($close, 5)`, `Neg($close)`. Qlib reads
such a formula once operators of these names are registered there.
"""

from types import MappingProxyType

from quarva.karva.expression import Expression
from quarva.karva.notation.calls import read_calls
from quarva.karva.notation.dialect import Dialect
from quarva.karva.notation.symbols import Letters
from quarva.karva.notation.written import write_calls
from quarva.karva.operators import OPERATORS, Operator

__all__ = ["NAMES", "OWN_NAMES", "parse_qlib", "render_qlib"]


def _own_name(operator: Operator) -> str:
    camel = "".join(part.capitalize() for part in operator.name.split("_"))
    return "CS" + camel if operator.kind == "cross" else camel


OWN_NAMES = MappingProxyType({op.name: _own_name(op) for op in OPERATORS if op.qlib is None})
"""Our operators that Qlib does not have, and how we write them in its style."""

NAMES = MappingProxyType({op.name: op.qlib or OWN_NAMES[op.name] for op in OPERATORS})
"""The word for each operator."""

# Qlib has signs between arguments, but none before one.
_DIALECT = Dialect({NAMES[op.name]: op for op in OPERATORS}, mark="$", space="", bare=False, texts=True)


def parse_qlib(letters: Letters) -> Expression:
    """The expression that a Qlib formula means; raises FormulaError."""
    return read_calls(letters, _DIALECT)


def render_qlib(expression: Expression) -> str:
    """The formula in Qlib's notation; raises FormulaError for a name or number that can not be written."""
    return write_calls(expression, _DIALECT)
