"""Rolling operators of two series: correlation and covariance, kept as `moments` keeps its own."""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import keep
from quarva.engine.kernel.windows import carry, day, nothing, part
from quarva.karva.operators import CODE

CORR = CODE["corr"]


@compiled
def include_pair(x, y, n, full, state, w, width, j):
    """Add a day to the n − 1 days of row j, in place.

    Rows hold mean x, mean y, Σ dx·dy and, if `full`, Σ dx² and Σ dy².
    """
    mean_x, mean_y, cross = (
        part(state, 0, j, w, width),
        part(state, 1, j, w, width),
        part(state, 2, j, w, width),
    )
    if n == 1:
        for i in range(width):
            a, b = np.float64(x[i]), np.float64(y[i])
            mean_x[i], mean_y[i], cross[i] = a, b, (a - a) + (b - b)
        if full:
            part(state, 3, j, w, width)[:] = 0.0
            part(state, 4, j, w, width)[:] = 0.0
        return
    share = 1.0 / n
    rest = 1.0 - share
    if full:
        square(x, mean_x, rest, part(state, 3, j, w, width))
        square(y, mean_y, rest, part(state, 4, j, w, width))
    for i in range(width):
        dx, dy = x[i] - mean_x[i], y[i] - mean_y[i]
        cross[i] += dx * dy * rest
        mean_x[i] += dx * share
        mean_y[i] += dy * share


@compiled
def square(x, mean, rest, total):
    for i in range(x.size):
        d = x[i] - mean[i]
        total[i] += d * d * rest


@compiled
def pair(code, x_buf, x_base, x_rows, y_buf, y_base, y_rows, t, w, width, state, out):
    """corr and cov of day t."""
    full = code == CORR
    q = t % w
    if q == 0 and t >= w:
        for j in range(w - 1, 0, -1):
            x = day(x_buf, x_base, x_rows, t - w + j, width)
            y = day(y_buf, y_base, y_rows, t - w + j, width)
            carry(state, 5 if full else 3, j, w, width)
            include_pair(x, y, w - j, full, state, w, width, j)
    x, y = day(x_buf, x_base, x_rows, t, width), day(y_buf, y_base, y_rows, t, width)
    include_pair(x, y, q + 1, full, state, w, width, 0)
    if t < w - 1:
        nothing(out)
        return
    whole = q == w - 1
    k = 0 if whole else q + 1
    more = 0.0 if whole else 1.0
    between = more * (q + 1) * (w - 1 - q) / w
    mean_x, mean_y, cross = (
        part(state, 0, 0, w, width),
        part(state, 1, 0, w, width),
        part(state, 2, 0, w, width),
    )
    mean_x_s, mean_y_s, cross_s = (
        part(state, 0, k, w, width),
        part(state, 1, k, w, width),
        part(state, 2, k, w, width),
    )
    if not full:
        degrees = 1.0 / (w - 1)
        for i in range(width):
            dx, dy = mean_x[i] - mean_x_s[i], mean_y[i] - mean_y_s[i]
            out[i] = keep(np.float32((cross[i] + more * cross_s[i] + dx * dy * between) * degrees))
        return
    xx, yy = part(state, 3, 0, w, width), part(state, 4, 0, w, width)
    xx_s, yy_s = part(state, 3, k, w, width), part(state, 4, k, w, width)
    for i in range(width):
        dx, dy = mean_x[i] - mean_x_s[i], mean_y[i] - mean_y_s[i]
        c = cross[i] + more * cross_s[i] + dx * dy * between
        vx = xx[i] + more * xx_s[i] + dx * dx * between
        vy = yy[i] + more * yy_s[i] + dy * dy * between
        # Sums of squares of float32 numbers stay below 1e80: their product stays in range, one root will do.
        out[i] = keep(np.float32(c / np.sqrt(vx * vy)))
