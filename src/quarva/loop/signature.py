"""Signatures of signals: their standardised values on a few assets and days."""

import numpy as np

from quarva._runtime.compiled import compiled

__all__ = ["CLIP", "standardise", "write_signatures"]

CLIP = 4.0
"""Standardised values are clipped at so many standard deviations, so that no single asset dominates."""


@compiled
def write_signatures(signals, days, pooled, out):
    """Compute the signatures of signals.

    Parameters
    ----------
    signals : ndarray of float32, shape (P, T, N)
        The signals. NaN means no opinion.
    days : ndarray of int64, shape (D,)
        The sampled days.
    pooled : bool
        True to standardise over all sampled days together, False to standardise day by day.
    out : ndarray of float32, shape (P, D · N)
        Receives the signatures: vectors of length 1, or 0 for a signal that is constant.
    """
    assets = signals.shape[2]
    for p in range(signals.shape[0]):
        length = 0.0
        blocks = 1 if pooled else days.size
        size = days.size // blocks
        for block in range(blocks):
            length += standardise(
                signals[p], days[block * size : (block + 1) * size], out[p], block * size, CLIP
            )
        if length > 0:
            scale = np.float32(1.0 / np.sqrt(length))
            for k in range(days.size * assets):
                out[p, k] *= scale


@compiled
def standardise(signal, days, out, row, clip):
    """Write the z-scores of a signal on some days to `out`, from row `row` on.

    They are cut at ± `clip`. Cells without a value are 0, and so are all cells of a constant signal. Returns
    the sum of squares.
    """
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
    constant = not deviation > 1e-6 * abs(mean)
    for k in range(days.size):
        for asset in range(assets):
            value, zscore = np.float64(signal[days[k], asset]), 0.0
            if np.isfinite(value) and not constant:
                zscore = min(max((value - mean) / deviation, -clip), clip)
            out[(row + k) * assets + asset] = np.float32(zscore)
            length += zscore * zscore
    return length
