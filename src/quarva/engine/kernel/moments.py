"""Rolling moments: var, std, ts_zscore, skew (see `windows` for how, and the arguments).

Prefix and suffix are combined by Chan, Golub and LeVeque's formulas (1983), so a constant window has a
variance of exactly 0.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import keep
from quarva.engine.kernel.windows import carry, day, nothing, part
from quarva.karva.operators import CODE

STD, VAR = CODE["std"], CODE["var"]


@compiled
def include(x, n, mean, square):
    """Welford's update in place: from the mean and Σ(x − mean)² of n − 1 values to those of n."""
    if n == 1:
        for i in range(x.size):
            v = np.float64(x[i])
            mean[i] = v
            square[i] = v - v  # 0, or NaN
        return
    share = 1.0 / n
    for i in range(x.size):
        v = np.float64(x[i])
        d = v - mean[i]
        m = mean[i] + d * share
        square[i] += d * (v - m)
        mean[i] = m


@compiled
def spread(code, buf, base, rows, t, w, width, state, out):
    """var, std and ts_zscore."""
    q = t % w
    x = day(buf, base, rows, t, width)
    mean, square = part(state, 0, 0, w, width), part(state, 1, 0, w, width)
    if q == 0 and t >= w:
        for j in range(w - 1, 0, -1):
            carry(state, 2, j, w, width)
            old = day(buf, base, rows, t - w + j, width)
            include(old, w - j, part(state, 0, j, w, width), part(state, 1, j, w, width))
    include(x, q + 1, mean, square)
    if t < w - 1:
        nothing(out)
        return
    whole = q == w - 1
    k = 0 if whole else q + 1
    mean_s, square_s = part(state, 0, k, w, width), part(state, 1, k, w, width)
    # A whole block is its own window: the 'suffix' is then the prefix itself, with no weight.
    share = 0.0 if whole else (q + 1) / w
    cross = 0.0 if whole else (q + 1) * (w - 1 - q) / w
    more = 0.0 if whole else 1.0
    degrees = 1.0 / (w - 1)
    if code == VAR:
        for i in range(width):
            d = mean[i] - mean_s[i]
            out[i] = keep(np.float32((square[i] + more * square_s[i] + d * d * cross) * degrees))
    elif code == STD:
        for i in range(width):
            d = mean[i] - mean_s[i]
            out[i] = keep(np.float32(np.sqrt((square[i] + more * square_s[i] + d * d * cross) * degrees)))
    else:
        for i in range(width):
            d = mean[i] - mean_s[i]
            s = (square[i] + more * square_s[i] + d * d * cross) * degrees
            m = mean_s[i] + d * share
            out[i] = keep(np.float32((x[i] - m) / np.sqrt(s)))


@compiled
def include_third(x, n, mean, square, cube):
    """`include` with Σ(x − mean)³ (Pébay 2008)."""
    if n == 1:
        for i in range(x.size):
            v = np.float64(x[i])
            mean[i] = v
            square[i] = v - v
            cube[i] = v - v
        return
    share = 1.0 / n
    for i in range(x.size):
        d = np.float64(x[i]) - mean[i]
        step = d * share
        term = d * step * (n - 1)
        cube[i] += term * step * (n - 2) - 3.0 * step * square[i]
        square[i] += term
        mean[i] += step


@compiled
def skew(buf, base, rows, t, w, width, state, out):
    q = t % w
    x = day(buf, base, rows, t, width)
    mean, square, cube = part(state, 0, 0, w, width), part(state, 1, 0, w, width), part(state, 2, 0, w, width)
    if q == 0 and t >= w:
        for j in range(w - 1, 0, -1):
            carry(state, 3, j, w, width)
            old = day(buf, base, rows, t - w + j, width)
            include_third(
                old,
                w - j,
                part(state, 0, j, w, width),
                part(state, 1, j, w, width),
                part(state, 2, j, w, width),
            )
    include_third(x, q + 1, mean, square, cube)
    if t < w - 1:
        nothing(out)
        return
    whole = q == w - 1
    k = 0 if whole else q + 1
    mean_s, square_s, cube_s = (
        part(state, 0, k, w, width),
        part(state, 1, k, w, width),
        part(state, 2, k, w, width),
    )
    more = 0.0 if whole else 1.0
    a, b = w - 1.0 - q, q + 1.0  # days in the suffix, days in the prefix
    factor = w / ((w - 1.0) * (w - 2.0))
    for i in range(width):
        d = (mean[i] - mean_s[i]) * more
        m2 = square[i] + more * square_s[i] + d * d * (a * b / w)
        m3 = cube[i] + more * cube_s[i] + d * d * d * (a * b * (a - b) / (w * w))
        m3 += 3.0 * d * (a * square[i] - b * square_s[i]) / w
        s = np.sqrt(m2 / (w - 1.0))
        out[i] = keep(np.float32(factor * m3 / (s * s * s)))
