"""sin and cos of float32 rows.

The argument is reduced to x = k·π + r with |r| ≤ π/2, where π is split into three parts. An odd minimax
polynomial of degree 9 follows (relative error 6e-9). For cos, x = (k + ½)·π + r, which keeps the precision
near its zeros. The largest error is 1.9 ulp (benchmarks/engine/accuracy.py). Arguments beyond `FAR` are
recomputed with a reduction in float64, and those beyond `FARTHEST` with a fixed-point reduction by the binary
digits of 1/π (Payne and Hanek 1983).

References
----------
Payne, M. and Hanek, R. (1983). Radian reduction for trigonometric functions. ACM SIGNUM Newsletter 18.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.vectors.float32 import bits_of, float_of
from quarva.engine.kernel.vectors.vectors import fma, full_width, multiply_add

FAR = np.float32(262144.0)  # beyond this, rounding of x/π makes |r| noticeably larger than π/2
FARTHEST = np.float32(1.0e9)  # beyond this, float64 does not have enough digits of π
ONE, HALF, PER_PI = np.float32(1), np.float32(0.5), np.float32(0.318309886183790672)
PI_A, PI_B = np.float32(-3.1415927410125732), np.float32(8.742277657347586e-08)
PI_C = np.float32(3.4302490200117637e-15)
S3, S5 = np.float32(-0.16666659712791443), np.float32(0.008333069272339344)
S7, S9 = np.float32(-0.00019809776858892292), np.float32(2.606095677037956e-06)
# Added to a number below 2²², it leaves the nearest integer in the last bits, and its parity in the last bit.
SHIFT, LAST_TO_SIGN = np.float32(12582912.0), np.int32(31)
PI64, PI64_LOW, PER_PI64 = -3.141592653589793116, -1.2246467991473532e-16, 0.318309886183790672
SHIFT64 = 6755399441055744.0
# The binary digits of 1/π, 32 per entry. The first digit has weight 1.
DIGITS = np.array(
    [0x28BE60DB, 0x9391054A, 0x7F09D5F4, 0x7D4D3770, 0x36D8A566, 0x4F10E410, 0x7F9458EA],
    np.uint64,
)
MANTISSA_BITS, HIDDEN, MANTISSA = np.uint64(23), np.uint64(1 << 23), np.uint64((1 << 23) - 1)
WHOLE_BIAS = 150  # bias of the exponent if the mantissa is read as an integer
GROUP = 64  # numbers that are tested together for arguments beyond FAR
ONE_BIT, WORD, LAST = np.uint64(1), np.uint64(32), np.uint64(63)
NO_TURN = np.uint64(0)
QUARTER_TURN = np.uint64(1 << 62)  # ½ where 2⁶³ is 1
TURN = 1.7030607900432772e-19  # π / 2⁶⁴


@compiled
def odd_sine(r):
    """sin r for |r| ≤ π/2."""
    z = r * r
    p = multiply_add(multiply_add(multiply_add(S9, z, S7), z, S5), z, S3)
    s = multiply_add(p * z, r, r)
    s = ONE if s > ONE else s  # without the limit, rounding could exceed 1 and make √(1 − sin²) NaN
    return -ONE if s < -ONE else s


@compiled
def turned(value, odd):
    """−value if the last bit of `odd` is set, else value."""
    bits = bits_of(value) ^ (np.int32(odd) << LAST_TO_SIGN)
    return float_of(np.int32(bits))


@compiled
def farthest_sine(v, half):
    """sin (half = 0) or −cos (half = a quarter turn) of a number beyond FARTHEST.

    Let |v| = m·2^q with an integer m. m·(2^q/π mod 2) is computed in fixed point. Its first bit has weight 1
    and is the parity of k; the other 63 bits are the fraction. For an array of such large numbers, a sine
    takes 6 ns, compared to 40 ns with the C library.
    """
    bits = np.uint64(bits_of(abs(v)))
    m = (bits & MANTISSA) | HIDDEN
    q = np.int64(bits >> MANTISSA_BITS) - WHOLE_BIAS
    word, by = q >> 5, np.uint64(q & 31)
    third = DIGITS[word + 2]
    high = (((DIGITS[word] << WORD) | DIGITS[word + 1]) << by) | (third >> (WORD - by))
    low = (((third << WORD) | DIGITS[word + 3]) << by) >> WORD
    turns = high * m + ((low * m) >> WORD)
    if v < 0:
        turns = np.uint64(0) - turns
    turns = turns - half
    odd = np.int32((turns + QUARTER_TURN) >> LAST)
    return turned(odd_sine(np.float32(np.float64(np.int64(turns << ONE_BIT)) * TURN)), odd)


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


@compiled
def far_sine(x, half, out):
    """Recompute sin (half = 0) or cos (half = ½) of the numbers beyond FAR, which most groups do not have."""
    for first in range(0, out.size, GROUP):
        last = min(first + GROUP, out.size)
        farthest = far_group(x[first:last], half, out[first:last])
        if farthest:
            for i in range(first, last):
                if abs(x[i]) > FARTHEST:
                    value = farthest_sine(x[i], QUARTER_TURN if half > 0.0 else NO_TURN)
                    out[i] = -value if half > 0.0 else value


@compiled
def far_group(x, half, out):
    """Recompute the numbers from FAR to FARTHEST; return True if there are numbers beyond FARTHEST."""
    full_width()
    sign = np.float32(1.0 - 4.0 * half)
    far, farthest = False, False
    for i in range(out.size):
        far |= abs(x[i]) > FAR
        farthest |= abs(x[i]) > FARTHEST
    if far:
        for i in range(out.size):
            v = np.float64(x[i])
            shifted = (v * PER_PI64 - half) + SHIFT64
            k = (shifted - SHIFT64) + half
            r = np.float32(fma(k, PI64_LOW, fma(k, PI64, v)))
            if abs(x[i]) > FAR:
                out[i] = sign * turned(odd_sine(r), np.float64(shifted).view(np.int64))
    return farthest
