"""Day by day figures of one signal, for the page: the engine and the tasks sum them up and keep no days."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["daily_ic", "quantile_means", "rolling_correlation", "timing_means"]

Floats = NDArray[np.float64]

LEAST_ASSETS = 3  # as the engine counts: a correlation of fewer pairs says nothing


def daily_ic(signal: NDArray[np.floating], target: NDArray[np.floating], *, ranked: bool = False) -> Floats:
    """Correlation of signal and target across assets on each day, float64 [T].

    Parameters
    ----------
    signal, target : [T, N], NaN = not there.
    ranked : Spearman's instead of Pearson's correlation; ties take their average rank.

    A day is NaN where fewer than 3 assets, or fewer than half of those with a target, have both, or where
    one of the two is constant: the same rule as the engine's.
    """
    x, y = np.asarray(signal, np.float64), np.asarray(target, np.float64)
    there = np.isfinite(x) & np.isfinite(y)
    pairs = there.sum(axis=1)
    enough = pairs >= np.maximum(LEAST_ASSETS, np.ceil(np.isfinite(y).sum(axis=1) / 2))
    x, y = np.where(there, x, np.nan), np.where(there, y, np.nan)
    if ranked:
        x, y = _ranks(x), _ranks(y)
    return np.where(enough, _correlation(x, y, axis=1), np.nan)


def _ranks(rows: Floats) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(rows, axis=1, nan_policy="omit"), np.float64)


def _correlation(x: Floats, y: Floats, axis: int) -> Floats:
    """Pearson's along `axis` of two arrays that are NaN in the same places; NaN where one is constant."""
    there = np.isfinite(x)
    count = np.maximum(there.sum(axis=axis, keepdims=True), 1)

    def centred(rows: Floats) -> Floats:
        mean = np.where(there, rows, 0.0).sum(axis=axis, keepdims=True) / count
        return np.where(there, rows - mean, 0.0)

    a, b = centred(x), centred(y)
    # A constant leaves rounding errors of its size; below 1e-12 of it there is no spread.
    size = np.where(there, x, 0.0) ** 2, np.where(there, y, 0.0) ** 2
    spread = (a**2).sum(axis=axis), (b**2).sum(axis=axis)
    flat = [s <= 1e-24 * z.sum(axis=axis) for s, z in zip(spread, size, strict=True)]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (a * b).sum(axis=axis) / np.sqrt(spread[0] * spread[1])
    return np.where(flat[0] | flat[1], np.nan, found)


def rolling_correlation(
    signal: NDArray[np.floating],
    target: NDArray[np.floating],
    segments: NDArray[np.int8],
    *,
    window: int = 252,
    least: int = 60,
) -> Floats:
    """Correlation of signal and target over the last `window` days and all assets, float64 [T].

    A window never reaches back into another segment; it needs `least` days of its own, else NaN.
    `signal`, `target`: [T, N], `segments`: int8 [T].
    """
    x, y = np.asarray(signal, np.float64), np.asarray(target, np.float64)
    there = np.isfinite(x) & np.isfinite(y) & (segments >= 0)[:, None]
    x, y = np.where(there, x, np.nan), np.where(there, y, np.nan)
    out = np.full(len(x), np.nan)
    begin = 0
    for day in range(len(x)):
        if day and segments[day] != segments[day - 1]:
            begin = day
        first = max(begin, day - window + 1)
        if segments[day] >= 0 and there[first : day + 1].any(axis=1).sum() >= least:
            pair = x[first : day + 1].reshape(1, -1), y[first : day + 1].reshape(1, -1)
            out[day] = _correlation(*pair, axis=1)[0]
    return out


def quantile_means(
    signal: NDArray[np.floating], target: NDArray[np.floating], days: NDArray[np.bool_], bins: int
) -> Floats:
    """Mean target by quantile of the day's signals, lowest first, float64 [bins].

    Each day's assets are sorted by the signal (ties at their average rank) and cut into `bins` equal parts;
    of each part the mean target, less the mean of all, is averaged over the days. `signal`, `target`:
    [T, N]; `days`: bool [T]. NaN where no day has `bins` assets.
    """
    x, y = np.asarray(signal[days], np.float64), np.asarray(target[days], np.float64)
    there = np.isfinite(x) & np.isfinite(y)
    there &= (there.sum(axis=1) >= bins)[:, None]
    if not there.any():
        return np.full(bins, np.nan)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    place = (_ranks(np.where(there, x, np.nan)) - 0.5) / count  # in (0, 1)
    part = np.floor(np.where(there, place, 0.0) * bins).astype(int)
    excess = np.where(there, y - np.where(there, y, 0.0).sum(axis=1, keepdims=True) / count, 0.0)
    means = np.full(bins, np.nan)
    for k in range(bins):
        inside = there & (part == k)
        assets = inside.sum(axis=1)
        held = assets > 0
        if held.any():
            means[k] = float((np.where(inside, excess, 0.0).sum(axis=1)[held] / assets[held]).mean())
    return means


def timing_means(
    signal: NDArray[np.floating],
    target: NDArray[np.floating],
    days: NDArray[np.bool_],
    limits: Floats,
) -> Floats:
    """Mean target by size of the signal, lowest first, float64 [len(limits) + 1].

    `limits`: ascending signals at which one part ends and the next begins, set on training days; `signal`,
    `target`: [T, N]; `days`: bool [T]. NaN where a part has no cell.
    """
    x, y = np.asarray(signal[days], np.float64), np.asarray(target[days], np.float64)
    there = np.isfinite(x) & np.isfinite(y)
    part = np.searchsorted(limits, x[there], side="right")
    total = np.bincount(part, weights=y[there], minlength=len(limits) + 1)
    count = np.bincount(part, minlength=len(limits) + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(count > 0, total / count, np.nan), np.float64)
