"""Vectorised environments follow the same trajectories as single ones."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from quarva.errors import RecipeError
from quarva.rl.environments import LineEnv, LineVectorEnv, TradingVectorEnv, trade
from quarva.rl.environments.streams import Streams
from quarva.tasks import Task

MANY = 5
LINE = "quarva/Line-v0"
TRADING = "quarva/Trading-v0"
FEATURES = ("pct_change(close, 1)", "(close - low) / (high - low)")


@pytest.fixture(scope="module")
def game(market):
    return {"task": Task(market, "forward_return_1"), "features": FEATURES, "window": 3, "length": 6}


def one_by_one(make):
    return SyncVectorEnv([make] * MANY, autoreset_mode=AutoresetMode.SAME_STEP)


def assert_same(together, alone, steps, seed):
    """Walk both with the same actions."""
    assert together.observation_space == alone.observation_space
    assert together.action_space == alone.action_space
    assert together.single_action_space == alone.single_action_space
    assert together.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    together.action_space.seed(1)
    for got, want in zip(together.reset(seed=seed), alone.reset(seed=seed), strict=True):
        np.testing.assert_array_equal(got, want)
    ends = 0
    for _ in range(steps):
        action = together.action_space.sample()
        got, want = together.step(action), alone.step(action)
        assert together.observation_space.contains(got[0])
        np.testing.assert_array_equal(got[0], want[0])
        np.testing.assert_allclose(got[1], want[1], rtol=1e-5, atol=1e-6)
        assert got[1].dtype == np.float64
        for k in (2, 3):
            np.testing.assert_array_equal(got[k], want[k])
        assert got[4].keys() == want[4].keys()
        if "final_obs" in want[4]:
            ends += 1
            np.testing.assert_array_equal(np.stack(got[4]["final_obs"]), np.stack(want[4]["final_obs"]))
            np.testing.assert_array_equal(got[4]["_final_obs"], want[4]["_final_obs"])
    return ends


@pytest.mark.parametrize("discrete", [True, False])
@pytest.mark.parametrize("seed", [3, [7, 1, 7, 0, 12]])
def test_vectorised_line_environments_equal_single_ones(discrete, seed):
    terms = {"discrete": discrete, "points": 9, "actions": 5}
    together = gymnasium.make_vec(LINE, MANY, **terms)
    assert isinstance(together, LineVectorEnv)
    assert assert_same(together, one_by_one(lambda: gymnasium.make(LINE, **terms)), 8, seed) == 8


@pytest.mark.parametrize("seed", [3, [7, 1, 7, 0, 12]])
def test_vectorised_trading_environments_equal_single_ones(game, seed):
    together = gymnasium.make_vec(TRADING, MANY, **game)
    assert isinstance(together, TradingVectorEnv)
    assert assert_same(together, one_by_one(lambda: gymnasium.make(TRADING, **game)), 20, seed) == 3


def test_without_a_seed_the_random_streams_continue(game):
    env = gymnasium.make_vec(TRADING, MANY, **game)
    first, _ = env.reset(seed=4)
    second, _ = env.reset()
    assert (first != second).any()
    np.testing.assert_array_equal(env.reset(seed=4)[0], first)
    np.testing.assert_array_equal(env.reset()[0], second)
    unseeded = gymnasium.make_vec(LINE, 50)
    assert len(np.unique(unseeded.reset()[0])) > 10


def test_gymnasium_creates_the_environments_without_a_warning(game):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = RecordEpisodeStatistics(gymnasium.make_vec(TRADING, MANY, **game))
    env.reset(seed=0)
    paid = np.zeros(MANY)
    for _ in range(6):
        _, reward, _, cut, infos = env.step(np.ones((MANY, 12), np.float32))
        paid += reward
    assert cut.all()
    np.testing.assert_allclose(infos["episode"]["r"], paid)
    assert (infos["episode"]["l"] == 6).all()


def test_the_last_observation_of_an_episode_has_its_last_position(game):
    """What is seen at the end holds the last position: whoever learns looks ahead from there."""
    env = trade(**game)
    env.reset(seed=0)
    for _ in range(6):
        seen, _, done, cut, _ = env.step(np.full(12, 0.5, np.float32))
    assert cut
    assert not done
    assert (seen[:, -1] == 0.5).all()
    with pytest.raises(RecipeError, match="the episode is over: reset"):
        env.step(np.zeros(12, np.float32))


@pytest.mark.parametrize("name", [LINE, TRADING])
def test_registered_environments_pass_gymnasiums_checker(name, game):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a window's values have no bounds
        check_env(gymnasium.make(name, **(game if name == TRADING else {})).unwrapped, skip_render_check=True)


def test_a_random_stream_is_uniform_and_independent_of_the_others():
    states = np.array([5, 0, 2**63], np.uint64)
    together = Streams(states)
    drawn = np.array([together.draw(10) for _ in range(4_000)])
    alone = [Streams(states[k : k + 1]) for k in range(3)]
    for k, stream in enumerate(alone):
        np.testing.assert_array_equal([stream.draw(10)[0] for _ in range(50)], drawn[:50, k])
    share = np.array([np.bincount(column, minlength=10) for column in drawn.T]) / len(drawn)
    assert np.abs(share - 0.1).max() < 0.02
    assert np.abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 0.05


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda: LineVectorEnv(0), "num_envs must be 1 or more, not 0"),
        (lambda: LineVectorEnv(2).step(np.zeros((2, 1), np.float32)), "reset the environments before"),
        (lambda: LineVectorEnv(2).reset(seed=[1, 2, 3]), "3 seeds for 2 environments"),
        (lambda: LineVectorEnv(2).reset(options={"reset_mask": np.ones(2, bool)}), "leave reset_mask out"),
        (lambda: reset(LineVectorEnv(2)).step(np.full((2, 1), 99, np.float32)), "actions must be in Box"),
        (lambda: reset(LineVectorEnv(2)).step(np.zeros((3, 1), np.float32)), "actions must be in Box"),
        (lambda: reset(LineVectorEnv(2, discrete=True)).step(np.array([0, 47])), "must be in MultiDis"),
    ],
)
def test_impossible_requests_are_refused(do, said):
    with pytest.raises(RecipeError, match=said):
        do()


def reset(env):
    env.reset(seed=0)
    return env


def test_an_environment_can_be_created_without_the_registry():
    assert LineEnv().reset(seed=3)[0] == gymnasium.make(LINE).reset(seed=3)[0]
