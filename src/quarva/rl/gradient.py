"""Policy gradient (Williams 1992): what was rewarded above expectation is made more likely.

The policy is a normal distribution around a network's answer. Its width falls over training; agents come in
pairs whose noise has opposite signs, where they see the same (as Salimans et al. 2017 do in evolution
strategies), so that what both earn cancels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from quarva.errors import RecipeError
from quarva.rl.game import Game, Step, check_network, finite

__all__ = ["PolicyGradient"]


@dataclass(frozen=True)
class PolicyGradient:
    """A way to learn a policy from what whole stretches of play have earned.

    Attributes:
        updates: steps of the optimiser. plays: steps of the game before each, whose rewards are added up.
        width, last: standard deviation of the actions at the beginning and at the end, in the action's units.
        mirrored: whether the agents 2k and 2k + 1 see the same, and get opposite noise.
        rate, betas: of Adam; the rate falls along a cosine to 0. gamma: discount of what comes later.
    """

    updates: int = 10_000
    plays: int = 1
    width: float = 0.5
    last: float = 0.5
    mirrored: bool = False
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    gamma: float = 0.99
    seed: int = 0

    def __post_init__(self) -> None:
        if self.updates < 1 or self.plays < 1 or not (self.width > 0 and self.last > 0):
            raise RecipeError("policy gradient: updates and plays must be 1 or more, widths above 0")

    def learn(
        self,
        game: Game,
        action: nn.Module,
        value: nn.Module,
        seen: Callable[[int, float], object] = lambda *_: None,
    ) -> nn.Module:
        """Train a policy and the value that it is held against, networks [B, observation] → [B, 1], in place.

        Args:
            seen: is told the number of every update and the mean reward of its plays.

        Raises:
            RecipeError: a network that does not give one number, a loss that is no number, mirrored noise
                for an odd number of agents.
        """
        if self.mirrored and game.agents % 2:
            raise RecipeError(f"mirrored noise needs an even number of agents, not {game.agents}")
        source = torch.Generator().manual_seed(self.seed)
        now = game.reset(source)
        for network in (action, value):
            check_network(network, now, 1, "one number for each")
        optimiser = torch.optim.Adam([*action.parameters(), *value.parameters()], self.rate, betas=self.betas)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.updates)
        for update in range(self.updates):
            width = self.width * (self.last / self.width) ** (update / self.updates)
            kept: list[tuple[Tensor, Tensor, Step]] = []
            for _ in range(self.plays):
                with torch.no_grad():
                    tried = action(now)[:, 0] + width * self._noise(game.agents, source)
                kept.append((now, tried, game.step(tried)))
                now = game.now()
            loss = self._loss(kept, action, value, width)
            finite(loss, update + 1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            falling.step()
            seen(update + 1, float(torch.stack([step.reward for _, _, step in kept]).mean()))
        return action

    def _noise(self, agents: int, source: torch.Generator) -> Tensor:
        """Standard normal numbers [A]."""
        if not self.mirrored:
            return torch.randn(agents, generator=source)
        half = torch.randn(agents // 2, generator=source)
        return torch.stack([half, -half], 1).reshape(-1)

    def _loss(
        self, kept: list[tuple[Tensor, Tensor, Step]], action: nn.Module, value: nn.Module, width: float
    ) -> Tensor:
        """−advantage · log-likelihood, and the squared error of the value."""
        total = torch.stack(self._earned([step for _, _, step in kept], value))
        looked = torch.stack([each[0] for each in kept])
        tried = torch.stack([each[1] for each in kept])
        expected = value(looked.flatten(0, 1)).reshape(total.shape)
        mean = action(looked.flatten(0, 1)).reshape(total.shape)
        likely = -((tried - mean) ** 2) / (2.0 * width**2)
        return -((total - expected.detach()) * likely).mean() + ((total - expected) ** 2).mean()

    @torch.no_grad()
    def _earned(self, steps: list[Step], value: nn.Module) -> list[Tensor]:
        """Discounted rewards from each step on, float32 [A] each; the value stands for what comes after."""
        coming = torch.zeros_like(steps[-1].reward)
        earned: list[Tensor] = []
        for number, step in reversed(list(enumerate(steps))):
            left = torch.ones_like(step.cut) if number == len(steps) - 1 else step.cut
            if self.gamma and bool(left.any()):
                coming = torch.where(left, value(step.later)[:, 0], coming)
            coming = step.reward + self.gamma * torch.where(step.done, 0.0, coming)
            earned.append(coming)
        return earned[::-1]
