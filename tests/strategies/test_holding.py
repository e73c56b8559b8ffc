"""Positions are held through missing prices: returns, trades and counts."""

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
    simulate,
)


def panel_of(close: np.ndarray, dates=None) -> Panel:
    days, assets = close.shape
    dates = pd.bdate_range("2020-01-01", periods=days).to_numpy() if dates is None else dates
    return Panel.from_arrays({"close": close}, dates, [f"A{k}" for k in range(assets)])


def suspended() -> np.ndarray:
    """A stock that rises, is suspended four times and reopens 50 % lower each time, [500, 1]."""
    price, closes = 100.0, []
    growth = np.exp(np.random.default_rng(0).normal(0.001, 0.01, 500))
    for day in range(500):
        if day % 100 == 90:
            price *= 0.5
        else:
            price *= growth[day]
        closes.append(np.nan if 80 <= day % 100 < 90 and day < 400 else price)
    return np.array(closes)[:, None]


def with_holes(seed: int, days: int = 150, assets: int = 12) -> pd.DataFrame:
    """Random walks of assets that are listed late, suspended for a while, and delisted."""
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.03, (days, assets)), axis=0))
    for asset in range(assets):
        for first in rng.integers(0, days, 4):
            close[first : first + rng.integers(1, 9), asset] = np.nan
    close[:40, 0] = np.nan
    close[90:, 1] = np.nan
    close[-1, 2] = np.nan
    close[:, 3] = np.nan
    close[60:, 4] = np.nan
    return pd.DataFrame(close.astype(np.float32), pd.bdate_range("2020-01-01", periods=days))


def by_pandas(close, weights, delay, cost_bps, delisting_return):
    """Returns, turnover and counts by the definition, written without the package."""
    close = close.astype(float)
    there = close.notna()
    held = weights.shift(delay).where(there).ffill().fillna(0.0)  # after the close; orders fill at a price
    last = close.apply(pd.Series.last_valid_index)
    earned = close.ffill().pct_change(fill_method=None).where(there)
    known_before = there.shift(1, fill_value=False).cummax()
    bridged = there & ~there.shift(1, fill_value=False) & known_before
    delisted = pd.DataFrame(False, close.index, close.columns)
    for asset, day in last.dropna().items():
        place = close.index.get_loc(day)
        if place < len(close) - 1:
            delisted.loc[close.index[place + 1], asset] = True
    earned = earned.mask(delisted, delisting_return).fillna(0.0)
    positions = held.shift(1, fill_value=0.0)
    gross = (positions * earned).sum(axis=1)
    traded = (positions - positions.shift(1, fill_value=0.0)).abs().sum(axis=1)
    first = traded.gt(0).idxmax()
    known_later = there[::-1].shift(1, fill_value=False).cummax()[::-1]
    suspended = ~there & known_before & known_later
    return pd.DataFrame(
        {
            "returns": gross - cost_bps / 1e4 * traded,
            "turnover": traded / 2,
            "missing": (suspended & (positions != 0)).sum(axis=1),
            "bridged": (bridged & (positions != 0)).sum(axis=1),
            "delisted": (delisted & (positions != 0)).sum(axis=1),
        }
    ).loc[first:]


def test_buy_and_hold_through_suspensions_loses_as_much_as_the_stock():
    close = suspended()
    got = Strategy(np.ones(close.shape), SignTiming(), delay=0, cost_bps=0).run(panel_of(close))
    assert close[-1, 0] / close[0, 0] < 0.2
    assert got.equity[-1] == pytest.approx(close[-1, 0] / close[0, 0], rel=1e-5)
    assert got.sharpe < 0
    assert got.summary()["bridged"] == 4
    assert got.summary()["missing"] == 40
    assert got.turnover[~np.isnan(got.turnover)].sum() == 0.5
    assert "4 gaps bridged" in str(got)


@pytest.mark.parametrize("rule", [LongShort(0.25), RankWeights(), SignTiming()], ids=str)
@pytest.mark.parametrize(("delay", "delisting"), [(0, 0.0), (1, -0.3), (3, -1.0)])
def test_simulations_with_gaps_and_delistings_equal_pandas(rule, delay, delisting):
    counts = []
    for seed in range(3):
        close = with_holes(seed)
        rng = np.random.default_rng(seed)
        signal = rng.standard_normal(close.shape).astype(np.float32)
        signal[rng.random(signal.shape) < 0.1] = np.nan
        weights = pd.DataFrame(rule.positions(signal), close.index, close.columns)
        want = by_pandas(close, weights, delay, 7.0, delisting)
        got = Strategy(signal, rule, delay, 7.0, delisting_return=delisting).run(panel_of(close.to_numpy()))
        frame = got.to_frame()
        assert np.isnan(frame["returns"][frame.index < want.index[0]]).all()
        for name in want.columns:
            np.testing.assert_allclose(frame.loc[want.index, name], want[name], atol=1e-12, err_msg=name)
        counts.append([got.bridged.sum(), got.delisted.sum()])

        returns = holding_returns(close.to_numpy(), delisting)
        many = simulate(np.stack([signal, -signal]), returns, rule, delay, threads=2)
        np.testing.assert_allclose(many.net(7.0)[0], got.returns, rtol=1e-12, atol=1e-15)
        np.testing.assert_array_equal(many.bridged[0], got.bridged)
        np.testing.assert_array_equal(many.delisted[0], got.delisted)
    assert (np.sum(counts, axis=0) > 0).all()


