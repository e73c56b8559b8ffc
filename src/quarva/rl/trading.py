"""`trading`: positions in the assets of a panel as actions, returns after costs as rewards.

Every asset of every episode is an agent with the same network, and trades for itself: what it sees is the
asset's own window and the position it asked for last. Timing is that of `strategies.Strategy`: the position
chosen on day t is traded at the close of t + delay and earns the return of the day after. Where there is no
price at that close the position held before is kept, and earns the return since the last known price on the
day the price is back. An agent learns of neither beforehand: a choice depends on nothing after day t.
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
from quarva.networks.data.windows import Windows
from quarva.panel import Panel
from quarva.rl.game import Step
from quarva.strategies import check_terms, closes, holding_returns
from quarva.tasks import TRAIN, Task

__all__ = ["TradingGame", "pay"]

_UNIT = 100.0  # rewards are percents: of a size that first weights and a rate of 1e-3 are made for


class TradingGame:
    """Episodes of `length` days, begun on random days of some, over all assets at once.

    Args:
        panel: with a field `close`. windows: what agents see of it.
        days: bool [T], on which episodes may run, and on which the returns lie that they are paid with.
        episodes: that run side by side. length: their days.
        delay, cost_bps: as in `Strategy`.
        actions: positions that may be taken.
        delisting_return: earned on the day after an asset's last price, see `strategies.holding_returns`.

    Raises:
        TaskError: no field `close`, days that no episode fits into. RecipeError: terms that can not be.

    Attributes:
        left: days that the episodes still have; all have the same.
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
        check_terms(delay, cost_bps)
        if episodes < 1 or length < 1:
            raise RecipeError(f"trading needs 1 episode or more of 1 day or more, not {episodes} of {length}")
        if len(set(actions)) < 2 or not all(self.low <= each <= self.high for each in actions):
            raise RecipeError(f"positions are two or more numbers in [-1, 1], not {tuple(actions)}")
        self.assets = panel.shape[1]
        self.agents, self.episodes, self.length = episodes * self.assets, episodes, length
        self.actions = torch.tensor(sorted(actions), dtype=torch.float32)
        self._windows, self._cost = windows, cost_bps / 1e4
        features, _, _ = windows.values.shape
        self.observation = features * windows.length + 1
        self._earned, self._filled = _rewards(panel, delay, delisting_return)
        self._there = _choosable(panel, windows)
        self._starts = _starts(days, windows.length - 1, length, delay, panel)
        self._position = torch.zeros(episodes, self.assets)  # as asked for
        self._held = torch.zeros(episodes, self.assets)  # as traded
        self._day = torch.zeros(episodes, dtype=torch.int64)
        self.left = 0
        self._now: Tensor | None = None
        self._source = torch.Generator().manual_seed(0)

    @classmethod
    def of(
        cls,
        task: Task,
        features: Sequence[Feature] | None = None,
        window: int = 10,
        **terms: Any,
    ) -> "TradingGame":
        """The game on a task's training days, with its costs and delay.

        Args:
            features, window: what is seen, see `Learner`. terms: episodes, length, actions.

        Raises:
            TaskError: a table, no field `close`, windows or an episode that do not fit, a feature that knows
                the future.
        """
        if task.table is not None:
            raise TaskError("a table can not be traded; search for formulas")
        _, windows = Inputs.of(task, features, window)
        days = task.segments == TRAIN
        return cls(
            task.panel, windows, days, delay=task.delay, cost_bps=task.cost_bps,
            delisting_return=task.delisting_return, **terms,
        )  # fmt: skip

    @property
    def beginnings(self) -> int:
        """Days on which an episode can begin."""
        return len(self._starts)

    def reset(self, source: torch.Generator) -> Tensor:
        """Begin all episodes anew, with no position, each on a day of its own."""
        self._source = source
        self._begin()
        return self.now()

    def step(self, action: Tensor) -> Step:
        """Take positions, float32 [episodes · N]; rewards are percents of the asset's own capital."""
        reward = self.trade(action)
        later, cut = self.now(), torch.full((self.agents,), self.left == 0)
        if self.left == 0:
            self._begin()
        return Step(later, reward, torch.zeros_like(cut), cut)

    def now(self) -> Tensor:
        """Windows of the day and positions, float32 [episodes · N, S · F + 1]."""
        if self._now is None:
            places = self._day[:, None] * self.assets + torch.arange(self.assets)
            windows = self._windows.batch(places.reshape(-1), "features")
            self._now = torch.cat([windows, self._position.reshape(-1, 1)], 1)
        return self._now

    def begin(self, chosen: Tensor) -> None:
        """Begin all episodes anew, with no position, on days by their numbers among `beginnings`, int64."""
        self._day = self._starts[chosen]
        self._position = torch.zeros(self.episodes, self.assets)
        self._held = torch.zeros(self.episodes, self.assets)
        self.left, self._now = self.length, None

    def trade(self, action: Tensor) -> Tensor:
        """Take positions and go on to the next day, which may be one too late to trade; the rewards.

        An asset without a whole window on the day, or outside the universe, asks for no position. Whether an
        order is filled, t + delay, and what it earns show in the rewards alone.
        """
        wanted = action.reshape(self.episodes, self.assets).clamp(self.low, self.high)
        wanted = torch.where(self._there[self._day], wanted, 0.0)
        held = torch.where(self._filled[self._day], wanted, self._held)
        traded = (held - self._held).abs()
        reward = _UNIT * (held * self._earned[self._day] - self._cost * traded)
        self._position, self._held = wanted, held
        self._day = self._day + 1
        self.left, self._now = self.left - 1, None
        return reward.reshape(-1)

    def _begin(self) -> None:
        self.begin(torch.randint(self.beginnings, (self.episodes,), generator=self._source))


