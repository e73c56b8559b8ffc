"""Forecasts of the performance on unseen days, from training alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva.sets.sufficient_statistics import SufficientStatistics, long_run_variance

__all__ = ["DAYS", "Forecasts", "forecast"]

DAYS = 252
"""Number of days that a forecast covers if a task has no validation part."""

_CHANGE = 0.2  # standard deviation of the relative change of a true effect from training to later days
_REPEATS = 5  # samples of the predictive distribution for each draw
_LOW, _HIGH = 0.1, 0.9  # the interval contains 80 % of the probability

Floats = NDArray[np.float64]


class Forecasts(NamedTuple):
    """Forecasts of the mean information coefficient of P signals over later days.

    Attributes
    ----------
    expected : ndarray of float64, shape (P,)
        Posterior means.
    low, high : ndarray of float64, shape (P,)
        Quantiles of 10 and 90 % of the predictive distribution.
    """

    expected: Floats
    low: Floats
    high: Floats


def forecast(
    statistics: SufficientStatistics, loadings: Floats, draws: Floats, days: int, horizon: int, seed: int
) -> Forecasts:
    """Forecast the mean information coefficient of combinations of K formulas.

    Parameters
    ----------
    statistics : SufficientStatistics
        Statistics of the formulas.
    loadings : ndarray of float64, shape (P, K)
        Weights of the formulas in each combination.
    draws : ndarray of float64, shape (S, K)
        Draws of the true weights from their posterior.
    days : int
        Number of later days.
    horizon : int
        Horizon of the target, in days.
    seed : int
        Seed of the predictive distribution.

    Returns
    -------
    Forecasts
        NaN for a combination without a signal.

    Notes
    -----
    A draw of the true weights implies a true information coefficient. The predictive distribution adds the
    sampling error of a mean over `days` days, estimated from the daily products in training, and a relative
    change of the effect with a standard deviation of 20 %.
    """
    gram = statistics.whole[0]
    turned = gram @ loadings.T
    square = (loadings.T * turned).sum(axis=0)
    scale = np.sqrt(np.where(square > 0, square, np.nan) * statistics.cells)
    true = np.clip((draws @ turned) / scale, -1.0, 1.0)  # (S, P)
    variance = long_run_variance(loadings @ statistics.daily, horizon) / scale**2
    error = np.sqrt(variance * statistics.daily.shape[1] / days)
    noise = np.random.default_rng(seed).standard_normal((2, _REPEATS * len(draws), 1))
    realised = np.tile(true, (_REPEATS, 1)) * (1 + _CHANGE * noise[0]) + error * noise[1]
    low, high = np.quantile(np.clip(realised, -1.0, 1.0), [_LOW, _HIGH], axis=0)
    return Forecasts(true.mean(axis=0), low, high)
