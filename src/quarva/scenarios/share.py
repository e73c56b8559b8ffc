"""How much of a planted effect a signal has found."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["share"]

_LEAST_ASSETS = 5  # signals that a day needs


def share(
    signal: NDArray[np.floating], drive: NDArray[np.floating], days: NDArray[np.bool_] | None = None
) -> float:
    """Compute the mean daily correlation of a signal with the drive of a plant.

    Parameters
    ----------
    signal : ndarray of float, shape (T, N)
        The signal. NaN means no opinion and counts as neutral.
    drive : ndarray of float, shape (T, N)
        The planted part of the returns by the day of the signal; see `Planted.drive`. NaN means none.
    days : ndarray of bool, shape (T,), optional
        Days that count. Defaults to all.

    Returns
    -------
    float
        1 for the drive itself, about 0 for an unrelated signal. Days with fewer than 5 signals, a constant
        signal or a constant drive do not count; NaN if no day does.
    """
    known = np.isfinite(drive)
    there = known & np.isfinite(signal)
    if days is not None:
        known, there = known & days[:, None], there & days[:, None]
    x = _centred(np.asarray(signal, np.float64), there)
    y = _centred(np.asarray(drive, np.float64), known)
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    counted = (there.sum(axis=1) >= _LEAST_ASSETS) & (scale > 0)
    return float(((x * y).sum(axis=1)[counted] / scale[counted]).mean()) if counted.any() else float("nan")


def _centred(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values without their mean over the known cells of each day; 0 in the other cells."""
    mean = np.where(known, values, 0.0).sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1), 1)[:, None]
    return np.where(known, values - mean, 0.0)
