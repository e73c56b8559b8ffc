"""What a learner plays: many agents at a time, in torch."""

from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Game"]


class Game(Protocol):
    """A Markov decision process that A agents play side by side.

    Attributes:
        agents: A. observation: numbers that an agent sees.
        actions: float32 [K], what the numbers of discrete actions mean, ascending.
        low, high: of a continuous action.
    """

    agents: int
    observation: int
    actions: Tensor
    low: float
    high: float

    def reset(self, source: torch.Generator) -> Tensor:
        """Begin anew; what the agents see, float32 [A, observation]."""
        ...

    def step(self, action: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Take actions float32 [A], values, not numbers.

        Returns:
            what the agents see next, float32 [A, observation], which is of a new episode where the old one
            is done; rewards float32 [A]; bool [A], whether an episode ended with this step.
        """
        ...
