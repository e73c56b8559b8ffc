"""Dispatch of elementwise operators on float32 rows of equal length.

Rows must not overlap, because a function may pass over its cells twice. The value of a cell does not depend
on where its row begins or ends, so the value of a day does not depend on other days.
"""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.functions.arithmetic import (
    absolute,
    add,
    div,
    inv,
    maximum,
    minimum,
    mul,
    neg,
    sign,
    sqrt,
    square,
    sub,
)
from quarva.engine.kernel.functions.compare import (
    both,
    either,
    equal,
    if_else,
    less,
    less_or_equal,
    negation,
    qlib_equal,
    qlib_if_else,
    qlib_less,
    qlib_less_or_equal,
    qlib_unequal,
    unequal,
)
from quarva.engine.kernel.functions.exponential import exp, log, tanh
from quarva.engine.kernel.functions.power import power, signed_power
from quarva.engine.kernel.functions.trigonometry import cos, sin
from quarva.karva.operators import CODE

__all__ = ["binary", "binary_qlib", "ternary", "ternary_qlib", "unary"]

ADD, SUB, MUL, DIV = CODE["add"], CODE["sub"], CODE["mul"], CODE["div"]
POWER, SIGNED_POWER, MIN, MAX = CODE["power"], CODE["signed_power"], CODE["min"], CODE["max"]
NEG, ABS, SIGN, LOG, EXP = CODE["neg"], CODE["abs"], CODE["sign"], CODE["log"], CODE["exp"]
SQRT, SQUARE, INV = CODE["sqrt"], CODE["square"], CODE["inv"]
SIN, COS, TANH = CODE["sin"], CODE["cos"], CODE["tanh"]
LT, LE, GT, GE, EQ, NE = CODE["lt"], CODE["le"], CODE["gt"], CODE["ge"], CODE["eq"], CODE["ne"]
AND, OR, NOT, IF_ELSE = CODE["and"], CODE["or"], CODE["not"], CODE["if_else"]


@compiled
def unary(code, x, out):
    """Apply the elementwise operator `code` of one argument."""
    if code == NEG:
        neg(x, out)
    elif code == ABS:
        absolute(x, out)
    elif code == SIGN:
        sign(x, out)
    elif code == LOG:
        log(x, out)
    elif code == EXP:
        exp(x, out)
    elif code == SQRT:
        sqrt(x, out)
    elif code == SQUARE:
        square(x, out)
    elif code == INV:
        inv(x, out)
    elif code == SIN:
        sin(x, out)
    elif code == COS:
        cos(x, out)
    elif code == TANH:
        tanh(x, out)
    elif code == NOT:
        negation(x, out)


@compiled
def binary(code, x, y, out):
    """Apply the elementwise operator `code` of two arguments."""
    if code == ADD:
        add(x, y, out)
    elif code == SUB:
        sub(x, y, out)
    elif code == MUL:
        mul(x, y, out)
    elif code == DIV:
        div(x, y, out)
    elif code == MIN:
        minimum(x, y, out)
    elif code == MAX:
        maximum(x, y, out)
    elif code == POWER:
        power(x, y, out)
    elif code == SIGNED_POWER:
        signed_power(x, y, out)
    elif code == LT:
        less(x, y, out)
    elif code == GT:
        less(y, x, out)
    elif code == LE:
        less_or_equal(x, y, out)
    elif code == GE:
        less_or_equal(y, x, out)
    elif code == EQ:
        equal(x, y, out)
    elif code == NE:
        unequal(x, y, out)
    elif code == AND:
        both(x, y, out)
    elif code == OR:
        either(x, y, out)


@compiled
def binary_qlib(code, x, y, out):
    """`binary` with Qlib's conventions: a comparison with NaN is 0, except that `ne` is 1."""
    if code == LT:
        qlib_less(x, y, out)
    elif code == GT:
        qlib_less(y, x, out)
    elif code == LE:
        qlib_less_or_equal(x, y, out)
    elif code == GE:
        qlib_less_or_equal(y, x, out)
    elif code == EQ:
        qlib_equal(x, y, out)
    elif code == NE:
        qlib_unequal(x, y, out)
    else:
        binary(code, x, y, out)


@compiled
def ternary(code, c, x, y, out):
    """Apply the elementwise operator `code` of three arguments."""
    if code == IF_ELSE:
        if_else(c, x, y, out)


@compiled
def ternary_qlib(code, c, x, y, out):
    """`ternary` with Qlib's conventions: a NaN condition is true."""
    if code == IF_ELSE:
        qlib_if_else(c, x, y, out)
