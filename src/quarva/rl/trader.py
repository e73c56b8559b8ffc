"""`Trader`: how a policy is made and learns by trading; `fit(task)` gives a function."""

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
from quarva.rl.trading import TradingGame, pay
from quarva.tasks import TEST, TRAIN, VALIDATION, Task, check_task, lend

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Trader"]

Way = Literal["dqn", "naf", "gradient"]
WAYS: tuple[Way, ...] = ("dqn", "naf", "gradient")

_ROWS = 200  # of a history: more are not told apart by eye

Told = Callable[[int, float], object]


@dataclass(frozen=True)
class Trader:
    """How a policy is made and trained; costs, delay and delisting return are the task's.

    Attributes:
        way: dqn, naf or gradient. features, length: see `Learner`.
        width: of the two hidden layers of each network. positions: that dqn chooses from.
        episodes: markets that are traded side by side. stretch: days of an episode.
        updates, rate, gamma: see the learners. batch: transitions of an update of dqn.
        seed: of weights and play. threads: of torch.
    """

    way: Way = "dqn"
    features: Sequence[Feature] | None = None
    length: int = 10
    width: int = 32
    positions: tuple[float, ...] = (-1.0, 0.0, 1.0)
    episodes: int = 4
    stretch: int = 60
    updates: int = 3_000
    batch: int = 512
    rate: float = 1e-3
    gamma: float = 0.9
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise RecipeError(f"there is no way '{self.way}' to learn to trade; there are {', '.join(WAYS)}")
        for name in ("length", "width", "episodes", "stretch", "updates", "batch", "threads"):
            object.__setattr__(self, name, whole(name, getattr(self, name)))
        if not (0 < self.rate < inf and 0 <= self.gamma <= 1):
            raise RecipeError(f"rate must be above 0 and gamma in [0, 1], not {self.rate} and {self.gamma}")
        if len(set(self.positions)) < 2 or not all(-1 <= each <= 1 for each in self.positions):
            raise RecipeError(f"positions are two or more numbers in [-1, 1], not {self.positions}")

    def check(self, task: Task) -> None:
        """Raise what `fit` would raise before it trains: see there."""
        self._game(task)

    def _game(self, task: Task) -> tuple[Inputs, Windows, TradingGame]:
        """What is shown, and the market that is traded."""
        check_task(task, "fit")
        if task.table is not None:
            raise TaskError(
                f"{self.way} trades, and a table has no market: take searchers, or a dense network"
            )
        if not task.trades:
            raise TaskError(
                f"{self.way} trades, and target {task.target_names[0]} is no return: choose "
                "forward_return_5, or a dense network"
            )
        inputs, windows = Inputs.of(task, self.features, self.length)
        game = TradingGame(
            task.panel, windows, task.segments == TRAIN, episodes=self.episodes, length=self.stretch,
            delay=task.delay, cost_bps=task.cost_bps, actions=self.positions,
            delisting_return=task.delisting_return,
        )  # fmt: skip
        return inputs, windows, game

    def fit(self, task: Task, *, progress: Told | None = None) -> TradingPolicy:
        """Learn to trade on the training days of a task; nothing after them is learned from.

        Ctrl-C ends the training after the update it falls into, with what was learned by then.

        Args:
            progress: is told the number of every update and its loss, of a gradient its mean reward; what
                it raises ends training, KeyboardInterrupt as Ctrl-C does.

        Raises:
            TaskError: a table, no field `close`, an episode that does not fit, a feature that
                knows the future.
        """
        with torch_threads(self.threads), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            inputs, windows, game = self._game(task)
            played = _Played(game)
            network, learn = self._learner(played)
            ended = _until_asked(learn, played, progress or (lambda *_: None))
            policy = TradingPolicy(
                self.way, network.eval(), inputs, tuple(game.actions.tolist()), task.describe(),
                mean_reward=played.lately(), history=played.history(), ended=ended,
            )  # fmt: skip
            signals, positions = policy.walk(windows, task.panel.universe)
            lent, formula = lend(task, signals[None], inputs.lookback)
        scores = lent.score(formula)
        figure, baselines = _earned(task, windows, positions)
        stopped = f"stopped by Ctrl-C after {len(played.paid):,} of {self.updates:,} updates"
        return replace(
            policy,
            train=float(scores.train[0]),
            validation=float(scores.validation[0]),
            figure=figure,
            baselines=baselines,
            notes=(stopped,) if ended == "interrupted" else (),
        )

    def _learner(self, game: "_Played") -> tuple[nn.Module, Callable[[Told], object]]:
        """A network with its first weights, and what trains it in place."""

        def network(outputs: int = 1) -> nn.Module:
            return Dense(game.observation, 1, outputs, width=self.width)

        common = {"updates": self.updates, "rate": self.rate, "gamma": self.gamma, "seed": self.seed}
        if self.way == "dqn":
            values = Dueling(network(), network(len(game.actions)))
            dqn = DQN(batch=self.batch, **common)  # type: ignore[arg-type]
            return values, lambda seen: dqn.learn(game, values, seen)
        action = network()
        if self.way == "naf":
            naf, others = NAF(**common), (network(), network())  # type: ignore[arg-type]
            return action, lambda seen: naf.learn(game, action, *others, seen)
        gradient, value = PolicyGradient(plays=8, **common), network()  # type: ignore[arg-type]
        return action, lambda seen: gradient.learn(game, action, value, seen)


