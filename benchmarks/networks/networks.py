"""Small networks: training many at once, speed of games, and results on planted formulas and on noise.

    python benchmarks/networks/networks.py --parts many,games,noise --out benchmarks/results/networks.md
    python benchmarks/networks/networks.py --parts games --peer-python PYTHON_WITH_STABLE_BASELINES3

`many`: 1,000 networks 5 → 16 → 1 on the windows of 498 assets, compared with a loop of single fits. `games`:
steps per second of the line game and the trading game. `planted`: a formula that no linear model explains.
`noise`: 20 panels without signal, and how often a network nevertheless seems to beat its baselines.
"""

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from quarva.comparison.registry import made
from quarva.networks import LOSSES, Learner, Windows
from quarva.networks.data.samples import Samples
from quarva.networks.models.models import Dense
from quarva.networks.models.stack import Stack
from quarva.rl import LineGame, TradingGame
from quarva.scenarios.simulate import simulate
from quarva.tasks import Task

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables
from peers.games import compared

ASSETS, DAYS = 498, 1_000
PARTS = ("many", "games", "planted", "noise")
PLANT = "abs(pct_change(close, 1)) * sign((close - low) / (high - low) - 0.5)"


def say(*what: object) -> None:
    print(*what, file=sys.stderr, flush=True)


def network() -> nn.Module:
    return Dense(1, 5, 1, width=16, depth=1)


def one_by_one(samples: Samples, batches: list[torch.Tensor], members: int) -> tuple[float, list[float]]:
    """Return the seconds per fit of a plain loop, and the last losses."""
    losses = []
    began = time.perf_counter()
    for seed in range(members):
        torch.manual_seed(seed)
        model = network()
        optimiser = torch.optim.AdamW(model.parameters(), 1e-3)
        for chosen in batches:
            windows, target, _ = samples.batch(chosen, "features")
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(model(windows)[:, 0], target)
            loss.backward()
            optimiser.step()
        losses.append(float(loss.detach()))
    return (time.perf_counter() - began) / members, losses


def as_one(
    samples: Samples, batches: list[torch.Tensor], members: int, together: int
) -> tuple[float, list[float]]:
    """Return the same for stacks of `together` networks."""
    losses: list[float] = []
    began = time.perf_counter()
    for first in range(0, members, together):
        stack = Stack.from_seeds(network, range(first, min(first + together, members)))
        optimiser = torch.optim.AdamW(stack.weights.values(), 1e-3)
        for chosen in batches:
            windows, target, day = samples.batch(chosen, "features")
            optimiser.zero_grad()
            loss = LOSSES["mse"](stack(windows, True), target, day)
            loss.sum().backward()
            optimiser.step()
        losses += loss.detach().tolist()
    return (time.perf_counter() - began) / members, losses


def many(members: int, steps: int) -> str:
    panel = simulate(ASSETS, DAYS, seed=0)
    task = Task(panel, "forward_return_1")
    windows = Windows.from_panel(panel, ["pct_change(close, 1)"], 5, task.segments == 0)
    scaled = task.targets[0] / np.nanstd(task.targets[0][task.segments == 0])
    samples = Samples.select(windows, scaled, task.segments == 0, "training")
    rows = []
    torch.set_num_threads(2)
    for batch in (64, 256, 1_024):
        source = torch.Generator().manual_seed(0)
        batches = [torch.randint(len(samples), (batch,), generator=source) for _ in range(steps)]
        one_by_one(samples, batches[:5], 3)
        loops = [one_by_one(samples, batches, 10) for _ in range(3)]
        loop = min(seconds for seconds, _ in loops)
        for together in (250, members):
            as_one(samples, batches[:2], min(members, together), together)
            seconds, losses = as_one(samples, batches, members, together)
            apart = max(abs(a - b) for a, b in zip(losses, loops[0][1], strict=False))
            rows.append([
                f"{batch:,}", f"{together:,}", f"{loop / steps * 1e6:,.0f}", f"{seconds / steps * 1e6:,.1f}",
                f"{loop / seconds:.1f}x", f"{apart:.1e}",
            ])  # fmt: skip
            say("many", *rows[-1])
    header = ["windows per step", "networks at once", "loop, µs per step", "stack, µs per step",
    "faster",
              "largest difference of losses"]  # fmt: skip
    return tables.table(header, rows)


def rate(step, many: int, seconds: float = 2.0) -> float:
    """Return the steps per second; a call of `step` makes `many` steps."""
    step()
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        done += many
    return done / (time.perf_counter() - began)


def games(peer: Path | None) -> list[str]:
    torch.set_num_threads(2)
    source = torch.Generator().manual_seed(0)
    line = LineGame(copies=10)
    line.reset(source)
    answers = torch.rand(line.agents) * 40 - 17
    rows = [
        ["line, 1,000 agents", "steps of an agent", f"{rate(lambda: line.step(answers), line.agents):,.0f}"]
    ]
    panel = simulate(ASSETS, DAYS, seed=0)
    features = ["pct_change(close, 1)", "(close - low) / (high - low)"]
    windows = Windows.from_panel(panel, features, 10, np.ones(DAYS, bool))
    for episodes in (1, 8):
        trading = TradingGame(panel, windows, np.ones(DAYS, bool), episodes=episodes, length=250)
        trading.reset(source)
        positions = torch.sign(torch.randn(trading.agents))
        rows.append([
            f"trading, {ASSETS} assets, 2 features × 10 days, {episodes} episodes at once",
            "steps of the whole market", f"{rate(lambda: trading.step(positions), episodes):,.0f}",  # noqa: B023
        ])  # fmt: skip
    for row in rows:
        say("games", *row)
    out = [tables.table(["game", "unit", "per second"], rows)]
    if peer is not None:
        out.append(compared(peer))
    return out


