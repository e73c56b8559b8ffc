"""The language: operators, symbols, genes, notations; knows nothing of markets or of who writes formulas.

Names that need NumPy and Numba are loaded when they are first used: reading a formula needs neither.
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

_LATER = {"Alphabet": "alphabet", "GeneShape": "genes", "Population": "genes", "encode": "genes"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'quarva.karva' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"quarva.karva.{_LATER[name]}"), name)
    globals()[name] = value
    return value
