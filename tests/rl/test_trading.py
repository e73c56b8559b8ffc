"""Rewards of the trading game are the returns of a backtest, and traders learn a planted signal."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from quarva.errors import RecipeError, TaskError
from quarva.networks import Windows
from quarva.rl import Trader, TradingGame
from quarva.rl.environments import TradingEnv
from quarva.rl.trading import position_rewards
from quarva.strategies import closes, holding_returns
from quarva.strategies.strategy import backtest
from quarva.tasks import Task

FEATURES = ("pct_change(close, 1)", "(close - low) / (high - low)")


def game_of(market, *, days=None, fitted=None, **given):
    every = np.ones(market.shape[0], np.bool_)
    windows = Windows.from_panel(market, FEATURES, 3, every if fitted is None else fitted)
    return TradingGame(market, windows, every if days is None else days, **given)


@pytest.mark.parametrize(("delay", "cost"), [(1, 5.0), (0, 0.0), (2, 50.0)])
def test_rewards_are_the_returns_of_a_backtest(market, delay, cost):
    game = game_of(market, length=40, delay=delay, cost_bps=cost)
    source = torch.Generator().manual_seed(1)
    game.reset(source)
    first = int(game._day[0])
    rng = np.random.default_rng(0)
    positions = np.zeros(market.shape)
    paid = []
    for k in range(40):
        action = rng.choice([-1.0, 0.0, 1.0], market.shape[1])
        there = game._tradable[first + k].numpy()
        positions[first + k] = np.where(there, action, 0.0)
        paid.append(game.step(torch.tensor(action, dtype=torch.float32))[1].numpy())
    weights = positions / market.shape[1]
    walked = backtest(weights, holding_returns(closes(market)), market.dates, delay, cost)
    days = slice(first + delay + 1, first + delay + 41)
    want = (walked.gross - walked.costs)[days]
    np.testing.assert_allclose(np.mean(paid, axis=1) / 100, want, atol=1e-7)


def with_gaps(market, seed=0):
    """The market with suspended and delisted assets, all fields missing there."""
    values = market.values.copy()
    rng = np.random.default_rng(seed)
    for asset in range(6):
        for first in rng.integers(20, 380, 8):
            values[:, first : first + rng.integers(1, 6), asset] = np.nan
    values[:, 200:, 6] = np.nan
    return replace(market, values=values)


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_rewards_across_gaps_are_the_returns_of_a_backtest(market, delay):
    gappy = with_gaps(market)
    game = game_of(gappy, length=300, delay=delay, cost_bps=10, delisting_return=-0.5)
    game.reset(torch.Generator().manual_seed(1))
    first = int(game._day[0])
    assert first < 200
    rng = np.random.default_rng(0)
    positions, paid = np.zeros(market.shape), []
    for k in range(300):
        action = rng.choice([-1.0, 0.0, 1.0], market.shape[1])
        action[6] = 1.0  # the asset that is delisted
        positions[first + k] = np.where(game._windows.valid[first + k], action, 0.0)
        paid.append(game.step(torch.tensor(action, dtype=torch.float32)).reward.numpy())
    returns = holding_returns(closes(gappy), -0.5)
    walked = backtest(positions / market.shape[1], returns, market.dates, delay, 10)
    assert walked.bridged.sum() > 0
    assert walked.delisted.sum() == 1
    days = slice(first + delay + 1, first + delay + 301)
    np.testing.assert_allclose(np.mean(paid, axis=1) / 100, walked.returns[days], atol=1e-7)
    whole = position_rewards(gappy, game._windows, positions.astype(np.float32), delay, 10, -0.5)[
        first : first + 300
    ]
    np.testing.assert_allclose(whole, np.reshape(paid, whole.shape), atol=1e-5)


def test_a_position_does_not_depend_on_whether_a_later_price_is_missing(market):
    values = market.values.copy()
    values[:, 51:54] = np.nan  # the position of day 49 earns across this gap
    values[:, 54:] *= 0.5
    gappy = replace(market, values=values)
    days = np.zeros(market.shape[0], np.bool_)
    days[48:60] = True
    seen, paid = [], []
    for panel in (market, gappy):
        game = game_of(panel, days=days, fitted=np.arange(len(days)) < 48, length=10, cost_bps=0.0)
        game.begin(torch.zeros(1, dtype=torch.int64))
        seen.append([])
        paid.append([])
        for _ in range(8):
            seen[-1].append(game.observe().numpy().copy())
            paid[-1].append(float(game.trade(torch.ones(market.shape[1])).mean()))
    for day in range(3):  # days 48 to 50: nothing is missing yet
        np.testing.assert_array_equal(seen[0][day], seen[1][day])
    close = closes(gappy).astype(np.float64)
    assert paid[1][1:4] == [0, 0, 0]
    assert paid[1][4] == pytest.approx(100 * np.mean(close[54] / close[50] - 1), abs=1e-4)


def test_an_episode_and_its_rewards_stay_within_the_available_days(market):
    days = np.zeros(market.shape[0], np.bool_)
    days[100:140] = True
    game = game_of(market, days=days, episodes=50, length=30)
    source = torch.Generator().manual_seed(0)
    begun = torch.cat([game.reset(source)[:0, 0], game._day.float()])
    assert begun.min() == 100
    assert begun.max() == 140 - 30 - 2
    with pytest.raises(TaskError, match="an episode of 60 days, with 2 before it and 2 after, does not fit"):
        game_of(market, days=days)


@pytest.fixture(scope="module")
def planted(market):
    return Task(market, "forward_return_1", cost_bps=0.0)


@pytest.mark.parametrize("way", ["dqn", "naf", "gradient"])
def test_each_trader_learns_the_planted_signal(planted, market, way):
    terms = {"updates": 600, "rate": 3e-3, "gamma": 0.0 if way == "naf" else 0.5}
    policy = Trader(way, FEATURES, length=4, episode_length=30, **terms).fit(planted)
    assert policy.validation > 0.1
    assert policy.train > 0.1
    signal = policy.signal(market)
    assert signal.shape == market.shape
    assert np.isnan(signal.to_numpy()[:3]).all()
    cut = policy.values(market.between(market.dates[0], market.dates[199]))
    np.testing.assert_allclose(cut, policy.values(market)[:200], rtol=1e-4, atol=1e-6)


def test_the_environment_passes_gymnasiums_checker(market):
    env = TradingEnv(game_of(market))
    check_env(env, skip_render_check=True)
    env.reset(seed=1)
    cut = [env.step(np.zeros(12, np.float32))[3] for _ in range(60)]
    assert cut == [False] * 59 + [True]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda m: Trader("dqm"), "unknown algorithm 'dqm'; choose one of dqn, naf, gradient"),
        (lambda m: Trader(positions=(0.0,)), "positions must be two or more numbers"),
        (lambda m: Trader(positions=(0.0, 2.0)), "positions must be two or more numbers"),
        (lambda m: Trader(updates=0), "updates must be 1 or more, not 0"),
        (lambda m: Trader(rate=float("nan")), "rate must be above 0"),
        (lambda m: Trader(gamma=2.0), "gamma in \\[0, 1\\]"),
        (lambda m: TradingEnv(game_of(m, episodes=2)), "must have 1 episode, not 2"),
        (
            lambda m: TradingEnv(game_of(m)).step(np.full(12, 3, np.float32)),
            "trading: positions must be in Box",
        ),
    ],
)
def test_impossible_requests_are_refused(market, make, said):
    with pytest.raises(RecipeError, match=said):
        make(market)
