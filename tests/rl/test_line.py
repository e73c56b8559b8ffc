"""Three learners find the line from rewards alone, and the game works in gymnasium."""

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from torch import nn

from quarva.errors import RecipeError
from quarva.rl import DQN, NAF, Dueling, LineGame, PolicyGradient, Step
from quarva.rl.dqn import greedy_action
from quarva.rl.environments import LineEnv
from quarva.rl.naf import Constant

TERMS = {"updates": 300, "rate": 0.01, "betas": (0.9, 0.95), "gamma": 0.0}


def network(outputs=1):
    return nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, outputs))


def error(answers, game):
    return float(((answers - game.y) ** 2).mean())


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_a_reward_is_minus_the_squared_error():
    game = LineGame(points=5)
    seen = game.reset(torch.Generator())
    assert seen[:, 0].tolist() == [-10, -5, 0, 5, 10]
    _, reward, done, cut = game.step(torch.tensor([-17.0, -7.0, 4.0, 10.0, 23.0]))
    assert reward.tolist() == [0, 0, -1, -9, 0]
    assert done.all()
    assert not cut.any()


def test_the_continuous_form_finds_the_line():
    game = LineGame()
    NAF(noise=1.0, **TERMS).learn(game, action := network(), Constant(), Constant(0.54))
    assert error(action(game.x)[:, 0].detach(), game) < 1e-2


@pytest.mark.parametrize("antithetic", [True, False])
def test_the_policy_gradient_finds_the_line(antithetic):
    game = LineGame(copies=4)
    learner = PolicyGradient(std=1.0, final_std=1.0, antithetic=antithetic, **TERMS)
    learner.learn(game, action := network(), network())
    assert error(action(game.x)[:, 0].detach(), game) < (1e-2 if antithetic else 0.5)


def test_dqn_finds_the_line_between_the_actions_of_its_grid():
    game = LineGame(copies=3, actions=3)
    values = DQN(batch=0, explore="all_actions", **TERMS | {"updates": 900}).learn(
        game, Dueling(network(), network(3))
    )
    between = greedy_action(values, game.x, game.actions, interpolate=True)
    assert error(between, game) < 1e-2
    assert (
        error(greedy_action(values, game.x, game.actions), game) > 40
    )  # the grid's own answers are 23 apart


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("priority", [0.0, 0.6])
def test_dqn_finds_the_best_of_a_grid_from_a_replay(double, priority):
    game = LineGame(points=20, actions=11, low=-17.0, high=23.0)
    terms = TERMS | {
        "updates": 800,
        "batch": 128,
        "replay_size": 4_000,
        "final_epsilon": 0.3,
        "target_interval": 50,
    }
    learner = DQN(priority=priority, double=double, **terms)
    told = []
    values = learner.learn(game, network(11), lambda update, loss: told.append((update, loss)))
    # Neighbours on the grid are 4 apart, and the reward hardly tells them apart half-way between.
    assert (greedy_action(values, game.x, game.actions) - game.y).abs().max() < 6
    assert [update for update, _ in told] == list(range(1, 801))


def test_the_same_seed_gives_the_same_game():
    def played(seed):
        torch.manual_seed(1)
        game, values = LineGame(points=10, actions=5), network(5)
        DQN(updates=30, batch=16, gamma=0.0, seed=seed).learn(game, values)
        return values[0].weight.detach()

    assert torch.equal(played(0), played(0))
    assert not torch.equal(played(0), played(1))


def test_later_rewards_are_discounted():
    """Two states: an action leads on or stays; what comes at the end is worth gamma times as much before."""

    class Chain:
        agents, observation, low, high = 64, 1, 0.0, 1.0
        actions = torch.tensor([0.0, 1.0])

        def reset(self, source):
            self.at = torch.zeros(self.agents)
            return self.at[:, None]

        def step(self, action):
            done = (self.at == 1) & (action == 1)
            self.at = torch.where(done, 0.0, torch.where(action == 1, 1.0, 0.0))
            return Step(self.observe(), done.float(), done, torch.zeros_like(done))

        def observe(self):
            return self.at[:, None].clone()

    values = network(2)
    DQN(updates=1_500, batch=128, replay_size=2_000, rate=3e-3, gamma=0.5, target_interval=25).learn(
        Chain(), values
    )
    found = values(torch.tensor([[0.0], [1.0]])).detach().numpy()
    np.testing.assert_allclose(found, [[0.25, 0.5], [0.25, 1.0]], atol=0.08)


@pytest.mark.parametrize("discrete", [True, False])
def test_the_environment_passes_gymnasiums_checker(discrete, recwarn):
    check_env(LineEnv(discrete=discrete, actions=9), skip_render_check=True)
    env = LineEnv(discrete=discrete, points=5, actions=9)
    seen, _ = env.reset(seed=3)
    action = 4 if discrete else np.array([3.0], np.float32)
    _, reward, done, cut, _ = env.step(action)
    assert reward == pytest.approx(-((3 - (2 * seen[0] + 3)) ** 2))
    assert done
    assert not cut


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LineGame(points=1), "line needs at least 2 points"),
        (lambda: LineGame(actions=1), "line needs at least 2 actions"),
        (lambda: DQN(updates=0), "dqn: updates, steps and target_interval must be at least 1"),
        (lambda: DQN(gamma=1.5), r"gamma, epsilon and final_epsilon must be in \[0, 1\]"),
        (lambda: NAF(noise=0.0), "noise above 0"),
        (lambda: PolicyGradient(std=0.0), "std and final_std above 0"),
        (lambda: LineEnv().step(np.array([99.0], np.float32)), "line: an action must be in Box"),
        (lambda: LineEnv(discrete=True).step(47), r"line: an action must be in Discrete\(47\), not 47"),
        (
            lambda: DQN(updates=1).learn(LineGame(actions=5), network(4)),
            r"returns \[2, 4\] for 2 observations instead of \[2, 5\], a value for each of the game's 5",
        ),
        (
            lambda: DQN(updates=1).learn(LineGame(actions=5), nn.Linear(3, 5)),
            r"cannot read observations \[B, 1\]",
        ),
        (
            lambda: PolicyGradient(1, antithetic=True).learn(LineGame(points=3), network(), network()),
            "antithetic noise needs an even number of agents, not 3",
        ),
    ],
)  # fmt: skip
def test_impossible_requests_are_refused(make, said):
    with pytest.raises(RecipeError, match=said):
        make()
