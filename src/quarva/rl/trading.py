"""The game `trading`: actions are positions in the assets of a panel, rewards are returns after costs.

Every asset of every episode is an agent, and all agents share one network. An agent observes the window of
its asset and its last action. The timing is that of `strategies.Strategy`: the position chosen on day t is
traded at the close of day t + delay and earns the return of the day after. Without a price at that close, the
previous position is kept; it earns the return since the last known price on the day the price is back. A
choice depends on nothing after day t, so an agent cannot foresee either case.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.errors import RecipeError, TaskError
from quarva.networks.data.features import Feature
from quarva.networks.data.inputs import Inputs
from quarva.networks.data.training_data import training_data_of
from quarva.networks.data.windows import Windows
from quarva.panel import Panel
from quarva.rl.game import Step
from quarva.strategies import check_delay_and_cost, closes, holding_returns
from quarva.tasks import TRAIN, Task

__all__ = ["TradingGame", "market_of", "position_rewards"]

_UNIT = 100.0  # rewards in percent, a scale that suits initial weights and a rate of 1e-3


class TradingGame:
    """Episodes of `length` days that start on random days, with all assets at once.

    Parameters
    ----------
    panel : Panel
        The data, with a field `close`.
    windows : Windows
        Observations of the panel.
    days : ndarray of bool, shape (T,)
        Days that an episode may use, including the days of its returns.
    episodes : int, default 1
        Number of parallel episodes.
    length : int, default 60
        Days in an episode.
    delay : int, default 1
        Days from the choice to the trade; see `Strategy`.
    cost_bps : float, default 5.0
        Cost of a trade in basis points of its volume.
    actions : sequence of float, default (−1, 0, 1)
        Positions that learners with discrete actions choose from, in [−1, 1].
    delisting_return : float, default 0.0
        Return on the day after an asset's last price; see `strategies.holding_returns`.

    Attributes
    ----------
    days_left : int
        Remaining days of the episodes, the same for all.

    Raises
    ------
    TaskError
        The panel has no field `close`, or no episode fits into the days.
    RecipeError
        A setting is out of range.
    """

    low, high = -1.0, 1.0

    def __init__(
        self,
        panel: Panel,
        windows: Windows,
        days: NDArray[np.bool_],
        *,
        episodes: int = 1,
        length: int = 60,
        delay: int = 1,
        cost_bps: float = 5.0,
        actions: Sequence[float] = (-1.0, 0.0, 1.0),
        delisting_return: float = 0.0,
    ) -> None:
        check_delay_and_cost(delay, cost_bps)
        if episodes < 1 or length < 1:
            raise RecipeError(
                f"trading needs at least 1 episode of at least 1 day, not {episodes} of {length}"
            )
        if len(set(actions)) < 2 or not all(self.low <= each <= self.high for each in actions):
            raise RecipeError(f"positions must be two or more numbers in [-1, 1], not {tuple(actions)}")
        self.assets = panel.shape[1]
        self.agents, self.episodes, self.length = episodes * self.assets, episodes, length
        self.actions = torch.tensor(sorted(actions), dtype=torch.float32)
        self._windows, self._cost = windows, cost_bps / 1e4
        features, _, _ = windows.values.shape
        self.observation = features * windows.length + 1
        self._returns, self._filled = _returns(panel, delay, delisting_return)
        self._tradable = _tradable(panel, windows)
        self._starts = _start_days(days, windows.length - 1, length, delay, panel)
        self._chosen = torch.zeros(episodes, self.assets)
        self._held = torch.zeros(episodes, self.assets)
        self._day = torch.zeros(episodes, dtype=torch.int64)
        self.days_left = 0
        self._observations: Tensor | None = None
        self._rng = torch.Generator().manual_seed(0)

    @classmethod
    def for_task(
        cls,
        task: Task,
        features: Sequence[Feature] | None = None,
        window: int = 10,
        **settings: Any,
    ) -> "TradingGame":
        """Create the game on a task's training days, with its delay, costs and delisting return.

        Parameters
        ----------
        task : Task
            A task about a panel.
        features : sequence of str or callable, optional
            Features of the observations; see `Learner`.
        window : int, default 10
            Number of days in a window.
        **settings
            Further arguments: `episodes`, `length` and `actions`.

        Returns
        -------
        TradingGame

        Raises
        ------
        TaskError
            The task is about a table, the panel has no field `close`, windows or episodes do not fit, or a
            feature looks ahead.
        FormulaError
            A feature cannot be parsed, or reads something that the panel lacks.
        """
        if task.table is not None:
            raise TaskError("a table cannot be traded; search for formulas instead")
        return market_of(task, features, window, **settings)[1]

    @property
    def start_count(self) -> int:
        """Number of days on which an episode can start."""
        return len(self._starts)

    def reset(self, rng: torch.Generator) -> Tensor:
        """Start all episodes without positions, each on a random day, and return the observations."""
        self._rng = rng
        self._begin()
        return self.observe()

    def step(self, action: Tensor) -> Step:
        """Take positions, float32 of shape (episodes · N,). Rewards are in percent of the asset's capital."""
        reward = self.trade(action)
        after, truncated = self.observe(), torch.full((self.agents,), self.days_left == 0)
        if self.days_left == 0:
            self._begin()
        return Step(after, reward, torch.zeros_like(truncated), truncated)

    def observe(self) -> Tensor:
        """Windows of the day and last actions, float32, shape (episodes · N, S · F + 1)."""
        if self._observations is None:
            indices = self._day[:, None] * self.assets + torch.arange(self.assets)
            windows = self._windows.batch(indices.reshape(-1), "features")
            self._observations = torch.cat([windows, self._chosen.reshape(-1, 1)], 1)
        return self._observations

    def begin(self, starts: Tensor) -> None:
        """Start all episodes without positions.

        Parameters
        ----------
        starts : Tensor of int64, shape (episodes,)
            For each episode, a number below `start_count` that selects its first day.
        """
        self._day = self._starts[starts]
        self._chosen = torch.zeros(self.episodes, self.assets)
        self._held = torch.zeros(self.episodes, self.assets)
        self.days_left, self._observations = self.length, None

    def trade(self, action: Tensor) -> Tensor:
        """Take positions, advance all episodes by a day, and return the rewards.

        An asset with an incomplete window or outside the universe gets position 0. Whether an order is filled
        on day t + delay, and what it earns, affects the rewards only.

        Parameters
        ----------
        action : Tensor of float32, shape (episodes · N,)
            Positions, clamped to [−1, 1].

        Returns
        -------
        Tensor of float32, shape (episodes · N,)
            Rewards in percent.
        """
        chosen = action.reshape(self.episodes, self.assets).clamp(self.low, self.high)
        chosen = torch.where(self._tradable[self._day], chosen, 0.0)
        held = torch.where(self._filled[self._day], chosen, self._held)
        traded = (held - self._held).abs()
        reward = _UNIT * (held * self._returns[self._day] - self._cost * traded)
        self._chosen, self._held = chosen, held
        self._day = self._day + 1
        self.days_left, self._observations = self.days_left - 1, None
        return reward.reshape(-1)

    def _begin(self) -> None:
        self.begin(torch.randint(self.start_count, (self.episodes,), generator=self._rng))


