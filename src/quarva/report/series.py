"""Daily statistics of one signal. The engine only returns their sums."""

import numpy as np
from numpy.typing import NDArray

from quarva.engine.kernel.run.score import FLAT

__all__ = ["daily_ic", "quantile_means", "rolling_correlation", "timing_means"]

Floats = NDArray[np.float64]

MIN_ASSETS = 3  # fewest assets in a daily correlation, as in the engine


def daily_ic(
    signal: NDArray[np.floating],
    target: NDArray[np.floating],
    *,
    ranked: bool = False,
    lookback: int = 0,
) -> Floats:
    """Daily correlation of signal and target across assets, as in the score.

    Parameters
    ----------
    signal, target : ndarray of float, shape (T, N)
        NaN where missing.
    ranked : bool
        Use Spearman's instead of Pearson's correlation; ties get their average rank.
    lookback : int
        Number of warm-up days at the beginning.

    Returns
    -------
    ndarray of float64, shape (T,)
        Daily information coefficient.

    Notes
    -----
    A day's correlation is over all assets with a target. Assets without a signal enter at the mean of the
    day's signals (or ranks). If fewer than 3 assets, or fewer than half of those with a target, have a
    signal, the value is 0 after the warm-up and NaN within it. It is NaN if fewer than 3 assets have a target
    or if the signal or the target is constant.
    """
    x, y = np.asarray(signal, np.float64), np.asarray(target, np.float64)
    has_target = np.isfinite(y)
    has_both = has_target & np.isfinite(x)
    x, y = np.where(has_both, x, np.nan), np.where(has_target, y, np.nan)
    cells = has_target.sum(axis=1)
    counts = (cells >= MIN_ASSETS) & ~_is_constant(y, has_target)
    enough = has_both.sum(axis=1) >= np.maximum(MIN_ASSETS, np.ceil(cells / 2))
    constant = _is_constant(x, has_both)
    if ranked:
        x, y = _ranks(x), _ranks(y)
    correlation = _correlation(x, y, has_both, has_target)
    without_signal = np.where(np.arange(len(x)) >= lookback, 0.0, np.nan)
    return np.where(counts, np.where(enough, np.where(constant, np.nan, correlation), without_signal), np.nan)


def _ranks(rows: Floats) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(rows, axis=1, nan_policy="omit"), np.float64)


