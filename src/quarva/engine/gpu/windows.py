"""Rolling operators on the device, computed from the values of each window in double precision.

Sums are taken about a value of the window. Cancellation is then bounded by the length of the window, and the
variance of equal values is exactly 0. `rows` is the number of days of the window that exist, at most w. With
the conventions "quarva", the value of a window that is not full is NaN. With "qlib" (`partial`), NaN is
skipped; see `quarva.panel.conventions`. There, `ema` depends on all days, so it is not computed from its
window but carried from day to day (`carried_ema`).
"""

import math

import numpy as np

from quarva.engine.gpu.cells import cell, keep, put, sign_of
from quarva.engine.gpu.jit import on_device
from quarva.engine.gpu.order import exact_share, quantile_of_window
from quarva.karva.operators import CODE

REF, DELTA, PCT_CHANGE = CODE["ref"], CODE["delta"], CODE["pct_change"]
MEAN, SUM, PRODUCT, COUNT = CODE["mean"], CODE["sum"], CODE["product"], CODE["count"]
STD, VAR, SKEW, KURT, MAD = CODE["std"], CODE["var"], CODE["skew"], CODE["kurt"], CODE["mad"]
TS_ZSCORE = CODE["ts_zscore"]
TS_MIN, TS_MAX, DRAWDOWN = CODE["ts_min"], CODE["ts_max"], CODE["drawdown"]
ARGMIN = CODE["ts_argmin"]
SINCE_MIN, SINCE_MAX = CODE["days_since_min"], CODE["days_since_max"]
TS_RANK, MEDIAN, QUANTILE, SIGN_CHANGES = (
    CODE["ts_rank"], CODE["median"], CODE["quantile"], CODE["sign_changes"],
)  # fmt: skip
EMA, DECAY_LINEAR = CODE["ema"], CODE["decay_linear"]
SLOPE, RSQUARE, RESI = CODE["slope"], CODE["rsquare"], CODE["resi"]
CORR, COV = CODE["corr"], CODE["cov"]

NAN = np.nan
FLAT = 2e-5  # with Qlib's conventions, corr and rsquare are NaN if the std of a window is at most this


@on_device
def lag(op, x, day, asset, w):
    """Compute ref, delta or pct_change."""
    if day < w:
        return NAN
    before = np.float64(cell(x, day - w, asset))
    if op == REF:
        return before
    today = np.float64(cell(x, day, asset))
    if op == DELTA:
        return today - before
    return today / before - 1.0 if before != 0.0 else NAN


@on_device
def sums(x, day, asset, rows):
    """Number of values, the newest value, and the sums of d and d², where d is the distance from it."""
    many, about, total, squares = 0, 0.0, 0.0, 0.0
    for k in range(rows):
        v = np.float64(cell(x, day - k, asset))
        if v == v:
            if many == 0:
                about = v
            many += 1
            total += v - about
            squares += (v - about) * (v - about)
    return many, about, total, squares


@on_device
def spread(many, total, squares):
    """Standard deviation with n − 1; 0 for a single value."""
    rest = squares - total * total / many
    return math.sqrt(rest / (many - 1.0)) if many > 1 and rest > 0.0 else 0.0


@on_device
def moment(op, x, day, asset, w, rows, partial):
    """Compute mean, sum, std, var, ts_zscore, mad, skew or kurt."""
    many, about, total, squares = sums(x, day, asset, rows)
    if many == 0 or (many < w and not partial):
        return NAN
    mean = about + total / many
    if op == MEAN:
        return mean
    if op == SUM:
        return many * about + total
    deviation = spread(many, total, squares)
    if op == MAD or op == SKEW or op == KURT:
        return higher_moment(op, x, day, asset, rows, many, about, total / many, deviation)
    if many < 2:
        return NAN
    if op == STD:
        return deviation
    if op == VAR:
        return deviation * deviation
    return (np.float64(cell(x, day, asset)) - mean) / deviation if deviation > 0.0 else NAN  # ts_zscore


