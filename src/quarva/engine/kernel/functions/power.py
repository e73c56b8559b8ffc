"""power and signed_power of float32 rows: x^y = 2^(y · log2 x) with minimax polynomials in float64.

Float64 is precise enough for the product of y and a logarithm with up to 7 bits before the point. The result
is therefore correctly rounded except in one of a few hundred cases (the largest error is 0.51 ulp, see
benchmarks/engine/accuracy.py), and a power that is exact in float32, such as 3², is exact. log2(1 + f) =
f·P(f) on [√½, √2] has a relative error of 2e-11, and 2^r = 1 + r·Q(r) on [−½, ½] one of 5e-11.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.vectors.float32 import NAN, keep
from quarva.engine.kernel.vectors.vectors import full_width, multiply_add

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
ROOT_HALF, EXPONENT = np.int64(0x3FE6A09E667F3BCD), np.int64(-(1 << 52))
MANTISSA = np.int64(52)
SHIFT = 6755399441055744.0  # added to a number, it leaves the nearest integer in the last bits
MOST = 300.0  # 2 to this power is far beyond float32 but representable in float64

P0, P1, P2 = 1.4426950408687047, -0.7213475208687409, 0.4808983613956789
P3, P4, P5 = -0.36067367483094437, 0.28853729345812473, -0.24045316543242326
P6, P7, P8 = 0.2061753596889792, -0.18030060480842536, 0.1587698020251852
P9, P10, P11, P12 = -0.14315642731671174, 0.14474841540156932, -0.14283944130568757, 0.07737054504873854
Q0, Q1, Q2 = 0.6931471807045316, 0.2402265106656069, 0.055504103659932004
Q3, Q4, Q5, Q6 = 0.00961803813209728, 0.0013333935054049436, 0.00015466756309938018, 1.5196156909155707e-05


@compiled
def log2_of(a):
    """Base-2 logarithm of a positive normal float64."""
    bits = np.float64(a).view(np.int64)
    exponent = (bits - ROOT_HALF) & EXPONENT
    f = np.int64(bits - exponent).view(np.float64) - 1.0
    p = multiply_add(multiply_add(multiply_add(P12, f, P11), f, P10), f, P9)
    p = multiply_add(multiply_add(multiply_add(p, f, P8), f, P7), f, P6)
    p = multiply_add(multiply_add(multiply_add(p, f, P5), f, P4), f, P3)
    p = multiply_add(multiply_add(multiply_add(p, f, P2), f, P1), f, P0)
    return multiply_add(p, f, np.float64(exponent >> MANTISSA))


@compiled
def exp2_of(t):
    """2^t with t limited to ±MOST."""
    t = MOST if t > MOST else t
    t = -MOST if t < -MOST else t
    shifted = t + SHIFT
    r = t - (shifted - SHIFT)
    q = multiply_add(multiply_add(multiply_add(Q6, r, Q5), r, Q4), r, Q3)
    q = multiply_add(multiply_add(multiply_add(q, r, Q2), r, Q1), r, Q0)
    value = np.float64(multiply_add(q, r, 1.0))
    bits = value.view(np.int64) + (np.float64(shifted).view(np.int64) << MANTISSA)
    return np.int64(bits).view(np.float64)


@compiled
def magnitude(a, b):
    """|a|^b in float32. An overflow is infinite, 0^0 is 1, and a negative power of 0 is NaN."""
    value = np.float32(exp2_of(np.float64(b) * log2_of(np.float64(abs(a)))))
    of_zero = ZERO if b > ZERO else (ONE if b == ZERO else NAN)
    value = of_zero if a == ZERO else value
    return value if (a == a) & (b == b) else NAN


@compiled
def power(x, y, out):
    """x^y in the real numbers: NaN for a negative x and a non-integer y."""
    full_width()
    for i in range(out.size):
        a, b = x[i], y[i]
        value = magnitude(a, b)
        half = b * HALF
        of_negative = NAN if np.floor(b) != b else (value if np.floor(half) == half else -value)
        out[i] = keep(of_negative if a < ZERO else value)


@compiled
def signed_power(x, y, out):
    """sign(x) · |x|^y, where 0 to the power 0 is 0."""
    full_width()
    for i in range(out.size):
        a, b = x[i], y[i]
        value = magnitude(a, b)
        value = -value if a < ZERO else value
        out[i] = keep(ZERO * value if a == ZERO else value)
