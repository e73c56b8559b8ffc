"""The protocol of rewards that change during a search."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quarva.karva.expression import Expression
from quarva.karva.genes import Population
from quarva.tasks import Scores

__all__ = ["Reward"]


class Reward(Protocol):
    """What searchers are told about a formula instead of its own fitness."""

    @property
    def converged(self) -> bool:
        """Whether further evaluations are not expected to help."""
        ...

    def is_due(self, evaluations: int) -> bool:
        """Whether `update` should be called after this many evaluations."""
        ...

    def update(self, found: Sequence[Expression], evaluations: int) -> None:
        """Adapt the reward to what has been found. Earlier rewards are no longer comparable.

        Parameters
        ----------
        found : sequence of Expression
            The best formulas so far by their own fitness, best first.
        evaluations : int
            Evaluations so far.
        """
        ...

    def score(self, population: Population) -> tuple[Scores, NDArray[np.float64]]:
        """Score formulas in training.

        Returns
        -------
        Scores
            The formulas' own scores.
        ndarray of float64, shape (P,)
            Their rewards; larger is better, and NaN means no score.
        """
        ...

    def state(self) -> dict[str, Any]:
        """The state for a checkpoint, as numbers, texts and arrays by name."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` returned."""
        ...