def _centred(rows: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Subtract each row's mean over `mask`; 0 elsewhere."""
    count = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    mean = np.where(mask, rows, 0.0).sum(axis=1, keepdims=True) / count
    return np.where(mask, rows - mean, 0.0)


def _is_constant(rows: Floats, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a row varies by less than about five float32 ulps, as in the engine."""
    count = np.maximum(mask.sum(axis=1), 1)
    mean = np.where(mask, rows, 0.0).sum(axis=1) / count
    return (_centred(rows, mask) ** 2).sum(axis=1) <= FLAT * mean**2 * count


def _correlation(x: Floats, y: Floats, has_both: NDArray[np.bool_], has_target: NDArray[np.bool_]) -> Floats:
    """Pearson correlation of each row over `has_target`, with `x` at its mean outside `has_both`.

    NaN if one of them is constant.
    """
    a, b = _centred(x, has_both), _centred(y, has_target)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))


def rolling_correlation(
    signal: NDArray[np.floating],
    target: NDArray[np.floating],
    segments: NDArray[np.int8],
    *,
    window: int = 252,
    min_days: int = 60,
    lookback: int = 0,
) -> Floats:
    """Rolling correlation of signal and target over time and assets.

    Parameters
    ----------
    signal, target : ndarray of float, shape (T, N)
        NaN where missing.
    segments : int8 array of shape (T,)
        Segment codes; a window never extends into another segment.
    window : int
        Length of the window in days.
    min_days : int
        Fewest days with values in a window.
    lookback : int
        Number of warm-up days at the beginning.

    Returns
    -------
    ndarray of float64, shape (T,)
        Correlation over the window that ends on each day.

    Notes
    -----
    After the warm-up, a missing signal enters at the mean of the window's signals. The value is NaN on purged
    days, with fewer than `min_days` days, and where the signal or the target is constant.
    """
    x, y = np.asarray(signal, np.float64), np.asarray(target, np.float64)
    has_both = np.isfinite(x) & np.isfinite(y) & (segments >= 0)[:, None]
    after_warmup = (np.arange(len(x)) >= lookback) & (segments >= 0)
    has_target = has_both | (np.isfinite(y) & after_warmup[:, None])
    out = np.full(len(x), np.nan)
    begin = 0
    for day in range(len(x)):
        if day and segments[day] != segments[day - 1]:
            begin = day
        rows = slice(max(begin, day - window + 1), day + 1)
        if segments[day] >= 0 and has_both[rows].any(axis=1).sum() >= min_days:
            a, b = x[rows].reshape(1, -1), y[rows].reshape(1, -1)
            both, with_target = has_both[rows].reshape(1, -1), has_target[rows].reshape(1, -1)
            if not (_is_constant(a, both)[0] or _is_constant(b, with_target)[0]):
                out[day] = _correlation(a, b, both, with_target)[0]
    return out


def quantile_means(
    signal: NDArray[np.floating], target: NDArray[np.floating], days: NDArray[np.bool_], bins: int
) -> Floats:
    """Mean excess target by daily quantile of the signal.

    Each day's assets are sorted by the signal (ties at their average rank) and divided into `bins` equal
    groups. The mean target of a group, minus the day's mean over all assets, is averaged over days.

    Parameters
    ----------
    signal, target : ndarray of float, shape (T, N)
        NaN where missing.
    days : bool array of shape (T,)
        Days to include.
    bins : int
        Number of quantiles. Days with fewer assets are skipped.

    Returns
    -------
    ndarray of float64, shape (bins,)
        Lowest quantile first, in the unit of the target; NaN if no day has `bins` assets.
    """
    x, y = np.asarray(signal[days], np.float64), np.asarray(target[days], np.float64)
    valid = np.isfinite(x) & np.isfinite(y)
    valid &= (valid.sum(axis=1) >= bins)[:, None]
    if not valid.any():
        return np.full(bins, np.nan)
    count = np.maximum(valid.sum(axis=1, keepdims=True), 1)
    relative_rank = (_ranks(np.where(valid, x, np.nan)) - 0.5) / count  # in (0, 1)
    quantile = np.floor(np.where(valid, relative_rank, 0.0) * bins).astype(int)
    excess = np.where(valid, y - np.where(valid, y, 0.0).sum(axis=1, keepdims=True) / count, 0.0)
    means = np.full(bins, np.nan)
    for k in range(bins):
        inside = valid & (quantile == k)
        assets = inside.sum(axis=1)
        filled = assets > 0
        if filled.any():
            means[k] = float((np.where(inside, excess, 0.0).sum(axis=1)[filled] / assets[filled]).mean())
    return means


def timing_means(
    signal: NDArray[np.floating],
    target: NDArray[np.floating],
    days: NDArray[np.bool_],
    limits: Floats,
) -> Floats:
    """Mean target by level of the signal.

    Parameters
    ----------
    signal, target : ndarray of float, shape (T, N)
        NaN where missing.
    days : bool array of shape (T,)
        Days to include.
    limits : float64 array of shape (L,)
        Ascending signal levels that separate the groups, computed on training days.

    Returns
    -------
    ndarray of float64, shape (L + 1,)
        Lowest level first, in the unit of the target; NaN for empty groups.
    """
    x, y = np.asarray(signal[days], np.float64), np.asarray(target[days], np.float64)
    valid = np.isfinite(x) & np.isfinite(y)
    group = np.searchsorted(limits, x[valid], side="right")
    total = np.bincount(group, weights=y[valid], minlength=len(limits) + 1)
    count = np.bincount(group, minlength=len(limits) + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(count > 0, total / count, np.nan), np.float64)
