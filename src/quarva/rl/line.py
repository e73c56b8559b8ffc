"""`line`: a regression as a game. An agent sees x and answers; what comes back is minus the squared error.

An episode is one answer. The right one is never shown.
"""

import torch
from torch import Tensor

from quarva.errors import RecipeError
from quarva.rl.game import Step

__all__ = ["LineGame"]


class LineGame:
    """y = slope · x + intercept at points from −10 to 10, each shown to so many agents.

    Args:
        points: x that there are, evenly spaced. copies: agents that see the same x at a time.
        slope, intercept: of the line.
        actions: answers that a learner with discrete actions may give, evenly spaced over [low, high].
        low, high: the least and the largest answer.
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
            raise RecipeError(f"line needs 2 points or more and 1 copy or more, not {points} and {copies}")
        if actions < 2 or not low < high:
            raise RecipeError(
                f"line needs 2 actions or more in [low, high], not {actions} in [{low}, {high}]"
            )
        self.agents, self.low, self.high = points * copies, low, high
        self.actions = torch.linspace(low, high, actions)
        self.seen = torch.linspace(-10.0, 10.0, points).repeat_interleave(copies)[:, None]
        self.right = slope * self.seen[:, 0] + intercept
        self._done = torch.ones(self.agents, dtype=torch.bool)

    def reset(self, source: torch.Generator) -> Tensor:
        """All x, ascending, the copies of one together."""
        return self.seen

    def step(self, action: Tensor) -> Step:
        """Answer; the reward is −(answer − y)²."""
        return Step(self.seen, self.pay(action), self._done, ~self._done)

    def now(self) -> Tensor:
        """All x again."""
        return self.seen

    def pay(self, answers: Tensor, at: Tensor | None = None) -> Tensor:
        """Rewards of answers float32 [B] to the x numbered `at`, int64 [B]; None is all, in order."""
        return -((answers - (self.right if at is None else self.right[at])) ** 2)
