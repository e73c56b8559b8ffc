"""`TradingPolicy`: the result of training a trader, a function from a panel to a signal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quarva.networks.data.inputs import Inputs
from quarva.networks.data.windows import Windows
from quarva.panel import Panel, as_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TradingPolicy"]


@dataclass(frozen=True, eq=False)
class TradingPolicy:
    """A trained network that maps a window and the current position to a new position.

    Attributes
    ----------
    algorithm : {"dqn", "naf", "gradient"}
        The algorithm that trained it.
    network : torch.nn.Module
        Network [B, S · F + 1] → [B, K]: the value of each position for "dqn", otherwise the position (K = 1).
    inputs : Inputs
        Features, window length and scaling.
    positions : tuple of float
        Positions that "dqn" chooses from, ascending.
    question : dict of str to object
        The task, as `Task.describe` returns it.
    train, validation : float
        The task's objective on either part.
    metric : float
        Mean reward of its own positions in validation, after costs, in percent per day and asset.
    baselines : mapping of str to float
        The same for holding nothing and for holding every asset.
    mean_reward : float
        Mean reward during the last tenth of training.
    history : DataFrame or None
        Mean rewards of up to 200 equal intervals of training, with columns update (the last of the interval)
        and reward (percent per day and asset, with exploration).
    ended : str
        "updates", or "interrupted" after Ctrl-C.
    notes : tuple of str
        Remarks for the user.

    Notes
    -----
    The signal is the preference for a long position: the value of the largest position minus that of the
    smallest for "dqn", otherwise the position itself. It depends on the position of the day before, so days
    are evaluated in order, starting without a position.
    """

    algorithm: str
    network: nn.Module = field(repr=False)
    inputs: Inputs = field(repr=False)
    positions: tuple[float, ...]
    question: dict[str, object] = field(repr=False)
    train: float = float("nan")
    validation: float = float("nan")
    metric: float = float("nan")
    baselines: Mapping[str, float] = field(default_factory=dict)
    mean_reward: float = float("nan")
    history: "pd.DataFrame | None" = field(default=None, repr=False)
    ended: str = ""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """A short description, such as `dqn, 5 features × 10 days`."""
        return f"{self.algorithm}, {self.inputs.title}"

    @property
    def parameters(self) -> int:
        """Number of parameters of the network."""
        return sum(each.numel() for each in self.network.parameters())

    @property
    def beaten_by(self) -> tuple[str, ...]:
        """Names of the baselines with an equal or higher reward in validation."""
        return tuple(name for name, other in self.baselines.items() if not self.metric > other)

    def values(self, panel: Panel) -> NDArray[np.float32]:
        """The signal, float32 of shape (T, N). NaN where the window is incomplete."""
        return self.walk(self.inputs.windows(panel), panel.universe)[0]

    def walk(
        self, windows: Windows, universe: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Evaluate the policy day by day.

        Parameters
        ----------
        windows : Windows
            Windows as `inputs` creates them.
        universe : ndarray of bool, shape (T, N), optional
            True for the assets that belong to the universe on a day.

        Returns
        -------
        signals, positions : ndarray of float32, shape (T, N)
            Where the window is incomplete or the asset is outside the universe, the signal is NaN and the
            position 0.
        """
        _, days, assets = windows.values.shape
        signals = np.full((days, assets), np.nan, np.float32)
        positions = np.zeros((days, assets), np.float32)
        valid = torch.from_numpy(windows.valid if universe is None else windows.valid & universe)
        held = torch.zeros(assets)
        with torch.no_grad():
            for day in range(windows.length - 1, days):
                observations = torch.cat([windows.span(day, day + 1, "features"), held[:, None]], 1)
                signal, position = self._decide(observations)
                held = torch.where(valid[day], position, 0.0)
                signals[day] = torch.where(valid[day], signal, torch.nan).numpy()
                positions[day] = held.numpy()
        return signals, positions

    def _decide(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Signals and positions, each float32 of shape (N,)."""
        outputs = self.network(observations)
        if self.algorithm != "dqn":
            return outputs[:, 0], outputs[:, 0].clamp(-1.0, 1.0)
        chosen = torch.tensor(self.positions)[outputs.argmax(1)]
        return outputs[:, -1] - outputs[:, 0], chosen

    def signal(self, panel: Panel) -> "pd.DataFrame":
        """Compute the signal on a panel; see `Formula.signal`.

        Parameters
        ----------
        panel : Panel
            The data.

        Returns
        -------
        DataFrame of float32, dates × assets
            NaN means no opinion.

        Raises
        ------
        FormulaError
            A feature reads something that the panel lacks.
        TaskError
            The panel has fewer days than a window.
        """
        return as_frame(self.values(panel), panel)

    def __str__(self) -> str:
        lines = []
        if self.beaten_by:
            lines.append(f"NOT BETTER than {' and '.join(self.beaten_by)} in validation")
        lines.append(
            f"{self.algorithm}: {self.question['objective']} of {self.question['target']} "
            f"{self.train:.4g} in training, {self.validation:.4g} in validation"
        )
        others = ", ".join(f"{name} {value:+.4f}" for name, value in self.baselines.items())
        lines.append(
            f"its positions earned {self.metric:+.4f} % per day and asset in validation; {others}; "
            f"{self.mean_reward:+.4f} at the end of training"
        )
        return "\n".join([*lines, *self.notes])
