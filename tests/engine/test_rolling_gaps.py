"""The kernels for windows with gaps give what the reference defines, however the days are cut into calls."""

import numpy as np
import pytest
import torch

from quarva.engine.kernel.series.arithmetic import CHUNK
from quarva.engine.kernel.series.rolling import history, partial, partial_size
from quarva.engine.reference.rolling import rolling as define
from quarva.karva import OPERATORS, Symbol
from quarva.karva.operators import CODE

ROLLING = [op for op in OPERATORS if op.kind == "rolling"]
WINDOWS = (1, 2, 3, 4, 5, 20, 61, 257)
SHARES = (0.8, 0.0, 1.0)
LANES = 32
GUARD = np.float32(12345.0)

every_operator = pytest.mark.parametrize("operator", ROLLING, ids=lambda operator: operator.name)


def first_days(x, y):
    there = ~np.isnan(x) | ~np.isnan(y)
    return np.where(there.any(0), there.argmax(0), len(x))


def walk(operator, x, y, window, share=0.8, cuts=(CHUNK,)):
    """The operator on x, y (T, N ≤ 32) as a machine computes it, chunk by chunk: float32 (T, N)."""
    days, assets = x.shape
    code = CODE[operator.name]
    past = history(code, window, True)
    a, b = (np.full((past + days, LANES), np.nan, np.float32) for _ in range(2))
    a[past:, :assets], b[past:, :assets] = x, y
    begins = np.full(LANES, days, np.float32)
    begins[:assets] = first_days(x, y)
    sizes = partial_size(code, window, LANES)
    state, order = np.full(sizes[0] + 16, 1e300), np.full(sizes[1] + 16, GUARD)
    out = np.full((days + 1) * LANES, GUARD, np.float32)
    a, b = a.ravel(), b.ravel()
    for chunk in range(0, days, CHUNK):
        age, left = 0, min(CHUNK, days - chunk)
        while age < left:
            for cut in cuts:
                n, day = min(cut, left - age), chunk + age
                at, to = (past + day) * LANES, day * LANES
                if n > 0:
                    where = (window, share, LANES, n, age, begins, 0, day)
                    partial(code, a, at, b, at, *where, state, order, out, to)
                    age += n
    assert (state[sizes[0] :] == 1e300).all()
    assert (order[sizes[1] :] == GUARD).all()
    assert (out[days * LANES :] == GUARD).all()
    return out[: days * LANES].reshape(days, LANES)[:, :assets]


def by_reference(operator, x, y, window, share):
    symbol = Symbol(operator, window, share=share if "share" in operator.parameters else None)
    args = [torch.tensor(v.astype(np.float64)) for v in (x, y)[: operator.arity]]
    wanted = define(symbol, args, torch.tensor(first_days(x, y))).numpy()
    return np.where(np.abs(wanted) <= np.finfo(np.float32).max, wanted, np.nan)


def assert_same(where, x, got, wanted, power=1):
    differs = np.argwhere(np.isnan(got) != np.isnan(wanted))
    assert not len(differs), f"{where}: NaN differs at {differs[0]}"
    scale = max(np.nanmax(np.abs(x)), 1.0) ** power
    wrong = np.abs(got - wanted) > 2e-6 * np.abs(wanted) + 1e-9 * scale
    assert not wrong.any(), f"{where}: {got[wrong][:3]} is not {wanted[wrong][:3]} at {np.argwhere(wrong)[0]}"


def assert_defined(operator, x, y, window, share=0.8):
    got = walk(operator, x, y, window, share).astype(np.float64)
    power = 2 if operator.name in ("cov", "var") else 1
    where = f"{operator.name}, window {window}"
    assert_same(where, x, got, by_reference(operator, x, y, window, share), power)


# Data: x, y float32 (T, N) ------------------------------------------------------------------------------


def holes(rng):
    x, y = rng.normal(size=(2, 400, 19))
    x[rng.random(x.shape) < 0.3], y[rng.random(y.shape) < 0.2] = np.nan, np.nan
    x[:, 4] = np.nan
    x[:100, 5], y[:90, 5] = np.nan, np.nan
    x[:3, 6], y[:5, 6] = np.nan, np.nan
    x[150:180], y[170:200] = np.nan, np.nan
    x[1:, 7], y[1:, 8] = np.nan, np.nan
    return x, y


def whole(rng):
    return rng.normal(size=(2, 300, 3))


def ties(rng):
    x, y = rng.integers(-2, 3, (2, 300, 5)) / 10
    x[rng.random(x.shape) < 0.2] = np.nan
    return x, y


def standing_still(rng):
    x, y = 10 + rng.normal(size=(2, 400, 5))
    x[10:290, :3] = 0.1
    y[40:330, 1:] = -3.3
    x[:, 0] += 1e-6 * rng.normal(size=400)
    x[rng.random(x.shape) < 0.2] = np.nan
    return x, y


def one_day(rng):
    return rng.normal(size=(2, 1, 5))


DATA = [holes, whole, ties, standing_still, one_day]


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.__name__)
@every_operator
def test_the_kernel_gives_what_the_reference_defines(operator, data):
    x, y = (v.astype(np.float32) for v in data(np.random.default_rng(ROLLING.index(operator))))
    for window in WINDOWS:
        if window >= operator.min_window:
            assert_defined(operator, x, y, window)


@pytest.mark.parametrize("share", SHARES)
def test_a_quantile_may_be_the_smallest_and_the_largest(share):
    x, y = (v.astype(np.float32) for v in holes(np.random.default_rng(0)))
    assert_defined(OPERATORS[CODE["quantile"]], x, y, 7, share)


@every_operator
def test_the_division_of_days_into_calls_does_not_matter(operator):
    x, y = (v.astype(np.float32) for v in holes(np.random.default_rng(1)))
    for window in (4, 20, 257):
        once = walk(operator, x, y, window)
        for cuts in ((1,), (7, 1, 30, 2)):
            assert once.tobytes() == walk(operator, x, y, window, cuts=cuts).tobytes(), (
                f"window {window}, {cuts}"
            )


@pytest.mark.parametrize("operator", [op for op in ROLLING if op.name != "ema"], ids=lambda op: op.name)
def test_a_spike_that_left_the_window_leaves_no_trace(operator):
    x, y = (v[:120].astype(np.float32) for v in holes(np.random.default_rng(5)))
    with_spike = x.copy()
    with_spike[50] = 1e9
    x[50] = 0.0
    for window in (4, 20):
        clean, spiked = (walk(operator, v, y, window)[51 + window :] for v in (x, with_spike))
        assert clean.tobytes() == spiked.tobytes(), f"window {window}"


def test_an_ema_does_not_depend_on_chunks():
    x = np.full((3 * CHUNK, 2), np.nan, np.float32)
    x[0], x[CHUNK - 41], x[2 * CHUNK + 7, 1] = 5.0, 6.0, 4.0
    whole = walk(OPERATORS[CODE["ema"]], x, x, 5)
    assert (whole[: CHUNK - 41] == 5.0).all()
    assert (whole[CHUNK - 41 :, 0] == 6.0).all()
    assert (whole[2 * CHUNK + 7 :, 1] == 4.0).all()
