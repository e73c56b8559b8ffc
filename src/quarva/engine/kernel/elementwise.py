"""Elementwise operators on float32 rows: plain loops that LLVM turns into vector code.

exp, log, sin, cos and tanh are polynomials after range reduction (the Cephes coefficients for single
precision, Moshier 1992), because a call into the C library per number costs five to ten times as much.
Every cell is computed the same way wherever its row begins or ends, so that a day's value never depends
on the days beside it.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.karva.operators import CODE

ADD, SUB, MUL, DIV = CODE["add"], CODE["sub"], CODE["mul"], CODE["div"]
POWER, MIN, MAX = CODE["power"], CODE["min"], CODE["max"]
NEG, ABS, SIGN, LOG, EXP = CODE["neg"], CODE["abs"], CODE["sign"], CODE["log"], CODE["exp"]
SQRT, SQUARE, INV = CODE["sqrt"], CODE["square"], CODE["inv"]
SIN, COS, TANH = CODE["sin"], CODE["cos"], CODE["tanh"]

NAN = np.float32(np.nan)
LARGEST = np.finfo(np.float32).max
ZERO, HALF, ONE, TWO, FOUR = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2), np.float32(4)


@compiled
def keep(v):
    """v, or NaN where v is not finite."""
    return v if abs(v) <= LARGEST else NAN


@compiled
def bits_of(v):
    """The bits of a float32 as int32."""
    return np.float32(v).view(np.int32)


@compiled
def float_of(bits):
    """The float32 of these bits."""
    return np.int32(bits).view(np.float32)


@compiled
def add(x, y, out):
    for i in range(out.size):
        out[i] = keep(x[i] + y[i])


@compiled
def sub(x, y, out):
    for i in range(out.size):
        out[i] = keep(x[i] - y[i])


@compiled
def mul(x, y, out):
    for i in range(out.size):
        out[i] = keep(x[i] * y[i])


@compiled
def div(x, y, out):
    for i in range(out.size):
        out[i] = keep(x[i] / y[i])


@compiled
def minimum(x, y, out):
    for i in range(out.size):
        a, b = x[i], y[i]
        out[i] = b if (b < a or b != b) else a


@compiled
def maximum(x, y, out):
    for i in range(out.size):
        a, b = x[i], y[i]
        out[i] = b if (b > a or b != b) else a


@compiled
def power(x, y, out):
    # The C library's pow in double precision: it knows every special case (0 to the 0, negative bases).
    for i in range(out.size):
        a, b = np.float64(x[i]), np.float64(y[i])
        out[i] = keep(np.float32(a**b)) if (a == a and b == b) else NAN


@compiled
def neg(x, out):
    for i in range(out.size):
        out[i] = -x[i]


@compiled
def absolute(x, out):
    for i in range(out.size):
        out[i] = abs(x[i])


@compiled
def sign(x, out):
    for i in range(out.size):
        v = x[i]
        s = ONE if v > ZERO else (-ONE if v < ZERO else ZERO)
        out[i] = s if v == v else NAN


@compiled
def sqrt(x, out):
    for i in range(out.size):
        out[i] = np.sqrt(x[i])


@compiled
def square(x, out):
    for i in range(out.size):
        out[i] = keep(x[i] * x[i])


@compiled
def inv(x, out):
    for i in range(out.size):
        out[i] = keep(ONE / x[i])


# exp: x = n·ln 2 + r, |r| ≤ ln 2 / 2; e^r by a polynomial, 2^n by writing the exponent bits.
LOG2_E = np.float32(1.44269504088896341)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
E0, E1, E2 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
E3, E4, E5 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)
# Beyond this e^x overflows float32; below the second it rounds to 0.
EXP_MOST, EXP_LEAST = np.float32(88.72283), np.float32(-103.97208)
BIAS, MANTISSA = np.int32(127), np.int32(23)


@compiled
def exp_of(v):
    """e^v for v in [EXP_LEAST, EXP_MOST]."""
    n = np.rint(v * LOG2_E)
    r = v - n * LN2_HIGH - n * LN2_LOW
    p = ((((E0 * r + E1) * r + E2) * r + E3) * r + E4) * r + E5
    p = p * r * r + r + ONE
    # 2^n in two factors: n = 128 and n < -126 have no exponent of their own.
    half = np.int32(n) >> np.int32(1)
    rest = np.int32(n) - half
    p = p * float_of(np.int32((half + BIAS) << MANTISSA))
    return p * float_of(np.int32((rest + BIAS) << MANTISSA))


@compiled
def exp(x, out):
    for i in range(out.size):
        v = x[i]
        e = exp_of(min(max(v, EXP_LEAST), EXP_MOST))
        e = ZERO if v < EXP_LEAST else e
        out[i] = e if v <= EXP_MOST else NAN


# log: x = 2^e·m, m in [√½, √2); log m by a polynomial in m − 1.
ROOT_HALF = np.float32(0.707106781186547524)
TINY, UP = np.float32(1.17549435e-38), np.float32(8388608.0)
L0, L1, L2 = np.float32(7.0376836292e-2), np.float32(-1.1514610310e-1), np.float32(1.1676998740e-1)
L3, L4, L5 = np.float32(-1.2420140846e-1), np.float32(1.4249322787e-1), np.float32(-1.6668057665e-1)
L6, L7, L8 = np.float32(2.0000714765e-1), np.float32(-2.4999993993e-1), np.float32(3.3333331174e-1)
FRACTION, HALF_BITS, HALF_BIAS = np.int32(0x007FFFFF), np.int32(0x3F000000), np.int32(126)
SUBNORMAL = np.float32(-23.0)


@compiled
def log(x, out):
    for i in range(out.size):
        v = x[i]
        small = v < TINY
        u = v * UP if small else v
        bits = bits_of(u)
        e = np.float32((bits >> MANTISSA) - HALF_BIAS) + (SUBNORMAL if small else ZERO)
        m = float_of(np.int32((bits & FRACTION) | HALF_BITS))
        low = m < ROOT_HALF
        e = e - ONE if low else e
        m = m + m - ONE if low else m - ONE
        z = m * m
        p = (((L0 * m + L1) * m + L2) * m + L3) * m + L4
        p = (((p * m + L5) * m + L6) * m + L7) * m + L8
        p = p * m * z + e * LN2_LOW - HALF * z
        out[i] = m + p + e * LN2_HIGH if v > ZERO else NAN


# sin, cos: x = j·π/4 + r with π/4 in three parts; exact enough up to 8192, beyond that the C library.
FAR = np.float32(8192.0)
FOUR_OVER_PI = np.float32(1.27323954473516)
PI4_A, PI4_B, PI4_C = (
    np.float32(0.78515625),
    np.float32(2.4187564849853515625e-4),
    np.float32(3.77489497744594108e-8),
)
S0, S1, S2 = np.float32(-1.9515295891e-4), np.float32(8.3321608736e-3), np.float32(-1.6666654611e-1)
C0, C1, C2 = (
    np.float32(2.443315711809948e-5),
    np.float32(-1.388731625493765e-3),
    np.float32(4.166664568298827e-2),
)
I1, I2, I4 = np.int32(1), np.int32(2), np.int32(4)


@compiled
def turn_of(v, quarter):
    """sin(v + quarter·π/2) for |v| ≤ FAR."""
    a = abs(v)
    a = a if a <= FAR else ZERO
    j = np.int32(a * FOUR_OVER_PI)
    j = (j + I1) & ~I1
    y = np.float32(j)
    r = ((a - y * PI4_A) - y * PI4_B) - y * PI4_C
    # sin(−a) = −sin a turns the sign; cos is even.
    flip = v < ZERO and quarter == 0
    j = j + I2 * quarter
    z = r * r
    s = ((S0 * z + S1) * z + S2) * z * r + r
    c = ((C0 * z + C1) * z + C2) * z * z - HALF * z + ONE
    value = c if (j & I2) != 0 else s
    negative = ((j & I4) != 0) != flip
    return -value if negative else value


@compiled
def sin(x, out):
    far = False
    for i in range(out.size):
        v = x[i]
        far |= abs(v) > FAR
        t = turn_of(v, np.int32(0))
        out[i] = t if v == v else NAN
    if far:
        for i in range(out.size):
            if abs(x[i]) > FAR:
                out[i] = np.float32(np.sin(np.float64(x[i])))


@compiled
def cos(x, out):
    far = False
    for i in range(out.size):
        v = x[i]
        far |= abs(v) > FAR
        t = turn_of(v, np.int32(1))
        out[i] = t if v == v else NAN
    if far:
        for i in range(out.size):
            if abs(x[i]) > FAR:
                out[i] = np.float32(np.cos(np.float64(x[i])))


# tanh: a polynomial near 0, 1 − 2 / (e^{2|x|} + 1) elsewhere.
NEAR, FLAT = np.float32(0.625), np.float32(44.0)
T0, T1, T2 = np.float32(-5.70498872745e-3), np.float32(2.06390887954e-2), np.float32(-5.37397155531e-2)
T3, T4 = np.float32(1.33314422036e-1), np.float32(-3.33332819422e-1)


@compiled
def tanh(x, out):
    for i in range(out.size):
        v = x[i]
        a = abs(v)
        z = v * v
        near = ((((T0 * z + T1) * z + T2) * z + T3) * z + T4) * z * v + v
        away = ONE - TWO / (exp_of(min(a + a, FLAT)) + ONE)
        away = -away if v < ZERO else away
        t = near if a < NEAR else away
        out[i] = t if v == v else NAN


@compiled
def unary(code, x, out):
    """The elementwise operator `code` of one argument, on rows of one length."""
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


@compiled
def binary(code, x, y, out):
    """The elementwise operator `code` of two arguments, on rows of one length."""
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
