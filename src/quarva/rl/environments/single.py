"""One agent, or one whole market, at a time; `gymnasium.utils.env_checker.check_env` passes on both."""

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from quarva.errors import RecipeError
from quarva.rl.environments.streams import Streams
from quarva.rl.line import LineGame
from quarva.rl.trading import TradingGame

__all__ = ["LineEnv", "TradingEnv", "line_spaces", "trading_spaces"]

Observation = NDArray[np.float32]
Space = spaces.Space[Any]


def line_spaces(game: LineGame, discrete: bool) -> tuple[Space, Space]:
    """What an agent of `line` sees and does."""
    action = (
        spaces.Discrete(len(game.actions)) if discrete else spaces.Box(game.low, game.high, (1,), np.float32)
    )
    return spaces.Box(-10.0, 10.0, (1,), np.float32), action


def trading_spaces(game: TradingGame) -> tuple[Space, Space]:
    """What a market of `trading` shows and takes."""
    shape = (game.assets, game.observation)
    seen = spaces.Box(-np.inf, np.inf, shape, np.float32)
    return seen, spaces.Box(game.low, game.high, (game.assets,), np.float32)


class _Single(gymnasium.Env[Observation, Any]):
    """Draws the beginnings of episodes from a stream of its own."""

    metadata = {"render_modes": []}  # noqa: RUF012  # gymnasium's own name and type
    _stream: Streams | None = None

    def _draw(self, many: int, seed: int | None) -> NDArray[np.int64]:
        """A number in [0, many), int64 [1], the first of a seed where one is given."""
        super().reset(seed=seed)
        if seed is not None or self._stream is None:
            self._stream = Streams.of([seed])
        return self._stream.draw(many)


class LineEnv(_Single):
    """`LineGame` for one agent: x, an answer, −(answer − y)²; an episode is one answer.

    Args:
        discrete: whether actions are numbers 0 … K − 1 of the game's evenly spaced answers, as DQN
            wants them, and not the answers themselves.
        **game: see `LineGame`.
    """

    def __init__(self, *, discrete: bool = False, **game: Any) -> None:
        whole = LineGame(**game)
        self._discrete = discrete
        self.observation_space, self.action_space = line_spaces(whole, discrete)
        # For one agent, calls of torch take longer than what they compute.
        self._x, self._right = whole.seen.numpy(), whole.right.tolist()
        self._answers = whole.actions.tolist()
        self._at = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A random x."""
        self._at = int(self._draw(len(self._x), seed)[0])
        return self._x[self._at].copy(), {}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Answer, which ends the episode.

        Raises:
            RecipeError: an action outside the action space.
        """
        if not self.action_space.contains(action):
            raise RecipeError(f"line takes actions of {self.action_space}, not {action!r}")
        answer = self._answers[int(action)] if self._discrete else float(action[0])
        return self._x[self._at].copy(), -((answer - self._right[self._at]) ** 2), True, False, {}


class TradingEnv(_Single):
    """`TradingGame` for one market: windows and positions of all assets in, [N, S·F + 1], positions [N] out.

    The reward is the mean over assets of what `TradingGame` rewards each with; an episode is cut off after
    its days (`truncated`), for a market has no end of its own.
    """

    def __init__(self, game: TradingGame) -> None:
        if game.episodes != 1:
            raise RecipeError(f"an environment is one episode at a time; the game has {game.episodes}")
        self._game = game
        self.observation_space, self.action_space = trading_spaces(game)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A random day among those an episode may begin on, without positions."""
        self._game.begin(torch.from_numpy(self._draw(self._game.beginnings, seed)))
        return self._game.now().numpy(), {}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take positions for a day.

        Raises:
            RecipeError: positions of another shape, or outside [−1, 1]; an episode that is over.
        """
        if not self.action_space.contains(action):
            raise RecipeError(f"trading takes positions of {self.action_space}")
        if self._game.left == 0:
            raise RecipeError("the episode is over: reset the environment before the next step")
        reward = self._game.trade(torch.from_numpy(action))
        return self._game.now().numpy(), float(reward.mean()), False, self._game.left == 0, {}
