"""Backtests equal pandas, trade after the delay, and do not look ahead."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quarva.errors import TaskError
from quarva.panel import Panel
from quarva.strategies import (
    LongShort,
    RankWeights,
    SignTiming,
    Strategy,
    VolatilityScaled,
    backtest,
    daily_returns,
    holding_returns,
    sharpe_ratio,
    simulate,
)


def panel_of(frame: pd.DataFrame, universe=None) -> Panel:
    """A panel of closes."""
    assets = [str(name) for name in frame.columns]
    return Panel.from_arrays({"close": frame.to_numpy(np.float32)}, frame.index, assets, universe=universe)


def by_pandas(close: pd.DataFrame, weights: pd.DataFrame, delay: int, cost_bps: float) -> pd.DataFrame:
    """Returns and turnover straight from the definition, written without the package.

    Orders are filled where there is a price; a position is held to the next price, and earns the change.
    """
    close = close.astype(float)
    there = close.notna()
    earned = close.ffill().pct_change(fill_method=None).where(there, 0.0).fillna(0.0)
    held = weights.shift(delay).where(there).ffill().fillna(0.0).shift(1, fill_value=0.0)
    traded = (held - held.shift(1).fillna(0.0)).abs().sum(axis=1)
    gross = (held * earned).sum(axis=1)
    first = (held != 0).any(axis=1).idxmax()
    later = there[::-1].cummax()[::-1]
    missing = ((held != 0) & ~there & later).sum(axis=1)
    net = gross - cost_bps / 1e4 * traded
    return pd.DataFrame({"net": net, "turnover": traded / 2, "missing": missing}).loc[first:]


def quantile_weights(signal: pd.DataFrame, quantile: float) -> pd.DataFrame:
    """Long-short weights by ranks; right where no two signals are equal."""
    ranks = signal.rank(axis=1)
    n = signal.notna().sum(axis=1)
    k = np.maximum(1, np.floor(quantile * n + 1e-9))
    long = ranks.gt(n - k, axis=0)
    short = ranks.le(k, axis=0)
    return (long.astype(float) - short.astype(float)).mul(0.5 / k, axis=0)


@pytest.mark.parametrize("data", ["sp500_closes", "us500_closes"])
@pytest.mark.parametrize(("delay", "cost_bps"), [(0, 0.0), (1, 5.0), (3, 12.5)])
def test_performance_figures_equal_pandas_on_real_data(data, delay, cost_bps, request):
    close = request.getfixturevalue(data)
    signal = -close.astype(float).pct_change(7, fill_method=None)
    signal += 1e-9 * np.random.default_rng(0).random(signal.shape)  # closes are rounded; no two signals tie
    want = by_pandas(close, quantile_weights(signal, 0.2), delay, cost_bps)
    got = Strategy(signal.to_numpy(), LongShort(0.2), delay, cost_bps).run(panel_of(close))

    frame = got.to_frame().loc[want.index]
    np.testing.assert_allclose(frame["returns"], want.net, atol=1e-12)
    np.testing.assert_allclose(frame["turnover"], want.turnover, atol=1e-12)
    assert (frame["missing"] == want.missing).all()
    assert want.missing.sum() > 0
    assert np.isnan(got.returns[: len(close) - len(want)]).all()

    equity = (1 + want.net).cumprod()
    drawdown = equity / equity.cummax().clip(lower=1) - 1
    assert got.sharpe == pytest.approx(want.net.mean() / want.net.std() * np.sqrt(252), rel=1e-9)
    assert got.max_drawdown == pytest.approx(drawdown.min(), rel=1e-9)
    assert got.mean_turnover == pytest.approx(want.turnover.mean(), rel=1e-9)
    assert got.annual_return == pytest.approx(equity.iloc[-1] ** (252 / len(want)) - 1, rel=1e-9)
    assert got.annual_volatility == pytest.approx(want.net.std() * np.sqrt(252), rel=1e-9)


@pytest.mark.parametrize("rule", [LongShort(0.2), LongShort(0.35), RankWeights(), SignTiming()], ids=str)
@pytest.mark.parametrize("threads", [1, 2])
def test_the_search_and_the_backtest_agree(rule, threads, sp500_closes):
    close = sp500_closes.iloc[:800]
    returns = holding_returns(close.to_numpy(), -0.3)
    rng = np.random.default_rng(3)
    signals = np.round(rng.standard_normal((5, *close.shape)), 1).astype(np.float32)
    signals[rng.random(signals.shape) < 0.05] = np.nan
    signals[:, :30] = np.nan
    many = simulate(signals, returns, rule, delay=2, threads=threads)
    for p, signal in enumerate(signals):
        one = backtest(rule.positions(signal), returns, close.index.to_numpy(), delay=2, cost_bps=7)
        np.testing.assert_allclose(many.net(7)[p], one.returns, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(many.traded[p], 2 * one.turnover, rtol=1e-12, atol=1e-15)
    there = (~np.isnan(signals)).sum(axis=2)
    np.testing.assert_array_equal(many.opinions[:, :-3], there[:, :-3])


def test_a_signal_trades_after_its_delay_and_earns_the_next_day():
    close = pd.DataFrame(
        {"A": [100.0, 100, 100, 110, 110, 110]}, index=pd.bdate_range("2020-01-01", periods=6)
    )
    signal = np.array([[1.0], [0], [0], [0], [0], [0]])  # day 0; traded at the close of day 2, earns on day 3
    got = Strategy(signal, SignTiming(), delay=2, cost_bps=10).run(panel_of(close))
    np.testing.assert_allclose(got.gross, [np.nan, np.nan, np.nan, 0.1, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(got.costs, [np.nan, np.nan, np.nan, 0.001, 0.001, 0], atol=1e-15)
    np.testing.assert_allclose(got.turnover, [np.nan, np.nan, np.nan, 0.5, 0.5, 0])
    assert got.days == 3


def test_no_return_depends_on_later_signals(us500_closes):
    close = us500_closes.iloc[:120, :50]
    signal = np.random.default_rng(4).standard_normal(close.shape)
    before = Strategy(signal).run(panel_of(close)).returns
    signal[80:] *= -1
    after = Strategy(signal).run(panel_of(close)).returns
    np.testing.assert_array_equal(before[:82], after[:82])
    assert not np.array_equal(before[82:], after[82:])


def test_assets_outside_the_universe_are_not_held(sp500_closes):
    close = sp500_closes.iloc[:60]
    universe = np.ones(close.shape, bool)
    universe[:, 0] = False
    signal = np.random.default_rng(5).standard_normal(close.shape)
    signal[:, 0] = 100.0
    masked = np.where(universe, signal, np.nan)
    np.testing.assert_array_equal(
        Strategy(signal).run(panel_of(close, universe)).returns, Strategy(masked).run(panel_of(close)).returns
    )


def test_a_part_of_the_days_has_its_own_performance(sp500_closes):
    signal = np.random.default_rng(6).standard_normal(sp500_closes.shape)
    whole = Strategy(signal, cost_bps=0).run(panel_of(sp500_closes))
    mask = sp500_closes.index.year == 2008
    part = whole.part(mask)
    net = pd.Series(whole.returns, sp500_closes.index)[mask]
    assert part.sharpe == pytest.approx(net.mean() / net.std() * np.sqrt(252))
    assert part.equity[0] == pytest.approx(1 + net.iloc[0])
    assert part.summary()["days"] == mask.sum()


def test_volatility_scaling_uses_the_same_simulation(sp500_closes):
    close = sp500_closes.iloc[:300]
    signal = np.random.default_rng(7).standard_normal(close.shape)
    rule = VolatilityScaled(LongShort(), window=20)
    got = Strategy(signal, rule).run(panel_of(close))
    weights = pd.DataFrame(
        rule.positions(signal, daily_returns(close.to_numpy())), close.index, close.columns
    )
    want = by_pandas(close, weights, 1, 5.0)
    np.testing.assert_allclose(got.to_frame().loc[want.index, "returns"], want.net, atol=1e-12)


def test_a_strategy_that_loses_everything_stays_at_zero():
    close = pd.DataFrame({"A": [1.0, 1, 3, 1, 9]}, index=pd.bdate_range("2020-01-01", periods=5))
    got = Strategy(-np.ones((5, 1)), SignTiming(), delay=0, cost_bps=0).run(panel_of(close))
    assert got.equity.tolist() == [1, 1, 0, 0, 0]
    assert got.max_drawdown == -1


def test_a_signal_without_values_has_no_performance_figures(sp500_closes):
    got = Strategy(np.full(sp500_closes.shape, np.nan)).run(panel_of(sp500_closes))
    assert got.days == 0
    assert np.isnan([got.sharpe, got.max_drawdown, got.annual_return, got.mean_turnover]).all()
    with pytest.raises(TaskError, match="nothing to plot"):
        got.plot()


def test_the_sharpe_ratio_of_equal_returns_is_nan():
    assert np.isnan(sharpe_ratio([0.1] * 7))
    assert np.isnan(sharpe_ratio([0.0] * 7))
    assert np.isnan(sharpe_ratio([0.1, np.nan]))
    assert sharpe_ratio([[0.1, 0.2, np.nan], [0.0, 0.1, 0.2]]).shape == (2,)


def test_a_performance_can_be_plotted_and_printed(sp500_closes):
    got = Strategy(np.random.default_rng(8).standard_normal(sp500_closes.shape)).run(panel_of(sp500_closes))
    assert [trace.name for trace in got.plot().data] == ["equity", "drawdown"]
    assert "Sharpe" in str(got)
    assert "\n" not in str(got)


def test_invalid_settings_and_prices_are_refused(sp500_closes):
    signal = np.ones(sp500_closes.shape)
    with pytest.raises(TaskError, match="cannot precede"):
        Strategy(signal, delay=-1)
    with pytest.raises(TaskError, match="basis points"):
        Strategy(signal, cost_bps=-1)
    with pytest.raises(TaskError, match="days × assets"):
        Strategy(signal[:-1]).run(panel_of(sp500_closes))
    with pytest.raises(TaskError, match="needs 3 days"):
        Strategy(signal[:2]).run(panel_of(sp500_closes.iloc[:2]))
    bad = sp500_closes.copy()
    bad.iloc[5, 3] = 0
    with pytest.raises(TaskError, match=f"close of {bad.columns[3]} on {bad.index[5].date()} is 0"):
        Strategy(signal).run(panel_of(bad))
    panel = replace(panel_of(sp500_closes), fields=("price",))
    with pytest.raises(TaskError, match="field 'close'; the panel has price"):
        Strategy(signal).run(panel)
