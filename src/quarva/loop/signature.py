"""What tells signals apart: their values on a few assets and days, on one scale."""

import numpy as np

from quarva._runtime.compiled import compiled

__all__ = ["CLIP", "sign"]

CLIP = 4.0  # standard deviations: no single asset shall decide


@compiled
def sign(signals, days, pooled, out):
    """Signatures of signals float32[P, T, N]; out: float32[P, D · N]."""
    assets = signals.shape[2]
    for p in range(signals.shape[0]):
        length = 0.0
        blocks = 1 if pooled else days.size
        many = days.size // blocks
        for block in range(blocks):
            length += standardise(signals[p], days[block * many : (block + 1) * many], out[p], block * many)
        if length > 0:
            scale = np.float32(1.0 / np.sqrt(length))
            for k in range(days.size * assets):
                out[p, k] *= scale


@compiled
def standardise(signal, days, out, row):
    """Signal [T, N] on some days, less its mean and by its deviation, to out from its row on; its squares."""
    assets, n, total, squares, length = signal.shape[1], 0, 0.0, 0.0, 0.0
    for day in days:
        for asset in range(assets):
            value = np.float64(signal[day, asset])
            if np.isfinite(value):
                n += 1
                total += value
    mean = total / max(n, 1)
    for day in days:
        for asset in range(assets):
            value = np.float64(signal[day, asset])
            if np.isfinite(value):
                squares += (value - mean) ** 2
    deviation = np.sqrt(squares / max(n, 1))
    silent = not deviation > 1e-6 * abs(mean)
    for k in range(days.size):
        for asset in range(assets):
            value, told = np.float64(signal[days[k], asset]), 0.0
            if np.isfinite(value) and not silent:
                told = min(max((value - mean) / deviation, -CLIP), CLIP)
            out[(row + k) * assets + asset] = np.float32(told)
            length += told * told
    return length
