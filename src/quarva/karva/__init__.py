"""The formula language: operators, symbols, genes and notations.

This package must not depend on market data or searchers. Names are imported on first use, because the
operator table needs no parser, and reading a formula needs neither NumPy nor Numba.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quarva.karva.alphabet import Alphabet
    from quarva.karva.expression import Expression, Symbol
    from quarva.karva.genes import GeneShape, Population, encode
    from quarva.karva.notation import NOTATIONS, parse, render
    from quarva.karva.operators import CODE, OPERATORS, Operator

__all__ = [
    "CODE",
    "NOTATIONS",
    "OPERATORS",
    "Alphabet",
    "Expression",
    "GeneShape",
    "Operator",
    "Population",
    "Symbol",
    "encode",
    "parse",
    "render",
]

_ROOMS = {
    "alphabet": ("Alphabet",),
    "expression": ("Expression", "Symbol"),
    "genes": ("GeneShape", "Population", "encode"),
    "notation": ("NOTATIONS", "parse", "render"),
    "operators": ("CODE", "OPERATORS", "Operator"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'quarva.karva' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"quarva.karva.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value
