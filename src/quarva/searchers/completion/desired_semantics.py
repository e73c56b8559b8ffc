"""Desired semantics: the values that an argument must have for its operator to yield given values."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.karva.operators import CODE

__all__ = ["propagate"]

ADD, SUB, MUL, DIV, POWER = CODE["add"], CODE["sub"], CODE["mul"], CODE["div"], CODE["power"]
NEG, LOG, EXP, SQRT = CODE["neg"], CODE["log"], CODE["exp"], CODE["sqrt"]
SQUARE, INV, SIN, COS, TANH = CODE["square"], CODE["inv"], CODE["sin"], CODE["cos"], CODE["tanh"]


@compiled
def nearest_angle(angle, mirrored, current):
    """Return, of all angles with the same sine (or cosine), the one nearest to `current`."""
    turn = 2.0 * np.pi
    a = angle + turn * np.round((current - angle) / turn)
    b = mirrored + turn * np.round((current - mirrored) / turn)
    return a if abs(a - current) <= abs(b - current) else b


@compiled
def invert_unary(code, desired, current):
    """Return the argument nearest to `current` for which a unary operator yields `desired`, or NaN."""
    if code == NEG:
        return -desired
    if code == LOG:
        return np.exp(desired)
    if code == EXP:
        return np.log(desired) if desired > 0 else np.nan
    if code == SQRT:
        return desired * desired if desired >= 0 else np.nan
    if code == SQUARE:
        return np.copysign(np.sqrt(desired), current) if desired >= 0 else np.nan
    if code == INV:
        return 1.0 / desired
    if code == TANH:
        return np.arctanh(desired) if abs(desired) < 1 else np.nan
    if code == SIN and abs(desired) <= 1:
        angle = np.arcsin(desired)
        return nearest_angle(angle, np.pi - angle, current)
    if code == COS and abs(desired) <= 1:
        angle = np.arccos(desired)
        return nearest_angle(angle, -angle, current)
    return np.nan


@compiled
def invert_left(code, desired, right):
    """Return the first argument for which a binary operator yields `desired`, given the second, or NaN."""
    if code == ADD:
        return desired - right
    if code == SUB:
        return desired + right
    if code == MUL:
        return desired / right
    if code == DIV:
        return desired * right
    if code == POWER:
        return desired ** (1.0 / right) if desired > 0 else np.nan
    return np.nan


@compiled
def invert_right(code, desired, left):
    """Return the second argument for which a binary operator yields `desired`, given the first, or NaN."""
    if code == ADD:
        return desired - left
    if code == SUB:
        return left - desired
    if code == MUL:
        return desired / left
    if code == DIV:
        return left / desired
    if code == POWER:
        return np.log(desired) / np.log(left) if desired > 0 and left > 0 else np.nan
    return np.nan


@compiled
def propagate(code, arity, target, start, values, desired):
    """Write the desired semantics of the arguments of a node.

    Parameters
    ----------
    code, arity : int
        Code and arity of the operator of the node.
    target : float64 array, shape (R,)
        Desired semantics of the node.
    start : int
        Position of the first argument; the others follow.
    values : float32 array, shape (L, R)
        Current values of each position.
    desired : float64 array, shape (L, R)
        Receives the desired semantics; NaN where no value of the argument yields the target.
    """
    for j in range(target.size):
        if arity == 1:
            desired[start, j] = invert_unary(code, target[j], np.float64(values[start, j]))
        elif arity == 2:
            desired[start, j] = invert_left(code, target[j], np.float64(values[start + 1, j]))
            desired[start + 1, j] = invert_right(code, target[j], np.float64(values[start, j]))
        else:
            for a in range(start, start + arity):
                desired[a, j] = np.nan
