"""Access to the values of nodes, and the elementwise operators, on the device.

A node is a tuple (fields, scratch, base, mask, width). Its row of day t begins at (base + (t & mask)) ·
width, in `fields` if the mask is −1 and in `scratch` otherwise. A node in `scratch` thus keeps mask + 1 days,
which is a power of two.
"""

import math

import numpy as np

from quarva.engine.gpu.jit import on_device
from quarva.karva.operators import CODE

ADD, SUB, MUL, DIV = CODE["add"], CODE["sub"], CODE["mul"], CODE["div"]
POWER, SIGNED_POWER, MIN, MAX = CODE["power"], CODE["signed_power"], CODE["min"], CODE["max"]
NEG, ABS, SIGN, LOG, EXP = CODE["neg"], CODE["abs"], CODE["sign"], CODE["log"], CODE["exp"]
SQRT, SQUARE, INV = CODE["sqrt"], CODE["square"], CODE["inv"]
SIN, COS, TANH = CODE["sin"], CODE["cos"], CODE["tanh"]
LT, LE, GT, GE, EQ, NE = (CODE[name] for name in ("lt", "le", "gt", "ge", "eq", "ne"))
AND, OR, NOT, IF_ELSE = CODE["and"], CODE["or"], CODE["not"], CODE["if_else"]

NAN = np.float32(np.nan)
LARGEST = np.float32(np.finfo(np.float32).max)
ZERO, ONE = np.float32(0), np.float32(1)
EXP_MOST, EXP_LEAST = np.float32(88.72283), np.float32(-103.97208)  # above: overflow; below: 0


@on_device
def cell(node, day, asset):
    """Value of a node in a cell, float32."""
    fields, scratch, base, mask, width = node
    place = (base + (day & mask)) * width + asset
    return fields[place] if mask < 0 else scratch[place]


@on_device
def put(node, day, asset, v):
    """Store the value of a node in a cell."""
    _, scratch, base, mask, width = node
    scratch[(base + (day & mask)) * width + asset] = v


@on_device
def keep(v):
    """v as float32; NaN if it is not finite in float32."""
    short = np.float32(v)
    return short if abs(short) <= LARGEST else NAN


@on_device
def truth(condition):
    """1 if the condition is true, else 0."""
    return ONE if condition else ZERO


@on_device
def sign_of(v):
    """Sign of v: −1, 0 or 1; v must not be NaN."""
    return ONE if v > ZERO else (-ONE if v < ZERO else ZERO)


@on_device
def function(op, x):
    """Apply operator `op` to one argument, which must not be NaN."""
    if op == NEG:
        return -x
    if op == ABS:
        return abs(x)
    if op == SIGN:
        return sign_of(x)
    if op == LOG:
        return np.float32(math.log(x)) if x > ZERO else NAN
    if op == EXP:
        if x > EXP_MOST:
            return NAN
        return keep(math.exp(x)) if x >= EXP_LEAST else ZERO
    if op == SQRT:
        return np.float32(math.sqrt(x)) if x >= ZERO else NAN
    if op == SQUARE:
        return x * x
    if op == INV:
        return ONE / x if x != ZERO else NAN
    if op == SIN:
        return np.float32(math.sin(x))
    if op == COS:
        return np.float32(math.cos(x))
    if op == TANH:
        return np.float32(math.tanh(x))
    if op == NOT:
        return truth(x == ZERO)
    return NAN


@on_device
def raised(x, y):
    """x to the power y in double precision, whose `pow` handles all special cases; NaN if it is not real."""
    if x == ZERO and y < ZERO:
        return NAN
    return keep(np.float64(x) ** np.float64(y))


@on_device
def operation(op, x, y):
    """Apply operator `op` to two arguments, which must not be NaN."""
    if op == ADD:
        return x + y
    if op == SUB:
        return x - y
    if op == MUL:
        return x * y
    if op == DIV:
        return x / y if y != ZERO else NAN
    if op == MIN:
        return min(x, y)
    if op == MAX:
        return max(x, y)
    if op == POWER:
        return raised(x, y)
    if op == SIGNED_POWER:
        return sign_of(x) * raised(abs(x), y)
    if op == AND:
        return truth(x != ZERO and y != ZERO)
    if op == OR:
        return truth(x != ZERO or y != ZERO)
    return NAN


@on_device
def comparison(op, x, y):
    """Apply comparison `op`. A comparison with NaN is false, except that `ne` is true."""
    if op == LT:
        return truth(x < y)
    if op == LE:
        return truth(x <= y)
    if op == GT:
        return truth(x > y)
    if op == GE:
        return truth(x >= y)
    return truth(x == y) if op == EQ else truth(x != y)


@on_device
def elementwise(op, arity, x, y, z, partial):
    """Apply elementwise operator `op` to `arity` arguments; the remaining ones of x, y, z are ignored."""
    if op == IF_ELSE:
        if x != x and not partial:
            return NAN
        return y if x != ZERO else z
    if op >= LT and op <= NE and partial:
        return comparison(op, x, y)
    if x != x or (arity > 1 and y != y):
        return NAN
    if op >= LT and op <= NE:
        return comparison(op, x, y)
    return keep(function(op, x)) if arity == 1 else keep(operation(op, x, y))
