"""What a part of a formula would have to give for the whole to give the target."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.karva.operators import CODE

__all__ = ["pass_down"]

ADD, SUB, MUL, DIV, POWER = CODE["add"], CODE["sub"], CODE["mul"], CODE["div"], CODE["power"]
NEG, LOG, EXP, SQRT = CODE["neg"], CODE["log"], CODE["exp"], CODE["sqrt"]
SQUARE, INV, SIN, COS, TANH = CODE["square"], CODE["inv"], CODE["sin"], CODE["cos"], CODE["tanh"]


@compiled
def nearer_turn(angle, mirrored, now):
    """Of all angles that have one sine (or cosine), the one nearest to `now`."""
    turn = 2.0 * np.pi
    a = angle + turn * np.round((now - angle) / turn)
    b = mirrored + turn * np.round((now - mirrored) / turn)
    return a if abs(a - now) <= abs(b - now) else b


@compiled
def undo(code, wish, now):
    """The argument, now `now`, for which a unary operator gives `wish`; NaN where there is none."""
    if code == NEG:
        return -wish
    if code == LOG:
        return np.exp(wish)
    if code == EXP:
        return np.log(wish) if wish > 0 else np.nan
    if code == SQRT:
        return wish * wish if wish >= 0 else np.nan
    if code == SQUARE:
        return np.copysign(np.sqrt(wish), now) if wish >= 0 else np.nan
    if code == INV:
        return 1.0 / wish
    if code == TANH:
        return np.arctanh(wish) if abs(wish) < 1 else np.nan
    if code == SIN and abs(wish) <= 1:
        angle = np.arcsin(wish)
        return nearer_turn(angle, np.pi - angle, now)
    if code == COS and abs(wish) <= 1:
        angle = np.arccos(wish)
        return nearer_turn(angle, -angle, now)
    return np.nan


@compiled
def undo_left(code, wish, right):
    """The first argument for which a binary operator gives `wish` beside its second; NaN where none does."""
    if code == ADD:
        return wish - right
    if code == SUB:
        return wish + right
    if code == MUL:
        return wish / right
    if code == DIV:
        return wish * right
    if code == POWER:
        return wish ** (1.0 / right) if wish > 0 else np.nan
    return np.nan


@compiled
def undo_right(code, wish, left):
    """The second argument, likewise beside the first."""
    if code == ADD:
        return wish - left
    if code == SUB:
        return left - wish
    if code == MUL:
        return wish / left
    if code == DIV:
        return left / wish
    if code == POWER:
        return np.log(wish) / np.log(left) if wish > 0 and left > 0 else np.nan
    return np.nan


@compiled
def pass_down(code, arity, wish, start, values, wishes):
    """Write what a place's wish asks of its arguments, which stand at `start` and behind it.

    Args:
        code, arity: of the operator at the place.
        wish: float64[R].
        values: float32[places, R], what each place gives now.
        wishes: float64[places, R], to write to; NaN where no value of the argument would do.
    """
    for j in range(wish.size):
        if arity == 1:
            wishes[start, j] = undo(code, wish[j], np.float64(values[start, j]))
        elif arity == 2:
            wishes[start, j] = undo_left(code, wish[j], np.float64(values[start + 1, j]))
            wishes[start + 1, j] = undo_right(code, wish[j], np.float64(values[start, j]))
        else:
            for a in range(start, start + arity):
                wishes[a, j] = np.nan
