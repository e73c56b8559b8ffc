"""Sets of units, and what an operator makes of them: kernels on words of 64 bits, a bit for each unit.

For a place that is still to be written the set holds the units that a symbol can surely be found for; for a
node, those that its arguments' sets let it have. What a place must have follows from its parent's set and its
siblings'. A tree has no cycles, so these sets are exact for it: a unit is in the set of a place if and only
if the rest of the tree can be completed with it (Mackworth and Freuder 1985, on constraints in trees).
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numba.cpython.unsafe.numbers import trailing_zeros
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.grammar.units import Grid
from quarva.karva.operators import UNITS

__all__ = ["BARRIERS", "CODE", "Measure", "required", "resulting"]

CODE = {name: code for code, name in enumerate(UNITS)}
"""Number of each of `UNITS`, what an operator does to units."""

_SAME, _FIRST, _CHOICE, _PRODUCT, _RATIO, _SQUARE = (
    CODE[name] for name in ("same", "first", "choice", "product", "ratio", "square")
)
_ROOT, _INVERSE, _COMPARE, _NONE, _PURE = (CODE[n] for n in ("root", "inverse", "compare", "none", "pure"))
_DOUBLE, _HALF, _NEGATIVE = range(3)
_ZERO, _ONE = np.uint64(0), np.uint64(1)

BARRIERS = min(_COMPARE, _NONE, _PURE)
"""From this code on the result is a pure number, whatever the arguments are."""


class Measure(NamedTuple):
    """A grid of units as arrays.

    Attributes:
        every: uint64, the set of all units; `pure`: the set of the pure number alone.
        shifts: int64 of shape (64,), how far adding a unit's powers moves a bit.
        stays: uint64 of shape (2, 64), what stays within the grid when a unit's powers are added, and when
            they are taken away.
        image: int64 of shape (3, 64), bit of a unit's square, root and inverse; -1 outside.
    """

    every: np.uint64
    pure: np.uint64
    shifts: NDArray[np.int64]
    stays: NDArray[np.uint64]
    image: NDArray[np.int64]

    @classmethod
    def of(cls, grid: Grid) -> "Measure":
        """Tables of a grid."""
        units, index = grid.units, grid.index
        zero = index[(Fraction(0),) * len(grid.bases)]
        shifts, image = np.zeros(64, np.int64), np.full((3, 64), -1)
        stays = np.zeros((2, 64), np.uint64)
        for a, unit in enumerate(units):
            shifts[a] = a - zero
            for way, sign in enumerate((1, -1)):
                for u, other in enumerate(units):
                    moved = tuple(x + sign * y for x, y in zip(other, unit))
                    stays[way, a] |= np.uint64((moved in index) << u)
            for way, factor in ((_DOUBLE, Fraction(2)), (_HALF, Fraction(1, 2)), (_NEGATIVE, Fraction(-1))):
                image[way, a] = index.get(tuple(x * factor for x in unit), -1)
        every = np.uint64(2 ** len(units) - 1)
        return cls(every, np.uint64(1 << zero), shifts, stays, image)


@compiled
def moved(measure, units, by, way):
    """Each unit of a set times (way 0) or over (way 1) the unit `by`."""
    inside = units & measure.stays[way, by]
    shift = -measure.shifts[by] if way else measure.shifts[by]
    return inside << np.uint64(shift) if shift >= 0 else inside >> np.uint64(-shift)


@compiled
def over_all(measure, units, others, way):
    """Every unit of a set times (way 0) or over (way 1) every unit of another."""
    total = _ZERO
    while others and total != measure.every:
        total |= moved(measure, units, trailing_zeros(others), way)
        others &= others - _ONE
    return total


@compiled
def mapped(measure, units, way):
    """The squares, the roots or the inverses of a set of units."""
    total = _ZERO
    while units:
        bit = measure.image[way, trailing_zeros(units)]
        if bit >= 0:
            total |= _ONE << np.uint64(bit)
        units &= units - _ONE
    return total


@compiled
def resulting(measure, rule, a, b, c):
    """Units that the result can have, where the arguments can have those of a, b and c.

    Arguments that an operator lacks are given as the set of all units.
    """
    if rule == _SAME:
        return a & b & c
    if rule == _PRODUCT:
        return over_all(measure, a, b, 0)
    if rule == _RATIO:
        return over_all(measure, a, b, 1)
    if rule == _FIRST:
        return a if b else _ZERO
    if rule == _CHOICE:
        return b & c if a & measure.pure else _ZERO
    if rule == _SQUARE:
        return mapped(measure, a, _DOUBLE)
    if rule == _ROOT:
        return mapped(measure, a, _HALF)
    if rule == _INVERSE:
        return mapped(measure, a, _NEGATIVE)
    if rule == _COMPARE:
        return measure.pure if a & b else _ZERO
    if rule == _PURE:
        return a & b & c & measure.pure
    return measure.pure if a and b and c else _ZERO


@compiled
def required(measure, rule, argument, result, a, b):
    """Units that an argument can have, where the result can have those of `result`, its siblings a and b.

    The siblings are given in their order; those that an operator lacks as the set of all units.
    """
    if rule == _SAME:
        return result & a & b
    if rule == _PRODUCT:
        return over_all(measure, result, a, 1)
    if rule == _RATIO:
        return over_all(measure, a, result, 1) if argument else over_all(measure, result, a, 0)
    if rule == _FIRST:
        return measure.every if argument else result
    if rule == _CHOICE:
        return result & b if argument else measure.pure
    if rule == _SQUARE:
        return mapped(measure, result, _HALF)
    if rule == _ROOT:
        return mapped(measure, result, _DOUBLE)
    if rule == _INVERSE:
        return mapped(measure, result, _NEGATIVE)
    if rule == _COMPARE:
        return a
    if rule == _PURE:
        return measure.pure
    return measure.every
