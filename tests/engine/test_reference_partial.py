"""With Qlib's conventions, the reference agrees with pandas on the rows of each asset."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from quarva.engine.reference import signals
from quarva.karva.expression import Expression, Symbol
from quarva.karva.operators import OPERATORS, Operator
from quarva.panel import Panel

from .independent import ARGS, SECTORS, UNKNOWN, Bars, X, Y, call, number, symbols_of

ROLLING = [operator for operator in OPERATORS if operator.windowed]


def bars() -> NDArray[np.float32]:
    """x and y with short and long gaps, late beginnings, ties and constant stretches."""
    rng = np.random.default_rng(12)
    values = rng.normal(size=(2, 60, 6)).astype(np.float32)
    values[:, :, 1] = values[:, :, 1].round()
    values[0, 20:40, 2] = 0.3
    values[1, 30:50, 2] = -7
    values[rng.random(values.shape) < 0.12] = np.nan
    values[:, 20:38, 3] = np.nan
    values[:, :7, 4] = np.nan
    values[:, 45:, 1] = np.nan
    values[0, :9, 4] = np.nan
    values[:, :, 5] = np.nan
    return values


def qlib_bars(values: NDArray[np.float32]) -> Bars:
    return Bars(values, conventions="qlib")


# What pyqlib does to one asset's series, without its missing rows before the first and after the last ---


def at_least(n: int, formula: Callable[[pd.Series], float]) -> Callable[..., pd.Series]:
    """`formula` of the last w rows, oldest first, where n of them have a value."""

    def everywhere(x: pd.Series, w: int) -> pd.Series:
        windows = (x.iloc[max(0, t - w + 1) : t + 1] for t in range(len(x)))
        return pd.Series([formula(s) if s.count() >= n else np.nan for s in windows], x.index, dtype=float)

    return everywhere


def applied(formula: Callable[[Any], float]) -> Callable[..., pd.Series]:
    return lambda x, w: x.rolling(w, min_periods=1).apply(formula, raw=True)


def mad(x: NDArray) -> float:
    x = x[~np.isnan(x)]
    return float(np.mean(np.abs(x - x.mean())))


def weighted(x: NDArray) -> float:
    weights = np.arange(len(x)) + 1
    return float(np.nanmean(weights / weights.sum() * x))


def line(s: pd.Series) -> Any:
    days = np.arange(len(s))[s.notna()]
    return stats.linregress(days, s.dropna())


def residual_today(s: pd.Series) -> float:
    return float(s.iloc[-1] - line(s).intercept - line(s).slope * (len(s) - 1))


def days_since(extreme: Callable[[pd.Series], float]) -> Callable[[pd.Series], float]:
    return lambda s: len(s) - 1 - int(np.flatnonzero(s == extreme(s))[0])


def sign_changes(s: pd.Series) -> float:
    pairs = pd.concat([np.sign(s), np.sign(s.shift())], axis=1).dropna()
    return float((pairs.iloc[:, 0] != pairs.iloc[:, 1]).sum())


def unless_flat(formula: Callable[..., pd.Series], flat: float) -> Callable[..., pd.Series]:
    def value(*args: Any) -> pd.Series:
        *series, w = args
        still = [x.rolling(w, min_periods=1).std() <= flat for x in series]
        return formula(*args).mask(np.logical_or.reduce(still)) if still else formula(*args)

    return value


ROWS: dict[str, Callable[..., pd.Series]] = {
    "ref": lambda x, w: x.shift(w),
    "delta": lambda x, w: x - x.shift(w),
    "pct_change": lambda x, w: x / x.shift(w) - 1,
    "mean": lambda x, w: x.rolling(w, min_periods=1).mean(),
    "sum": lambda x, w: x.rolling(w, min_periods=1).sum(),
    "product": at_least(1, lambda s: s.prod()),
    "std": lambda x, w: x.rolling(w, min_periods=1).std(),
    "var": lambda x, w: x.rolling(w, min_periods=1).var(),
    "skew": unless_flat(lambda x, w: x.rolling(w, min_periods=1).skew(), 0),
    "kurt": unless_flat(lambda x, w: x.rolling(w, min_periods=1).kurt(), 0),
    "mad": applied(mad),
    "ts_min": lambda x, w: x.rolling(w, min_periods=1).min(),
    "ts_max": lambda x, w: x.rolling(w, min_periods=1).max(),
    "ts_argmin": applied(lambda x: x.argmin() + 1),
    "ts_argmax": applied(lambda x: x.argmax() + 1),
    "days_since_min": at_least(1, days_since(pd.Series.min)),
    "days_since_max": at_least(1, days_since(pd.Series.max)),
    "ts_rank": lambda x, w: x.rolling(w, min_periods=1).rank(pct=True),
    "median": lambda x, w: x.rolling(w, min_periods=1).median(),
    "quantile": lambda x, w: x.rolling(w, min_periods=1).quantile(0.8),
    "count": lambda x, w: x.rolling(w, min_periods=1).count(),
    "sign_changes": at_least(1, sign_changes),
    "drawdown": lambda x, w: x / x.rolling(w, min_periods=1).max() - 1,
    "ts_zscore": unless_flat(
        lambda x, w: (x - x.rolling(w, min_periods=1).mean()) / x.rolling(w, min_periods=1).std(), 0
    ),
    "ema": lambda x, w: x.ewm(span=w, min_periods=1).mean(),
    "decay_linear": applied(weighted),
    "slope": at_least(2, lambda s: line(s).slope),
    "rsquare": unless_flat(at_least(2, lambda s: line(s).rvalue ** 2), 2e-5),
    "resi": at_least(2, residual_today),
    "corr": unless_flat(lambda x, y, w: x.rolling(w, min_periods=1).corr(y), 2e-5),
    "cov": lambda x, y, w: x.rolling(w, min_periods=1).cov(y),
}


def expected(symbol: Symbol, values: NDArray[np.float32]) -> NDArray[np.float64]:
    assert symbol.operator is not None
    out = np.full(values.shape[1:], np.nan)
    for n in range(values.shape[2]):
        rows = np.flatnonzero(~np.isnan(values[:, :, n]).all(0))
        if len(rows):
            listed = slice(rows[0], rows[-1] + 1)
            series = [pd.Series(field[listed, n].astype(float)) for field in values[: symbol.arity]]
            out[listed, n] = ROWS[symbol.operator.name](*series, symbol.window)
    return np.where(np.isfinite(out), out, np.nan)


# Values --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operator", ROLLING, ids=lambda operator: operator.name)
def test_a_window_skips_missing_days_and_begins_with_the_asset(operator: Operator) -> None:
    values = bars()
    for symbol in symbols_of(operator):
        got = signals(Expression(symbol, ARGS[: operator.arity]), qlib_bars(values)).numpy()
        np.testing.assert_allclose(got, expected(symbol, values), rtol=1e-8, atol=1e-12, err_msg=symbol.name)


def test_every_rolling_operator_has_an_independent_check() -> None:
    assert set(ROWS) == {operator.name for operator in ROLLING}


def test_a_window_may_be_longer_than_the_panel() -> None:
    values = bars()
    got = signals(call("mean", X, window=500), qlib_bars(values)).numpy()
    np.testing.assert_allclose(got[:, 0], pd.Series(values[0, :, 0].astype(float)).expanding(1).mean())


def test_a_comparison_with_nan_is_false_and_a_nan_condition_is_true() -> None:
    values = np.full((2, 4, 2), np.nan, np.float32)
    values[:, [0, 3]] = 1
    values[0, 1] = 2
    panel = qlib_bars(values)
    for name, correct in {"lt": 0, "le": 0, "gt": 0, "ge": 0, "eq": 0, "ne": 1}.items():
        assert (signals(call(name, X, Y), panel)[1:3] == correct).all(), name
        assert (signals(call(name, X, number(1)), panel)[2] == correct).all(), name
    choice = call("if_else", Y, call("gt", X, number(1)), number(7))
    assert signals(choice, panel)[:, 0].tolist() == [0, 1, 0, 0]


def test_signals_are_nan_before_an_asset_begins() -> None:
    values = np.ones((2, 5, 2), np.float32)
    values[:, :2, 1] = np.nan
    values[0, :4, 1] = np.nan
    up = call("gt", X, call("ref", X, window=1))
    for formula in (up, number(2), call("count", X, window=3), call("of_asset", X, asset="a0")):
        signal = signals(formula, qlib_bars(values))
        assert signal[:2, 1].isnan().all()
        assert signal[2:].isfinite().all()
    assert signals(call("count", X, window=3), qlib_bars(values))[:, 1].tolist()[2:] == [0, 0, 1]


def test_signals_are_nan_after_the_last_bar_of_an_asset() -> None:
    values = np.ones((2, 8, 3), np.float32)
    values[:, 2:5, 0] = np.nan  # suspended, and back again
    values[:, 5:, 1] = np.nan
    values[0, 4, 1] = np.nan  # its last bar has y only
    change = call("delta", X, window=1)
    formulas = [call("gt", X, change), number(2), call("count", X, window=3), call("ema", X, window=3)]
    for formula in [*formulas, call("mean", X, window=6), call("of_asset", X, asset="a2")]:
        signal = signals(formula, qlib_bars(values))
        assert signal[:, 0].isfinite().all()
        assert signal[:5, 1].isfinite().all()
        assert signal[5:, 1].isnan().all()
    ranks = signals(call("rank", call("mean", X, window=6)), qlib_bars(values))
    assert ranks[:, 2].tolist() == pytest.approx([2 / 3] * 5 + [3 / 4] * 3)


def test_an_ema_is_carried_over_a_gap_of_any_length() -> None:
    values = np.full((2, 3000, 1), np.nan, np.float32)
    values[:, [0, 2999]] = [[[1], [5]], [[0], [0]]]
    signal = signals(call("ema", X, window=2), qlib_bars(values))
    assert (signal[:2999] == 1).all()
    assert signal[2999] == 5


def test_cross_sectional_and_elementwise_operators_do_not_depend_on_the_conventions() -> None:
    values = bars()[:, :, :5]
    values[:, [0, -1]] = 0.5
    for operator in OPERATORS:
        special = operator.name in ("lt", "le", "gt", "ge", "eq", "ne", "if_else")
        if operator.kind != "rolling" and not special:
            formula = Expression(symbols_of(operator)[0], ARGS[: operator.arity])
            got, correct = signals(formula, qlib_bars(values)), signals(formula, Bars(values))
            torch.testing.assert_close(got, correct, rtol=0, atol=0, equal_nan=True, msg=operator.name)


def test_the_panel_determines_the_conventions() -> None:
    values = bars()
    dates = np.datetime64("2020-01-01") + np.arange(values.shape[1])
    panel = Panel.from_arrays({"x": values[0], "y": values[1]}, dates, "abcdef", groups={"sector": SECTORS})
    formula = call("sub", call("mean", X, window=5), Y)
    for name in ("quarva", "qlib"):
        got = signals(formula, panel.with_conventions(name))
        correct = signals(formula, Bars(values, conventions=name))
        torch.testing.assert_close(got, correct, equal_nan=True)


@pytest.mark.parametrize("operator", ROLLING, ids=lambda operator: operator.name)
def test_missing_days_do_not_make_the_gradient_of_a_constant_nan(operator: Operator) -> None:
    args = (call("mul", X, UNKNOWN), call("mul", UNKNOWN, Y))[: operator.arity]
    formula = Expression(symbols_of(operator)[0], args)
    constants = torch.full((operator.arity,), 1.5, dtype=torch.float64, requires_grad=True)
    signal = signals(formula, qlib_bars(bars()), constants=constants)
    valid = signal[~signal.isnan()]
    if valid.requires_grad:
        (gradient,) = torch.autograd.grad(valid.sum(), constants)
        assert gradient.isfinite().all()