@on_device
def higher_moment(op, x, day, asset, rows, many, about, rest, deviation):
    """Compute mad, skew or kurt, given the mean `about` + `rest`."""
    size, cubes, fourths = 0.0, 0.0, 0.0
    share = 1.0 / deviation if deviation > 0.0 else 0.0
    for k in range(rows):
        v = np.float64(cell(x, day - k, asset))
        if v == v:
            d = (v - about) - rest
            size += abs(d)
            z = d * share
            cubes += z * z * z
            fourths += z * z * z * z
    n = np.float64(many)
    if op == MAD:
        return size / n
    if deviation == 0.0 or many < (3 if op == SKEW else 4):
        return NAN
    if op == SKEW:
        return n / ((n - 1.0) * (n - 2.0)) * cubes
    of_normal = 3.0 * (n - 1.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0))
    return n * (n + 1.0) / ((n - 1.0) * (n - 2.0) * (n - 3.0)) * fourths - of_normal


@on_device
def extreme(op, x, day, asset, w, rows, partial):
    """Compute ts_min, ts_max, drawdown, or the position or age of the oldest extreme."""
    lowest = op == TS_MIN or op == ARGMIN or op == SINCE_MIN
    many, best, age, gap = 0, 0.0, 0, -1
    for k in range(rows):
        v = np.float64(cell(x, day - k, asset))
        if v == v:
            if many == 0 or (v <= best if lowest else v >= best):
                best, age = v, k
            many += 1
        else:
            gap = k
    if many == 0 or (many < w and not partial):
        return NAN
    if op == TS_MIN or op == TS_MAX:
        return best
    if op == DRAWDOWN:
        return np.float64(cell(x, day, asset)) / best - 1.0 if best != 0.0 else NAN
    if op == SINCE_MIN or op == SINCE_MAX:
        return np.float64(age)
    return np.float64(rows - (gap if gap >= 0 else age))  # pyqlib's argmax returns the position of a NaN


@on_device
def today_rank(x, day, asset, w, rows, partial):
    """Average rank of today's value in the window, divided by the number of values."""
    today = cell(x, day, asset)
    many, smaller, equal = 0, 0, 0
    for k in range(rows):
        v = cell(x, day - k, asset)
        if v == v:
            many += 1
            smaller += 1 if v < today else 0
            equal += 1 if v == today else 0
    if today != today or (many < w and not partial):
        return NAN
    return (smaller + (equal + 1) * 0.5) / many


@on_device
def tally(op, x, day, asset, w, rows, partial):
    """Compute count or sign_changes."""
    many, changes, there, last = 0, 0, False, np.float32(0)
    for k in range(rows):
        v = cell(x, day - k, asset)
        if v == v:
            many += 1
            sign = sign_of(v)
            changes += 1 if there and sign != last else 0
            last = sign
        there = v == v
    if op == COUNT:
        return np.float64(many)
    return NAN if many == 0 or (many < w and not partial) else np.float64(changes)


@on_device
def weighted(op, x, day, asset, w, rows, partial):
    """Compute product, ema or decay_linear."""
    fade, weight = 1.0 - 2.0 / (w + 1.0), 1.0
    many, about, total, weights, product = 0, 0.0, 0.0, 0.0, 1.0
    for k in range(rows):
        v = np.float64(cell(x, day - k, asset))
        share = weight if op == EMA else (rows - k) * 1.0
        if v == v:
            if many == 0 and not (partial and op == DECAY_LINEAR):
                about = v
            many += 1
            total += share * (v - about)
            weights += share
            product *= v
        weight *= fade
    if many == 0 or (many < w and not partial):
        return NAN
    if op == PRODUCT:
        return product
    if op == DECAY_LINEAR and partial:
        return total / (rows * (rows + 1.0) * 0.5) / many
    return about + total / weights


@on_device
def carried(op, partial):
    """True if an operator is carried from day to day; see `carried_ema`."""
    return op == EMA and partial


@on_device
def split(scratch, place, width, v):
    """Store a float64 as the sum of two float32, `width` apart, with 48 bits."""
    high = np.float32(v)
    scratch[place] = high
    scratch[place + width] = np.float32(v - np.float64(high))


@on_device
def joined(scratch, place, width):
    """Return the float64 that `split` stored."""
    return np.float64(scratch[place]) + np.float64(scratch[place + width])


