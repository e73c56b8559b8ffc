"""Q-learning with continuous actions by normalised advantage functions (Gu et al. 2016).

Q(s, a) = V(s) − P(s) · (a − μ(s))²: the best action is μ(s) without a search, and μ may be the very
network of a regression.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from quarva.errors import RecipeError
from quarva.rl.game import Game, check_network, finite

__all__ = ["NAF", "Constant"]


@dataclass(frozen=True)
class NAF:
    """A way to learn a best action, on the transitions of the last play: one update for each.

    Attributes:
        updates: steps of the optimiser, each after one step of the game by all agents.
        noise: what is added to the greedy action, with either sign, to try something else; in the action's
            units.
        rate, betas: of Adam; the rate falls along a cosine to 0. gamma: discount of what comes later.
        sync: updates after which the value that is looked ahead to takes the weights.
    """

    updates: int = 10_000
    noise: float = 0.5
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    gamma: float = 0.99
    sync: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        if self.updates < 1 or self.sync < 1 or not self.noise > 0:
            raise RecipeError("naf: updates and sync must be 1 or more, and noise above 0")

    def learn(
        self,
        game: Game,
        action: nn.Module,
        value: nn.Module,
        curvature: nn.Module,
        seen: Callable[[int, float], object] = lambda *_: None,
    ) -> nn.Module:
        """Train three networks [B, observation] → [B, 1] on a game, in place; the first one is the policy.

        Args:
            action: μ. value: V. curvature: P before a softplus makes it positive.
            seen: is told the number of every update and its loss.

        Raises:
            RecipeError: a network that does not give one number; a loss that is no number.
        """
        source = torch.Generator().manual_seed(self.seed)
        now = game.reset(source)
        for network in (action, value, curvature):
            check_network(network, now, 1, "one number for each")
        parts = nn.ModuleList([action, value, curvature])
        ahead = deepcopy(value)
        optimiser = torch.optim.Adam(parts.parameters(), self.rate, betas=self.betas)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.updates)
        for update in range(self.updates):
            side = 2.0 * torch.randint(2, (game.agents,), generator=source) - 1.0
            greedy = action(now)[:, 0]
            # What a game would cut off was not tried: the parabola has to stand on what was.
            tried = (greedy.detach() + self.noise * side).clamp(game.low, game.high)
            later, reward, done, _ = game.step(tried)
            with torch.no_grad():
                coming = torch.where(done, 0.0, ahead(later)[:, 0]) if self.gamma else 0.0
            bend = functional.softplus(curvature(now)[:, 0])
            estimate = value(now)[:, 0] - bend * (tried - greedy) ** 2
            loss = ((estimate - reward - self.gamma * coming) ** 2).mean()
            told = finite(loss, update + 1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            falling.step()
            now = game.now()
            if (update + 1) % self.sync == 0:
                ahead.load_state_dict(value.state_dict())
            seen(update + 1, told)
        return action


class Constant(nn.Module):
    """The same learned number whatever is seen: enough for a value or a curvature that does not change."""

    def __init__(self, first: float = 0.0) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.tensor([[first]]))

    def forward(self, seen: Tensor) -> Tensor:
        return self.number.expand(len(seen), 1)