def _until_asked(learn: Callable[[Told], object], played: "_Played", told: Told) -> str:
    """Train until the updates are made or Ctrl-C is pressed; which of the two."""
    with interrupts() as asked:

        def seen(update: int, loss: float) -> None:
            played.note()
            told(update, loss)
            if asked():
                raise KeyboardInterrupt

        try:
            learn(seen)
        except KeyboardInterrupt:
            return "interrupted"
    return "updates"


def _earned(task: Task, windows: Windows, positions: NDArray[np.float32]) -> tuple[float, dict[str, float]]:
    """Percents a day and asset that positions [T, N] earn in validation, and that baselines do.

    A day counts where its return lies before the sealed test.
    """
    ahead = task.delay + 1
    days = task.segments == VALIDATION
    days[:-ahead] &= task.segments[ahead:] != TEST

    def mean(held: NDArray[np.float32]) -> float:
        paid = pay(task.panel, windows, held, task.delay, task.cost_bps, task.delisting_return)
        return float(paid[days].mean())

    return mean(positions), {"holding nothing": 0.0, "holding all": mean(np.ones_like(positions))}


class _Played:
    """A game, and what it paid before each update.

    Attributes:
        paid: mean reward of the steps before each.
    """

    def __init__(self, game: TradingGame) -> None:
        self._game = game
        self.agents, self.observation, self.actions = game.agents, game.observation, game.actions
        self.low, self.high = game.low, game.high
        self.reset, self.now = game.reset, game.now
        self.paid: list[float] = []
        self._steps: list[float] = []

    def step(self, action: Tensor) -> Step:
        """As the game's own."""
        then = self._game.step(action)
        self._steps.append(float(then.reward.mean()))
        return then

    def note(self) -> None:
        """An update was made."""
        self.paid.append(float(np.mean(self._steps)))
        self._steps = []

    def lately(self) -> float:
        """Mean reward before the last tenth of the updates, NaN where there was none."""
        return float(np.mean(self.paid[-max(1, len(self.paid) // 10) :])) if self.paid else float("nan")

    def history(self) -> "pd.DataFrame":
        """Means of equal stretches of updates, by the last update of each."""
        import pandas as pd

        parts = np.array_split(np.array(self.paid), min(_ROWS, max(1, len(self.paid))))
        rewards = [float(part.mean()) for part in parts if len(part)]
        ends = np.cumsum([len(part) for part in parts if len(part)], dtype=np.int64)
        return pd.DataFrame({"update": ends, "reward": rewards})
