"""What one network is shown of any panel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.engine import Program
from quarva.karva.notation import parse
from quarva.networks.data.features import Feature
from quarva.networks.data.training_data import training_data_of
from quarva.networks.data.windows import Missing, Windows
from quarva.panel import Panel
from quarva.tasks import Task

__all__ = ["Inputs"]


@dataclass(frozen=True, eq=False)
class Inputs:
    """Features of the last `length` days, scaled as in training."""

    features: tuple[Feature, ...]
    length: int
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    missing: Missing = "drop"

    @classmethod
    def of(
        cls,
        task: Task,
        features: Sequence[Feature] | None,
        length: int | None,
        missing: Missing = "drop",
        threads: int | None = None,
    ) -> "tuple[Inputs, Windows]":
        """Inputs scaled on a task's training part, and its panel's windows, once nothing knows the future.

        features, length: None is what is usual, see `Material`.

        Raises:
            TaskError: a feature that reads a target or knows the days to come, or windows that can not be.
        """
        material = training_data_of(task)
        chosen, days = material.features(features), material.length(length)
        material.check_features(chosen)
        windows = Windows.of(
            task.panel, chosen, days, material.training, missing=missing, threads=threads,
            seen=lambda names, values: material.check_values(names, values, missing),
        )  # fmt: skip
        return cls(chosen, days, windows.mean, windows.scale, missing), windows

    @property
    def title(self) -> str:
        """What is shown, in a few words: `5 features × 20 days`."""
        many = len(self.features)
        days = f" × {self.length} days" if self.length > 1 else ""
        return f"{many} feature{'s' * (many != 1)}{days}"

    @property
    def lookback(self) -> int:
        """Days before its own that a window knows of: its own, and those that its formulas look back on."""
        texts = [each for each in self.features if isinstance(each, str)]
        program = Program.from_expressions([parse(text) for text in texts])
        return self.length - 1 + int(program.lookback().max(initial=0))

    def windows(self, panel: Panel, threads: int | None = None) -> Windows:
        """All windows of a panel."""
        return Windows.of(
            panel, self.features, self.length, (self.mean, self.scale), missing=self.missing, threads=threads
        )
