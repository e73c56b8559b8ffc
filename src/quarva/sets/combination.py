"""The signal of a set: the weighted sum of its members' standardised signals, day by day."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.loop.signature import standardise

__all__ = ["CLIP", "add_standardised", "standardise_days"]

CLIP = 8.0
"""Standardised signals are cut at so many standard deviations."""


@compiled
def standardise_days(signals, days, clip, out):
    """Standardise signals over the assets of each day.

    Parameters
    ----------
    signals : ndarray of float32, shape (P, T, N)
        The signals. NaN means no opinion.
    days : ndarray of int64, shape (D,)
        The days.
    clip : float
        Largest absolute z-score; larger ones are cut.
    out : ndarray of float32, shape (P, D · N)
        Receives the z-scores; 0 for missing values and constant signals.
    """
    for p in range(signals.shape[0]):
        for k in range(days.size):
            standardise(signals[p], days[k : k + 1], out[p], k, clip)


@compiled
def add_standardised(signal, weight, days, row, total, known):
    """Add the standardised signal of a member, times its weight, to the signal of a set.

    Parameters
    ----------
    signal : ndarray of float32, shape (T, N)
        The signal of the member. NaN means no opinion and adds nothing.
    weight : float
        Its weight.
    days : ndarray of int64, shape (T,)
        0 … T − 1.
    row : ndarray of float32, shape (N,)
        Work space.
    total : ndarray of float64, shape (T, N)
        Changed: the sum.
    known : ndarray of bool, shape (T, N)
        Changed: whether any member has an opinion.
    """
    for day in range(days.size):
        standardise(signal, days[day : day + 1], row, 0, CLIP)
        for asset in range(signal.shape[1]):
            total[day, asset] += weight * np.float64(row[asset])
            known[day, asset] |= np.isfinite(signal[day, asset])
