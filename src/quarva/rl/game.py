"""What a learner plays: many agents at a time, in torch."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from quarva.errors import RecipeError

__all__ = ["Game", "Step", "check_network", "finite"]


class Step(NamedTuple):
    """What came of actions.

    Attributes:
        later: what the agents see then, float32 [A, observation], of the episode that they acted in.
        reward: float32 [A].
        done: bool [A], episodes that are over: nothing is earned after them.
        cut: bool [A], episodes that are left although they would go on: what they would have earned is to be
            reckoned with (Pardo et al. 2018).
    """

    later: Tensor
    reward: Tensor
    done: Tensor
    cut: Tensor


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

    def step(self, action: Tensor) -> Step:
        """Take actions float32 [A], values, not numbers."""
        ...

    def now(self) -> Tensor:
        """What the agents see before they act, float32 [A, observation]: of a new episode where one ended."""
        ...


def check_network(network: nn.Module, seen: Tensor, outputs: int, what: str) -> None:
    """Show a network two agents. RecipeError where it can not read them, or answers in another shape."""
    try:
        with torch.no_grad():
            values = network(seen[:2])
    except RuntimeError as error:
        raise RecipeError(
            f"the network can not read observations [B, {seen.shape[1]}]: {str(error).splitlines()[0]}"
        ) from error
    wanted = (min(2, len(seen)), outputs)
    if values.shape != wanted:
        raise RecipeError(
            f"the network gives {list(values.shape)} for {wanted[0]} observations; {what} is wanted, "
            f"{list(wanted)}"
        )


def finite(loss: Tensor, update: int) -> float:
    """A loss as a number. Raises RecipeError where it is none: weights that follow it are lost."""
    value = float(loss.detach())
    if value != value or abs(value) == float("inf"):
        raise RecipeError(
            f"the loss of update {update} is not a number: the game pays what is none, or the rate is too "
            "large"
        )
    return value
