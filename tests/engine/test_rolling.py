"""The rolling kernels agree with the definitions, for any division of the days into calls."""

import warnings
from importlib import import_module

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from quarva.engine.kernel.series.arithmetic import CHUNK
from quarva.engine.kernel.series.rolling import rolling, state_size
from quarva.karva import OPERATORS
from quarva.karva.operators import CODE

ROLLING = [op for op in OPERATORS if op.kind == "rolling"]
LAGS = ("ref", "delta", "pct_change")
WINDOWS = (1, 2, 3, 4, 5, 20, 61, 250, 257)
SHARE = 0.8
GUARD = np.float32(12345.0)

every_operator = pytest.mark.parametrize("operator", ROLLING, ids=lambda operator: operator.name)


def walk(operator, x, y, window, cuts=(CHUNK,), lanes=16):
    """Run an operator on x, y (T, N) by chunks of days and tiles of `lanes` assets; return float32 (T, N).

    `cuts` are the numbers of days of the calls within a chunk, repeated until the chunk is complete.
    """
    days, assets = x.shape
    wide = -(-assets // lanes) * lanes
    rows = np.full((2, window + days, wide), np.nan, np.float32)
    rows[0, window:, :assets], rows[1, window:, :assets] = x, y
    code, out = CODE[operator.name], np.full((days, wide), np.nan, np.float32)
    for tile in range(0, wide, lanes):
        a, b = (np.ascontiguousarray(r[:, tile : tile + lanes]).ravel() for r in rows)
        sizes = state_size(code, window, lanes)
        # The initial content of the scratch arrays is arbitrary, and nothing is written beyond their end.
        state = np.full(sizes[0] + 16, 1e300)
        order = np.full(sizes[1] + 16, GUARD)
        result = np.full((days + 1) * lanes, GUARD, np.float32)
        for chunk in range(0, days, CHUNK):
            age, left = 0, min(CHUNK, days - chunk)
            while age < left:
                for cut in cuts:
                    n = min(cut, left - age)
                    at, to = (window + chunk + age) * lanes, (chunk + age) * lanes
                    if n > 0:
                        rolling(code, a, at, b, at, window, SHARE, lanes, n, age, state, order, result, to)
                        age += n
        assert (state[sizes[0] :] == 1e300).all()
        assert (order[sizes[1] :] == GUARD).all()
        assert (result[days * lanes :] == GUARD).all()
        out[:, tile : tile + lanes] = result[: days * lanes].reshape(days, lanes)
    return out[:, :assets]


# Definitions on windows (T, N, w) without NaN, oldest day first -----------------------------------------


def deviation(x):
    """x − mean, exactly 0 if all values are equal."""
    shifted = x - x[..., :1]
    return shifted - shifted.mean(-1, keepdims=True)


def power_sum(x, n):
    return (deviation(x) ** n).sum(-1)


def var(x, y):
    return power_sum(x, 2) / (x.shape[-1] - 1)


def skew(x, y):
    w = x.shape[-1]
    return w / ((w - 1) * (w - 2)) * power_sum(x, 3) / var(x, y) ** 1.5


def kurt(x, y):
    w = x.shape[-1]
    g = w * (w + 1) / ((w - 1) * (w - 2) * (w - 3)) * power_sum(x, 4) / var(x, y) ** 2
    return g - 3 * (w - 1) ** 2 / ((w - 2) * (w - 3))


def corr(x, y):
    dx, dy = deviation(x), deviation(y)
    return (dx * dy).sum(-1) / np.sqrt((dx**2).sum(-1)) / np.sqrt((dy**2).sum(-1))


def time(x):
    w = x.shape[-1]
    return np.arange(1, w + 1) - (w + 1) / 2


def slope(x, y):
    return (deviation(x) * time(x)).sum(-1) / (time(x) ** 2).sum()


def rsquare(x, y):
    return slope(x, y) ** 2 * (time(x) ** 2).sum() / power_sum(x, 2)


def resi(x, y):
    return deviation(x)[..., -1] - slope(x, y) * time(x)[-1]


def weighted(x, weights):
    today = x[..., -1:]
    return today[..., 0] + ((x - today) * weights).sum(-1) / weights.sum()


def ema(x, y):
    w = x.shape[-1]
    return weighted(x, (1 - 2 / (w + 1)) ** np.arange(w - 1, -1, -1))


def ts_rank(x, y):
    today = x[..., -1:]
    return ((x < today).sum(-1) + ((x == today).sum(-1) + 1) / 2) / x.shape[-1]


def product(x, y):
    logarithm = np.log2(np.abs(np.where(x == 0, 1, x))).sum(-1)
    mantissas, exponents = np.frexp(x)
    value = np.ldexp(mantissas.prod(-1), np.clip(exponents.sum(-1), -1000, 1000))
    return np.where((x == 0).any(-1), 0.0, np.where(logarithm > 128, np.inf, value))


DEFINITIONS = {
    "mean": lambda x, y: weighted(x, np.ones(x.shape[-1])),
    "sum": lambda x, y: x.sum(-1),
    "product": product,
    "std": lambda x, y: np.sqrt(var(x, y)),
    "var": var,
    "skew": skew,
    "kurt": kurt,
    "mad": lambda x, y: np.abs(deviation(x)).mean(-1),
    "ts_min": lambda x, y: x.min(-1),
    "ts_max": lambda x, y: x.max(-1),
    "ts_argmin": lambda x, y: x.argmin(-1) + 1,
    "ts_argmax": lambda x, y: x.argmax(-1) + 1,
    "days_since_min": lambda x, y: x.shape[-1] - 1 - x.argmin(-1),
    "days_since_max": lambda x, y: x.shape[-1] - 1 - x.argmax(-1),
    "ts_rank": ts_rank,
    "median": lambda x, y: np.median(x, axis=-1),
    "quantile": lambda x, y: np.quantile(x, SHARE, axis=-1),
    "sign_changes": lambda x, y: (np.sign(x[..., 1:]) != np.sign(x[..., :-1])).sum(-1),
    "drawdown": lambda x, y: (x[..., -1] - x.max(-1)) / x.max(-1),
    "ts_zscore": lambda x, y: deviation(x)[..., -1] / np.sqrt(var(x, y)),
    "ema": ema,
    "decay_linear": lambda x, y: weighted(x, np.arange(1, x.shape[-1] + 1)),
    "slope": slope,
    "rsquare": rsquare,
    "resi": resi,
    "corr": corr,
    "cov": lambda x, y: (deviation(x) * deviation(y)).sum(-1) / (x.shape[-1] - 1),
}


def windows_of(x, window):
    before = np.full((window - 1, x.shape[1]), np.nan)
    return sliding_window_view(np.concatenate([before, x.astype(np.float64)]), window, axis=0)


def define(operator, x, y, window):
    """Correct values for x, y float32 (T, N) as float64 (T, N); NaN where not finite in float32."""
    with np.errstate(all="ignore"):
        if operator.name in LAGS:
            today = x.astype(np.float64)
            before = np.concatenate([np.full((window, x.shape[1]), np.nan), today])[: len(x)]
            lags = {"ref": before, "delta": today - before, "pct_change": (today - before) / before}
            value = lags[operator.name]
        elif operator.name == "count":
            value = (~np.isnan(windows_of(x, window))).sum(-1).astype(np.float64)
        else:
            a, b = windows_of(x, window), windows_of(y, window)
            full = ~np.isnan(a).any(-1)
            if operator.arity == 2:
                full &= ~np.isnan(b).any(-1)
            a, b = (np.where(full[..., None], v, 1.0) for v in (a, b))
            value = np.where(full, DEFINITIONS[operator.name](a, b), np.nan)
        return np.where(np.abs(value) <= np.finfo(np.float32).max, value, np.nan)


# Error that cancellation may cause in addition to two units in the last place of float32 (eight for mad,
# which sums float32): CANCELLATION times the range of the window's values, or CANCELLATION for a
# dimensionless value.
DIMENSIONLESS = ("corr", "skew", "kurt", "ts_zscore", "rsquare")
SIZE = ("mean", "sum", "ema", "decay_linear", "slope", "resi", "mad", "std")
CANCELLATION = 1e-11


def allowed(operator, x, y, window, correct):
    tolerance = (1e-6 if operator.name == "mad" else 2.5e-7) * np.abs(correct) + 1e-44
    if operator.name in DIMENSIONLESS:
        return tolerance + CANCELLATION * window**1.5
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        if operator.name in ("mean", "sum", "ema", "decay_linear"):
            return tolerance + 1e-15 * window * np.nanmax(np.abs(windows_of(x, window)), axis=-1)
        ranges = [np.ptp(windows_of(v, window), axis=-1) for v in (x, y)]
    if operator.name in SIZE:
        tolerance = tolerance + CANCELLATION * ranges[0]
    if operator.name in ("cov", "var"):
        tolerance = tolerance + CANCELLATION * ranges[0] * ranges[1 if operator.arity == 2 else 0]
    return np.nan_to_num(tolerance, posinf=np.inf)


def assert_defined(operator, x, y, window, got, first=0):
    correct = define(operator, x, y, window)
    tolerance = allowed(operator, x, y, window, correct)[first:]
    correct, got = correct[first:], got[first:].astype(np.float64)
    where = f"{operator.name}, window {window}"
    differs = np.argwhere(np.isnan(got) != np.isnan(correct))
    assert not len(differs), f"{where}: NaN differs at {differs[0]}"
    wrong = np.abs(got - correct) > tolerance
    assert not wrong.any(), (
        f"{where}: {got[wrong][:3]} is not {correct[wrong][:3]} at {np.argwhere(wrong)[0]}"
    )


# Difficult data -----------------------------------------------------------------------------------------


def holes(rng):
    x, y = rng.normal(size=(2, 560, 19))
    x[rng.random(x.shape) < 0.01], y[rng.random(y.shape) < 0.003] = np.nan, np.nan
    x[:, 4] = np.nan
    x[:, 6:9], y[:, 6:9] = rng.normal(size=(2, 560, 3))
    x[20:100, 5] = np.nan
    x[300] = np.nan
    return x, y


def ties(rng):
    return rng.integers(-2, 3, (2, 560, 5)) / 10


def standing_still(rng):
    x, y = rng.normal(size=(2, 700, 5)) + 1e4 / 3
    x[10:590, :3] = 0.1
    y[40:630, 1:] = -1e4 / 3
    x[640], y[645] = 0.7, 0.7
    return x, y


def zeros(rng):
    x, y = np.exp(rng.normal(size=(2, 300, 5)))
    x[rng.random(x.shape) < 0.2] = 0.0
    y[rng.random(y.shape) < 0.2] = -0.0
    x[:, 0] = np.where(rng.random(300) < 0.5, 0.0, -0.0)
    return x, y


def huge_and_tiny(rng):
    x, y = rng.normal(size=(2, 560, 7))
    extreme = [3e38, -3e38, 1e30, 1e-38, 1e-45, 0.0, -0.0, 1e18, 1e-20]
    spots = rng.random(x.shape) < 0.2
    x[spots] = rng.choice(extreme, spots.sum())
    x[:, :3] *= 1e-30
    x[:, 3:5] = np.clip(x[:, 3:5] * 1e17, -3e38, 3e38)
    return x, y


def spikes(rng):
    """1e9 and 1e30 among ones, which must have no effect once they have left the window."""
    x, y = 1 + 0.01 * rng.normal(size=(2, 560, 7))
    x[rng.random(x.shape) < 0.01] = 1e9
    x[rng.random(x.shape) < 0.003] = 1e30
    y[rng.random(y.shape) < 0.01] = 1e9
    return x, y


def far_from_zero(rng):
    """Values near 1e9 whose differences are a few steps of float32."""
    return 1e9 + 64 * rng.integers(-2, 3, size=(2, 560, 5))


def growing(rng):
    """Values whose intermediate products exceed the range of float64."""
    x = np.exp(60 * rng.normal(size=(2, 560, 5)))
    x[:, :, 0] = np.where(np.arange(560) % 60 < 30, 1e30, 1e-30)
    return np.clip(x, 1e-37, 1e38)


def one_day(rng):
    return rng.normal(size=(2, 1, 5))


DATA = [holes, ties, standing_still, zeros, huge_and_tiny, spikes, far_from_zero, growing, one_day]


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.__name__)
@every_operator
def test_the_kernel_agrees_with_the_definition(operator, data):
    x, y = (v.astype(np.float32) for v in data(np.random.default_rng(ROLLING.index(operator))))
    for window in WINDOWS:
        if window >= operator.min_window:
            assert_defined(operator, x, y, window, walk(operator, x, y, window))


