"""Deep Q-learning (Mnih et al. 2015), double (van Hasselt et al. 2016), dueling (Wang et al. 2016).

One file from top to bottom, after the manner of CleanRL: a network that gives the value of each action, a
replay of what was tried, optionally by priority (Schaul et al. 2016), a target network that follows, and
the loop.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from quarva.errors import RecipeError
from quarva.rl.game import Game, check_network, finite

__all__ = ["DQN", "Dueling", "answer"]


class Dueling(nn.Module):
    """Q(s, a) = V(s) + A(s, a) − mean over actions of A(s, ·), each stream a network of its own.

    Where the streams shared a body, as in the paper, what bends the value would bend the advantages too.
    """

    def __init__(self, value: nn.Module, advantage: nn.Module) -> None:
        super().__init__()
        self.value, self.advantage = value, advantage

    def forward(self, seen: Tensor) -> Tensor:
        advantage = self.advantage(seen)
        return self.value(seen) + advantage - advantage.mean(1, keepdim=True)


@dataclass(frozen=True)
class DQN:
    """A way to learn values of actions.

    Attributes:
        updates: steps of the optimiser. plays: steps of the game before each.
        batch: transitions of an update; 0 is all that the last plays gave, and keeps no replay.
        replay: transitions that are kept. priority: exponent of the errors by which they are drawn; 0 draws
            all alike.
        rate, betas: of Adam; the rate falls along a cosine to 0. gamma: discount of what comes later.
        explore: `greedy` takes a random action with a chance that falls from `first` to `last` over the first
            half; `each` lets the k-th of the agents that see the same take action k, so that every action is
            tried.
        double: whether the action of the next state is chosen by the network that learns.
        sync: updates after which the target network takes the weights.
    """

    updates: int = 10_000
    plays: int = 1
    batch: int = 256
    replay: int = 100_000
    priority: float = 0.0
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    gamma: float = 0.99
    explore: Literal["greedy", "each"] = "greedy"
    first: float = 1.0
    last: float = 0.05
    double: bool = True
    sync: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        if self.updates < 1 or self.plays < 1 or self.batch < 0 or self.sync < 1:
            raise RecipeError("dqn: updates, plays and sync must be 1 or more, and batch 0 or more")
        if not (0 <= self.gamma <= 1 and 0 <= self.last <= self.first <= 1):
            raise RecipeError("dqn: gamma, first and last are in [0, 1], and last is not above first")

    def learn(
        self, game: Game, network: nn.Module, seen: Callable[[int, float], object] = lambda *_: None
    ) -> nn.Module:
        """Train a network [B, observation] → [B, K] on a game, in place.

        Args:
            seen: is told the number of every update and its loss.

        Raises:
            RecipeError: the network does not give a value for each of the game's actions; a loss that is no
                number.
        """
        source = torch.Generator().manual_seed(self.seed)
        now = game.reset(source)
        many = len(game.actions)
        check_network(network, now, many, f"a value for each of the game's {many} actions")
        target = deepcopy(network)
        optimiser = torch.optim.Adam(network.parameters(), self.rate, betas=self.betas)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.updates)
        replay = _Replay(self.replay if self.batch else game.agents * self.plays, game.observation)
        for update in range(self.updates):
            for _ in range(self.plays):
                action = self._act(network, now, game, update, source)
                then = game.step(game.actions[action])
                replay.add(now, action, then.reward, then.later, then.done)
                now = game.now()
            rows, weight = replay.draw(self.batch, self.priority, source)
            seen_then, action, reward, later, done = (each[rows] for each in replay.columns)
            value = reward + self._coming(network, target, later, done)
            errors = network(seen_then).gather(1, action[:, None])[:, 0] - value
            loss = (weight * errors**2).mean()
            told = finite(loss, update + 1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            falling.step()
            replay.note(rows, errors.detach().abs())
            if (update + 1) % self.sync == 0:
                target.load_state_dict(network.state_dict())
            seen(update + 1, told)
        return network

    @torch.no_grad()
    def _coming(self, network: nn.Module, target: nn.Module, later: Tensor, done: Tensor) -> Tensor:
        """Discounted value of what comes after, float32 [B]."""
        if self.gamma == 0:
            return torch.zeros(len(done))
        best = (network if self.double else target)(later).argmax(1, keepdim=True)
        return self.gamma * torch.where(done, 0.0, target(later).gather(1, best)[:, 0])

    def _act(
        self, network: nn.Module, now: Tensor, game: Game, update: int, source: torch.Generator
    ) -> Tensor:
        """Numbers of actions, int64 [A]."""
        many, agents = len(game.actions), game.agents
        if self.explore == "each":
            return torch.arange(agents) % many
        chance = self.first + (self.last - self.first) * min(1.0, 2.0 * update / self.updates)
        chosen = torch.randint(many, (agents,), generator=source)
        if chance < 1.0:
            with torch.no_grad():
                greedy = network(now).argmax(1)
            chosen = torch.where(torch.rand(agents, generator=source) < chance, chosen, greedy)
        return chosen


def answer(network: nn.Module, seen: Tensor, actions: Tensor, *, between: bool = False) -> Tensor:
    """The greedy action's value, float32 [B].

    between: take the top of the parabola through the best action and its two neighbours instead, for evenly
        spaced actions: a value that is smooth in the action has its best between two of a grid.
    """
    with torch.no_grad():
        values = network(seen)
    best = values.argmax(1)
    if not between or len(actions) < 3:
        return actions[best]
    middle = best.clamp(1, len(actions) - 2)
    left, top, right = (values.gather(1, (middle + k)[:, None])[:, 0] for k in (-1, 0, 1))
    bend = left - 2.0 * top + right
    shift = torch.where(bend < 0, 0.5 * (left - right) / bend, (best - middle).float())
    return actions[middle] + shift.clamp(-1.0, 1.0) * (actions[1] - actions[0])


class _Replay:
    """Transitions in a ring."""

    def __init__(self, room: int, observation: int) -> None:
        self.columns = (
            torch.empty(room, observation), torch.empty(room, dtype=torch.int64), torch.empty(room),
            torch.empty(room, observation), torch.empty(room, dtype=torch.bool),
        )  # fmt: skip
        self._priority = torch.ones(room)
        self._next, self._full, self._room = 0, 0, room

    def add(self, *given: Tensor) -> None:
        many = min(len(given[0]), self._room)
        rows = (self._next + torch.arange(many)) % self._room
        for column, each in zip(self.columns, given, strict=True):
            column[rows] = each[-many:]
        self._priority[rows] = self._priority[: max(self._full, 1)].max()
        self._next = (self._next + many) % self._room
        self._full = min(self._full + many, self._room)

    def draw(self, many: int, priority: float, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Rows, and what their losses are multiplied by so that priorities do not bend the mean."""
        if many == 0:
            return torch.arange(self._full), torch.ones(self._full)
        if priority == 0:
            return torch.randint(self._full, (many,), generator=source), torch.ones(many)
        chance = self._priority[: self._full] ** priority
        rows = torch.multinomial(chance, many, replacement=True, generator=source)
        weight = chance.sum() / (self._full * chance[rows])
        return rows, weight / weight.max()

    def note(self, rows: Tensor, errors: Tensor) -> None:
        """Priorities are the errors, and a little for those without one."""
        self._priority[rows] = errors + 1e-3
