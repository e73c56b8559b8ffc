"""Deep Q-learning with double and dueling networks and prioritised replay, in one file.

References
----------
Mnih, V. et al. (2015). Human-level control through deep reinforcement learning. Nature 518.
Schaul, T., Quan, J., Antonoglou, I. and Silver, D. (2016). Prioritized experience replay. ICLR.
van Hasselt, H., Guez, A. and Silver, D. (2016). Deep reinforcement learning with double Q-learning. AAAI.
Wang, Z. et al. (2016). Dueling network architectures for deep reinforcement learning. ICML.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from quarva.errors import RecipeError
from quarva.rl.game import Game, check_network, finite_loss

__all__ = ["DQN", "Dueling", "greedy_action"]


class Dueling(nn.Module):
    """Q(s, a) = V(s) + A(s, a) − mean over actions of A(s, ·), with a separate network for each stream.

    Unlike Wang et al. (2016), the streams share no layers, so that errors of the value do not affect the
    advantages.

    Parameters
    ----------
    value : torch.nn.Module
        Network [B, observation] → [B, 1].
    advantage : torch.nn.Module
        Network [B, observation] → [B, K].
    """

    def __init__(self, value: nn.Module, advantage: nn.Module) -> None:
        super().__init__()
        self.value, self.advantage = value, advantage

    def forward(self, observations: Tensor) -> Tensor:
        advantage = self.advantage(observations)
        return self.value(observations) + advantage - advantage.mean(1, keepdim=True)


@dataclass(frozen=True)
class DQN:
    """Deep Q-learning.

    Attributes
    ----------
    updates : int
        Number of optimiser steps.
    steps : int
        Steps of the game before each update.
    batch : int
        Transitions in an update. With 0, an update uses all transitions since the last one, and no replay is
        kept.
    replay_size : int
        Number of transitions in the replay buffer.
    priority : float
        Exponent of the errors by which transitions are drawn. With 0, they are drawn uniformly.
    rate : float
        Learning rate of Adam, which falls to 0 along a cosine.
    betas : tuple of float
        Decay rates of Adam's moments.
    gamma : float
        Discount factor.
    explore : {"epsilon_greedy", "all_actions"}
        With "epsilon_greedy", the probability of a random action falls linearly from `epsilon` to
        `final_epsilon` over the first half of the updates. With "all_actions", agent k takes action k modulo
        the number of actions, so that groups of agents with the same observation try every action.
    epsilon, final_epsilon : float
        See `explore`.
    double : bool
        Whether the action in the next state is chosen by the online network (double Q-learning).
    target_interval : int
        Number of updates after which the target network is replaced by the online network.
    seed : int
        Seed of all random numbers.

    Raises
    ------
    RecipeError
        A setting is out of range.
    """

    updates: int = 10_000
    steps: int = 1
    batch: int = 256
    replay_size: int = 100_000
    priority: float = 0.0
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    gamma: float = 0.99
    explore: Literal["epsilon_greedy", "all_actions"] = "epsilon_greedy"
    epsilon: float = 1.0
    final_epsilon: float = 0.05
    double: bool = True
    target_interval: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        if self.updates < 1 or self.steps < 1 or self.batch < 0 or self.target_interval < 1:
            raise RecipeError(
                "dqn: updates, steps and target_interval must be at least 1, and batch at least 0"
            )
        if not (0 <= self.gamma <= 1 and 0 <= self.final_epsilon <= self.epsilon <= 1):
            raise RecipeError(
                "dqn: gamma, epsilon and final_epsilon must be in [0, 1], and final_epsilon not above epsilon"
            )

    def learn(
        self, game: Game, network: nn.Module, on_update: Callable[[int, float], object] = lambda *_: None
    ) -> nn.Module:
        """Train a network on a game, in place.

        Parameters
        ----------
        game : Game
            The game, with K discrete actions.
        network : torch.nn.Module
            Network [B, observation] → [B, K], the value of each action.
        on_update : callable, optional
            Called after every update with its number, from 1, and its loss.

        Returns
        -------
        torch.nn.Module
            The network.

        Raises
        ------
        RecipeError
            The network does not return a value for each action, or a loss is not finite.
        """
        rng = torch.Generator().manual_seed(self.seed)
        observations = game.reset(rng)
        count = len(game.actions)
        check_network(network, observations, count, f"a value for each of the game's {count} actions")
        target = deepcopy(network)
        optimiser = torch.optim.Adam(network.parameters(), self.rate, betas=self.betas)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.updates)
        replay = _Replay(self.replay_size if self.batch else game.agents * self.steps, game.observation)
        for update in range(self.updates):
            for _ in range(self.steps):
                action = self._act(network, observations, game, update, rng)
                step = game.step(game.actions[action])
                replay.add(observations, action, step.reward, step.next_observation, step.terminated)
                observations = game.observe()
            rows, weight = replay.draw(self.batch, self.priority, rng)
            before, action, reward, after, terminated = (each[rows] for each in replay.columns)
            value = reward + self._next_value(network, target, after, terminated)
            errors = network(before).gather(1, action[:, None])[:, 0] - value
            loss = (weight * errors**2).mean()
            loss_value = finite_loss(loss, update + 1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            replay.set_priorities(rows, errors.detach().abs())
            if (update + 1) % self.target_interval == 0:
                target.load_state_dict(network.state_dict())
            on_update(update + 1, loss_value)
        return network

    @torch.no_grad()
    def _next_value(self, network: nn.Module, target: nn.Module, after: Tensor, terminated: Tensor) -> Tensor:
        """Discounted value of the next observations, float32, shape (B,)."""
        if self.gamma == 0:
            return torch.zeros(len(terminated))
        best = (network if self.double else target)(after).argmax(1, keepdim=True)
        return self.gamma * torch.where(terminated, 0.0, target(after).gather(1, best)[:, 0])

    def _act(
        self, network: nn.Module, observations: Tensor, game: Game, update: int, rng: torch.Generator
    ) -> Tensor:
        """Choose actions; return their indices, int64, shape (A,)."""
        count, agents = len(game.actions), game.agents
        if self.explore == "all_actions":
            return torch.arange(agents) % count
        progress = min(1.0, 2.0 * update / self.updates)
        epsilon = self.epsilon + (self.final_epsilon - self.epsilon) * progress
        action = torch.randint(count, (agents,), generator=rng)
        if epsilon < 1.0:
            with torch.no_grad():
                greedy = network(observations).argmax(1)
            action = torch.where(torch.rand(agents, generator=rng) < epsilon, action, greedy)
        return action


def greedy_action(
    network: nn.Module, observations: Tensor, actions: Tensor, *, interpolate: bool = False
) -> Tensor:
    """Values of the greedy actions.

    Parameters
    ----------
    network : torch.nn.Module
        Network [B, observation] → [B, K].
    observations : Tensor of float32, shape (B, observation)
        The observations.
    actions : Tensor of float32, shape (K,)
        Values of the actions, ascending.
    interpolate : bool, default False
        Whether to return the vertex of the parabola through the best action and its two neighbours. For
        evenly spaced actions, this refines the grid if the value is smooth in the action.

    Returns
    -------
    Tensor of float32, shape (B,)
    """
    with torch.no_grad():
        values = network(observations)
    best = values.argmax(1)
    if not interpolate or len(actions) < 3:
        return actions[best]
    middle = best.clamp(1, len(actions) - 2)
    left, top, right = (values.gather(1, (middle + k)[:, None])[:, 0] for k in (-1, 0, 1))
    curvature = left - 2.0 * top + right
    shift = torch.where(curvature < 0, 0.5 * (left - right) / curvature, (best - middle).float())
    return actions[middle] + shift.clamp(-1.0, 1.0) * (actions[1] - actions[0])


class _Replay:
    """A ring buffer of transitions."""

    def __init__(self, capacity: int, observation: int) -> None:
        self.columns = (
            torch.empty(capacity, observation), torch.empty(capacity, dtype=torch.int64),
            torch.empty(capacity), torch.empty(capacity, observation),
            torch.empty(capacity, dtype=torch.bool),
        )  # fmt: skip
        self._priority = torch.ones(capacity)
        self._next, self._size, self._capacity = 0, 0, capacity

    def add(self, *columns: Tensor) -> None:
        """Append transitions with the largest priority so far."""
        count = min(len(columns[0]), self._capacity)
        rows = (self._next + torch.arange(count)) % self._capacity
        for column, each in zip(self.columns, columns, strict=True):
            column[rows] = each[-count:]
        self._priority[rows] = self._priority[: max(self._size, 1)].max()
        self._next = (self._next + count) % self._capacity
        self._size = min(self._size + count, self._capacity)

    def draw(self, count: int, priority: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw rows, all if `count` is 0; return them and their importance weights."""
        if count == 0:
            return torch.arange(self._size), torch.ones(self._size)
        if priority == 0:
            return torch.randint(self._size, (count,), generator=rng), torch.ones(count)
        probability = self._priority[: self._size] ** priority
        rows = torch.multinomial(probability, count, replacement=True, generator=rng)
        weight = probability.sum() / (self._size * probability[rows])
        return rows, weight / weight.max()

    def set_priorities(self, rows: Tensor, errors: Tensor) -> None:
        """Set priorities to the absolute errors plus a small constant."""
        self._priority[rows] = errors + 1e-3
