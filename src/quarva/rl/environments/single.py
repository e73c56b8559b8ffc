"""Environments for one agent or one market at a time."""

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
    """Observation space and action space of an agent of `line`."""
    action = (
        spaces.Discrete(len(game.actions)) if discrete else spaces.Box(game.low, game.high, (1,), np.float32)
    )
    return spaces.Box(-10.0, 10.0, (1,), np.float32), action


def trading_spaces(game: TradingGame) -> tuple[Space, Space]:
    """Observation space and action space of a market of `trading`."""
    shape = (game.assets, game.observation)
    observation = spaces.Box(-np.inf, np.inf, shape, np.float32)
    return observation, spaces.Box(game.low, game.high, (game.assets,), np.float32)


class _Single(gymnasium.Env[Observation, Any]):
    """Base class that draws the start of each episode from its own random stream."""

    metadata = {"render_modes": []}  # noqa: RUF012  # gymnasium defines the name and type
    _stream: Streams | None = None

    def _draw(self, bound: int, seed: int | None) -> NDArray[np.int64]:
        """Draw a number in [0, bound), int64 of shape (1,), the first of a new stream if a seed is given."""
        super().reset(seed=seed)
        if seed is not None or self._stream is None:
            self._stream = Streams.from_seeds([seed])
        return self._stream.draw(bound)


class LineEnv(_Single):
    """`LineGame` for one agent; an episode is one action.

    Parameters
    ----------
    discrete : bool, default False
        Whether actions are indices of the game's evenly spaced actions, as DQN requires, or values.
    **game
        Arguments of `LineGame`.
    """

    def __init__(self, *, discrete: bool = False, **game: Any) -> None:
        line = LineGame(**game)
        self._discrete = discrete
        self.observation_space, self.action_space = line_spaces(line, discrete)
        # For one agent, the overhead of torch calls exceeds the computation.
        self._x, self._y = line.x.numpy(), line.y.tolist()
        self._actions = line.actions.tolist()
        self._point = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a random point and return its x, float32 of shape (1,)."""
        self._point = int(self._draw(len(self._x), seed)[0])
        return self._x[self._point].copy(), {}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take an action, which ends the episode.

        Parameters
        ----------
        action : int or array-like of float32, shape (1,)
            An index if the environment is discrete, otherwise a value.

        Raises
        ------
        RecipeError
            The action is outside the action space.
        """
        if not self.action_space.contains(action):
            raise RecipeError(f"line: an action must be in {self.action_space}, not {action!r}")
        value = self._actions[int(action)] if self._discrete else float(action[0])
        return self._x[self._point].copy(), -((value - self._y[self._point]) ** 2), True, False, {}


class TradingEnv(_Single):
    """`TradingGame` for one market.

    An observation has shape (N, S · F + 1), an action consists of N positions, and the reward is the mean of
    the game's rewards over assets. Episodes are truncated after their length, because a market has no end of
    its own.

    Parameters
    ----------
    game : TradingGame
        A game with one episode at a time.

    Raises
    ------
    RecipeError
        The game has several episodes.
    """

    def __init__(self, game: TradingGame) -> None:
        if game.episodes != 1:
            raise RecipeError(f"the game of a single environment must have 1 episode, not {game.episodes}")
        self._game = game
        self.observation_space, self.action_space = trading_spaces(game)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode without positions on a random day and return the observation."""
        self._game.begin(torch.from_numpy(self._draw(self._game.start_count, seed)))
        return self._game.observe().numpy(), {}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take positions for a day.

        Parameters
        ----------
        action : ndarray of float32, shape (N,)
            Positions in [−1, 1].

        Raises
        ------
        RecipeError
            The positions are outside the action space, or the episode is over.
        """
        if not self.action_space.contains(action):
            raise RecipeError(f"trading: positions must be in {self.action_space}; clip or reshape them")
        if self._game.days_left == 0:
            raise RecipeError("the episode is over: reset the environment before the next step")
        reward = self._game.trade(torch.from_numpy(action))
        return self._game.observe().numpy(), float(reward.mean()), False, self._game.days_left == 0, {}
