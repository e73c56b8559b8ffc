"""Comparisons, logic and choice on float32 rows. Any number except 0 is true, and results are 1 or 0.

The result is NaN if an operand is NaN. With Qlib's conventions (functions `qlib_…`), a comparison with NaN is
false, except that `unequal` is true, and a NaN condition is true.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.vectors.float32 import NAN
from quarva.engine.kernel.vectors.vectors import full_width

ZERO, ONE = np.float32(0), np.float32(1)


@compiled
def truth_value(condition, a, b):
    """1 if the condition is true, else 0; NaN if a or b is NaN."""
    value = ONE if condition else ZERO
    return value if (a == a) & (b == b) else NAN


@compiled
def less(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = truth_value(x[i] < y[i], x[i], y[i])


@compiled
def less_or_equal(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = truth_value(x[i] <= y[i], x[i], y[i])


@compiled
def equal(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = truth_value(x[i] == y[i], x[i], y[i])


@compiled
def unequal(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = truth_value(x[i] != y[i], x[i], y[i])


@compiled
def both(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = truth_value((x[i] != ZERO) & (y[i] != ZERO), x[i], y[i])


@compiled
def either(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = truth_value((x[i] != ZERO) | (y[i] != ZERO), x[i], y[i])


@compiled
def negation(x, out):
    full_width()
    for i in range(out.size):
        out[i] = truth_value(x[i] == ZERO, x[i], x[i])


@compiled
def if_else(c, x, y, out):
    """x where c is true, else y; NaN where c is NaN."""
    full_width()
    for i in range(out.size):
        a, b = x[i], y[i]  # the loop is only vectorised if both are read
        chosen = a if c[i] != ZERO else b
        out[i] = chosen if c[i] == c[i] else NAN


@compiled
def qlib_if_else(c, x, y, out):
    """x where c is true or NaN, else y."""
    full_width()
    for i in range(out.size):
        a, b = x[i], y[i]
        out[i] = a if c[i] != ZERO else b


@compiled
def qlib_less(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = ONE if x[i] < y[i] else ZERO


@compiled
def qlib_less_or_equal(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = ONE if x[i] <= y[i] else ZERO


@compiled
def qlib_equal(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = ONE if x[i] == y[i] else ZERO


@compiled
def qlib_unequal(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = ONE if x[i] != y[i] else ZERO
