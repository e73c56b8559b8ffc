"""Standardised signals, and their weighted sum, day by day."""

import numpy as np

from quarva._runtime.compiled import compiled

__all__ = ["CLIP", "add_standardised", "multiply_by_target", "standardise", "standardise_days"]

CLIP = 8.0
"""Largest absolute value of a standardised signal; larger ones are cut."""


@compiled
def standardise(signal, days, out, row, clip):
    """Write the z-scores of a signal over all cells of some days to `out`.

    Mean and standard deviation are those of all given days together; pass one day for z-scores over its
    assets.

    Parameters
    ----------
    signal : ndarray of float32, shape (T, N)
        The signal. NaN means no opinion.
    days : ndarray of int64, shape (D,)
        The days.
    out : ndarray of float32, shape (R · N,)
        Rows row … row + D − 1 receive the z-scores; 0 for missing values and constant signals.
    row : int
        First row to write.
    clip : float
        Largest absolute z-score; larger ones are cut.

    Returns
    -------
    float
        Sum of squares of the z-scores.
    """
    assets, n, total, squares, length = signal.shape[1], 0, 0.0, 0.0, 0.0
    for day in days:
        for asset in range(assets):
            value = np.float64(signal[day, asset])
            if np.isfinite(value):
                n += 1
                total += value
    mean = total / max(n, 1)
    for day in days:
        for asset in range(assets):
            value = np.float64(signal[day, asset])
            if np.isfinite(value):
                squares += (value - mean) ** 2
    deviation = np.sqrt(squares / max(n, 1))
    constant = not deviation > 1e-6 * abs(mean)
    for k in range(days.size):
        for asset in range(assets):
            value, zscore = np.float64(signal[days[k], asset]), 0.0
            if np.isfinite(value) and not constant:
                zscore = min(max((value - mean) / deviation, -clip), clip)
            out[(row + k) * assets + asset] = np.float32(zscore)
            length += zscore * zscore
    return length


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
        Weight of the member.
    days : ndarray of int64, shape (D,)
        The days to add.
    row : ndarray of float32, shape (N,)
        Work space.
    total : ndarray of float64, shape (T, N)
        The weighted sum; updated in place.
    known : ndarray of bool, shape (T, N)
        True where any member has an opinion; updated in place.
    """
    for k in range(days.size):
        day = days[k]
        standardise(signal, days[k : k + 1], row, 0, CLIP)
        for asset in range(signal.shape[1]):
            total[day, asset] += weight * np.float64(row[asset])
            known[day, asset] |= np.isfinite(signal[day, asset])


@compiled
def multiply_by_target(signal, days, target, known, places, row, stored, daily):
    """Standardise a signal day by day and multiply it by a target.

    Parameters
    ----------
    signal : ndarray of float32, shape (T, N)
        The signal. NaN means no opinion.
    days : ndarray of int64, shape (D,)
        The days.
    target : ndarray of float32, shape (D, N)
        The standardised target on these days.
    known : ndarray of bool, shape (D, N)
        True in cells with a target. Other cells do not count.
    places : ndarray of int64, shape (D,)
        Row of `stored` for each day; −1 if the day is not stored.
    row : ndarray of float32, shape (N,)
        Work space.
    stored : ndarray of float32, shape (R, N)
        Receives the standardised signal, 0 in cells without a target.
    daily : ndarray of float64, shape (D,)
        Receives the sum of products of each day.

    Returns
    -------
    float
        Sum of squares of the standardised signal over all cells with a target.
    """
    squares = 0.0
    for k in range(days.size):
        standardise(signal, days[k : k + 1], row, 0, CLIP)
        product, place = 0.0, places[k]
        for asset in range(signal.shape[1]):
            if known[k, asset]:
                value = np.float64(row[asset])
                product += value * np.float64(target[k, asset])
                squares += value * value
            else:
                row[asset] = np.float32(0.0)
            if place >= 0:
                stored[place, asset] = row[asset]
        daily[k] = product
    return squares
