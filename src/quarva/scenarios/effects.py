"""The effect of a planted formula: its z-score over the assets, and its realised information coefficient."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_ASSETS", "planted_ic", "zscore"]

LEAST_ASSETS = 5
"""Minimum number of assets of a market with a planted formula."""


def planted_ic(signal: NDArray[np.floating], close: NDArray[np.floating], delay: int = 1) -> float:
    """Compute the mean daily correlation of a signal with the return that a planted signal affects.

    Parameters
    ----------
    signal : ndarray of float, shape (T, N)
        The signal. NaN means no opinion.
    close : ndarray of float, shape (T, N)
        The closing prices. The return is close[t + delay + 1] / close[t + delay] − 1.
    delay : int, default 1
        Days from the signal to the trade.

    Returns
    -------
    float
        Mean Pearson correlation over assets. Cells with a NaN in the signal or the return are ignored, and so
        are days with fewer than 3 cells or without variance. NaN if no day remains.
    """
    x = np.asarray(signal[: -delay - 1], dtype=np.float64)
    prices = np.asarray(close, dtype=np.float64)
    y = prices[1 + delay :] / prices[delay:-1] - 1
    known = np.isfinite(x) & np.isfinite(y)
    count = known.sum(axis=1)
    days = count >= 3
    x, y, known, count = x[days], y[days], known[days], count[days, None]
    x = np.where(known, x - np.where(known, x, 0).sum(axis=1, keepdims=True) / count, 0)
    y = np.where(known, y - np.where(known, y, 0).sum(axis=1, keepdims=True) / count, 0)
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    varied = scale > 0
    return float(((x * y).sum(axis=1)[varied] / scale[varied]).mean()) if varied.any() else float("nan")


def zscore(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Z-score over the assets of a day that have a value, shape (N,).

    0 for the other assets, and for all if fewer than 3 have a value or the values are equal.
    """
    known = np.isfinite(values)
    if known.sum() < 3:
        return np.zeros(len(values))
    wide = np.where(known, values, 0).astype(np.float64)
    centred = np.where(known, wide - wide.sum() / known.sum(), 0)
    deviation = np.sqrt((centred**2).sum() / known.sum())
    return centred / deviation if deviation > 0 else np.zeros(len(values))
