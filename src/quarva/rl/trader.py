"""`Trader`: the settings of a trading agent and its training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quarva._runtime.interrupts import interrupts
from quarva._runtime.whole import whole
from quarva.errors import RecipeError, TaskError
from quarva.networks.data.features import Feature
from quarva.networks.data.inputs import Inputs
from quarva.networks.data.windows import Windows
from quarva.networks.models.models import Dense
from quarva.networks.training.devices import torch_threads
from quarva.rl.dqn import DQN, Dueling
from quarva.rl.game import Step
from quarva.rl.gradient import PolicyGradient
from quarva.rl.naf import NAF
from quarva.rl.policy import TradingPolicy
from quarva.rl.trading import TradingGame, market_of, position_rewards
from quarva.tasks import TEST, VALIDATION, Task, attach_signals, check_task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Trader"]

Algorithm = Literal["dqn", "naf", "gradient"]
ALGORITHMS: tuple[Algorithm, ...] = ("dqn", "naf", "gradient")

_HISTORY_ROWS = 200  # enough for a plot

OnUpdate = Callable[[int, float], object]


@dataclass(frozen=True)
class Trader:
    """A trading agent and its training settings. `fit` trains it on a task.

    Delay, costs and delisting return are those of the task.

    Attributes
    ----------
    algorithm : {"dqn", "naf", "gradient"}
        Reinforcement learning algorithm.
    features : sequence of str or callable, optional
        Features of the observations; see `Learner`.
    length : int, default 10
        Number of days in a window.
    width : int, default 32
        Width of the two hidden layers of each network.
    positions : tuple of float, default (−1, 0, 1)
        Positions that "dqn" chooses from, in [−1, 1].
    episodes : int, default 4
        Number of parallel episodes.
    episode_length : int, default 60
        Days in an episode.
    updates : int, default 3,000
        Number of optimiser steps.
    batch : int, default 512
        Transitions in an update of "dqn".
    rate : float, default 1e-3
        Initial learning rate of Adam.
    gamma : float, default 0.9
        Discount factor.
    seed : int, default 0
        Seed of weights and exploration.
    threads : int, default 1
        Number of torch threads.

    Raises
    ------
    RecipeError
        A setting is unknown or out of range.
    """

    algorithm: Algorithm = "dqn"
    features: Sequence[Feature] | None = None
    length: int = 10
    width: int = 32
    positions: tuple[float, ...] = (-1.0, 0.0, 1.0)
    episodes: int = 4
    episode_length: int = 60
    updates: int = 3_000
    batch: int = 512
    rate: float = 1e-3
    gamma: float = 0.9
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise RecipeError(f"unknown algorithm '{self.algorithm}'; choose one of {', '.join(ALGORITHMS)}")
        for name in ("length", "width", "episodes", "episode_length", "updates", "batch", "threads"):
            object.__setattr__(self, name, whole(name, getattr(self, name)))
        if not (0 < self.rate < inf and 0 <= self.gamma <= 1):
            raise RecipeError(f"rate must be above 0 and gamma in [0, 1], not {self.rate} and {self.gamma}")
        if len(set(self.positions)) < 2 or not all(-1 <= each <= 1 for each in self.positions):
            raise RecipeError(f"positions must be two or more numbers in [-1, 1], not {self.positions}")

    def check(self, task: Task) -> None:
        """Raise the errors that `fit` would raise before training.

        Parameters
        ----------
        task : Task
            The task.
        """
        self._market(task)

    def _market(self, task: Task) -> tuple[Inputs, TradingGame, Windows]:
        """Check the task and create inputs, game and windows."""
        check_task(task, "fit")
        if task.table is not None:
            raise TaskError(f"{self.algorithm} trades, but a table has no prices; use a searcher or dense")
        if not task.trades:
            raise TaskError(
                f"{self.algorithm} trades, but target {task.target_names[0]} is not a return; use "
                "forward_return_5, or a dense network"
            )
        return market_of(
            task, self.features, self.length, episodes=self.episodes, length=self.episode_length,
            actions=self.positions,
        )  # fmt: skip

    def fit(self, task: Task, *, progress: OnUpdate | None = None) -> TradingPolicy:
        """Learn to trade on the training days of a task.

        Ctrl-C ends training after the current update; the policy is then what was learned so far.

        Parameters
        ----------
        task : Task
            A task about a panel whose target is a return.
        progress : callable, optional
            Called after every update with its number, from 1, and its loss, or its mean reward for
            "gradient". An exception that it raises ends training; KeyboardInterrupt acts like Ctrl-C.

        Returns
        -------
        TradingPolicy

        Raises
        ------
        TaskError
            The task is about a table, the target is not a return, the panel has no field `close`, an episode
            does not fit, or a feature looks ahead.
        FormulaError
            A feature cannot be parsed, or reads something that the panel lacks.
        RecipeError
            A loss is not finite.
        """
        with torch_threads(self.threads), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            inputs, game, windows = self._market(task)
            recorder = _RewardRecorder(game)
            network, learn = self._learner(recorder)
            ended = _learn_until_interrupted(learn, recorder, progress or (lambda *_: None))
            policy = TradingPolicy(
                self.algorithm, network.eval(), inputs, tuple(game.actions.tolist()), task.describe(),
                mean_reward=recorder.final_reward(), history=recorder.history(), ended=ended,
            )  # fmt: skip
            signals, positions = policy.walk(windows, task.panel.universe)
            with_signal, formula = attach_signals(task, signals[None], inputs.lookback)
        scores = with_signal.score(formula)
        metric, baselines = _validation_rewards(task, windows, positions)
        stopped = f"stopped by Ctrl-C after {len(recorder.rewards):,} of {self.updates:,} updates"
        return replace(
            policy,
            train=float(scores.train[0]),
            validation=float(scores.validation[0]),
            metric=metric,
            baselines=baselines,
            notes=(stopped,) if ended == "interrupted" else (),
        )

    def _learner(self, game: "_RewardRecorder") -> tuple[nn.Module, Callable[[OnUpdate], object]]:
        """A network with initial weights, and a function that trains it in place."""

        def network(outputs: int = 1) -> nn.Module:
            return Dense(game.observation, 1, outputs, width=self.width)

        common = {"updates": self.updates, "rate": self.rate, "gamma": self.gamma, "seed": self.seed}
        if self.algorithm == "dqn":
            values = Dueling(network(), network(len(game.actions)))
            dqn = DQN(batch=self.batch, **common)  # type: ignore[arg-type]
            return values, lambda on_update: dqn.learn(game, values, on_update)
        action = network()
        if self.algorithm == "naf":
            naf, others = NAF(**common), (network(), network())  # type: ignore[arg-type]
            return action, lambda on_update: naf.learn(game, action, *others, on_update)
        gradient, value = PolicyGradient(steps=8, **common), network()  # type: ignore[arg-type]
        return action, lambda on_update: gradient.learn(game, action, value, on_update)


def _learn_until_interrupted(
    learn: Callable[[OnUpdate], object], recorder: "_RewardRecorder", progress: OnUpdate
) -> str:
    """Train until all updates are made or Ctrl-C is pressed; return "updates" or "interrupted"."""
    with interrupts() as interrupted:

        def on_update(update: int, loss: float) -> None:
            recorder.end_update()
            progress(update, loss)
            if interrupted():
                raise KeyboardInterrupt

        try:
            learn(on_update)
        except KeyboardInterrupt:
            return "interrupted"
    return "updates"


def _validation_rewards(
    task: Task, windows: Windows, positions: NDArray[np.float32]
) -> tuple[float, dict[str, float]]:
    """Mean reward in validation of positions (T, N) and of the baselines, in percent per day and asset.

    Days whose return lies in the sealed test are left out.
    """
    ahead = task.delay + 1
    days = task.segments == VALIDATION
    days[:-ahead] &= task.segments[ahead:] != TEST

    def mean(held: NDArray[np.float32]) -> float:
        rewards = position_rewards(
            task.panel, windows, held, task.delay, task.cost_bps, task.delisting_return
        )
        return float(rewards[days].mean())

    return mean(positions), {"holding nothing": 0.0, "holding all": mean(np.ones_like(positions))}


class _RewardRecorder:
    """A game that records its rewards.

    Attributes
    ----------
    rewards : list of float
        Mean reward of the steps before each update.
    """

    def __init__(self, game: TradingGame) -> None:
        self._game = game
        self.agents, self.observation, self.actions = game.agents, game.observation, game.actions
        self.low, self.high = game.low, game.high
        self.reset, self.observe = game.reset, game.observe
        self.rewards: list[float] = []
        self._steps: list[float] = []

    def step(self, action: Tensor) -> Step:
        """Take actions and record the mean reward."""
        step = self._game.step(action)
        self._steps.append(float(step.reward.mean()))
        return step

    def end_update(self) -> None:
        """Record the mean reward of the steps since the last update."""
        self.rewards.append(float(np.mean(self._steps)))
        self._steps = []

    def final_reward(self) -> float:
        """Mean reward during the last tenth of the updates, NaN if there was none."""
        last = self.rewards[-max(1, len(self.rewards) // 10) :]
        return float(np.mean(last)) if last else float("nan")

    def history(self) -> "pd.DataFrame":
        """Mean rewards of equal intervals of updates, with the last update of each."""
        import pandas as pd

        parts = np.array_split(np.array(self.rewards), min(_HISTORY_ROWS, max(1, len(self.rewards))))
        rewards = [float(part.mean()) for part in parts if len(part)]
        ends = np.cumsum([len(part) for part in parts if len(part)], dtype=np.int64)
        return pd.DataFrame({"update": ends, "reward": rewards})
