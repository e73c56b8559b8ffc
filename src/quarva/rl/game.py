"""The interface between games and learners: many agents at a time, in torch."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from quarva.errors import RecipeError

__all__ = ["Game", "Step", "check_network", "finite_loss"]


class Step(NamedTuple):
    """Result of a step for A agents.

    Attributes
    ----------
    next_observation : Tensor of float32, shape (A, observation)
        Observations after the step, in the same episode.
    reward : Tensor of float32, shape (A,)
        Rewards.
    terminated : Tensor of bool, shape (A,)
        True where the episode ended. No reward follows.
    truncated : Tensor of bool, shape (A,)
        True where the episode was cut off. The value of the next observation stands for the rewards that
        would have followed (Pardo et al. 2018).

    References
    ----------
    Pardo, F., Tavakoli, A., Levdik, V. and Kormushev, P. (2018). Time limits in reinforcement learning. ICML.
    """

    next_observation: Tensor
    reward: Tensor
    terminated: Tensor
    truncated: Tensor


class Game(Protocol):
    """A Markov decision process that A agents play in parallel.

    Attributes
    ----------
    agents : int
        Number A of agents.
    observation : int
        Length of an observation.
    actions : Tensor of float32, shape (K,)
        Values of the discrete actions, ascending.
    low, high : float
        Bounds of a continuous action.
    """

    agents: int
    observation: int
    actions: Tensor
    low: float
    high: float

    def reset(self, rng: torch.Generator) -> Tensor:
        """Start new episodes and return the observations, float32, shape (A, observation)."""
        ...

    def step(self, action: Tensor) -> Step:
        """Take actions, given as values of shape (A,), float32."""
        ...

    def observe(self) -> Tensor:
        """Current observations, float32, shape (A, observation); of a new episode where one has ended."""
        ...


def check_network(network: nn.Module, observations: Tensor, outputs: int, purpose: str) -> None:
    """Check that a network reads observations and returns the right number of outputs.

    Parameters
    ----------
    network : torch.nn.Module
        The network. It is evaluated on two observations.
    observations : Tensor of float32, shape (A, observation)
        Observations of the game.
    outputs : int
        Required number of outputs.
    purpose : str
        What the outputs are, for the error message.

    Raises
    ------
    RecipeError
        The network fails or returns another shape.
    """
    try:
        with torch.no_grad():
            values = network(observations[:2])
    except RuntimeError as error:
        raise RecipeError(
            f"the network cannot read observations [B, {observations.shape[1]}]: {str(error).splitlines()[0]}"
        ) from error
    expected = (min(2, len(observations)), outputs)
    if values.shape != expected:
        raise RecipeError(
            f"the network returns {list(values.shape)} for {expected[0]} observations instead of "
            f"{list(expected)}, {purpose}"
        )


def finite_loss(loss: Tensor, update: int) -> float:
    """Convert a loss to a float; raise RecipeError if it is not finite."""
    value = float(loss.detach())
    if value != value or abs(value) == float("inf"):
        raise RecipeError(
            f"the loss of update {update} is not a finite number; use a lower rate, or check the rewards"
        )
    return value
