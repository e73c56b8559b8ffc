"""The games as gymnasium environments, for whoever brings a learner of another library.

One agent, or one whole market, at a time; `gymnasium.utils.env_checker.check_env` passes on both.
"""

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from quarva.errors import RecipeError
from quarva.networks.reinforcement.line import LineGame
from quarva.networks.reinforcement.trading import TradingGame

__all__ = ["LineEnv", "TradingEnv"]

Observation = NDArray[np.float32]


class LineEnv(gymnasium.Env[Observation, Any]):
    """`LineGame` for one agent: x, an answer, −(answer − y)²; an episode is one answer.

    Args:
        discrete: whether actions are numbers 0 … K − 1 of the game's evenly spaced answers, as DQN
            wants them, and not the answers themselves.
        **game: see `LineGame`.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  # gymnasium's own name and type

    def __init__(self, *, discrete: bool = False, **game: Any) -> None:
        self._game = LineGame(**game)
        self._discrete = discrete
        self._answers, self._x = self._game.actions.numpy(), self._game.seen.numpy()
        self._right = self._game.right.numpy()
        self.observation_space = spaces.Box(-10.0, 10.0, (1,), np.float32)
        self.action_space: spaces.Space[Any] = (
            spaces.Discrete(len(self._answers)) if discrete
            else spaces.Box(self._game.low, self._game.high, (1,), np.float32)
        )  # fmt: skip
        self._at = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A random x."""
        super().reset(seed=seed)
        self._at = int(self.np_random.integers(len(self._x)))
        return self._x[self._at].copy(), {}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Answer, which ends the episode.

        Raises:
            RecipeError: an action outside the action space.
        """
        if not self.action_space.contains(action):
            raise RecipeError(f"line takes actions of {self.action_space}, not {action!r}")
        answer = float(self._answers[int(action)] if self._discrete else action[0])
        return self._x[self._at].copy(), -((answer - float(self._right[self._at])) ** 2), True, False, {}


class TradingEnv(gymnasium.Env[Observation, Any]):
    """`TradingGame` for one market: windows and positions of all assets in, [N, S·F + 1], positions [N] out.

    The reward is the mean over assets of what `TradingGame` rewards each with; an episode is cut off after
    its days (`truncated`), for a market has no end of its own.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  # gymnasium's own name and type

    def __init__(self, game: TradingGame) -> None:
        if game.episodes != 1:
            raise RecipeError(f"an environment is one episode at a time; the game has {game.episodes}")
        self._game = game
        shape = (game.assets, game.observation)
        self.observation_space = spaces.Box(-np.inf, np.inf, shape, np.float32)
        self.action_space = spaces.Box(game.low, game.high, (game.assets,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A random day among those an episode may begin on, without positions."""
        super().reset(seed=seed)
        source = torch.Generator().manual_seed(int(self.np_random.integers(2**31)))
        return self._game.reset(source).numpy(), {}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take positions for a day.

        Raises:
            RecipeError: positions of another shape, or outside [−1, 1].
        """
        if not self.action_space.contains(action):
            raise RecipeError(f"trading takes positions of {self.action_space}")
        seen, reward, done = self._game.step(torch.from_numpy(action))
        return seen.numpy(), float(reward.mean()), False, bool(done[0]), {}
