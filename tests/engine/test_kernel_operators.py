"""The kernel agrees with the reference on every operator of the table."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from quarva.karva import OPERATORS, Expression, Symbol, parse

CLOSE, VOLUME, X, Y = (Expression(Symbol(field=name)) for name in ("close", "volume", "x", "y"))
WINDOWS = (2, 3, 4, 7, 20, 60)
TOLERANCE = 1e-4
SMALLEST = 1e-44  # subnormal float32 have few digits: an error of a few of the smallest steps is allowed

# If terms cancel, the result has the absolute error of its terms: the size of x to the first power given here
# times that of y to the second. Ratios such as a correlation have the relative error of their deviations.
UNITS = {
    "cov": (1, 1), "var": (2, 0), "std": (1, 0), "mean": (1, 0), "sum": (1, 0), "ema": (1, 0),
    "decay_linear": (1, 0), "median": (1, 0), "demean": (1, 0), "group_demean": (1, 0),
    "corr": (0, 0), "skew": (0, 0), "ts_zscore": (0, 0), "zscore": (0, 0), "kurt": (0, 0),
    "slope": (1, 0), "resi": (1, 0), "rsquare": (0, 0), "mad": (1, 0), "quantile": (1, 0),
    "winsorise": (1, 0), "residual": (1, 0), "group_zscore": (0, 0),
}  # fmt: skip
CANCELLATION = 1e-13  # relative error of float64 terms, only allowed for operators in UNITS


def inputs_of(values, operator, window):
    """The values that each result depends on, its window or its day: (T, N, window or N)."""
    if not operator.windowed:
        return np.broadcast_to(values[:, None, :], (*values.shape, values.shape[1]))
    before = np.concatenate([np.full((window - 1, values.shape[1]), np.nan), values])
    return sliding_window_view(before, window, axis=0)


def error_of_terms(operator, window, x, y):
    """Error that rounding in float64 may cause, (T, N)."""
    px, py = UNITS[operator.name]
    wx, wy = inputs_of(x, operator, window), inputs_of(y, operator, window)
    with (
        np.errstate(over="ignore", invalid="ignore", divide="ignore"),
        warnings.catch_warnings(action="ignore"),
    ):
        sx, sy = np.nanmax(np.abs(wx), axis=-1), np.nanmax(np.abs(wy), axis=-1)
        if px == 0:
            ratio = sx / np.nanstd(wx, axis=-1)
            if operator.arity == 2:
                ratio = ratio + sy / np.nanstd(wy, axis=-1)
            return CANCELLATION * np.nan_to_num(ratio, posinf=0.0)
        return CANCELLATION * np.nan_to_num(sx**px * sy**py)


def assert_same(operator, window, got, correct, x, y):
    where = f"{operator.name}, window {window}"
    differs = np.argwhere(np.isnan(got) != np.isnan(correct))
    assert not len(differs), f"{where}: NaN differs on day, asset {differs[0]}"
    allowed = TOLERANCE * np.abs(correct) + SMALLEST
    if operator.name in UNITS:
        allowed = allowed + error_of_terms(operator, window, x, y)
    worse = np.abs(got - correct) > allowed
    assert not worse.any(), (
        f"{where}: {got[worse][:3]} is not {correct[worse][:3]} on {np.argwhere(worse)[0]}"
    )


def check(operator, panel, call, kernel, define, windows=WINDOWS):
    """Compare an operator on (x, y) and on (y, x) with the reference, for every window."""
    fitting = [w for w in windows if w >= operator.min_window] if operator.windowed else [None]
    pairs = [(X, Y), (Y, X)] if operator.arity == 2 else [(X, Y)]
    cases = [(window, args) for window in fitting for args in pairs]
    formulas = [call(operator, *args, window=window) for window, args in cases]
    for (window, args), formula, got in zip(cases, formulas, kernel(formulas, panel), strict=True):
        values = [panel.field(arg.symbol.field).astype(float) for arg in args]
        assert_same(operator, window, got, define(formula, panel), *values)


# Difficult data ------------------------------------------------------------------------------------


def holes(rng):
    x, y = rng.normal(size=(2, 150, 37))
    x[rng.random(x.shape) < 0.03], y[rng.random(y.shape) < 0.01] = np.nan, np.nan
    x[:, 4] = np.nan
    x[20:100, 5] = np.nan
    x[130] = np.nan
    return x, y


def ties(rng):
    return rng.integers(-2, 3, (2, 150, 20)) / 10


def standing_still(rng):
    x, y = rng.normal(size=(2, 150, 5)) + 1e4 / 3
    x[10:90, :3] = 0.1
    y[40:130, 1:] = -1e4 / 3
    x[140], y[145] = 0.7, 0.7
    return x, y


def prices_of_zero(rng):
    x, y = np.exp(rng.normal(size=(2, 150, 20)))
    x[rng.random(x.shape) < 0.2] = 0.0
    y[rng.random(y.shape) < 0.2] = -0.0
    return x, y


def huge_and_tiny(rng):
    x, y = rng.normal(size=(2, 150, 37))
    extreme = [3e38, -3e38, 1e30, 1e-38, 1e-45, 0.0, -0.0, 88.7, 90, -88, -100, -200, 1e4, -1e7, 0.625]
    spots = rng.random(x.shape) < 0.2
    x[spots] = rng.choice(extreme, spots.sum())
    spots = rng.random(y.shape) < 0.2
    y[spots] = rng.choice([1e-38, 1e-45, 0.0, 2, -3, 0.5], spots.sum())
    return x, y


def spikes(rng):
    """1e30 among ones, which must have no effect once it has left the window."""
    x, y = 1 + 0.01 * rng.normal(size=(2, 150, 300))
    x[rng.random(x.shape) < 0.005] = 1e30
    y[rng.random(y.shape) < 0.005] = 1e20
    return x, y


def far_from_zero(rng):
    """Values near a million whose differences are in the last digits."""
    return 1e6 + rng.normal(size=(2, 150, 20))


def one_asset(rng):
    return rng.normal(size=(2, 150, 1))


def one_day(rng):
    return rng.normal(size=(2, 1, 5))


def fewer_days_than_a_window(rng):
    return rng.normal(size=(2, 19, 20))


DATA = [
    holes, ties, standing_still, prices_of_zero, huge_and_tiny, spikes, far_from_zero, one_asset, one_day,
    fewer_days_than_a_window,
]  # fmt: skip


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.__name__)
@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_the_kernel_agrees_with_the_reference(operator, data, panel_of, call, kernel, define):
    x, y = data(np.random.default_rng(OPERATORS.index(operator)))
    check(operator, panel_of({"x": x, "y": y}), call, kernel, define)


@given(
    operator=st.sampled_from(OPERATORS),
    days=st.integers(1, 130),
    assets=st.sampled_from([1, 2, 5, 16, 17, 20, 37, 300]),
    window=st.integers(2, 60),
    missing=st.sampled_from([0.0, 0.02, 0.5]),
    universe=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_kernel_and_reference_agree_for_any_shape_and_window(
    operator, days, assets, window, missing, universe, seed, market, call, kernel, define
):
    panel = market(days, assets, seed, missing, universe)
    check(operator, panel, call, kernel, define, windows=[max(window, operator.min_window)])


@pytest.mark.parametrize("operator", [op for op in OPERATORS if op.windowed], ids=lambda op: op.name)
def test_nothing_drifts_in_twenty_thousand_days(operator, panel_of, call, kernel, define):
    rng = np.random.default_rng(1)
    x, y = (1e6 + rng.normal(size=(20_000, 5)) for _ in range(2))
    x[rng.random(x.shape) < 1e-3] = np.nan
    x[:19_000][rng.random((19_000, 5)) < 1e-3] = 1e30
    tail = slice(20_000 - 300, 20_000)
    formulas = [call(operator, X, Y, window=window) for window in (5, 20, 60)]
    got = kernel(formulas, panel_of({"x": x, "y": y}))
    end = panel_of({"x": x[tail], "y": y[tail]})
    for window, formula, values in zip((5, 20, 60), formulas, got, strict=True):
        fields = (end.field(name).astype(float) for name in ("x", "y"))
        inside = slice(window, None)
        correct = define(formula, end)[inside]
        assert_same(operator, window, values[tail][inside], correct, *(f[inside] for f in fields))


def test_infinite_values_of_a_field_are_missing(panel_of, kernel, define):
    x = np.random.default_rng(0).normal(size=(30, 5))
    x[3, 1], x[7, 2], x[20, 0] = np.inf, -np.inf, np.inf
    panel = panel_of({"x": x})
    for text in ("x", "abs(x)", "-x", "mean(x, 3)", "ts_rank(x, 4)", "median(x, 3)", "rank(x)", "min(x, 1)"):
        formula = parse(text)
        np.testing.assert_allclose(
            kernel([formula], panel)[0], define(formula, panel), rtol=1e-6, err_msg=text
        )


def test_a_number_is_a_constant_series(market, kernel, define):
    panel = market(50, 5)
    for text in (
        "2.5", "mean(2.5, 3)", "ref(2.5, 3)", "rank(2.5)", "zscore(2.5)", "std(2.5, 3)", "corr(2.5, x, 5)",
        "scale(2.5)", "demean(2.5)", "ts_argmax(2.5, 7)", "group_demean(2.5, sector)",
    ):  # fmt: skip
        formula = parse(text)
        np.testing.assert_allclose(
            kernel([formula], panel)[0], define(formula, panel), rtol=1e-6, err_msg=text
        )


@pytest.mark.parametrize("conventions", ["quarva", "qlib"])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.35, 0.7, 0.9, 0.1234567])
def test_a_quantile_is_not_moved_by_a_share_in_float32(share, conventions, panel_of, kernel):
    # The values grow so fast that a place that is off by 1e-8 would show.
    x = np.random.default_rng(0).permuted(np.exp(0.5 * np.arange(60.0))[:, None], axis=0).astype(np.float32)
    panel = panel_of({"x": x}).with_conventions(conventions)
    for window in (11, 21, 31, 51):
        got = kernel([parse(f"quantile(x, {window}, {share})")], panel)[0, window - 1 :, 0]
        correct = np.quantile(sliding_window_view(x[:, 0].astype(float), window), share, axis=-1)
        np.testing.assert_allclose(got, correct, rtol=1e-7)