def pay(
    panel: Panel,
    windows: Windows,
    positions: NDArray[np.float32],
    delay: int,
    cost_bps: float,
    delisting_return: float = 0.0,
) -> NDArray[np.float32]:
    """What positions [T, N] are rewarded with, as `TradingGame` does it: percents, float32 [T, N]."""
    earned, filled = _rewards(panel, delay, delisting_return)
    held = torch.where(_choosable(panel, windows), torch.from_numpy(positions), 0.0)
    before = torch.zeros(panel.shape[1])
    for day in range(len(held)):
        before = held[day] = torch.where(filled[day], held[day], before)
    traded = torch.diff(held, dim=0, prepend=torch.zeros(1, panel.shape[1])).abs()
    return (_UNIT * (held * earned - cost_bps / 1e4 * traded)).numpy()


def _choosable(panel: Panel, windows: Windows) -> Tensor:
    """Where a position may be chosen, by what is known on the day, bool [T, N]."""
    return torch.from_numpy(windows.there if panel.universe is None else windows.there & panel.universe)


def _rewards(panel: Panel, delay: int, delisting_return: float) -> tuple[Tensor, Tensor]:
    """Return that the position of day t earns, float32, and whether its trade has a price, bool, [T, N].

    0 and False on the last delay + 1 days, whose positions earn nothing any more.
    """
    returns = holding_returns(closes(panel), delisting_return)
    days = panel.shape[0]
    earned, filled = np.zeros(panel.shape, np.float32), np.zeros(panel.shape, np.bool_)
    earned[: days - delay - 1] = returns.gain[delay + 1 :]
    filled[: days - delay - 1] = returns.open[delay : days - 1]
    return torch.from_numpy(earned), torch.from_numpy(filled)


def _starts(days: NDArray[np.bool_], before: int, length: int, delay: int, panel: Panel) -> Tensor:
    """Days on which an episode can begin so that all its days, and those its rewards need, are allowed."""
    allowed = days.copy()
    allowed[:before] = False
    run = length + delay + 1
    total = np.concatenate([[0], np.cumsum(allowed)])
    whole = np.zeros(len(days), np.bool_)
    if len(days) >= run:
        whole[: len(days) - run + 1] = total[run:] - total[:-run] == run
    starts = np.flatnonzero(whole)
    if not len(starts):
        raise TaskError(
            f"an episode of {length} days, with {before} before it and {delay + 1} after, does not fit into "
            f"the {int(days.sum())} days of {panel.name} that it may use; shorten it or the window"
        )
    return torch.from_numpy(starts)
