"""sin and cos of float32 rows.

x = k·π + r with π in three parts and |r| ≤ π/2, then one odd polynomial of degree 9 (minimax, relative error
6e-9); for cos x = (k + ½)·π + r, so that it keeps its digits near its zeros. Largest error: 2.2 ulp (by
benchmarks/accuracy.py). Numbers beyond `FAR` are gone over once more, with the reduction in float64.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.float32 import bits_of, float_of
from quarva.engine.kernel.vectors import fma, full_width, multiply_add

FAR = np.float32(262144.0)  # from here on rounding of x/π takes |r| noticeably beyond π/2
FARTHEST = np.float32(1.0e9)  # from here on only a reduction with ever more digits of π would do
ONE, HALF, PER_PI = np.float32(1), np.float32(0.5), np.float32(0.318309886183790672)
PI_A, PI_B = np.float32(-3.1415927410125732), np.float32(8.742277657347586e-08)
PI_C = np.float32(3.4302490200117637e-15)
S3, S5 = np.float32(-0.16666659712791443), np.float32(0.008333069272339344)
S7, S9 = np.float32(-0.00019809776858892292), np.float32(2.606095677037956e-06)
# Added to a number below 2²² it leaves the nearest whole number in the last bits, odd or even in the last.
SHIFT, LAST_TO_SIGN = np.float32(12582912.0), np.int32(31)
PI64, PI64_LOW, PER_PI64 = -3.141592653589793116, -1.2246467991473532e-16, 0.318309886183790672
SHIFT64 = 6755399441055744.0


@compiled
def odd_sine(r):
    """sin r for |r| ≤ π/2."""
    z = r * r
    p = multiply_add(multiply_add(multiply_add(S9, z, S7), z, S5), z, S3)
    s = multiply_add(p * z, r, r)
    s = ONE if s > ONE else s  # rounding leads beyond 1, and √(1 − sin²) would be NaN
    return -ONE if s < -ONE else s


@compiled
def turned(value, odd):
    """value, or −value where the last bit of `odd` is set."""
    bits = bits_of(value) ^ (np.int32(odd) << LAST_TO_SIGN)
    return float_of(np.int32(bits))


@compiled
def sin(x, out):
    full_width()
    far = False
    for i in range(out.size):
        v = x[i]
        far |= abs(v) > FAR
        shifted = multiply_add(v, PER_PI, SHIFT)
        k = shifted - SHIFT
        r = fma(k, PI_C, fma(k, PI_B, fma(k, PI_A, v)))
        out[i] = turned(odd_sine(r), bits_of(shifted))
    if far:
        far_sine(x, 0.0, out)
        for i in range(out.size):
            if abs(x[i]) > FARTHEST:
                out[i] = np.float32(np.sin(np.float64(x[i])))


@compiled
def cos(x, out):
    full_width()
    far = False
    for i in range(out.size):
        v = x[i]
        far |= abs(v) > FAR
        shifted = multiply_add(v, PER_PI, -HALF) + SHIFT
        k = (shifted - SHIFT) + HALF
        r = fma(k, PI_C, fma(k, PI_B, fma(k, PI_A, v)))
        out[i] = -turned(odd_sine(r), bits_of(shifted))
    if far:
        far_sine(x, 0.5, out)
        for i in range(out.size):
            if abs(x[i]) > FARTHEST:
                out[i] = np.float32(np.cos(np.float64(x[i])))


@compiled
def far_sine(x, half, out):
    """sin (half = 0) or cos (½) of the numbers beyond FAR."""
    full_width()
    sign = np.float32(1.0 - 4.0 * half)
    for i in range(out.size):
        v = np.float64(x[i])
        shifted = (v * PER_PI64 - half) + SHIFT64
        k = (shifted - SHIFT64) + half
        r = np.float32(fma(k, PI64_LOW, fma(k, PI64, v)))
        if abs(x[i]) > FAR:
            out[i] = sign * turned(odd_sine(r), np.float64(shifted).view(np.int64))
