"""The games as gymnasium environments, for learners of other libraries.

Importing this module registers `quarva/Line-v0` and `quarva/Trading-v0`. `gymnasium.make` creates an
environment for one agent or one market. `gymnasium.make_vec` creates many as one game in torch, which are
computed together.
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
    """Create `quarva/Trading-v0`: one market on the training days of a task.

    Parameters
    ----------
    task : Task, optional
        The task. Defaults to one on the sample panel.
    **game
        Further arguments of `TradingGame.for_task`.
    """
    return TradingEnv(TradingGame.for_task(task or Task(sample_panel()), **game))


def trade_many(num_envs: int = 1, task: Task | None = None, **game: Any) -> TradingVectorEnv:
    """Create `num_envs` markets as one environment; other arguments as in `trade`."""
    return TradingVectorEnv(TradingGame.for_task(task or Task(sample_panel()), episodes=num_envs, **game))


def _register() -> None:
    if "quarva/Line-v0" not in gymnasium.registry:
        gymnasium.register("quarva/Line-v0", LineEnv, vector_entry_point=LineVectorEnv)
        gymnasium.register("quarva/Trading-v0", trade, vector_entry_point=trade_many)


_register()
