"""Arithmetic on float32 rows: plain loops that LLVM vectorises."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.vectors.float32 import NAN, keep
from quarva.engine.kernel.vectors.vectors import full_width

ZERO, ONE = np.float32(0), np.float32(1)


@compiled
def add(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = keep(x[i] + y[i])


@compiled
def sub(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = keep(x[i] - y[i])


@compiled
def mul(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = keep(x[i] * y[i])


@compiled
def div(x, y, out):
    full_width()
    for i in range(out.size):
        out[i] = keep(x[i] / y[i])


@compiled
def minimum(x, y, out):
    full_width()
    for i in range(out.size):
        a, b = x[i], y[i]
        least = b if b < a else a
        out[i] = least if b == b else b


@compiled
def maximum(x, y, out):
    full_width()
    for i in range(out.size):
        a, b = x[i], y[i]
        most = b if b > a else a
        out[i] = most if b == b else b


@compiled
def neg(x, out):
    full_width()
    for i in range(out.size):
        out[i] = -x[i]


@compiled
def absolute(x, out):
    full_width()
    for i in range(out.size):
        out[i] = abs(x[i])


@compiled
def sign(x, out):
    full_width()
    for i in range(out.size):
        v = x[i]
        s = ONE if v > ZERO else (-ONE if v < ZERO else ZERO)
        out[i] = s if v == v else NAN


@compiled
def sqrt(x, out):
    full_width()
    for i in range(out.size):
        out[i] = np.sqrt(x[i])


@compiled
def square(x, out):
    full_width()
    for i in range(out.size):
        out[i] = keep(x[i] * x[i])


@compiled
def inv(x, out):
    full_width()
    for i in range(out.size):
        out[i] = keep(ONE / x[i])
