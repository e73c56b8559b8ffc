"""The game `line`: a regression as a game with one-step episodes.

An agent observes x and chooses an action. The reward is minus the squared difference between the action and
y, which the agent never observes.
"""

import torch
from torch import Tensor

from quarva.errors import RecipeError
from quarva.rl.game import Step

__all__ = ["LineGame"]


class LineGame:
    """y = slope · x + intercept at evenly spaced points from −10 to 10.

    Parameters
    ----------
    points : int, default 100
        Number of points, at least 2.
    copies : int, default 1
        Number of agents that observe each point.
    slope, intercept : float
        Coefficients of the line.
    actions : int, default 47
        Number of discrete actions, evenly spaced in [low, high].
    low, high : float
        Bounds of an action.

    Attributes
    ----------
    x : Tensor of float32, shape (A, 1)
        Observation of each of the A = points · copies agents, ascending.
    y : Tensor of float32, shape (A,)
        The best action of each agent.

    Raises
    ------
    RecipeError
        A number is out of range.
    """

    observation = 1

    def __init__(
        self,
        points: int = 100,
        copies: int = 1,
        *,
        slope: float = 2.0,
        intercept: float = 3.0,
        actions: int = 47,
        low: float = -20.0,
        high: float = 26.0,
    ) -> None:
        if points < 2 or copies < 1:
            raise RecipeError(f"line needs at least 2 points and 1 copy, not {points} and {copies}")
        if actions < 2 or not low < high:
            raise RecipeError(
                f"line needs at least 2 actions in [low, high], not {actions} in [{low}, {high}]"
            )
        self.agents, self.low, self.high = points * copies, low, high
        self.actions = torch.linspace(low, high, actions)
        self.x = torch.linspace(-10.0, 10.0, points).repeat_interleave(copies)[:, None]
        self.y = slope * self.x[:, 0] + intercept
        self._terminated = torch.ones(self.agents, dtype=torch.bool)

    def reset(self, rng: torch.Generator) -> Tensor:
        """Return `x`; the generator is not used."""
        return self.x

    def step(self, action: Tensor) -> Step:
        """Take actions, which ends all episodes."""
        return Step(self.x, self.reward(action), self._terminated, ~self._terminated)

    def observe(self) -> Tensor:
        """Return `x`."""
        return self.x

    def reward(self, action: Tensor, agents: Tensor | None = None) -> Tensor:
        """Rewards −(action − y)² of actions.

        Parameters
        ----------
        action : Tensor of float32, shape (B,)
            The actions.
        agents : Tensor of int64, shape (B,), optional
            Numbers of the agents that take them. Defaults to all, in order.

        Returns
        -------
        Tensor of float32, shape (B,)
        """
        return -((action - (self.y if agents is None else self.y[agents])) ** 2)
