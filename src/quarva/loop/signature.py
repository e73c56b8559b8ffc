"""Signatures of signals: their standardised values on a few assets and days."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.cross_section.standardised import standardise

__all__ = ["CLIP", "write_signatures"]

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
