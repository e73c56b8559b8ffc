"""Day by day figures of one signal, for the page: the engine and the tasks sum them up and keep no days."""

import numpy as np
from numpy.typing import NDArray

from quarva.engine.kernel.run.score import FLAT

__all__ = ["daily_ic", "quantile_means", "rolling_correlation", "timing_means"]

Floats = NDArray[np.float64]

LEAST_ASSETS = 3  # as the engine counts: a correlation of fewer assets says nothing


def daily_ic(
    signal: NDArray[np.floating],
    target: NDArray[np.floating],
    *,
    ranked: bool = False,
    lookback: int = 0,
) -> Floats:
    """Correlation of signal and target across assets on each day, by the rule of the scores.

    The correlation is over all assets with a target; one without a signal enters at the mean of the day's
    signals (or of their ranks).

    Parameters
    ----------
    signal, target : ndarray of float, shape (T, N)
        NaN = not there.
    ranked : bool
        Spearman's instead of Pearson's correlation; ties take their average rank.
    lookback : int
        Days of the signal's warm-up at the beginning. A later day on which fewer than 3 assets, or fewer than
        half of those with a target, have a signal is 0; in the warm-up it is NaN.

    Returns
    -------
    ndarray of float64, shape (T,)
        NaN also where fewer than 3 assets have a target, and where the signal or the target is the same for
        all assets.
    """
    x, y = np.asarray(signal, np.float64), np.asarray(target, np.float64)
    asked = np.isfinite(y)
    known = asked & np.isfinite(x)
    x, y = np.where(known, x, np.nan), np.where(asked, y, np.nan)
    cells = asked.sum(axis=1)
    possible = (cells >= LEAST_ASSETS) & ~_is_flat(y, asked)
    enough = known.sum(axis=1) >= np.maximum(LEAST_ASSETS, np.ceil(cells / 2))
    flat = _is_flat(x, known)
    if ranked:
        x, y = _ranks(x), _ranks(y)
    found = _correlation(x, y, known, asked)
    silent = np.where(np.arange(len(x)) >= lookback, 0.0, np.nan)
    return np.where(possible, np.where(enough, np.where(flat, np.nan, found), silent), np.nan)


def _ranks(rows: Floats) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(rows, axis=1, nan_policy="omit"), np.float64)


def _centred(rows: Floats, there: NDArray[np.bool_]) -> Floats:
    """Less the mean of each row, 0 where it is not there."""
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    mean = np.where(there, rows, 0.0).sum(axis=1, keepdims=True) / count
    return np.where(there, rows - mean, 0.0)


def _is_flat(rows: Floats, there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a row varies by less than about five units in the last place of float32: the engine's rule."""
    count = np.maximum(there.sum(axis=1), 1)
    mean = np.where(there, rows, 0.0).sum(axis=1) / count
    return (_centred(rows, there) ** 2).sum(axis=1) <= FLAT * mean**2 * count


def _correlation(x: Floats, y: Floats, known: NDArray[np.bool_], asked: NDArray[np.bool_]) -> Floats:
    """Pearson's along the rows over the cells `asked`; x is at its mean where it is not `known`.

    NaN where one of them does not vary.
    """
    a, b = _centred(x, known), _centred(y, asked)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))


def rolling_correlation(
    signal: NDArray[np.floating],
    target: NDArray[np.floating],
    segments: NDArray[np.int8],
    *,
    window: int = 252,
    least: int = 60,
    lookback: int = 0,
) -> Floats:
    """Correlation of signal and target over the last `window` days and all assets, float64 [T].

    A window never reaches back into another segment; it needs `least` days of its own, else NaN. After the
    first `lookback` days a missing signal counts as no opinion: it is taken at the signal's mean.
    `signal`, `target`: [T, N], `segments`: int8 [T].
    """
    x, y = np.asarray(signal, np.float64), np.asarray(target, np.float64)
    known = np.isfinite(x) & np.isfinite(y) & (segments >= 0)[:, None]
    warm = (np.arange(len(x)) >= lookback) & (segments >= 0)
    asked = known | (np.isfinite(y) & warm[:, None])
    out = np.full(len(x), np.nan)
    begin = 0
    for day in range(len(x)):
        if day and segments[day] != segments[day - 1]:
            begin = day
        rows = slice(max(begin, day - window + 1), day + 1)
        if segments[day] >= 0 and known[rows].any(axis=1).sum() >= least:
            one, other = x[rows].reshape(1, -1), y[rows].reshape(1, -1)
            here, there = known[rows].reshape(1, -1), asked[rows].reshape(1, -1)
            if not (_is_flat(one, here)[0] or _is_flat(other, there)[0]):
                out[day] = _correlation(one, other, here, there)[0]
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
