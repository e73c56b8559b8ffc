"""What one network is shown of any panel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.engine import Program
from quarva.karva.notation import parse
from quarva.networks.features import Feature, usual_features
from quarva.networks.leaks import check_causality, check_target
from quarva.networks.windows import Missing, Windows
from quarva.panel import Panel
from quarva.tasks import TRAIN, Task

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
        length: int,
        missing: Missing = "drop",
        threads: int | None = None,
    ) -> "tuple[Inputs, Windows]":
        """Inputs scaled on a task's training days, and its panel's windows, once nothing knows the future.

        features: None is `usual_features`.

        Raises:
            TaskError: a feature that reads a target or knows the days to come, or windows that can not be.
        """
        chosen = tuple(features or usual_features(task.panel))
        for each in chosen:
            if isinstance(each, str):
                task.check_fields(each)
        check_causality(chosen, task.panel)
        windows = Windows.of(
            task.panel, chosen, length, task.segments == TRAIN, missing=missing, threads=threads,
            seen=lambda names, values: check_target(names, values, task),
        )  # fmt: skip
        return cls(chosen, length, windows.mean, windows.scale, missing), windows

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
