"""Properties of all learners: ends of episodes, discounting and refused input."""

import numpy as np
import pytest
import torch
from torch import nn

from quarva.errors import RecipeError
from quarva.panel import Panel
from quarva.rl import DQN, NAF, LineGame, PolicyGradient, Step, Trader, TradingGame
from quarva.rl.dqn import greedy_action
from quarva.rl.naf import Constant
from quarva.tasks import Task

FEATURES = ("pct_change(close, 1)",)


class Wage:
    """Every step pays 1 whatever is done, for so many steps; then the episode is cut, or over."""

    agents, observation, low, high = 8, 1, -1.0, 1.0
    actions = torch.tensor([-1.0, 1.0])

    def __init__(self, steps, *, cut, pay=1.0):
        self._steps, self._cut, self._pay = steps, cut, pay
        self.tried = []

    def reset(self, source):
        self._left = self._steps
        return self.observe()

    def observe(self):
        return torch.zeros(self.agents, 1)

    def step(self, action):
        self.tried.append(action)
        self._left -= 1
        ended = torch.full((self.agents,), self._left == 0)
        if self._left == 0:
            self._left = self._steps
        never = torch.zeros_like(ended)
        return Step(
            self.observe(), torch.full((self.agents,), self._pay),
            never if self._cut else ended, ended if self._cut else never,
        )  # fmt: skip


def learn(way, game, **terms):
    """Train a learner; the value that it gives the one state of a `Wage`."""
    torch.manual_seed(0)
    given = {"rate": 0.1, "gamma": 0.5, "updates": 250} | terms
    if way == "dqn":
        values = nn.Linear(1, 2)
        DQN(batch=0, target_interval=3, **given).learn(game, values)
        return float(values(torch.zeros(1, 1)).detach().mean())
    value = Constant()
    if way == "naf":
        flat = Constant(-9.0)  # what is done changes nothing
        NAF(target_interval=3, **given).learn(game, Constant(), value, flat)
    else:
        PolicyGradient(steps=4, **given).learn(game, Constant(), value)
    return float(value.number.detach())


@pytest.mark.parametrize("way", ["dqn", "naf", "gradient"])
def test_values_after_a_truncation_count_and_after_a_termination_do_not(way):
    assert learn(way, Wage(1, cut=True)) == pytest.approx(2.0, abs=0.05)  # 1 + ½ + ¼ + …
    assert learn(way, Wage(1, cut=False)) == pytest.approx(1.0, abs=0.05)


def test_a_truncation_within_an_update_separates_two_episodes():
    steps = [Wage(1, cut=True), Wage(4, cut=True)]
    assert [learn("gradient", each) for each in steps] == pytest.approx([2.0, 2.0], abs=0.05)


@pytest.mark.parametrize("way", ["dqn", "naf", "gradient"])
def test_a_reward_that_is_not_finite_is_reported_in_one_line(way):
    with pytest.raises(RecipeError, match="the loss of update 1 is not a finite number"):
        learn(way, Wage(3, cut=True, pay=float("nan")), updates=5)


@pytest.mark.parametrize(
    "learner",
    [
        lambda game, wide: NAF(updates=1).learn(game, Constant(), wide, Constant()),
        lambda game, wide: PolicyGradient(updates=1).learn(game, wide, Constant()),
    ],
)
def test_a_network_with_two_outputs_is_refused_as_a_policy_of_one_action(learner):
    with pytest.raises(
        RecipeError, match=r"returns \[2, 2\] for 2 observations instead of \[2, 1\], one number for each"
    ):
        learner(LineGame(points=4), nn.Linear(1, 2))


def test_the_actions_of_naf_stay_within_the_limits_of_the_game():
    game = Wage(3, cut=True)
    NAF(updates=20, noise=0.7).learn(game, Constant(0.8), Constant(), Constant())
    tried = torch.stack(game.tried)
    assert tried.max() == 1.0
    assert tried.min() >= -1.0


def test_an_interpolated_action_lies_between_its_neighbours():
    class Rising(nn.Module):
        def forward(self, seen):
            return torch.tensor([[3.0, 2.0, 0.0]]).expand(len(seen), 3)  # its parabola peaks left of the grid

    found = greedy_action(Rising(), torch.zeros(2, 1), torch.tensor([-1.0, 0.0, 1.0]), interpolate=True)
    assert found.tolist() == [-1.0, -1.0]


@pytest.mark.parametrize("way", ["dqn", "naf", "gradient"])
def test_an_episode_may_be_one_day(task, way):
    policy = Trader(way, FEATURES, length=2, episode_length=1, updates=20, batch=32).fit(task)
    assert np.isfinite([policy.train, policy.validation, policy.metric]).all()


def test_no_position_is_held_outside_the_universe(market):
    universe = np.ones(market.shape, np.bool_)
    universe[::2, 3] = False
    part = Panel.from_arrays(
        {name: market.field(name) for name in market.fields}, market.dates, market.assets, universe=universe
    )
    policy = Trader("dqn", FEATURES, length=2, episode_length=20, updates=20, batch=32).fit(
        Task(part, "forward_return_1")
    )
    signals, positions = policy.walk(policy.inputs.windows(part), part.universe)
    assert (positions[::2, 3] == 0).all()
    assert np.isnan(signals[::2, 3]).all()
    assert np.isnan(policy.values(part)[::2, 3]).all()


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"length": 0}, "at least 1 episode of at least 1 day, not 1 of 0"),
        ({"episodes": 0}, "at least 1 episode of at least 1 day, not 0 of 60"),
        ({"actions": (0.0,)}, r"positions must be two or more numbers in \[-1, 1\]"),
        ({"actions": (0.0, 3.0)}, r"positions must be two or more numbers in \[-1, 1\]"),
        ({"actions": (0.0, float("nan"))}, r"positions must be two or more numbers in \[-1, 1\]"),
    ],
)
def test_an_invalid_game_is_refused(task, terms, said):
    with pytest.raises(RecipeError, match=said):
        TradingGame.for_task(task, FEATURES, **terms)
