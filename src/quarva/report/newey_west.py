"""The standard error of the mean of a series whose neighbouring days are alike."""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["standard_error"]


def standard_error(daily: NDArray[np.floating], lags: int) -> float:
    """Standard error of the mean of an autocorrelated daily series (Newey and West).

    A forward return of h days shares days with those of the h − 1 days around it, so that daily information
    coefficients are correlated over as many days; how much depends on how fast the signal changes. The
    variance of the mean is

        (γ₀ + 2 Σ_{l=1}^{L} (1 − l / (L + 1)) γ_l) / n

    with γ_l the autocovariance at lag l (divided by n) and Bartlett's weights, so that it is never negative.

    Parameters
    ----------
    daily : ndarray of float, shape (T,)
        One value a day, in order; NaN on days without one. They keep their place, so that a lag is one of
        days, and add nothing to an autocovariance.
    lags : int
        L, at least 0; the horizon h of the target in days.

    Returns
    -------
    float
        NaN for fewer than two values.

    References
    ----------
    Newey, W. K. and West, K. D. (1987). A simple, positive semi-definite, heteroskedasticity and
    autocorrelation consistent covariance matrix. Econometrica 55, 703-708.
    """
    there = np.isfinite(daily)
    many = int(there.sum())
    if many < 2:
        return math.nan
    away = np.where(there, daily - daily[there].mean(), 0.0)
    total = float(away @ away)
    for lag in range(1, min(lags, len(away) - 1) + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * float(away[lag:] @ away[:-lag])
    return math.sqrt(max(total, 0.0)) / many
