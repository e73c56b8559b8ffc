"""Sets of units, and how operators map them: kernels on 64-bit words with one bit per unit.

The set of an open position holds the units for which a legal symbol exists. The set of a node holds the units
that the sets of its arguments allow. The units that a position may take follow from the sets of its parent
and siblings. Because a tree has no cycles, these sets are exact: a unit is in the set of a position if and
only if the rest of the tree can be completed with it (Mackworth and Freuder 1985, on tree-structured
constraints).
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numba.cpython.unsafe.numbers import trailing_zeros
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.grammar.units import UnitGrid
from quarva.karva.operators import UNITS

__all__ = ["CODE", "FIRST_PURE_CODE", "UnitTables", "argument_units", "result_units"]

CODE = {name: code for code, name in enumerate(UNITS)}
"""The code of each unit rule in `UNITS`, its position there."""

_SAME, _FIRST, _CHOICE, _PRODUCT, _RATIO, _SQUARE = (
    CODE[name] for name in ("same", "first", "choice", "product", "ratio", "square")
)
_ROOT, _INVERSE, _COMPARE, _NONE, _PURE = (CODE[n] for n in ("root", "inverse", "compare", "none", "pure"))
_DOUBLE, _HALF, _NEGATIVE = range(3)
_ZERO, _ONE = np.uint64(0), np.uint64(1)

FIRST_PURE_CODE = min(_COMPARE, _NONE, _PURE)
"""The first code of the rules whose result is a pure number, whatever the arguments are."""


class UnitTables(NamedTuple):
    """A grid of units as arrays.

    Attributes
    ----------
    every : numpy.uint64
        Set of all units.
    pure : numpy.uint64
        Set of the pure number alone.
    shifts : int64 array, shape (64,)
        Number of bits by which multiplying by each unit shifts a set.
    stays : uint64 array, shape (2, 64)
        Units that stay on the grid when multiplied by, and divided by, each unit.
    image : int64 array, shape (3, 64)
        Bit of the square, the root and the inverse of each unit; -1 if it is not on the grid.
    """

    every: np.uint64
    pure: np.uint64
    shifts: NDArray[np.int64]
    stays: NDArray[np.uint64]
    image: NDArray[np.int64]

    @classmethod
    def of(cls, grid: UnitGrid) -> "UnitTables":
        """Return the tables of a grid."""
        units, index = grid.units, grid.index
        zero = index[(Fraction(0),) * len(grid.bases)]
        shifts, image = np.zeros(64, np.int64), np.full((3, 64), -1)
        stays = np.zeros((2, 64), np.uint64)
        for a, unit in enumerate(units):
            shifts[a] = a - zero
            for way, sign in enumerate((1, -1)):
                for u, other in enumerate(units):
                    product = tuple(x + sign * y for x, y in zip(other, unit))
                    stays[way, a] |= np.uint64((product in index) << u)
            for way, factor in ((_DOUBLE, Fraction(2)), (_HALF, Fraction(1, 2)), (_NEGATIVE, Fraction(-1))):
                image[way, a] = index.get(tuple(x * factor for x in unit), -1)
        every = np.uint64(2 ** len(units) - 1)
        return cls(every, np.uint64(1 << zero), shifts, stays, image)


@compiled
def multiply_set(tables, units, by, divide):
    """Return the units of a set multiplied by the unit `by`, or divided by it if `divide` is 1."""
    inside = units & tables.stays[divide, by]
    shift = -tables.shifts[by] if divide else tables.shifts[by]
    return inside << np.uint64(shift) if shift >= 0 else inside >> np.uint64(-shift)


@compiled
def multiply_sets(tables, units, others, divide):
    """Return all products of a unit of each set, or all quotients if `divide` is 1."""
    total = _ZERO
    while others and total != tables.every:
        total |= multiply_set(tables, units, trailing_zeros(others), divide)
        others &= others - _ONE
    return total


@compiled
def map_set(tables, units, function):
    """Return the squares, the roots or the inverses of a set of units."""
    total = _ZERO
    while units:
        bit = tables.image[function, trailing_zeros(units)]
        if bit >= 0:
            total |= _ONE << np.uint64(bit)
        units &= units - _ONE
    return total


@compiled
def result_units(tables, rule, a, b, c):
    """Return the units that a result can have if the arguments can have those of a, b and c.

    For arguments that an operator does not have, pass the set of all units.
    """
    if rule == _SAME:
        return a & b & c
    if rule == _PRODUCT:
        return multiply_sets(tables, a, b, 0)
    if rule == _RATIO:
        return multiply_sets(tables, a, b, 1)
    if rule == _FIRST:
        return a if b else _ZERO
    if rule == _CHOICE:
        return b & c if a & tables.pure else _ZERO
    if rule == _SQUARE:
        return map_set(tables, a, _DOUBLE)
    if rule == _ROOT:
        return map_set(tables, a, _HALF)
    if rule == _INVERSE:
        return map_set(tables, a, _NEGATIVE)
    if rule == _COMPARE:
        return tables.pure if a & b else _ZERO
    if rule == _PURE:
        return a & b & c & tables.pure
    return tables.pure if a and b and c else _ZERO


@compiled
def argument_units(tables, rule, argument, result, a, b):
    """Return the units that an argument can have, given those of the result and of its siblings a and b.

    For siblings that an operator does not have, pass the set of all units.
    """
    if rule == _SAME:
        return result & a & b
    if rule == _PRODUCT:
        return multiply_sets(tables, result, a, 1)
    if rule == _RATIO:
        return multiply_sets(tables, a, result, 1) if argument else multiply_sets(tables, result, a, 0)
    if rule == _FIRST:
        return tables.every if argument else result
    if rule == _CHOICE:
        return result & b if argument else tables.pure
    if rule == _SQUARE:
        return map_set(tables, result, _HALF)
    if rule == _ROOT:
        return map_set(tables, result, _DOUBLE)
    if rule == _INVERSE:
        return map_set(tables, result, _NEGATIVE)
    if rule == _COMPARE:
        return a
    if rule == _PURE:
        return tables.pure
    return tables.every