@on_device
def carried_ema(x, out, asset, w, t, some, first, last):
    """Compute `ema` of an asset with Qlib's conventions on days t … t + some − 1.

    Mean and weight are kept in the `places.CARRIED_ROWS` behind the rows of the node. They begin on day 0.
    """
    _, scratch, base, mask, width = out
    behind = (base + mask + 1) * width + asset
    fade, mean, weight = 1.0 - 2.0 / (w + 1.0), NAN, 0.0
    if t > 0:
        mean, weight = joined(scratch, behind, width), joined(scratch, behind + 2 * width, width)
    for day in range(t, t + some):
        v = np.float64(cell(x, day, asset))
        weight *= fade
        if v == v:
            weight += 1.0
            mean = mean + (v - mean) / weight if mean == mean else v
        put(out, day, asset, np.float32(mean if first <= day <= last else NAN))
    split(scratch, behind, width, mean)
    split(scratch, behind + 2 * width, width, weight)


@on_device
def line(op, x, day, asset, w, rows, partial):
    """Compute slope, rsquare or resi of the least-squares line."""
    many, about, total, squares, ages, ages2, both = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(rows):
        v = np.float64(cell(x, day - k, asset))
        if v == v:
            if many == 0:
                about = v
            many += 1
            d, age = v - about, np.float64(k)
            total += d
            squares += d * d
            ages += age
            ages2 += age * age
            both += d * age
    if many < 2 or (many < w and not partial):
        return NAN
    over_time = ages2 - ages * ages / many
    together = total * ages / many - both  # minus the covariance with age
    if op == SLOPE:
        return together / over_time
    if op == RSQUARE:
        deviation = spread(many, total, squares)
        if deviation == 0.0 or (partial and deviation <= FLAT):
            return NAN
        return together * together / (over_time * deviation * deviation * (many - 1.0))
    today = np.float64(cell(x, day, asset))
    return (today - about) - total / many - together / over_time * (ages / many)


@on_device
def pair(op, x, y, day, asset, w, rows, partial):
    """Compute cov or corr of two windows."""
    many, ax, ay, sx, sy, xx, yy, xy = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(rows):
        a, b = np.float64(cell(x, day - k, asset)), np.float64(cell(y, day - k, asset))
        if a == a and b == b:
            if many == 0:
                ax, ay = a, b
            many += 1
            a -= ax
            b -= ay
            sx += a
            sy += b
            xx += a * a
            yy += b * b
            xy += a * b
    if many < 2 or (many < w and not partial):
        return NAN
    together = xy - sx * sy / many
    if op == COV:
        return together / (many - 1.0)
    if partial and (is_flat(x, day, asset, rows) or is_flat(y, day, asset, rows)):
        return NAN
    size = spread(many, sx, xx) * spread(many, sy, yy)
    return together / (size * (many - 1.0)) if size > 0.0 else NAN


@on_device
def is_flat(x, day, asset, rows):
    """True if a window of at least two values hardly varies."""
    many, _, total, squares = sums(x, day, asset, rows)
    return spread(many, total, squares) <= FLAT


@on_device
def rolling(op, x, y, day, asset, w, share, there, partial):
    """Compute rolling operator `op` in float32. `there` is the number of days of the asset up to today."""
    rows = min(w, there)
    if op == REF or op == DELTA or op == PCT_CHANGE:
        return keep(lag(op, x, day, asset, w))
    if op == COUNT or op == SIGN_CHANGES:
        return keep(tally(op, x, day, asset, w, rows, partial))
    if rows < w and not partial:
        return keep(NAN)
    if op == CORR or op == COV:
        return keep(pair(op, x, y, day, asset, w, rows, partial))
    if op == SLOPE or op == RSQUARE or op == RESI:
        return keep(line(op, x, day, asset, w, rows, partial))
    if op == PRODUCT or op == DECAY_LINEAR or op == EMA:
        return keep(weighted(op, x, day, asset, w, rows, partial))
    if op == MEDIAN or op == QUANTILE:
        q = 0.5 if op == MEDIAN else exact_share(share)
        return keep(quantile_of_window(x, day, asset, w, rows, q, partial))
    if op == TS_RANK:
        return keep(today_rank(x, day, asset, w, rows, partial))
    if op == MEAN or op == SUM or op == STD or op == VAR or op == TS_ZSCORE:
        return keep(moment(op, x, day, asset, w, rows, partial))
    if op == MAD or op == SKEW or op == KURT:
        return keep(moment(op, x, day, asset, w, rows, partial))
    return keep(extreme(op, x, day, asset, w, rows, partial))
