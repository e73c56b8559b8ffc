"""Compiled kernels: positions from the signal of a day, and the simulation over days.

`_step` is the only implementation of turnover and gain. The objective of a search, the backtest and the
report all use it and therefore agree. Where an asset has no price on the day of a trade, `_hold` keeps its
previous position. On days when every asset has a price, neither `_hold` nor `_count` is called.
"""

# mypy: disallow-untyped-defs=False, disable-error-code="untyped-decorator"

import numpy as np

from quarva._runtime.compiled import compiled

__all__ = [
    "ABSENT",
    "DELISTED",
    "LONG_SHORT",
    "RANK_WEIGHTS",
    "REOPENED",
    "SIGN_TIMING",
    "SUSPENDED",
    "TRADED",
    "simulate_positions",
    "simulate_signals",
    "target_positions",
]

LONG_SHORT, RANK_WEIGHTS, SIGN_TIMING = 0, 1, 2
TRADED, REOPENED, SUSPENDED, DELISTED, ABSENT = 0, 1, 2, 3, 4  # see `holding.HoldingReturns`
_CLOSED, _EVENT = 1, 2  # bits of a day's flags
_SMALL = 16  # up to this length, insertion sort is faster than another partition


@compiled
def _select(a, b, n, k):
    """The k-th smallest value (from 0) of a[:n]. Both arrays are overwritten.

    Quickselect that copies instead of swapping. The write is unconditional and only the index depends on the
    comparison, which avoids branch mispredictions (2.6 µs for n = 1000, instead of 11 µs with Hoare's
    partition).
    """
    while n > _SMALL:
        x, y, z = a[n // 4], a[n // 2], a[3 * n // 4]
        pivot = max(min(x, y), min(max(x, y), z))
        less = 0
        for i in range(n):
            b[less] = a[i]
            less += a[i] < pivot
        equal = 0
        for i in range(n):
            equal += a[i] == pivot
        if k < less:
            n = less
        elif k < less + equal:
            return pivot
        else:
            more = 0
            for i in range(n):
                b[more] = a[i]
                more += a[i] > pivot
            k -= less + equal
            n = more
        a, b = b, a
    for i in range(1, n):
        value = a[i]
        j = i - 1
        while j >= 0 and a[j] > value:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = value
    return a[k]


@compiled
def _present(signal, a):
    """Copy the values of `signal` that are not NaN to the front of `a`; return their number."""
    n = 0
    for i in range(signal.size):
        a[n] = signal[i]
        n += signal[i] == signal[i]
    return n


@compiled
def _long_short(signal, quantile, target, a, b):
    n = _present(signal, a)
    if n < 2:
        target[:] = 0.0
        return n
    k = max(1, int(quantile * n + 1e-9))  # 0.29 * 100 is 28.999999999999996
    low = _select(a, b, n, k - 1)
    _present(signal, a)
    high = _select(a, b, n, n - k)
    above = at_high = below = at_low = 0
    for i in range(signal.size):
        above += signal[i] > high
        at_high += signal[i] == high
        below += signal[i] < low
        at_low += signal[i] == low
    weight = 0.5 / k
    edge_high = weight * (k - above) / at_high
    edge_low = weight * (k - below) / at_low
    for i in range(signal.size):
        x = signal[i]
        long = weight * (x > high) + edge_high * (x == high)
        short = weight * (x < low) + edge_low * (x == low)
        target[i] = long - short
    return n


@compiled(allocates=True)
def _rank_weights(signal, target):
    n = 0
    for i in range(signal.size):
        target[i] = 0.0
        n += signal[i] == signal[i]
    if n < 2:
        return n
    order = np.argsort(signal)[:n]  # NaN sort last
    total = 0.0
    first = 0
    while first < n:
        last = first
        while last + 1 < n and signal[order[last + 1]] == signal[order[first]]:
            last += 1
        weight = 0.5 * (first + last) - 0.5 * (n - 1)
        for i in range(first, last + 1):
            target[order[i]] = weight
        total += abs(weight) * (last - first + 1)
        first = last + 1
    if total > 0.0:
        for i in range(n):
            target[order[i]] /= total
    return n


@compiled
def _sign_timing(signal, target):
    n = 0
    for i in range(signal.size):
        n += signal[i] == signal[i]
    share = 1.0 / n if n > 0 else 0.0
    for i in range(signal.size):
        target[i] = share * ((signal[i] > 0) - (signal[i] < 0))
    return n


@compiled
def _target(rule, parameter, signal, target, a, b):
    """Compute the positions of one day in `target`; return the number of assets with a signal."""
    if rule == LONG_SHORT:
        return _long_short(signal, parameter, target, a, b)
    if rule == RANK_WEIGHTS:
        return _rank_weights(signal, target)
    return _sign_timing(signal, target)


@compiled(allocates=True)
def target_positions(rule, parameter, signal, out):
    """Compute positions, float64 of shape (T, N), in `out` from a signal of shape (T, N)."""
    a, b = np.empty(signal.shape[1] + 1, signal.dtype), np.empty(signal.shape[1] + 1, signal.dtype)
    for t in range(signal.shape[0]):
        _target(rule, parameter, signal[t], out[t], a, b)


@compiled(fastmath={"reassoc"})
def _step(target, before, gain, out):
    """Compute the gross gain and the traded volume Σ|Δp| of one day in `out`."""
    gross = 0.0
    traded = 0.0
    for i in range(target.size):
        gross += target[i] * gain[i]
        traded += abs(target[i] - before[i])
    out[0] = gross
    out[1] = traded


@compiled
def _hold(target, before, state):
    """Keep the previous position where an asset has no price and cannot be traded."""
    for i in range(target.size):
        if state[i] > REOPENED:
            target[i] = before[i]


@compiled
def _count(held, state, out):
    """Add the number of held assets by state to `out`, int64 of shape (5,)."""
    for i in range(held.size):
        out[state[i]] += held[i] != 0.0


@compiled(allocates=True)
def simulate_positions(positions, gain, state, flags, delay, gross, traded, missing, bridged, delisted):
    """Simulate given positions.

    Parameters
    ----------
    positions : ndarray of float64, shape (T, N)
        Positions by the day of the signal.
    gain, state, flags : ndarray
        As in `HoldingReturns`.
    delay : int
        Days from the signal to the trade.
    gross, traded : ndarray of float64, shape (T,)
        Output. NaN before the first position.
    missing, bridged, delisted : ndarray of int32, shape (T,)
        Output: number of held assets that are SUSPENDED, REOPENED and DELISTED.
    """
    days, assets = positions.shape
    target, before = np.empty(assets), np.zeros(assets)
    sums, counts = np.empty(2), np.empty(5, np.int64)
    started = False
    gross[:] = np.nan
    traded[:] = np.nan
    missing[:] = 0
    bridged[:] = 0
    delisted[:] = 0
    for t in range(days - 1 - delay):
        earned = t + 1 + delay
        target[:] = positions[t]
        if flags[earned - 1] & _CLOSED:
            _hold(target, before, state[earned - 1])
        _step(target, before, gain[earned], sums)
        started = started or sums[1] > 0.0
        if started:
            gross[earned], traded[earned] = sums[0], sums[1]
            if flags[earned] & _EVENT:
                counts[:] = 0
                _count(target, state[earned], counts)
                missing[earned] = counts[SUSPENDED]
                bridged[earned] = counts[REOPENED]
                delisted[earned] = counts[DELISTED]
        target, before = before, target


@compiled(allocates=True)
def simulate_signals(
    rule, parameter, signals, gain, state, flags, delay, gross, traded, opinions, bridged, delisted
):
    """Simulate many signals, storing two rows of positions at a time.

    Parameters
    ----------
    rule, parameter : int and float
        Rule and its parameter, as in `target_positions`.
    signals : ndarray of float32, shape (P, T, N)
        The signals.
    gain, state, flags : ndarray, shape (E, N), (E, N) and (E,)
        As in `HoldingReturns`, for the first E ≤ T days, which are simulated.
    delay : int
        Days from the signal to the trade.
    gross, traded : ndarray of float64, shape (P, E)
        Output, as in `simulate_positions`.
    opinions : ndarray of int32, shape (P, E)
        Output: number of assets with a signal, by the day of the signal.
    bridged, delisted : ndarray of int32, shape (P, E)
        Output, as in `simulate_positions`.
    """
    formulas, days, assets = signals.shape[0], gain.shape[0], signals.shape[2]
    target, before = np.empty(assets), np.empty(assets)
    a, b = np.empty(assets + 1, signals.dtype), np.empty(assets + 1, signals.dtype)
    sums, counts = np.empty(2), np.empty(5, np.int64)
    gross[:] = np.nan
    traded[:] = np.nan
    opinions[:] = 0
    bridged[:] = 0
    delisted[:] = 0
    for p in range(formulas):
        before[:] = 0.0
        started = False
        for t in range(days - 1 - delay):
            earned = t + 1 + delay
            opinions[p, t] = _target(rule, parameter, signals[p, t], target, a, b)
            if flags[earned - 1] & _CLOSED:
                _hold(target, before, state[earned - 1])
            _step(target, before, gain[earned], sums)
            started = started or sums[1] > 0.0
            if started:
                gross[p, earned], traded[p, earned] = sums[0], sums[1]
                if flags[earned] & _EVENT:
                    counts[:] = 0
                    _count(target, state[earned], counts)
                    bridged[p, earned] = counts[REOPENED]
                    delisted[p, earned] = counts[DELISTED]
            target, before = before, target
