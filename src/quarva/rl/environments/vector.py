"""Many agents, or many markets, as one gymnasium environment: one game in torch answers for all of them.

Each sees, is paid and begins as an environment of its own with the seed that `gymnasium.vector.SyncVectorEnv`
would give it. An episode that ended begins anew in the same step (`AutoresetMode.SAME_STEP`): what it ended
on is in `infos["final_obs"]`.
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


class _Many(VectorEnv[Observations, Any, Any]):
    """What both have in common: spaces, seeds, and the word on what ended."""

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
        """Begin all episodes anew.

        Args:
            seed: of the first, whose successors the others get; or one for each. None goes on with the
                streams that are there.

        Raises:
            RecipeError: not as many seeds as environments; a reset of some of them.
        """
        if options and "reset_mask" in options:
            raise RecipeError("episodes begin anew by themselves where they end: leave reset_mask out")
        if seed is not None or self._streams is None:
            seeds = [seed] * self.num_envs if seed is None else seed
            if isinstance(seeds, int):
                seeds = [seeds + k for k in range(self.num_envs)]
            if len(seeds) != self.num_envs:
                raise RecipeError(f"there are {self.num_envs} environments and {len(seeds)} seeds")
            self._streams = Streams.of(seeds)
        return self._begin(self._streams), {}

    def step(self, actions: Any) -> Stepped:
        """Act in all of them.

        Raises:
            RecipeError: actions outside the action space; no reset before.
        """
        if self._streams is None:
            raise RecipeError("reset the environments before the first step")
        if not self.action_space.contains(actions):
            raise RecipeError(f"{type(self).__name__} takes actions of {self.action_space}")
        seen, reward, terminated, truncated = self._act(torch.from_numpy(actions))
        every = np.ones(self.num_envs, np.bool_)
        infos: dict[str, Any] = {}
        if terminated or truncated:  # all end together
            last = np.empty(self.num_envs, object)
            last[:] = list(seen)
            infos = {"final_obs": last, "_final_obs": every, "final_info": {}, "_final_info": every.copy()}
            seen = self._begin(self._streams)
        return seen, reward, every & terminated, every & truncated, infos

    def _begin(self, streams: Streams) -> Observations:
        """Begin all episodes where the streams say; what is seen there."""
        raise NotImplementedError

    def _act(self, actions: torch.Tensor) -> tuple[Observations, NDArray[np.float64], bool, bool]:
        """What is seen and paid after actions, and whether all episodes are terminated or truncated."""
        raise NotImplementedError


class LineVectorEnv(_Many):
    """`LineEnv` many times over; actions are [K, 1], or numbers [K] where they are discrete."""

    def __init__(self, num_envs: int = 1, *, discrete: bool = False, **game: Any) -> None:
        self._game, self._discrete = LineGame(**game), discrete
        super().__init__(num_envs, line_spaces(self._game, discrete))
        self._at = torch.zeros(num_envs, dtype=torch.int64)

    def _begin(self, streams: Streams) -> Observations:
        self._at = torch.from_numpy(streams.draw(self._game.agents))
        return self._game.seen[self._at].numpy()

    def _act(self, actions: torch.Tensor) -> tuple[Observations, NDArray[np.float64], bool, bool]:
        answers = self._game.actions[actions] if self._discrete else actions[:, 0]
        reward = self._game.pay(answers, self._at)
        return self._game.seen[self._at].numpy(), reward.double().numpy(), True, False


class TradingVectorEnv(_Many):
    """`TradingEnv` many times over, the game's episodes: [K, N, S·F + 1] in, positions [K, N] out."""

    def __init__(self, game: TradingGame) -> None:
        self._game = game
        super().__init__(game.episodes, trading_spaces(game))

    def _begin(self, streams: Streams) -> Observations:
        self._game.begin(torch.from_numpy(streams.draw(self._game.beginnings)))
        return self._seen()

    def _act(self, actions: torch.Tensor) -> tuple[Observations, NDArray[np.float64], bool, bool]:
        reward = self._game.trade(actions).reshape(self.num_envs, self._game.assets)
        return self._seen(), reward.mean(1).double().numpy(), False, self._game.left == 0

    def _seen(self) -> Observations:
        return self._game.now().reshape(self.num_envs, self._game.assets, -1).numpy()
