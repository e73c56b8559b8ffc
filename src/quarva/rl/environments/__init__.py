"""The games as gymnasium environments, for whoever brings a learner of another library.

Importing this registers `quarva/Line-v0` and `quarva/Trading-v0`: `gymnasium.make` gives one agent, or one
whole market, and `gymnasium.make_vec` many of them as one game in torch, not one after the other.
"""

from typing import Any

from quarva._runtime.extras import import_extra
from quarva.panel import sample_panel
from quarva.rl.trading import TradingGame
from quarva.tasks import Task

gymnasium = import_extra("gymnasium", "gym", "quarva.rl.environments")

from quarva.rl.environments.single import LineEnv, TradingEnv  # noqa: E402  # after the message above
from quarva.rl.environments.vector import LineVectorEnv, TradingVectorEnv  # noqa: E402

__all__ = ["LineEnv", "LineVectorEnv", "TradingEnv", "TradingVectorEnv", "trade", "trade_many"]


def trade(task: Task | None = None, **game: Any) -> TradingEnv:
    """`quarva/Trading-v0`: the training days of a task, of the sample panel where there is none.

    game: see `TradingGame.of`.
    """
    return TradingEnv(TradingGame.of(task or Task(sample_panel()), **game))


def trade_many(num_envs: int = 1, task: Task | None = None, **game: Any) -> TradingVectorEnv:
    """The same with so many episodes side by side."""
    return TradingVectorEnv(TradingGame.of(task or Task(sample_panel()), episodes=num_envs, **game))


def _register() -> None:
    if "quarva/Line-v0" not in gymnasium.registry:
        gymnasium.register("quarva/Line-v0", LineEnv, vector_entry_point=LineVectorEnv)
        gymnasium.register("quarva/Trading-v0", trade, vector_entry_point=trade_many)


_register()
