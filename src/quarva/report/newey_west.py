"""Standard error of the mean of an autocorrelated series."""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["standard_error"]


def standard_error(daily: NDArray[np.floating], lags: int) -> float:
    """Newey–West standard error of the mean of a daily series.

    Consecutive h-day forward returns overlap, so daily information coefficients are autocorrelated up to lag
    h − 1; how strongly depends on how fast the signal changes. The variance of the mean is

        (γ₀ + 2 Σ_{l=1}^{L} (1 − l / (L + 1)) γ_l) / n

    with the autocovariance γ_l at lag l (divided by n) and Bartlett weights, which keep it non-negative.

    Parameters
    ----------
    daily : ndarray of float, shape (T,)
        One value per day in chronological order; NaN on days without a value.
    lags : int
        L, at least 0. Use the horizon h of the target in days.

    Returns
    -------
    float
        Standard error in the units of `daily`; NaN for fewer than two finite values.

    Notes
    -----
    NaN days keep their position, so lags are counted in days, and contribute nothing to autocovariances.

    References
    ----------
    Newey, W. K. and West, K. D. (1987). A simple, positive semi-definite, heteroskedasticity and
    autocorrelation consistent covariance matrix. Econometrica 55, 703-708.
    """
    finite = np.isfinite(daily)
    n = int(finite.sum())
    if n < 2:
        return math.nan
    centred = np.where(finite, daily - daily[finite].mean(), 0.0)
    total = float(centred @ centred)
    for lag in range(1, min(lags, len(centred) - 1) + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * float(centred[lag:] @ centred[:-lag])
    return math.sqrt(max(total, 0.0)) / n
