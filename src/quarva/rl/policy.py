"""A policy that was learned by trading: a function like any other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quarva.networks.data.inputs import Inputs
from quarva.networks.data.windows import Windows
from quarva.networks.learner.fitted import as_frame
from quarva.panel import Panel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TradingPolicy"]


@dataclass(frozen=True, eq=False)
class TradingPolicy:
    """A network that was rewarded for what its positions earned.

    Its signal is what it would rather do: of a network of values, the value of the largest position less that
    of the smallest; of a policy, the position. It depends on the position asked for the day before, so that
    days are walked in their order, from no position on.

    Attributes:
        way: how it was learned. positions: that dqn chose from.
        train, validation: the task's objective on either part.
        figure: percents a day and asset that its own positions earned after costs in validation.
        baselines: the same of holding nothing, and of holding every asset.
        history: one row a stretch of updates: update, its last; reward, mean percents a day and asset while
            it explored; loss, of a gradient the negative reward.
        mean_reward: that of the last tenth of the training. ended: updates, or interrupted.
    """

    way: str
    network: nn.Module = field(repr=False)
    inputs: Inputs = field(repr=False)
    positions: tuple[float, ...]
    asked: dict[str, object] = field(repr=False)
    train: float = float("nan")
    validation: float = float("nan")
    figure: float = float("nan")
    baselines: Mapping[str, float] = field(default_factory=dict)
    mean_reward: float = float("nan")
    history: "pd.DataFrame | None" = field(default=None, repr=False)
    ended: str = ""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is, in a few words: `dqn, 5 features × 10 days`."""
        return f"{self.way}, {self.inputs.title}"

    @property
    def parameters(self) -> int:
        """Numbers that its network has learned."""
        return sum(each.numel() for each in self.network.parameters())

    @property
    def beaten_by(self) -> tuple[str, ...]:
        """Baselines that earned as much or more in validation."""
        return tuple(name for name, other in self.baselines.items() if not self.figure > other)

    def values(self, panel: Panel) -> NDArray[np.float32]:
        """The signal, float32 [T, N]; NaN where there is no whole window."""
        return self.walk(self.inputs.windows(panel), panel.universe)[0]

    def walk(
        self, windows: Windows, universe: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Signals and positions, float32 [T, N] each, of windows as its inputs make them.

        Where there is no whole window, or outside the universe, the signal is NaN and the position 0.
        """
        _, days, assets = windows.values.shape
        signals = np.full((days, assets), np.nan, np.float32)
        positions = np.zeros((days, assets), np.float32)
        there = torch.from_numpy(windows.there if universe is None else windows.there & universe)
        held = torch.zeros(assets)
        with torch.no_grad():
            for day in range(windows.length - 1, days):
                seen = torch.cat([windows.span(day, day + 1, "features"), held[:, None]], 1)
                signal, wanted = self._decide(seen)
                held = torch.where(there[day], wanted, 0.0)
                signals[day] = torch.where(there[day], signal, torch.nan).numpy()
                positions[day] = held.numpy()
        return signals, positions

    def _decide(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Signals and positions, float32 [N] each."""
        answers = self.network(seen)
        if self.way != "dqn":
            return answers[:, 0], answers[:, 0].clamp(-1.0, 1.0)
        chosen = torch.tensor(self.positions)[answers.argmax(1)]
        return answers[:, -1] - answers[:, 0], chosen

    def signal(self, panel: Panel) -> "pd.DataFrame":
        """The signal on a panel: float32, dates × assets, NaN = no opinion. See `Formula.signal`."""
        return as_frame(self.values(panel), panel)

    def __str__(self) -> str:
        lines = []
        if self.beaten_by:
            lines.append(f"NOT BETTER than {' and '.join(self.beaten_by)} in validation")
        lines.append(
            f"{self.way}: {self.asked['objective']} of {self.asked['target']} {self.train:.4g} in training, "
            f"{self.validation:.4g} in validation"
        )
        others = ", ".join(f"{name} {value:+.4f}" for name, value in self.baselines.items())
        lines.append(
            f"its positions earned {self.figure:+.4f} % a day and asset in validation; {others}; "
            f"{self.mean_reward:+.4f} at the end of training"
        )
        return "\n".join([*lines, *self.notes])
