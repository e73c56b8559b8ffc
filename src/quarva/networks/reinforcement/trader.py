"""A policy that was learned by trading: a function like any other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quarva.errors import RecipeError, TaskError
from quarva.networks.devices import torch_threads
from quarva.networks.features import Feature
from quarva.networks.fitted import as_frame
from quarva.networks.inputs import Inputs
from quarva.networks.models import Dense
from quarva.networks.reinforcement.dqn import DQN, Dueling
from quarva.networks.reinforcement.gradient import PolicyGradient
from quarva.networks.reinforcement.naf import NAF
from quarva.networks.reinforcement.trading import TradingGame
from quarva.networks.windows import Windows
from quarva.panel import Panel
from quarva.tasks import TRAIN, Task, lend

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Policy", "Trader"]

Way = Literal["dqn", "naf", "gradient"]
WAYS: tuple[Way, ...] = ("dqn", "naf", "gradient")


@dataclass(frozen=True, eq=False)
class Policy:
    """A network that was rewarded for what its positions earned.

    Its signal is what it would rather do: of a network of values, the value of the largest position less that
    of the smallest; of a policy, the position. It depends on the position held, so that days are walked in
    their order, from no position on.

    Attributes:
        way: how it was learned. train, validation: the task's objective on either part.
        mean_reward: percents a day that the last tenth of the training earned for an asset.
    """

    way: str
    network: nn.Module = field(repr=False)
    inputs: Inputs = field(repr=False)
    positions: tuple[float, ...]
    asked: dict[str, object] = field(repr=False)
    train: float = float("nan")
    validation: float = float("nan")
    mean_reward: float = float("nan")
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is, in a few words: `dqn, 5 features × 10 days`."""
        return f"{self.way}, {len(self.inputs.features)} features × {self.inputs.length} days"

    @property
    def parameters(self) -> int:
        """Numbers that its network has learned."""
        return sum(each.numel() for each in self.network.parameters())

    def values(self, panel: Panel) -> NDArray[np.float32]:
        """The signal, float32 [T, N]; NaN where there is no whole window."""
        return self.signals_of(self.inputs.windows(panel))

    def signals_of(self, windows: Windows) -> NDArray[np.float32]:
        """The same of windows that are there, as its inputs make them."""
        _, days, assets = windows.values.shape
        out = np.full((days, assets), np.nan, np.float32)
        there = torch.from_numpy(windows.there)
        held = torch.zeros(assets)
        first = windows.length - 1
        with torch.no_grad():
            for day in range(first, days):
                seen = torch.cat([windows.span(day, day + 1, "features"), held[:, None]], 1)
                signal, wanted = self._decide(seen)
                held = torch.where(there[day], wanted, torch.zeros_like(wanted))
                out[day] = torch.where(there[day], signal, torch.nan).numpy()
        return out

    def _decide(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Signals and positions, float32 [N] each."""
        answers = self.network(seen)
        if self.way != "dqn":
            position = answers[:, 0].clamp(-1.0, 1.0)
            return answers[:, 0], position
        chosen = torch.tensor(self.positions)[answers.argmax(1)]
        return answers[:, -1] - answers[:, 0], chosen

    def signal(self, panel: Panel) -> "pd.DataFrame":
        """The signal on a panel: float32, dates × assets, NaN = no opinion. See `Formula.signal`."""
        return as_frame(self.values(panel), panel)

    def __str__(self) -> str:
        head = (
            f"{self.way}: {self.asked['objective']} of {self.asked['target']} {self.train:.4g} in training, "
            f"{self.validation:.4g} in validation; {self.mean_reward:+.4f} % a day and asset at the end"
        )
        return "\n".join([head, *self.notes])


@dataclass(frozen=True)
class Trader:
    """How a policy is made and trained; costs and delay are the task's.

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
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if len(set(self.positions)) < 2 or not all(-1 <= each <= 1 for each in self.positions):
            raise RecipeError(f"positions are two or more numbers in [-1, 1], not {self.positions}")

    def fit(self, task: Task, *, progress: Callable[[int, float], object] | None = None) -> Policy:
        """Learn to trade on the training days of a task; nothing after them is seen.

        Args:
            progress: is told the number of every update and its loss, of a gradient its mean reward.

        Raises:
            TaskError: a table, no field `close`, an episode that does not fit, a feature that
                knows the future.
        """
        if task.table is not None:
            raise TaskError("a table can not be traded; search for formulas")
        train = task.segments == TRAIN
        with torch_threads(self.threads), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            inputs, windows = Inputs.of(task, self.features, self.length)
            game = TradingGame(
                task.panel, windows, train, episodes=self.episodes, length=self.stretch, delay=task.delay,
                cost_bps=task.cost_bps, actions=self.positions,
            )  # fmt: skip
            rewards = _Rewards(game)
            network = self._learn(rewards, progress or (lambda *_: None))
            policy = Policy(
                self.way, network.eval(), inputs, tuple(game.actions.tolist()), task.describe(),
                mean_reward=rewards.lately(),
            )  # fmt: skip
            lent, formula = lend(task, policy.signals_of(windows)[None], inputs.lookback)
        scores = lent.score(formula)
        return replace(policy, train=float(scores.train[0]), validation=float(scores.validation[0]))

    def _learn(self, game: "_Rewards", seen: Callable[[int, float], object]) -> nn.Module:
        def network(outputs: int = 1) -> nn.Module:
            return Dense(game.observation, 1, outputs, width=self.width)

        common = {"updates": self.updates, "rate": self.rate, "gamma": self.gamma, "seed": self.seed}
        if self.way == "dqn":
            values = Dueling(network(), network(len(game.actions)))
            return DQN(batch=self.batch, **common).learn(game, values, seen)  # type: ignore[arg-type]
        if self.way == "naf":
            return NAF(**common).learn(game, network(), network(), network(), seen)  # type: ignore[arg-type]
        gradient = PolicyGradient(plays=8, **common)  # type: ignore[arg-type]
        return gradient.learn(game, network(), network(), seen)


class _Rewards:
    """A game, and what it paid."""

    def __init__(self, game: TradingGame) -> None:
        self._game = game
        self.agents, self.observation, self.actions = game.agents, game.observation, game.actions
        self.low, self.high = game.low, game.high
        self.reset = game.reset
        self._paid: list[float] = []

    def step(self, action: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As the game's own."""
        seen, reward, done = self._game.step(action)
        self._paid.append(float(reward.mean()))
        return seen, reward, done

    def lately(self) -> float:
        """Mean reward of the last tenth of the steps."""
        return float(np.mean(self._paid[-max(1, len(self._paid) // 10) :]))
