"""Trading as a game pays what a backtest says, and what is learned is a function like any other."""

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from quarva.errors import RecipeError, TaskError
from quarva.networks import Windows
from quarva.rl import Trader, TradingGame
from quarva.rl.environments import TradingEnv
from quarva.strategies import closes, daily_returns
from quarva.strategies.strategy import backtest
from quarva.tasks import Task

FEATURES = ("pct_change(close, 1)", "(close - low) / (high - low)")


def game_of(market, *, days=None, **given):
    every = np.ones(market.shape[0], np.bool_)
    windows = Windows.of(market, FEATURES, 3, every)
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
        there = game._there[first + k].numpy()
        positions[first + k] = np.where(there, action, 0.0)
        paid.append(game.step(torch.tensor(action, dtype=torch.float32))[1].numpy())
    weights = positions / market.shape[1]
    walked = backtest(weights, daily_returns(closes(market)), market.dates, delay, cost)
    days = slice(first + delay + 1, first + delay + 41)
    want = (walked.gross - walked.costs)[days]
    np.testing.assert_allclose(np.mean(paid, axis=1) / 100, want, atol=1e-7)


def test_an_episode_stays_within_its_days_with_all_that_its_rewards_need(market):
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
def test_each_way_learns_to_trade_what_was_planted(planted, market, way):
    terms = {"updates": 600, "rate": 3e-3, "gamma": 0.0 if way == "naf" else 0.5}
    policy = Trader(way, FEATURES, length=4, stretch=30, **terms).fit(planted)
    assert policy.validation > 0.1
    assert policy.train > 0.1
    signal = policy.signal(market)
    assert signal.shape == market.shape
    assert np.isnan(signal.to_numpy()[:3]).all()
    cut = policy.values(market.between(market.dates[0], market.dates[199]))
    np.testing.assert_allclose(cut, policy.values(market)[:200], rtol=1e-4, atol=1e-6)


def test_gymnasiums_checker_passes_the_environment(market):
    env = TradingEnv(game_of(market))
    check_env(env, skip_render_check=True)
    env.reset(seed=1)
    cut = [env.step(np.zeros(12, np.float32))[3] for _ in range(60)]
    assert cut == [False] * 59 + [True]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda m: Trader("dqm"), "there is no way 'dqm' to learn to trade; there are dqn, naf, gradient"),
        (lambda m: Trader(positions=(0.0,)), "positions are two or more numbers"),
        (lambda m: Trader(positions=(0.0, 2.0)), "positions are two or more numbers"),
        (lambda m: Trader(updates=0), "updates must be 1 or more, not 0"),
        (lambda m: Trader(rate=float("nan")), "rate must be above 0"),
        (lambda m: Trader(gamma=2.0), "gamma in \\[0, 1\\]"),
        (lambda m: TradingEnv(game_of(m, episodes=2)), "one episode at a time; the game has 2"),
        (lambda m: TradingEnv(game_of(m)).step(np.full(12, 3, np.float32)), "trading takes positions of Box"),
    ],
)
def test_what_can_not_be_is_refused(market, make, said):
    with pytest.raises(RecipeError, match=said):
        make(market)
