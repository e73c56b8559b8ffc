"""Rolling sums, plain and weighted: sum, mean, ema, decay_linear (how, and the arguments: see `windows`)."""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import keep
from quarva.engine.kernel.windows import day, nothing, part


@compiled
def total(buf, base, rows, t, w, width, state, scale, out):
    """sum (scale = 1) and mean (scale = 1/w)."""
    q = t % w
    x = day(buf, base, rows, t, width)
    prefix = part(state, 0, 0, w, width)
    if q == 0:
        if t >= w:
            lay_sums(buf, base, rows, t, w, width, state)
        for i in range(width):
            prefix[i] = x[i]
    else:
        for i in range(width):
            prefix[i] += x[i]
    if t < w - 1:
        nothing(out)
    elif q == w - 1:
        for i in range(width):
            out[i] = keep(np.float32(prefix[i] * scale))
    else:
        suffix = part(state, 0, q + 1, w, width)
        for i in range(width):
            out[i] = keep(np.float32((prefix[i] + suffix[i]) * scale))


@compiled
def lay_sums(buf, base, rows, t, w, width, state):
    for j in range(w - 1, 0, -1):
        x = day(buf, base, rows, t - w + j, width)
        here = part(state, 0, j, w, width)
        if j == w - 1:
            for i in range(width):
                here[i] = x[i]
        else:
            later = part(state, 0, j + 1, w, width)
            for i in range(width):
                here[i] = later[i] + x[i]


@compiled
def ema(buf, base, rows, t, w, width, state, out):
    b = 1.0 - 2.0 / (w + 1)
    q = t % w
    x = day(buf, base, rows, t, width)
    prefix = part(state, 0, 0, w, width)
    if q == 0:
        if t >= w:
            weight = 1.0  # of a day, seen from the end of its block
            for j in range(w - 1, 0, -1):
                old = day(buf, base, rows, t - w + j, width)
                here, later = part(state, 0, j, w, width), part(state, 0, min(j + 1, w - 1), w, width)
                if j == w - 1:
                    for i in range(width):
                        here[i] = old[i]
                else:
                    for i in range(width):
                        here[i] = later[i] + weight * old[i]
                weight *= b
        for i in range(width):
            prefix[i] = x[i]
    else:
        for i in range(width):
            prefix[i] = b * prefix[i] + x[i]
    if t < w - 1:
        nothing(out)
        return
    scale = (1.0 - b) / (1.0 - b**w)
    if q == w - 1:
        for i in range(width):
            out[i] = keep(np.float32(prefix[i] * scale))
    else:
        suffix, fade = part(state, 0, q + 1, w, width), b ** (q + 1)
        for i in range(width):
            out[i] = keep(np.float32((prefix[i] + fade * suffix[i]) * scale))


@compiled
def decay_linear(buf, base, rows, t, w, width, state, out):
    """Weights w … 1: a suffix holds Σ (i − j + 1) x_i over its days i ≥ j, a sum of plain suffix sums."""
    q = t % w
    x = day(buf, base, rows, t, width)
    weighted, plain = part(state, 0, 0, w, width), part(state, 1, 0, w, width)
    if q == 0:
        if t >= w:
            for j in range(w - 1, 0, -1):
                old = day(buf, base, rows, t - w + j, width)
                here, later = part(state, 0, j, w, width), part(state, 0, min(j + 1, w - 1), w, width)
                if j == w - 1:
                    for i in range(width):
                        plain[i] = old[i]
                        here[i] = plain[i]
                else:
                    for i in range(width):
                        plain[i] += old[i]
                        here[i] = later[i] + plain[i]
        for i in range(width):
            plain[i] = x[i]
            weighted[i] = w * plain[i]
    else:
        # A day later every weight is one less.
        for i in range(width):
            weighted[i] += w * np.float64(x[i]) - plain[i]
            plain[i] += x[i]
    if t < w - 1:
        nothing(out)
        return
    scale = 2.0 / (w * (w + 1.0))
    if q == w - 1:
        for i in range(width):
            out[i] = keep(np.float32(weighted[i] * scale))
    else:
        suffix = part(state, 0, q + 1, w, width)
        for i in range(width):
            out[i] = keep(np.float32((weighted[i] + suffix[i]) * scale))
