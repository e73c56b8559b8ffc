"""Elementwise operators in float64 and their derivatives, for fitting the constants of formulas.

Values and derivatives are those of the reference (`engine/reference/elementwise.py`). A value that is not
finite in float32 is NaN, and a derivative that does not exist is 0. Rows are float64 of equal length.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.functions.elementwise import (
    ABS,
    ADD,
    AND,
    COS,
    DIV,
    EQ,
    EXP,
    GE,
    GT,
    IF_ELSE,
    INV,
    LE,
    LOG,
    LT,
    MAX,
    MIN,
    MUL,
    NE,
    NEG,
    NOT,
    OR,
    POWER,
    SIGN,
    SIGNED_POWER,
    SIN,
    SQRT,
    SQUARE,
    SUB,
    TANH,
)

__all__ = [
    "MOST", "slopes_binary", "slopes_ternary", "slopes_unary", "value_binary", "value_ternary", "value_unary",
]  # fmt: skip

MOST = float(np.finfo(np.float32).max)
"""Largest absolute value of a valid number."""


@compiled
def _one_if(condition):
    """1 if the condition is true, else 0."""
    return 1.0 if condition else 0.0


@compiled
def value_unary(op, x, out):
    """Apply operator `op` of one argument; return True if every value is valid."""
    n = out.size
    for i in range(n):
        v = x[i]
        if op == NEG:
            v = -v
        elif op == ABS:
            v = abs(v)
        elif op == SIGN:
            v = np.sign(v)
        elif op == LOG:
            v = np.log(v) if v > 0.0 else np.nan
        elif op == EXP:
            v = np.exp(v)
        elif op == SQRT:
            v = np.sqrt(v)
        elif op == SQUARE:
            v = v * v
        elif op == INV:
            v = 1.0 / v
        elif op == SIN:
            v = np.sin(v)
        elif op == COS:
            v = np.cos(v)
        elif op == TANH:
            v = np.tanh(v)
        elif op == NOT:
            v = _one_if(v == 0.0)
        out[i] = v
    return all_valid(out)


@compiled
def value_binary(op, x, y, out):
    """Apply operator `op` of two arguments; return True if every value is valid."""
    n = out.size
    if op == ADD:
        for i in range(n):
            out[i] = x[i] + y[i]
    elif op == SUB:
        for i in range(n):
            out[i] = x[i] - y[i]
    elif op == MUL:
        for i in range(n):
            out[i] = x[i] * y[i]
    elif op == DIV:
        for i in range(n):
            out[i] = x[i] / y[i]
    else:
        for i in range(n):
            out[i] = _of_two(op, x[i], y[i])
    return all_valid(out)


@compiled
def _of_two(op, x, y):
    """Apply one of the less common operators to two numbers."""
    v = np.nan
    if op == MIN:
        v = min(x, y)
    elif op == MAX:
        v = max(x, y)
    elif op == POWER:
        v = x**y if x != 0.0 or y >= 0.0 else np.nan
    elif op == SIGNED_POWER:
        if x != 0.0:
            v = np.sign(x) * abs(x) ** y
        else:
            v = 0.0 if y >= 0.0 else np.nan
    elif op == LT or op == GT:
        v = _one_if(x < y) if op == LT else _one_if(x > y)
    elif op == LE or op == GE:
        v = _one_if(x <= y) if op == LE else _one_if(x >= y)
    elif op == EQ or op == NE:
        v = _one_if(x == y) if op == EQ else _one_if(x != y)
    elif op == AND:
        v = _one_if(x != 0.0 and y != 0.0)
    elif op == OR:
        v = _one_if(x != 0.0 or y != 0.0)
    return v


@compiled
def value_ternary(op, c, x, y, out):
    """Apply operator `op` of three arguments; return True if every value is valid."""
    for i in range(out.size):
        out[i] = np.nan
        if op == IF_ELSE:
            out[i] = x[i] if c[i] != 0.0 else y[i]
    return all_valid(out)


@compiled
def all_valid(row):
    """True if all numbers are finite in float32."""
    invalid = 0
    for i in range(row.size):
        invalid += not abs(row[i]) <= MOST  # also counts NaN
    return invalid == 0


@compiled
def slopes_unary(op, x, v, g, gx):
    """Chain rule for an operator of one argument: add g · ∂v/∂x to gx, where v is the operator's value."""
    for i in range(g.size):
        slope = 0.0
        if op == NEG:
            slope = -1.0
        elif op == ABS:
            slope = np.sign(x[i])
        elif op == LOG:
            slope = 1.0 / x[i]
        elif op == EXP:
            slope = v[i]
        elif op == SQRT:
            slope = 0.5 / v[i] if v[i] > 0.0 else 0.0
        elif op == SQUARE:
            slope = 2.0 * x[i]
        elif op == INV:
            slope = -v[i] * v[i]
        elif op == SIN:
            slope = np.cos(x[i])
        elif op == COS:
            slope = -np.sin(x[i])
        elif op == TANH:
            slope = 1.0 - v[i] * v[i]
        gx[i] += slope * g[i]


@compiled
def slopes_binary(op, x, y, v, g, gx, gy):
    """Chain rule for an operator of two arguments; gx and gy are the same row if the arguments are."""
    n = g.size
    if op == ADD or op == SUB:
        sign = 1.0 if op == ADD else -1.0
        for i in range(n):
            gx[i] += g[i]
            gy[i] += sign * g[i]
    elif op == MUL:
        for i in range(n):
            gx[i] += g[i] * y[i]
            gy[i] += g[i] * x[i]
    elif op == DIV:
        for i in range(n):
            part = g[i] / y[i]
            gx[i] += part
            gy[i] -= part * v[i]
    else:
        for i in range(n):
            along_x, along_y = _slopes_of_two(op, x[i], y[i], v[i])
            gx[i] += g[i] * along_x
            gy[i] += g[i] * along_y


@compiled
def _slopes_of_two(op, x, y, v):
    """Derivatives of the less common operators of two numbers; those of comparisons are 0."""
    along_x, along_y = 0.0, 0.0
    if op == MIN or op == MAX:
        first = (x <= y) == (op == MIN)
        along_x, along_y = _one_if(first), _one_if(not first)
    elif op == POWER and x != 0.0:
        along_x = y * v / x
        along_y = v * np.log(x) if x > 0.0 else 0.0
    elif op == SIGNED_POWER and x != 0.0:
        along_x = y * v / x
        along_y = v * np.log(abs(x))
    return along_x, along_y


@compiled
def slopes_ternary(op, c, g, gx, gy):
    """Chain rule for the second and third argument of `if_else`; the derivative for the condition is 0."""
    for i in range(g.size):
        if op == IF_ELSE:
            if c[i] != 0.0:
                gx[i] += g[i]
            else:
                gy[i] += g[i]
