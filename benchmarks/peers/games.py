"""DQN of stable-baselines3 and of Quarva on the line game: steps per second, and error after equal steps.

`networks/networks.py` runs this with a Python that has stable-baselines3 and quarva; it prints a JSON object.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables

STEPS, ACTIONS, SEEDS = 20_000, 47, 3

__all__ = ["compared"]


def theirs(seed: int) -> tuple[float, float]:
    """Return steps per second and the squared error of the greedy answers, with the library's defaults."""
    from stable_baselines3 import DQN  # type: ignore[import-not-found]

    from quarva.rl import LineGame
    from quarva.rl.environments import LineEnv

    game = LineGame(actions=ACTIONS)
    model = DQN("MlpPolicy", LineEnv(discrete=True, actions=ACTIONS), seed=seed, device="cpu", gamma=0.0)
    began = time.perf_counter()
    model.learn(STEPS)
    seconds = time.perf_counter() - began
    chosen, _ = model.predict(game.x.numpy(), deterministic=True)
    error = float(((game.actions[torch.as_tensor(chosen)] - game.y) ** 2).mean())
    return STEPS / seconds, error


def ours(seed: int) -> tuple[float, float]:
    """Return the same for Quarva's DQN with the same network and steps; a hundred agents act at once."""
    from quarva.rl import DQN, LineGame
    from quarva.rl.dqn import greedy_action

    torch.manual_seed(seed)
    game = LineGame(actions=ACTIONS)
    values = nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, ACTIONS))
    learner = DQN(
        updates=STEPS // game.agents,
        batch=1_000,
        rate=0.01,
        betas=(0.9, 0.95),
        gamma=0.0,
        final_epsilon=0.3,
        seed=seed,
    )
    began = time.perf_counter()
    learner.learn(game, values)
    seconds = time.perf_counter() - began
    error = float(((greedy_action(values, game.x, game.actions) - game.y) ** 2).mean())
    return STEPS / seconds, error


def compared(python: Path) -> str:
    """Return a table of both on this machine."""
    done = subprocess.run([str(python), str(Path(__file__))], capture_output=True, text=True, check=True)
    others = json.loads(done.stdout.splitlines()[-1])
    mine = [ours(seed) for seed in range(SEEDS)]
    rows = [_row("quarva", mine), _row(f"stable-baselines3 {others['version']}", others["runs"])]
    header = [
        "DQN on line, 47 actions",
        "steps",
        "steps per second",
        "squared error, median",
        "best",
        "worst",
    ]
    return tables.table(header, rows)


def _row(name: str, runs: list[tuple[float, float]]) -> list[str]:
    errors = [run[1] for run in runs]
    return [
        name, f"{STEPS:,}", f"{statistics.median(run[0] for run in runs):,.0f}",
        f"{statistics.median(errors):.3g}", f"{min(errors):.3g}", f"{max(errors):.3g}",
    ]  # fmt: skip


if __name__ == "__main__":
    import stable_baselines3

    torch.set_num_threads(1)
    runs = [theirs(seed) for seed in range(SEEDS)]
    sys.stdout.write(json.dumps({"version": stable_baselines3.__version__, "runs": runs}) + "\n")
