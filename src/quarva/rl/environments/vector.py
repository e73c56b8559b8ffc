"""Vector environments: many agents or markets that one game in torch computes together.

Each environment behaves like a single one with the seed that `gymnasium.vector.SyncVectorEnv` would give it.
Episodes restart in the same step (`AutoresetMode.SAME_STEP`), with the last observation in
`infos["final_obs"]`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from quarva.errors import RecipeError
from quarva.rl.environments.single import line_spaces, trading_spaces
from quarva.rl.environments.streams import Streams
from quarva.rl.line import LineGame
from quarva.rl.trading import TradingGame

__all__ = ["LineVectorEnv", "TradingVectorEnv"]

Observations = NDArray[np.float32]
Stepped = tuple[Observations, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]


class _Vector(VectorEnv[Observations, Any, Any]):
    """Base class: spaces, seeds, and the information about finished episodes."""

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int, spaces: tuple[Any, Any]) -> None:
        if num_envs < 1:
            raise RecipeError(f"num_envs must be 1 or more, not {num_envs}")
        self.num_envs = num_envs
        self.single_observation_space, self.single_action_space = spaces
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._streams: Streams | None = None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Start all episodes.

        Parameters
        ----------
        seed : int or sequence of int, optional
            One seed per environment, or the seed of the first, with consecutive numbers for the others. By
            default the random streams continue.
        options : dict, optional
            Not used; `reset_mask` is refused.

        Returns
        -------
        observations : ndarray of float32
            Observations of all environments.
        infos : dict
            Empty.

        Raises
        ------
        RecipeError
            The number of seeds differs from the number of environments, or `reset_mask` is given.
        """
        if options and "reset_mask" in options:
            raise RecipeError("finished episodes restart automatically; leave reset_mask out")
        if seed is not None or self._streams is None:
            seeds = [seed] * self.num_envs if seed is None else seed
            if isinstance(seeds, int):
                seeds = [seeds + k for k in range(self.num_envs)]
            if len(seeds) != self.num_envs:
                raise RecipeError(
                    f"{len(seeds)} seeds for {self.num_envs} environments; give one for each, or a single one"
                )
            self._streams = Streams.from_seeds(seeds)
        return self._begin(self._streams), {}

    def step(self, actions: Any) -> Stepped:
        """Take an action in each environment.

        Parameters
        ----------
        actions : ndarray
            Actions in the action space.

        Returns
        -------
        observations, rewards, terminated, truncated, infos
            As gymnasium defines them; rewards are float64 of shape (num_envs,).

        Raises
        ------
        RecipeError
            The actions are outside the action space, or the environments were not reset.
        """
        if self._streams is None:
            raise RecipeError("reset the environments before the first step")
        if not self.action_space.contains(actions):
            raise RecipeError(f"{type(self).__name__}: actions must be in {self.action_space}")
        observations, reward, terminated, truncated = self._act(torch.from_numpy(actions))
        every = np.ones(self.num_envs, np.bool_)
        infos: dict[str, Any] = {}
        if terminated or truncated:  # all episodes end in the same step
            last = np.empty(self.num_envs, object)
            last[:] = list(observations)
            infos = {"final_obs": last, "_final_obs": every, "final_info": {}, "_final_info": every.copy()}
            observations = self._begin(self._streams)
        return observations, reward, every & terminated, every & truncated, infos

    def _begin(self, streams: Streams) -> Observations:
        """Start all episodes as drawn from the streams and return the observations."""
        raise NotImplementedError

    def _act(self, actions: torch.Tensor) -> tuple[Observations, NDArray[np.float64], bool, bool]:
        """Observations and rewards after actions, and whether all episodes are terminated or truncated."""
        raise NotImplementedError


class LineVectorEnv(_Vector):
    """K environments `LineEnv`. Actions have shape (K, 1), or are indices of shape (K,) if discrete."""

    def __init__(self, num_envs: int = 1, *, discrete: bool = False, **game: Any) -> None:
        self._game, self._discrete = LineGame(**game), discrete
        super().__init__(num_envs, line_spaces(self._game, discrete))
        self._agents = torch.zeros(num_envs, dtype=torch.int64)

    def _begin(self, streams: Streams) -> Observations:
        self._agents = torch.from_numpy(streams.draw(self._game.agents))
        return self._game.x[self._agents].numpy()

    def _act(self, actions: torch.Tensor) -> tuple[Observations, NDArray[np.float64], bool, bool]:
        values = self._game.actions[actions] if self._discrete else actions[:, 0]
        reward = self._game.reward(values, self._agents)
        return self._game.x[self._agents].numpy(), reward.double().numpy(), True, False


class TradingVectorEnv(_Vector):
    """K environments `TradingEnv`, with observations of shape (K, N, S · F + 1) and actions (K, N)."""

    def __init__(self, game: TradingGame) -> None:
        self._game = game
        super().__init__(game.episodes, trading_spaces(game))

    def _begin(self, streams: Streams) -> Observations:
        self._game.begin(torch.from_numpy(streams.draw(self._game.start_count)))
        return self._observations()

    def _act(self, actions: torch.Tensor) -> tuple[Observations, NDArray[np.float64], bool, bool]:
        reward = self._game.trade(actions).reshape(self.num_envs, self._game.assets)
        return self._observations(), reward.mean(1).double().numpy(), False, self._game.days_left == 0

    def _observations(self) -> Observations:
        return self._game.observe().reshape(self.num_envs, self._game.assets, -1).numpy()
