"""A trader is compared with baselines, keeps its history, and can be interrupted."""

import os
import signal

import numpy as np
import pytest
import torch

from quarva.errors import TaskError
from quarva.rl import Trader, TradingGame
from quarva.rl.trading import position_rewards
from quarva.tasks import Task

FEATURES = ("pct_change(close, 1)", "(close - low) / (high - low)")
SMALL = {"features": FEATURES, "length": 4, "episode_length": 20, "batch": 64}


def test_scores_of_a_trader_equal_the_rewards_of_the_game(task, market):
    policy = Trader("dqn", updates=20, **SMALL).fit(task)
    windows = policy.inputs.windows(market)
    _, positions = policy.walk(windows)
    days = np.ones(market.shape[0], np.bool_)
    game = TradingGame(
        market, windows, days, length=len(days) - 3 - 2, delay=task.delay, cost_bps=task.cost_bps
    )
    game.reset(torch.Generator())
    paid = [game.step(torch.from_numpy(positions[day]))[1].numpy() for day in range(3, len(days) - 2)]
    want = position_rewards(market, windows, positions, task.delay, task.cost_bps)
    np.testing.assert_allclose(want[3:-2], np.array(paid), atol=1e-6)
    there = task.segments == 1
    assert policy.metric == pytest.approx(want[there].mean(), abs=1e-6)
    held = position_rewards(market, windows, np.ones_like(positions), task.delay, task.cost_bps)
    assert policy.baselines["holding all"] == pytest.approx(held[there].mean(), abs=1e-6)


def test_a_target_that_is_not_a_return_is_refused(market):
    with pytest.raises(TaskError, match="naf trades, but target forward_volatility_5 is not a return"):
        Trader("naf").check(Task(market, "forward_volatility_5"))


def test_the_history_of_rewards_is_kept(task):
    policy = Trader("gradient", updates=403, features=FEATURES, length=4, episode_length=20).fit(task)
    history = policy.history
    assert len(history) == 200
    assert history["update"].iloc[-1] == 403
    assert history["reward"].iloc[-20:].mean() == pytest.approx(policy.mean_reward, abs=1e-2)
    assert policy.ended == "updates"
    assert str(policy).startswith("NOT BETTER than" if policy.beaten_by else "gradient: ic of forward")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("before", [signal.default_int_handler, signal.SIG_IGN], ids=["heard", "ignored"])
@pytest.mark.parametrize("way", ["dqn", "naf", "gradient"])
def test_ctrl_c_ends_the_training_and_keeps_the_policy(task, market, way, before):
    told = []

    def seen(update, loss):
        told.append(update)
        if update == 5:
            os.kill(os.getpid(), signal.SIGINT)

    usual = signal.signal(signal.SIGINT, before)  # a shell ignores it for what it runs in the background
    try:
        policy = Trader(way, updates=500, **SMALL).fit(task, progress=seen)
        assert signal.getsignal(signal.SIGINT) == before
    finally:
        signal.signal(signal.SIGINT, usual)
    assert told == [1, 2, 3, 4, 5]
    assert policy.ended == "interrupted"
    assert "stopped by Ctrl-C after 5 of 500 updates" in str(policy)
    assert np.isfinite(policy.train)
    assert len(policy.history) == 5
    assert policy.signal(market).shape == market.shape
