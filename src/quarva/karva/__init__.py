"""The formula language: operators, symbols, genes and notations.

This package knows nothing about market data or about searchers. Names that need NumPy and Numba are imported
on first use, because reading a formula needs neither.
"""

import importlib
from typing import TYPE_CHECKING, Any

from quarva.karva.expression import Expression, Symbol
from quarva.karva.notation import NOTATIONS, parse, render
from quarva.karva.operators import CODE, OPERATORS, Operator

if TYPE_CHECKING:
    from quarva.karva.alphabet import Alphabet
    from quarva.karva.genes import GeneShape, Population, encode

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

_LAZY = {"Alphabet": "alphabet", "GeneShape": "genes", "Population": "genes", "encode": "genes"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'quarva.karva' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"quarva.karva.{_LAZY[name]}"), name)
    globals()[name] = value
    return value
