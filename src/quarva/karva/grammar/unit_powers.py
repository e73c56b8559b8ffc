"""Units of the nodes of a complete expression, bottom-up, as exact powers of any number of base units."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import Alphabet
from quarva.karva.grammar.units import Powers

__all__ = ["PowerTables", "infer_unit", "is_pure", "is_unit_free"]

_SAME, _ANY, _PURE, _CHOICE, _PRODUCT, _RATIO, _POWER, _FIRST = range(8)
_RULES = {
    "same": _SAME, "first": _FIRST, "choice": _CHOICE, "product": _PRODUCT, "ratio": _RATIO,
    "square": _POWER, "root": _POWER, "inverse": _POWER, "compare": _SAME, "none": _ANY,
    "pure": _PURE,
}  # fmt: skip
_EXPONENTS = {"square": 2.0, "root": 0.5, "inverse": -1.0}


class PowerTables(NamedTuple):
    """What V symbols require of units, and the units of their results.

    Attributes
    ----------
    arity : int8 array, shape (V,)
        Arity of each symbol.
    rule : int64 array, shape (V,)
        What the symbol requires of the units of its arguments.
    pure : bool array, shape (V,)
        Whether the result is a pure number.
    exponent : float64 array, shape (V,)
        Power of the argument's unit that the result has.
    power : float64 array, shape (V, D)
        Powers of the D base units of a terminal; NaN if it fits any unit. With D = 0, units are not checked.
    """

    arity: NDArray[np.int8]
    rule: NDArray[np.int64]
    pure: NDArray[np.bool_]
    exponent: NDArray[np.float64]
    power: NDArray[np.float64]

    @classmethod
    def of(cls, alphabet: Alphabet, units: Mapping[str, Powers | None] | None) -> "PowerTables":
        """Return the tables of an alphabet, given the unit of each terminal by name; None for no check."""
        rules = [s.operator.unit if s.operator is not None else "none" for s in alphabet.symbols]
        bases = sorted({base for powers in (units or {}).values() for base in powers or ()})
        width = 0 if units is None else max(len(bases), 1)
        power = np.zeros((len(rules), width))
        for v, terminal in enumerate(alphabet.symbols[alphabet.n_functions :], alphabet.n_functions):
            powers = None if units is None else units[terminal.name]
            for d, base in enumerate(bases):
                power[v, d] = np.nan if powers is None else float(powers.get(base, 0))
        return cls(
            alphabet.arity,
            np.array([_RULES[rule] for rule in rules]),
            np.isin(rules, ("compare", "none", "pure")),
            np.array([_EXPONENTS.get(rule, 1.0) for rule in rules]),
            power,
        )


@compiled
def agree(a, b):
    """Return whether two units agree; NaN agrees with any power."""
    same = True
    for d in range(a.size):
        same &= (a[d] == b[d]) | np.isnan(a[d]) | np.isnan(b[d])
    return same


@compiled
def is_pure(a):
    """Return whether a unit agrees with a pure number."""
    pure = True
    for d in range(a.size):
        pure &= (a[d] == 0.0) | np.isnan(a[d])
    return pure


@compiled
def infer_unit(tables, symbol, power, i, first):
    """Write the unit of node i, with arguments from `first`, and return whether their units are valid."""
    rule, n, fits = tables.rule[symbol], tables.arity[symbol], True
    if rule == _CHOICE:
        fits = is_pure(power[first])
        first, n = first + 1, n - 1
    if rule == _PURE:
        for k in range(n):
            fits &= is_pure(power[first + k])
    for d in range(power.shape[1]):
        result = power[first, d] * tables.exponent[symbol]
        if rule == _PRODUCT:
            result += power[first + 1, d]
        elif rule == _RATIO:
            result -= power[first + 1, d]
        power[i, d] = 0.0 if tables.pure[symbol] else result
    if rule in (_SAME, _CHOICE):
        for k in range(1, n):
            fits &= agree(power[first], power[first + k])
            for d in range(power.shape[1]):
                if np.isnan(power[i, d]):
                    power[i, d] = power[first + k, d]
    return fits


@compiled
def is_unit_free(tables, gene, length, power):
    """Return whether the units of a gene's expression are valid and its result is a pure number.

    Parameters
    ----------
    tables : PowerTables
        Tables of the alphabet.
    gene : int16 array
        The gene; only its first `length` symbols, the expression, are read.
    length : int
        Number of nodes of the expression.
    power : float64 array, shape (at least `length`, D)
        Work space.
    """
    first = 1
    for i in range(length):
        first += tables.arity[gene[i]]
    for i in range(length - 1, -1, -1):
        symbol = gene[i]
        first -= tables.arity[symbol]
        if tables.arity[symbol] == 0:
            for d in range(power.shape[1]):
                power[i, d] = tables.power[symbol, d]
        elif not infer_unit(tables, symbol, power, i, first):
            return False
    return is_pure(power[0])
