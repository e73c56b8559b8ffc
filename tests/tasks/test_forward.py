"""Targets of the days after a trade equal a plain loop over days and assets."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quarva.errors import TaskError
from quarva.panel import Panel
from quarva.tasks import (
    FORWARD,
    Direction,
    ForwardRange,
    ForwardVolatility,
    Quintile,
    Task,
    TripleBarrier,
    VolumeSurprise,
    last_known_value,
    parse_target,
)

DAYS, ASSETS = 90, 7


@pytest.fixture(scope="module")
def bars():
    rng = np.random.default_rng(3)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (DAYS, ASSETS)), axis=0))
    close[40, 2] = np.nan
    spread = rng.uniform(0.001, 0.02, (2, DAYS, ASSETS))
    values = {
        "close": close, "high": close * (1 + spread[0]), "low": close * (1 - spread[1]),
        "volume": rng.lognormal(10, 1, (DAYS, ASSETS)),
    }  # fmt: skip
    return Panel.from_arrays(values, pd.bdate_range("2020-01-01", periods=DAYS), list("ABCDEFG"))


def looped(panel, target, value):
    """value(t, n, the days after the trade) for every cell that has such days."""
    out = np.full(panel.shape, np.nan)
    for t in range(DAYS - target.delay - target.horizon):
        for n in range(ASSETS):
            out[t, n] = value(t, n, range(t + target.delay + 1, t + target.delay + target.horizon + 1))
    return out


def usual(close, t, n):
    """√ of the mean squared daily return of the 20 days up to t."""
    if t < 20:
        return np.nan
    back = [close[s, n] / close[s - 1, n] - 1 for s in range(t - 19, t + 1)]
    return np.sqrt(np.mean(np.square(back)))


@pytest.mark.parametrize(("horizon", "delay"), [(2, 1), (5, 0), (10, 3)])
def test_continuous_targets_equal_a_plain_loop(bars, horizon, delay):
    close, high, low, volume = (bars.field(name).astype(float) for name in ("close", "high", "low", "volume"))

    def volatility(t, n, days):
        return np.sqrt(np.mean([(close[s, n] / close[s - 1, n] - 1) ** 2 for s in days]))

    def extent(t, n, days):
        return np.log(max(high[s, n] for s in days) / min(low[s, n] for s in days))

    def surprise(t, n, days):
        before = volume[t - 19 : t + 1, n].mean() if t >= 19 else np.nan
        return np.log(np.mean([volume[s, n] for s in days]) / before)

    for kind, value in ((ForwardVolatility, volatility), (ForwardRange, extent), (VolumeSurprise, surprise)):
        target = kind(horizon, delay)
        got = target.values(bars)
        assert got.dtype == np.float32
        want = looped(bars, target, value)
        assert np.isfinite(want).sum() > 300
        hole = np.array([[s == 40 for s in range(DAYS)]]).T & (np.arange(ASSETS) == 2)
        assert hole.sum() == 1
        there = np.isfinite(want) & np.isfinite(got)
        np.testing.assert_allclose(got[there], want[there], rtol=2e-5, atol=1e-6)
        # max() and min() of a loop pass over a NaN or not by its place: only there may the two differ.
        assert (np.isfinite(want) != np.isfinite(got)).sum() <= (horizon if kind is ForwardRange else 0)


@pytest.mark.parametrize(("horizon", "delay"), [(1, 1), (5, 0), (10, 3)])
def test_class_targets_equal_a_plain_loop(bars, horizon, delay):
    close = bars.field("close").astype(float)
    direction, barrier = Direction(horizon, delay), TripleBarrier(horizon, delay)

    def by_return(t, n, days):
        band = 0.5 * np.sqrt(horizon) * usual(close, t, n)
        back = close[days[-1], n] / close[t + delay, n] - 1
        return np.nan if np.isnan(band + back) else float(back > band) - float(back < -band)

    def by_path(t, n, days):
        band = np.sqrt(horizon) * usual(close, t, n)
        path = [close[s, n] / close[t + delay, n] - 1 for s in days]
        if np.isnan(band + sum(path)):
            return np.nan
        return next((np.sign(back) for back in path if abs(back) >= band), 0.0)

    for target, value in ((direction, by_return), (barrier, by_path)):
        want = looped(bars, target, value)
        np.testing.assert_array_equal(target.values(bars), want)
        assert set(np.unique(want[np.isfinite(want)])) == set(target.classes)


def test_quintiles_divide_the_returns_of_a_day(bars):
    back = parse_target("forward_return_5", bars).values(bars)
    got = Quintile(5).values(bars)
    assert (np.isfinite(got) == np.isfinite(back)).all()
    for day, said in zip(back, got, strict=True):
        if np.isfinite(day).any():
            assert np.nanmin(np.where(said == 1, day, np.nan)) >= np.nanmax(np.where(said == 0, day, np.nan))
            assert np.nanmax(np.where(said == -1, day, np.nan)) <= np.nanmin(np.where(said == 0, day, np.nan))
            assert (said == 1).sum() == (said == -1).sum() == 2


def one_day(returns):
    """A panel whose first signals are followed by these returns, and by none after."""
    close = np.ones((4, len(returns)))
    close[2:] += returns
    return Panel.from_arrays(
        {"close": close}, pd.bdate_range("2020-01-01", periods=4), list(range(len(returns)))
    )


@pytest.mark.parametrize(
    ("returns", "labels"),
    [
        ([0.1, 0.2, 0.3, 0.4, 0.5], [-1, 0, 0, 0, 1]),
        ([0.1, 0.1, 0.3, 0.5, 0.5], [0, 0, 0, 0, 0]),  # ties across both edges
        ([0.1, 0.2, 0.3, 0.5, 0.5], [-1, 0, 0, 0, 0]),
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0, 0, 0, 0, 0, 0]),
        ([0.1, 0.1, 0.2, 0.3, 0.4, 0.4], [-1, -1, 0, 0, 1, 1]),  # ties within a fifth
        ([0.1, 0.2, 0.2, 0.3, 0.4, 0.5], [-1, 0, 0, 0, 1, 1]),  # a tie across one edge
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.9], [0, 0, 0, 0, 0, 1]),
        ([0.1, 0.2, np.nan, 0.3, 0.4, 0.5], [-1, 0, np.nan, 0, 0, 1]),
        ([0.1, 0.2, np.nan, np.nan, 0.4, 0.5], [np.nan] * 6),
    ],
)
def test_ties_at_the_edge_of_a_quintile_are_neither_top_nor_bottom(returns, labels):
    returns = np.array(returns)
    np.testing.assert_array_equal(Quintile(1).values(one_day(returns))[0], labels)
    np.testing.assert_array_equal(Quintile(1).values(one_day(-returns))[0], -np.array(labels))


@pytest.mark.parametrize("assets", [5, 6, 7, 10, 11, 16, 21])
def test_without_ties_top_and_bottom_lie_beyond_the_quantiles(assets):
    rng = np.random.default_rng(assets)
    close = np.exp(np.cumsum(rng.normal(0, 0.02, (60, assets)), axis=0))
    close[rng.random(close.shape) < 0.05] = np.nan
    panel = Panel.from_arrays({"close": close}, pd.bdate_range("2020-01-01", periods=60), list(range(assets)))
    back = pd.DataFrame(parse_target("forward_return_5", panel).values(panel).astype(float))
    high, low = (back.quantile(share, axis=1) for share in (0.8, 0.2))
    want = back.ge(high, axis=0).astype(float) - back.le(low, axis=0)
    want[back.isna() | (back.notna().sum(axis=1) < 5).to_numpy()[:, None]] = np.nan
    np.testing.assert_array_equal(Quintile(5).values(panel), want)


@pytest.mark.parametrize("kind", [Direction, TripleBarrier])
def test_a_price_that_does_not_move_is_neither_up_nor_down(kind):
    close = np.full((60, 3), 7.0)
    close[40:, 1], close[40:, 2] = 7.001, 6.999  # a move after a calm that has left the barriers no width
    panel = Panel.from_arrays({"close": close}, pd.bdate_range("2020-01-01", periods=60), ["A", "B", "C"])
    labels = kind(5).values(panel)
    assert np.isnan(labels[:20]).all()
    np.testing.assert_array_equal(labels[20:34], np.zeros((14, 3)))
    np.testing.assert_array_equal(labels[34:39], np.tile([0.0, 1.0, -1.0], (5, 1)))
    np.testing.assert_array_equal(labels[40:54, 0], np.zeros(14))


def test_quintiles_need_five_assets(bars):
    few = replace(bars, values=bars.values[:, :, :4].copy(), assets=bars.assets[:4])
    with pytest.raises(TaskError, match="quintile_5 needs at least 5 assets, but the panel has 4"):
        Task(few, "quintile_5")


@pytest.mark.parametrize("kind", sorted(FORWARD))
@pytest.mark.parametrize("delay", [0, 2])
def test_a_target_does_not_depend_on_days_after_its_horizon(bars, kind, delay):
    target = FORWARD[kind](5, delay)
    whole = target.values(bars)
    cut = 70
    early = target.values(bars.between(bars.dates[0], bars.dates[cut - 1]))
    np.testing.assert_array_equal(early[: cut - target.delay - 5], whole[: cut - target.delay - 5])
    assert np.isnan(early[cut - target.delay - 5 :]).all()
    assert np.isfinite(whole[cut - target.delay - 5 :]).any()


@pytest.mark.parametrize("kind", sorted(FORWARD))
def test_every_target_can_be_created_by_its_name(bars, kind):
    assert parse_target(f"{kind}_5", bars, 2) == FORWARD[kind](5, 2)
    task = Task(bars, f"{kind}_5")
    assert task.target_names == (f"{kind}_5",)
    assert task.horizon == 5


def test_the_last_known_value_of_a_target_is_as_old_as_its_horizon(bars):
    values = parse_target("forward_return_5", bars).values(bars)
    known = last_known_value(values, 6)
    np.testing.assert_array_equal(known[6:], values[:-6])
    close = bars.field("close")
    np.testing.assert_allclose(known[30], close[30] / close[25] - 1, rtol=1e-5, atol=1e-7)


def test_a_target_of_future_prices_causes_a_warning_with_the_reason(bars):
    notes = Task(bars, "close").notes
    assert sum("is a price: today's price explains nearly all of tomorrow's" in note for note in notes) == 1
    assert not any("is a price" in note for note in Task(bars, "field:volume").notes)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ForwardVolatility(1), "horizon of a forward volatility must be 2 or more days, not 1"),
        (lambda: Direction(5, width=0.0), "direction_5: the width must be a finite number above 0, not 0.0"),
        (
            lambda: TripleBarrier(5, width=np.inf),
            "triple_barrier_5: the width must be a finite number above 0",
        ),
    ],
)
def test_impossible_requests_are_refused(make, said):
    with pytest.raises(TaskError, match=said):
        make()


def test_a_missing_field_is_reported_by_name(bars):
    closes = Panel.from_arrays({"close": bars.field("close")}, bars.dates, bars.assets)
    with pytest.raises(TaskError, match="forward_range_5 needs a field 'high'; the panel has close"):
        Task(closes, "forward_range_5")
