"""Q-learning with continuous actions by normalised advantage functions.

Q(s, a) = V(s) − P(s) · (a − μ(s))². The best action is μ(s), so no search is needed, and μ can be the same
network as for a regression.

References
----------
Gu, S., Lillicrap, T., Sutskever, I. and Levine, S. (2016). Continuous deep Q-learning with model-based
acceleration. ICML.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from quarva.errors import RecipeError
from quarva.rl.game import Game, check_network, finite_loss

__all__ = ["NAF", "Constant"]


@dataclass(frozen=True)
class NAF:
    """Normalised advantage functions, with one update after each step of the game and no replay.

    Attributes
    ----------
    updates : int
        Number of optimiser steps.
    noise : float
        Absolute value of the exploration noise, in the action's units. Its sign is random.
    rate : float
        Learning rate of Adam, which falls to 0 along a cosine.
    betas : tuple of float
        Decay rates of Adam's moments.
    gamma : float
        Discount factor.
    target_interval : int
        Number of updates after which the target network of the value is replaced.
    seed : int
        Seed of all random numbers.

    Raises
    ------
    RecipeError
        A setting is out of range.
    """

    updates: int = 10_000
    noise: float = 0.5
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    gamma: float = 0.99
    target_interval: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        if self.updates < 1 or self.target_interval < 1 or not self.noise > 0:
            raise RecipeError("naf: updates and target_interval must be at least 1, and noise above 0")

    def learn(
        self,
        game: Game,
        action: nn.Module,
        value: nn.Module,
        curvature: nn.Module,
        on_update: Callable[[int, float], object] = lambda *_: None,
    ) -> nn.Module:
        """Train three networks on a game, in place.

        Parameters
        ----------
        game : Game
            The game.
        action, value, curvature : torch.nn.Module
            Networks [B, observation] → [B, 1]: μ, V, and P before a softplus makes it positive.
        on_update : callable, optional
            Called after every update with its number, from 1, and its loss.

        Returns
        -------
        torch.nn.Module
            `action`, the policy.

        Raises
        ------
        RecipeError
            A network does not return one number, or a loss is not finite.
        """
        rng = torch.Generator().manual_seed(self.seed)
        observations = game.reset(rng)
        for network in (action, value, curvature):
            check_network(network, observations, 1, "one number for each")
        networks = nn.ModuleList([action, value, curvature])
        target = deepcopy(value)
        optimiser = torch.optim.Adam(networks.parameters(), self.rate, betas=self.betas)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.updates)
        for update in range(self.updates):
            sign = 2.0 * torch.randint(2, (game.agents,), generator=rng) - 1.0
            greedy = action(observations)[:, 0]
            # Clamp here, as the game does: the parabola must be fitted to the actions that were taken.
            taken = (greedy.detach() + self.noise * sign).clamp(game.low, game.high)
            after, reward, terminated, _ = game.step(taken)
            with torch.no_grad():
                next_value = torch.where(terminated, 0.0, target(after)[:, 0]) if self.gamma else 0.0
            bend = functional.softplus(curvature(observations)[:, 0])
            estimate = value(observations)[:, 0] - bend * (taken - greedy) ** 2
            loss = ((estimate - reward - self.gamma * next_value) ** 2).mean()
            loss_value = finite_loss(loss, update + 1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            observations = game.observe()
            if (update + 1) % self.target_interval == 0:
                target.load_state_dict(value.state_dict())
            on_update(update + 1, loss_value)
        return action


class Constant(nn.Module):
    """A learned number that does not depend on the observation, for a constant value or curvature.

    Parameters
    ----------
    initial : float, default 0.0
        Initial value.
    """

    def __init__(self, initial: float = 0.0) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.tensor([[initial]]))

    def forward(self, observations: Tensor) -> Tensor:
        return self.number.expand(len(observations), 1)
