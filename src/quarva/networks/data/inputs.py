"""The inputs of a fitted network: features, window length and scaling."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.engine import Program
from quarva.karva.notation import parse
from quarva.networks.data.features import Feature
from quarva.networks.data.training_data import TrainingData
from quarva.networks.data.windows import Missing, Windows
from quarva.panel import Panel

__all__ = ["Inputs"]


@dataclass(frozen=True, eq=False)
class Inputs:
    """Features of the last `length` days, scaled as in training.

    Attributes
    ----------
    features : tuple of str or callable, length F
        The features.
    length : int
        Number of days in a window.
    mean, scale : ndarray of float64, shape (F,)
        Mean and scale of each feature in training.
    missing : {"drop", "mean"}
        Treatment of missing values; see `Windows.from_panel`.
    """

    features: tuple[Feature, ...]
    length: int
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    missing: Missing = "drop"

    @classmethod
    def fit(
        cls,
        data: TrainingData,
        features: Sequence[Feature] | None,
        length: int | None,
        missing: Missing = "drop",
        threads: int | None = None,
    ) -> "tuple[Inputs, Windows]":
        """Fit the scaling on the training part of a task and check the features for look-ahead.

        Parameters
        ----------
        data : TrainingData
            The training data of the task.
        features : sequence of str or callable, optional
            The features. Defaults to those of `TrainingData.features`.
        length : int, optional
            Number of days in a window. Defaults to that of `TrainingData.length`.
        missing : {"drop", "mean"}, default "drop"
            Treatment of missing values; see `Windows.from_panel`.
        threads : int, optional
            Maximum number of threads. Defaults to one per core.

        Returns
        -------
        inputs : Inputs
            The inputs.
        windows : Windows
            All windows of the task's panel.

        Raises
        ------
        TaskError
            A feature reads a target or looks ahead, or the windows do not fit the panel.
        FormulaError
            A feature cannot be parsed, or reads something that the panel lacks.
        """
        chosen, days = data.features(features), data.length(length)
        data.check_features(chosen)
        windows = Windows.from_panel(
            data.task.panel, chosen, days, data.training, missing=missing, threads=threads,
            inspect=lambda names, values: data.check_values(names, values, missing),
        )  # fmt: skip
        return cls(chosen, days, windows.mean, windows.scale, missing), windows

    @property
    def title(self) -> str:
        """A short description, such as `5 features × 20 days`."""
        count = len(self.features)
        days = f" × {self.length} days" if self.length > 1 else ""
        return f"{count} feature{'s' * (count != 1)}{days}"

    @property
    def lookback(self) -> int:
        """Number of earlier days on which a window depends, including the lookback of its formulas."""
        texts = [each for each in self.features if isinstance(each, str)]
        program = Program.from_expressions([parse(text) for text in texts])
        return self.length - 1 + int(program.lookback().max(initial=0))

    def windows(self, panel: Panel, threads: int | None = None) -> Windows:
        """All windows of a panel, with the scaling of the training data."""
        return Windows.from_panel(
            panel, self.features, self.length, (self.mean, self.scale), missing=self.missing, threads=threads
        )