def market_of(
    task: Task, features: Sequence[Feature] | None, window: int, **settings: Any
) -> tuple[Inputs, TradingGame, Windows]:
    """Fit the inputs of a task about a panel and create the game on its training days.

    Parameters
    ----------
    task, features, window, **settings
        As in `TradingGame.for_task`.

    Returns
    -------
    inputs : Inputs
        Features, window length and scaling.
    game : TradingGame
        The game.
    windows : Windows
        All windows of the panel.

    Raises
    ------
    TaskError, FormulaError
        As in `TradingGame.for_task`.
    """
    inputs, windows = Inputs.fit(training_data_of(task), features, window)
    game = TradingGame(
        task.panel, windows, task.segments == TRAIN, delay=task.delay, cost_bps=task.cost_bps,
        delisting_return=task.delisting_return, **settings,
    )  # fmt: skip
    return inputs, game, windows


def position_rewards(
    panel: Panel,
    windows: Windows,
    positions: NDArray[np.float32],
    delay: int,
    cost_bps: float,
    delisting_return: float = 0.0,
) -> NDArray[np.float32]:
    """Rewards of given positions, as `TradingGame` computes them.

    Parameters
    ----------
    panel : Panel
        The data, with a field `close`.
    windows : Windows
        Observations of the panel. Positions are 0 where the window is incomplete.
    positions : ndarray of float32, shape (T, N)
        Positions by the day on which they are chosen.
    delay : int
        Days from the choice to the trade.
    cost_bps : float
        Cost of a trade in basis points of its volume.
    delisting_return : float, default 0.0
        Return on the day after an asset's last price.

    Returns
    -------
    ndarray of float32, shape (T, N)
        Rewards in percent, by the day of the choice.
    """
    returns, filled = _returns(panel, delay, delisting_return)
    held = torch.where(_tradable(panel, windows), torch.from_numpy(positions), 0.0)
    before = torch.zeros(panel.shape[1])
    for day in range(len(held)):
        before = held[day] = torch.where(filled[day], held[day], before)
    traded = torch.diff(held, dim=0, prepend=torch.zeros(1, panel.shape[1])).abs()
    return (_UNIT * (held * returns - cost_bps / 1e4 * traded)).numpy()


def _tradable(panel: Panel, windows: Windows) -> Tensor:
    """True where a position may be chosen, given what is known on the day, shape (T, N)."""
    return torch.from_numpy(windows.valid if panel.universe is None else windows.valid & panel.universe)


def _returns(panel: Panel, delay: int, delisting_return: float) -> tuple[Tensor, Tensor]:
    """Return earned by the position of each day, and whether its trade has a price, shape (T, N).

    0 and false on the last delay + 1 days, whose positions earn nothing within the panel.
    """
    returns = holding_returns(closes(panel), delisting_return)
    days = panel.shape[0]
    earned, filled = np.zeros(panel.shape, np.float32), np.zeros(panel.shape, np.bool_)
    earned[: days - delay - 1] = returns.gain[delay + 1 :]
    filled[: days - delay - 1] = returns.open[delay : days - 1]
    return torch.from_numpy(earned), torch.from_numpy(filled)


def _start_days(days: NDArray[np.bool_], before: int, length: int, delay: int, panel: Panel) -> Tensor:
    """Days on which an episode can start such that its days and those of its returns are allowed."""
    allowed = days.copy()
    allowed[:before] = False
    span = length + delay + 1
    total = np.concatenate([[0], np.cumsum(allowed)])
    complete = np.zeros(len(days), np.bool_)
    if len(days) >= span:
        complete[: len(days) - span + 1] = total[span:] - total[:-span] == span
    starts = np.flatnonzero(complete)
    if not len(starts):
        raise TaskError(
            f"an episode of {length} days, with {before} before it and {delay + 1} after, does not fit into "
            f"the {int(days.sum())} available days of {panel.name}; shorten it or the window"
        )
    return torch.from_numpy(starts)