NAMES = ("random", "gep", "blend", "dense", "conv1d", "tcn", "gru", "transformer", "dqn", "naf", "gradient")


def planted(seeds: int) -> str:
    import quarva as qv

    rows = []
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(seeds):
        panel = simulate(100, DAYS, seed=seed, plant=PLANT, ic=0.1)
        task = Task(panel, "forward_return_1")
        for name in NAMES:
            way = made(name)[1]
            if hasattr(way, "fit"):
                began = time.perf_counter()
                fitted = replace(way, seed=seed).fit(task, progress=lambda *_: None)
                figures = fitted.train, fitted.validation, time.perf_counter() - began
            else:
                run = qv.search(task, name, budget=20_000, seed=seed, progress=False)
                figures = run.best.train, run.best.validation, run.seconds
            found.setdefault(name, []).append(figures)
            say("planted", seed, name, *(f"{each:.4f}" for each in figures))
    for name, runs in found.items():
        train, validation, seconds = (statistics.median(run[k] for run in runs) for k in range(3))
        worst = min(run[1] for run in runs)
        rows.append([name, f"{train:.4f}", f"{validation:.4f}", f"{worst:.4f}", f"{seconds:.1f}"])
    header = ["learner", "IC in training", "IC in validation, median", "worst", "seconds"]
    return tables.table(header, rows)


def noise(panels: int) -> str:
    rows = []
    for name, loss in (("dense", None), ("conv1d", None), ("gru", None), ("dense", "ic")):
        beats, ics, apart = 0, [], []
        for seed in range(panels):
            task = Task(simulate(50, 500, seed=1_000 + seed), "forward_return_1")
            fitted = Learner(name, loss=loss, seed=seed, epochs=15).fit(task, progress=False)
            beats += not fitted.beaten_by
            ics.append(fitted.validation)
            sign = 1.0 if fitted.encoding.minimised else -1.0
            best = min(sign * each for each in fitted.baselines.values())
            gain = best - sign * fitted.metric
            apart.append(gain / best if fitted.encoding.minimised else gain)
        there = [each for each in ics if each == each]
        error = statistics.stdev(there) / len(there) ** 0.5
        rows.append([
            name + (f", loss {loss}" if loss else ""), f"{beats} of {panels}",
            *(f"{each:+.2%}" if loss is None else f"{each:+.4f}" for each in (statistics.median(apart),
            max(apart))), f"{statistics.mean(there):+.4f} ± {error:.4f}",
        ])  # fmt: skip
        say("noise", *rows[-1])
    header = [
        "network",
        "seems to beat every baseline",
        "margin, median",
        "margin, largest",
        "IC in validation, mean",
    ]
    return tables.table(header, rows)


HOW = {
    "many": """Many: AdamW, {steps} steps on the same windows in the same order, 498 assets × 1,000
    simulated days, 2 threads; a loop of 10 fits, the best of three, compared with {members:,}
    networks in stacks. The difference of losses is that of the last losses of the first ten
    networks.""",
    "games": """Games: 2 threads. The DQN of stable-baselines3 runs on 1 thread and Quarva's on 2, with the
    same network and the same number of steps, each with its own settings.""",
    "planted": """Planted: 100 assets × 1,000 days, `{plant}` at an IC of 0.1, {seeds} seeds; searches
    of formulas have 20,000 evaluations, networks and traders their defaults; the objective
    is the mean daily IC of the one-day forward return.""",
    "noise": """Noise: {panels} panels of 50 assets × 500 days without signal. The margin is the relative
    reduction of the squared error in validation against the best baseline, or the gain in
    rank IC. IC: mean over panels and its standard error.""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--parts", type=lambda text: text.split(","), default=["many", "games", "planted", "noise"]
    )
    parser.add_argument("--members", type=int, default=1_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--panels", type=int, default=20)
    parser.add_argument("--peer-python", type=Path, help="a Python that has stable-baselines3")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    made_parts: list[str] = []
    for part in chosen.parts:
        if part == "many":
            made_parts.append(many(chosen.members, chosen.steps))
        elif part == "games":
            made_parts += games(chosen.peer_python)
        elif part == "planted":
            made_parts.append(planted(chosen.seeds))
        elif part == "noise":
            made_parts.append(noise(chosen.panels))
        else:
            parser.error(f"--parts: {', '.join(PARTS)}, not {part}")
    how = " ".join(HOW[part] for part in chosen.parts).format(
        steps=chosen.steps, members=chosen.members, plant=PLANT, seeds=chosen.seeds, panels=chosen.panels
    )
    tables.write(
        chosen.out,
        "Small networks",
        [*made_parts, tables.prose(how)],
        command=tables.command_line(["--peer-python"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'torch', 'gymnasium')}",
    )


if __name__ == "__main__":
    main()
