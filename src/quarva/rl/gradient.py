"""Policy gradient: REINFORCE with a learned baseline and, optionally, antithetic noise.

The policy is a normal distribution around a network's output. Its standard deviation changes geometrically
over training. With antithetic noise, agents with the same observation form pairs with noise of opposite sign,
as in evolution strategies, so that the part of the reward that both share cancels.

References
----------
Williams, R. J. (1992). Simple statistical gradient-following algorithms for connectionist reinforcement
learning. Machine Learning 8.
Salimans, T., Ho, J., Chen, X., Sidor, S. and Sutskever, I. (2017). Evolution strategies as a scalable
alternative to reinforcement learning. arXiv:1703.03864.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from quarva.errors import RecipeError
from quarva.rl.game import Game, Step, check_network, finite_loss

__all__ = ["PolicyGradient"]

Transition = tuple[Tensor, Tensor, Step]
"""Observations, actions and the result of a step."""


@dataclass(frozen=True)
class PolicyGradient:
    """REINFORCE with a learned baseline.

    Attributes
    ----------
    updates : int
        Number of optimiser steps.
    steps : int
        Steps of the game before each update.
    std, final_std : float
        Standard deviation of the actions at the start and at the end, in the action's units.
    antithetic : bool
        Whether agents 2k and 2k + 1 get opposite noise. They must have the same observation.
    rate : float
        Learning rate of Adam, which falls to 0 along a cosine.
    betas : tuple of float
        Decay rates of Adam's moments.
    gamma : float
        Discount factor.
    seed : int
        Seed of all random numbers.

    Raises
    ------
    RecipeError
        A setting is out of range.
    """

    updates: int = 10_000
    steps: int = 1
    std: float = 0.5
    final_std: float = 0.5
    antithetic: bool = False
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    gamma: float = 0.99
    seed: int = 0

    def __post_init__(self) -> None:
        if self.updates < 1 or self.steps < 1 or not (self.std > 0 and self.final_std > 0):
            raise RecipeError(
                "policy gradient: updates and steps must be at least 1, std and final_std above 0"
            )

    def learn(
        self,
        game: Game,
        action: nn.Module,
        value: nn.Module,
        on_update: Callable[[int, float], object] = lambda *_: None,
    ) -> nn.Module:
        """Train a policy and its baseline on a game, in place.

        Parameters
        ----------
        game : Game
            The game.
        action, value : torch.nn.Module
            Networks [B, observation] → [B, 1]: the mean action, and the value that serves as baseline.
        on_update : callable, optional
            Called after every update with its number, from 1, and the mean reward of its steps.

        Returns
        -------
        torch.nn.Module
            `action`, the policy.

        Raises
        ------
        RecipeError
            A network does not return one number, a loss is not finite, or antithetic noise is requested for
            an odd number of agents.
        """
        if self.antithetic and game.agents % 2:
            raise RecipeError(f"antithetic noise needs an even number of agents, not {game.agents}")
        rng = torch.Generator().manual_seed(self.seed)
        observations = game.reset(rng)
        for network in (action, value):
            check_network(network, observations, 1, "one number for each")
        optimiser = torch.optim.Adam([*action.parameters(), *value.parameters()], self.rate, betas=self.betas)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.updates)
        for update in range(self.updates):
            std = self.std * (self.final_std / self.std) ** (update / self.updates)
            transitions: list[Transition] = []
            for _ in range(self.steps):
                with torch.no_grad():
                    taken = action(observations)[:, 0] + std * self._noise(game.agents, rng)
                transitions.append((observations, taken, game.step(taken)))
                observations = game.observe()
            loss = self._loss(transitions, action, value, std)
            finite_loss(loss, update + 1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            on_update(update + 1, float(torch.stack([step.reward for _, _, step in transitions]).mean()))
        return action

    def _noise(self, agents: int, rng: torch.Generator) -> Tensor:
        """Standard normal numbers, shape (A,)."""
        if not self.antithetic:
            return torch.randn(agents, generator=rng)
        half = torch.randn(agents // 2, generator=rng)
        return torch.stack([half, -half], 1).reshape(-1)

    def _loss(self, transitions: list[Transition], action: nn.Module, value: nn.Module, std: float) -> Tensor:
        """−advantage · log-likelihood, plus the squared error of the baseline."""
        returns = torch.stack(self._returns([step for _, _, step in transitions], value))
        observations = torch.stack([each[0] for each in transitions])
        taken = torch.stack([each[1] for each in transitions])
        baseline = value(observations.flatten(0, 1)).reshape(returns.shape)
        mean = action(observations.flatten(0, 1)).reshape(returns.shape)
        log_likelihood = -((taken - mean) ** 2) / (2.0 * std**2)
        advantage = returns - baseline.detach()
        return -(advantage * log_likelihood).mean() + ((returns - baseline) ** 2).mean()

    @torch.no_grad()
    def _returns(self, steps: list[Step], value: nn.Module) -> list[Tensor]:
        """Discounted sum of the rewards from each step on, shape (A,); the value stands for later ones."""
        following = torch.zeros_like(steps[-1].reward)
        returns: list[Tensor] = []
        for number, step in reversed(list(enumerate(steps))):
            last = number == len(steps) - 1
            bootstrapped = torch.ones_like(step.truncated) if last else step.truncated
            if self.gamma and bool(bootstrapped.any()):
                following = torch.where(bootstrapped, value(step.next_observation)[:, 0], following)
            following = step.reward + self.gamma * torch.where(step.terminated, 0.0, following)
            returns.append(following)
        return returns[::-1]
