"""exp, log and tanh of float32 rows by range reduction and minimax polynomials with float32 coefficients.

Calling the C library for each number takes five to fifty times as long. The largest errors are 0.9 ulp for
exp, 0.9 ulp for log and 2.6 ulp for tanh (benchmarks/engine/accuracy.py).
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.vectors.float32 import NAN, bits_of, float_of
from quarva.engine.kernel.vectors.vectors import fma, full_width, multiply_add

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
MANTISSA = np.int32(23)

# exp: x = n·ln 2 + r with |r| ≤ ln 2 / 2. The relative error of the polynomial is 3e-9.
LOG2_E = np.float32(1.44269504088896341)
LN2, LN2_LOW = np.float32(0.6931471824645996), np.float32(-1.904654323148236e-09)
E2, E3, E4 = np.float32(0.4999999403953552), np.float32(0.1666652113199234), np.float32(0.041668254882097244)
E5, E6 = np.float32(0.008368662558495998), np.float32(0.0013821468455716968)
# Above the first e^x overflows, below the second it rounds to 0, below the third it is subnormal.
MOST, LEAST, LOW = np.float32(88.72283), np.float32(-103.97208), np.float32(-87.0)
# Added to a number below 2²², it leaves the nearest integer in the last bits.
SHIFT = np.float32(12582912.0)
NO_LIFT, LIFT, LOWERED = np.int32(0), np.int32(64 << 23), np.float32(2.0**-64)


@compiled
def exp_of(v, lift):
    """e^v times the power of 2 whose exponent bits are `lift`. The result must be a normal number."""
    shifted = multiply_add(v, LOG2_E, SHIFT)
    n = shifted - SHIFT
    r = fma(n, -LN2_LOW, fma(n, -LN2, v))
    p = multiply_add(multiply_add(multiply_add(E6, r, E5), r, E4), r, E3)
    p = multiply_add(multiply_add(multiply_add(p, r, E2), r, ONE), r, ONE)
    power = np.int32((bits_of(shifted) << MANTISSA) + lift)
    return float_of(np.int32(bits_of(p) + power))


@compiled
def exp(x, out):
    full_width()
    low = False
    for i in range(out.size):
        v = x[i]
        low |= v < LOW
        e = exp_of(v, NO_LIFT)
        out[i] = e if v <= MOST else NAN
    if low:
        low_exp(x, out)


@compiled
def low_exp(x, out):
    """exp where the result is subnormal."""
    full_width()
    for i in range(out.size):
        v = x[i] if x[i] > LEAST else ZERO
        lifted = exp_of(v, LIFT)
        if x[i] < LOW:
            out[i] = lifted * LOWERED if x[i] > LEAST else ZERO


# log: x = 2^e·(1 + f) with 1 + f in [2/3, 4/3). The relative error of the polynomial is 5e-9.
TINY, UP, UP_EXPONENT = np.float32(1.17549435e-38), np.float32(8388608.0), np.float32(23.0)
TWO_THIRDS, EXPONENT = np.int32(0x3F2AAAAB), np.int32(-8388608)
L3, L4, L5 = np.float32(0.3333321511745453), np.float32(-0.2499980628490448), np.float32(0.2001042664051056)
L6, L7 = np.float32(-0.16680197417736053), np.float32(0.14005732536315918)
L8, L9 = np.float32(-0.12187445163726807), np.float32(0.1398460865020752)
L10 = np.float32(-0.1288023293018341)


@compiled
def log(x, out):
    full_width()
    for i in range(out.size):
        v = x[i]
        small = v < TINY
        bits = bits_of(v * UP if small else v)
        exponent = np.int32((bits - TWO_THIRDS) & EXPONENT)
        f = float_of(np.int32(bits - exponent)) - ONE
        e = np.float32(np.int32(exponent >> MANTISSA))
        e = e - UP_EXPONENT if small else e
        z = f * f
        p = multiply_add(multiply_add(multiply_add(L10, f, L9), f, L8), f, L7)
        p = multiply_add(multiply_add(multiply_add(p, f, L6), f, L5), f, L4)
        p = multiply_add(multiply_add(p, f, L3), f, -HALF)
        out[i] = multiply_add(e, LN2, multiply_add(p, z, f)) if v > ZERO else NAN


# tanh: (e^2|x| − 1) / (e^2|x| + 1) without cancellation: e^2|x| − 1 = 2^n·(e^t − 1) + (2^n − 1).
FLAT, TWO, TWO_LOG2_E, MINUS_LN2 = np.float32(9.5), np.float32(2), LOG2_E + LOG2_E, -LN2
ONE_BITS, SIGN = np.int32(0x3F800000), np.int32(-2147483648)


@compiled
def tanh(x, out):
    full_width()
    for i in range(out.size):
        v = x[i]
        a = abs(v)
        a = FLAT if a > FLAT else a
        shifted = multiply_add(a, TWO_LOG2_E, SHIFT)
        t = multiply_add(shifted - SHIFT, MINUS_LN2, a + a)
        p = multiply_add(multiply_add(multiply_add(E6, t, E5), t, E4), t, E3)
        p = multiply_add(multiply_add(p, t, E2), t * t, t)
        power = (bits_of(shifted) << MANTISSA) + ONE_BITS
        s = float_of(power)
        less_one = multiply_add(s, p, s - ONE)
        size = bits_of(less_one / (less_one + TWO))
        out[i] = float_of(np.int32(size | (bits_of(v) & SIGN)))