def test_a_position_cannot_be_changed_on_a_day_without_a_price():
    nan = np.nan
    close = np.array([[100.0, 100], [100, 100], [nan, 100], [nan, 110], [50, 110], [50, 110]])
    # Sold on the day before the gap's last; the order is filled at the first price, after the fall.
    signal = np.array([[1.0, nan], [1, nan], [nan, 1], [nan, 1], [nan, 1], [nan, 1]])
    got = Strategy(signal, SignTiming(), delay=0, cost_bps=100).run(panel_of(close))
    #       day 1: A; day 2: A is stuck while B is bought, so that 200 % is held; day 4: A reopens and is sold
    np.testing.assert_allclose(got.gross, [nan, 0, 0, 0.1, -0.5, 0], atol=1e-7)
    np.testing.assert_allclose(got.turnover, [nan, 0.5, 0, 0.5, 0, 0.5])
    np.testing.assert_array_equal(got.missing, [0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(got.bridged, [0, 0, 0, 0, 1, 0])


def test_an_asset_without_a_price_is_not_bought_and_its_share_stays_cash():
    nan = np.nan
    close = np.array([[nan, 100.0], [nan, 100], [100, 110], [110, 110]])
    got = Strategy(np.ones((4, 2)), SignTiming(), delay=0, cost_bps=0).run(panel_of(close))
    np.testing.assert_allclose(got.gross, [nan, 0, 0.05, 0.05], atol=1e-7)
    np.testing.assert_allclose(got.turnover, [nan, 0.25, 0, 0.25])
    assert got.summary()["missing"] == 0


@pytest.mark.parametrize(("given", "end"), [(0.0, 1.1), (-0.3, 0.77), (-1.0, 0.0)])
def test_a_delisting_earns_the_given_return_once_and_ends_the_position_without_a_trade(given, end):
    close = np.array([[100.0], [110], [np.nan], [np.nan], [np.nan]])
    got = Strategy(np.ones((5, 1)), SignTiming(), 0, 0.0, delisting_return=given).run(panel_of(close))
    assert got.equity[-1] == pytest.approx(end, rel=1e-6)
    np.testing.assert_array_equal(got.delisted, [0, 0, 1, 0, 0])
    assert got.summary()["missing"] == 0
    np.testing.assert_allclose(np.nan_to_num(got.turnover), [0, 0.5, 0, 0, 0])
    assert f"1 delisting at {given:+.0%}" in str(got)


def test_returns_without_gaps_equal_daily_returns_bit_for_bit(sp500_closes):
    close = sp500_closes.ffill().to_numpy()
    returns = holding_returns(close)
    np.testing.assert_array_equal(returns.gain[1:], daily_returns(close)[1:])
    assert not returns.flags.any()
    assert returns.open.all()


def test_gains_before_a_gap_do_not_depend_on_later_prices():
    close = with_holes(5).to_numpy()
    before = holding_returns(close)
    changed = close.copy()
    changed[80:] *= 3
    after = holding_returns(changed)
    np.testing.assert_array_equal(before.gain[:80], after.gain[:80])
    np.testing.assert_array_equal(before.state, after.state)


def test_annual_figures_depend_on_the_bars_of_the_panel():
    close = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, (300, 1)), axis=0))
    signal = np.ones(close.shape)
    ratios = {}
    for frequency, periods in (("B", 252), ("D", 365), ("W-FRI", 52), ("h", 24 * 365)):
        dates = pd.date_range("2020-01-01", periods=300, freq=frequency).to_numpy()
        got = Strategy(signal, SignTiming()).run(panel_of(close, dates))
        assert got.periods_per_year == periods
        ratios[frequency] = got.sharpe / np.sqrt(periods)
    np.testing.assert_allclose(list(ratios.values()), ratios["B"])
    given = Strategy(signal, SignTiming(), periods_per_year=12).run(panel_of(close))
    assert given.sharpe == pytest.approx(ratios["B"] * np.sqrt(12))


def test_volatility_scaling_takes_the_bars_a_year_of_its_strategy():
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.05, (60, 3)), axis=0))
    panel = panel_of(close, pd.date_range("2020-01-01", periods=60, freq="ME").to_numpy())
    signal = rng.standard_normal(close.shape)
    own, told = (
        Strategy(signal, VolatilityScaled(SignTiming(), window=10, periods_per_year=periods)).run(panel)
        for periods in (None, 12)
    )
    np.testing.assert_array_equal(own.returns, told.returns)
    daily = Strategy(signal, VolatilityScaled(SignTiming(), window=10, periods_per_year=252)).run(panel)
    assert not np.array_equal(own.returns, daily.returns)


def test_invalid_settings_are_refused():
    close = np.ones((5, 1))
    with pytest.raises(TaskError, match=r"delisting return must be at least -1 .*, not -2"):
        holding_returns(close, -2)
    with pytest.raises(TaskError, match="delisting return"):
        Strategy(close, delisting_return=float("nan"))
    with pytest.raises(TaskError, match="periods_per_year must be above 0, not 0"):
        Strategy(close, periods_per_year=0)


def test_a_backtest_of_positions_needs_no_panel():
    returns = holding_returns(np.array([[1.0], [np.nan], [2.0]]))
    dates = pd.bdate_range("2020-01-01", periods=3).to_numpy()
    got = backtest(np.ones((3, 1)), returns, dates, delay=0, cost_bps=0)
    np.testing.assert_array_equal(got.gross, [np.nan, 0, 1])
