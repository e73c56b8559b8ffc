"""Comparisons, logic and choice on float32 rows: true is any number but 0, what is said is 1 or 0.

Twice over: NaN where an operand is NaN, and as Qlib has it, where a comparison
with NaN is false (unequal: true) and a condition that is NaN is true.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.vectors.float32 import NAN
from quarva.engine.kernel.vectors.vectors import full_width

ZERO, ONE = np.float32(0), np.float32(1)


@compiled
def told(truth, a, b):
    """1 or 0, NaN where a or b is."""
    said = ONE if truth else ZERO
    return said if (a == a) & (b == b) else NAN


@compiled
def less(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = told(x[i] < y[i], x[i], y[i])


@compiled
def less_or_equal(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = told(x[i] <= y[i], x[i], y[i])


@compiled
def equal(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = told(x[i] == y[i], x[i], y[i])


@compiled
def unequal(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = told(x[i] != y[i], x[i], y[i])


@compiled
def both(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = told((x[i] != ZERO) & (y[i] != ZERO), x[i], y[i])


@compiled
def either(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = told((x[i] != ZERO) | (y[i] != ZERO), x[i], y[i])


@compiled
def negation(x, out):
    full_width()
    for i in range(out.size):
        out[i] = told(x[i] == ZERO, x[i], x[i])


@compiled
def if_else(c, x, y, out):
    """x where c is true, else y; NaN where c is NaN."""
    full_width()
    for i in range(out.size):
        a, b = x[i], y[i]  # both are read, or the loop would not become vector code
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