@every_operator
def test_the_division_of_days_into_calls_does_not_matter(operator):
    x, y = (v.astype(np.float32) for v in holes(np.random.default_rng(1)))
    x, y = x[:300], y[:300]
    for window in (3, 4, 20, 60, 250, 300):
        if window >= operator.min_window:
            whole = walk(operator, x, y, window)
            for cuts in ((1,), (7, 1, 30, 2), (100, 5)):
                parts = walk(operator, x, y, window, cuts)
                assert whole.tobytes() == parts.tobytes(), f"window {window}, calls of {cuts}"


@every_operator
def test_the_width_of_a_tile_does_not_matter(operator):
    x, y = (v.astype(np.float32) for v in holes(np.random.default_rng(2)))
    whole = walk(operator, x, y, 20)
    for lanes in (32, 64, 128):
        assert whole.tobytes() == walk(operator, x, y, 20, lanes=lanes).tobytes()


@every_operator
def test_a_spike_has_no_effect_after_it_has_left_the_window(operator):
    x, y = np.random.default_rng(5).normal(size=(2, 300, 3)).astype(np.float32)
    with_spike = x.copy()
    with_spike[50] = 1e9
    for window in (4, 20, 61):
        clean, spiked = (walk(operator, v, y, window)[51 + window :] for v in (x, with_spike))
        assert clean.tobytes() == spiked.tobytes(), f"window {window}"


@every_operator
def test_nothing_drifts_in_twenty_thousand_days(operator):
    rng = np.random.default_rng(3)
    x, y = (1e6 + rng.normal(size=(20_000, 3)) for _ in range(2))
    x[rng.random(x.shape) < 1e-3] = np.nan
    x[:19_000][rng.random((19_000, 3)) < 1e-3] = 1e30
    x, y = x.astype(np.float32), y.astype(np.float32)
    tail = slice(20_000 - 600, 20_000)
    for window in (5, 20, 250):
        got = walk(operator, x, y, window)[tail]
        assert_defined(operator, x[tail], y[tail], window, got, first=window)


def test_a_rolling_operator_without_a_kernel_is_named(monkeypatch):
    dispatch = import_module("quarva.engine.kernel.series.rolling")
    monkeypatch.setattr(dispatch.lags, "NAMES", ("ref", "delta"))
    with pytest.raises(NotImplementedError, match="no kernel for pct_change"):
        dispatch.family_of_each_operator()
