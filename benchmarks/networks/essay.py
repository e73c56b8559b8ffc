"""Repeat the essay's two comparisons: y = 2x + 3 by regression and by reward, and the noisy sine.

    python benchmarks/networks/essay.py --out benchmarks/results/essay.md

There are ten seeds each; pictures are written to docs/essay. A run takes about a second on one thread.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from quarva.rl import DQN, NAF, Dueling, LineGame, PolicyGradient
from quarva.rl.dqn import greedy_action
from quarva.rl.naf import Constant

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables

UPDATES, LOOK = 900, 9  # updates of a fit, and between two measurements of its error
TERMS = {"rate": 0.01, "betas": (0.9, 0.95)}
PRINTED = {"regression": 4.500810973695479e-06, "reward": 2.242411756014917e-05, "sine": 0.013072483241558075}
Errors = list[float]


def network(outputs: int = 1) -> nn.Sequential:
    """Return the essay's network, 1 → 64 → 64 → outputs."""
    return nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


def error(answers: Tensor, game: LineGame) -> float:
    return float(((answers - game.y) ** 2).mean())


def regression(seed: int, *, rate: float = 0.01, betas=(0.9, 0.95), falling: bool = True) -> Errors:
    """Fit the full batch by Adam; return the squared error after each ninth update."""
    torch.manual_seed(seed)
    game, model = LineGame(), network()
    optimiser = torch.optim.Adam(model.parameters(), rate, betas=betas)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, UPDATES)
    errors, look = watched(game, lambda: model(game.x)[:, 0])
    for update in range(1, UPDATES + 1):
        loss = ((model(game.x)[:, 0] - game.y) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if falling:
            schedule.step()
        look(update, 0.0)
    return errors


def watched(game: LineGame, greedy: Callable[[], Tensor]) -> tuple[Errors, Callable[[int, float], None]]:
    """Return a list and a callback that appends the squared error of the greedy answers to it."""
    errors: Errors = []

    def look(update: int, _: float) -> None:
        if update % LOOK == 0:
            errors.append(error(greedy().detach(), game))

    return errors, look


def continuous(seed: int) -> Errors:
    torch.manual_seed(seed)
    game, model = LineGame(), network()
    errors, seen = watched(game, lambda: model(game.x)[:, 0])
    naf = NAF(updates=UPDATES, noise=1.0, gamma=0.0, seed=seed, **TERMS)
    naf.learn(game, model, Constant(), Constant(0.54), seen)
    return errors


def gradient(seed: int) -> Errors:
    torch.manual_seed(seed)
    game, model = LineGame(copies=2), network()
    errors, seen = watched(game, lambda: model(game.x)[:, 0])
    learner = PolicyGradient(
        updates=UPDATES, std=1.0, final_std=1.0, antithetic=True, gamma=0.0, seed=seed, **TERMS
    )
    learner.learn(game, model, Constant(), seen)
    return errors


@cache
def both(seed: int, actions: int, dueling: bool, updates: int) -> tuple[Errors, Errors]:
    """Train DQN on each action at each point; return errors of the best action and of its interpolation."""
    torch.manual_seed(seed)
    game = LineGame(copies=actions, actions=actions)
    values = Dueling(network(), network(actions)) if dueling else network(actions)
    points = LineGame()
    own, own_look = watched(points, lambda: greedy_action(values, points.x, game.actions))
    between, between_look = watched(
        points, lambda: greedy_action(values, points.x, game.actions, interpolate=True)
    )

    def look(update: int, loss: float) -> None:
        own_look(update, loss)
        between_look(update, loss)

    learner = DQN(updates=updates, batch=0, explore="all_actions", gamma=0.0, seed=seed, **TERMS)
    learner.learn(game, values, look)
    return own, between


def grid(seed: int, actions: int, dueling: bool, between: bool, updates: int = UPDATES) -> Errors:
    return both(seed, actions, dueling, updates)[between]


def sine(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return windows of 5 and their next values, of the essay's series and of `samples` values after it."""
    np.random.seed(42)  # noqa: NPY002  # the essay's own numbers
    x = np.linspace(0, 100, 200)
    y = np.sin(x) + np.random.normal(0, 0.1, 200)  # noqa: NPY002
    later = 100 + (x[1] - x[0]) * np.arange(1, samples + 1)
    y = np.concatenate([y, np.sin(later) + np.random.normal(0, 0.1, samples)])  # noqa: NPY002
    return np.lib.stride_tricks.sliding_window_view(y, 6)[:, :5].copy(), y[5:]


class Essay1D(nn.Module):
    """The essay's convolution; the input size of the dense layer is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 16, 2), nn.ReLU(), nn.Conv1d(16, 32, 2), nn.ReLU(), nn.Flatten()
        )
        flat = self.body(torch.zeros(1, 1, 5)).shape[1]
        self.head = nn.Sequential(nn.Linear(flat, 50), nn.ReLU(), nn.Linear(50, 1))

    def forward(self, windows: Tensor) -> Tensor:
        return self.head(self.body(windows))


def convolution(
    seed: int, rate: float, betas=(0.9, 0.999), falling: bool = False
) -> tuple[float, float, np.ndarray]:
    """Return the loss at epoch 90, the error out of sample after 100 epochs, and the predictions there."""
    torch.manual_seed(seed)
    windows, target = sine(100)
    x, y = torch.FloatTensor(windows).unsqueeze(1), torch.FloatTensor(target).unsqueeze(1)
    known = 195
    model = Essay1D()
    optimiser = torch.optim.Adam(model.parameters(), rate, betas=betas)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 100)
    errors = []
    for _ in range(100):
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(model(x[:known]), y[:known])
        loss.backward()
        optimiser.step()
        errors.append(float(loss.detach()))
        if falling:
            schedule.step()
    with torch.no_grad():
        answers = model(x[known:])[:, 0].numpy()
    return errors[90], float(np.mean((answers - target[known:]) ** 2)), answers


def rivals() -> dict[str, tuple[float, float, np.ndarray]]:
    """Return errors in and out of sample, and predictions, of the last value, a linear model and the sine."""
    windows, target = sine(100)
    known = 195
    inputs = np.column_stack([windows, np.ones(len(windows))])
    weights = np.linalg.lstsq(inputs[:known], target[:known], rcond=None)[0]
    x = (np.arange(300) * (100 / 199))[5:]
    out = {
        "last value": windows[:, -1],
        "linear autoregression": inputs @ weights,
        "the sine itself": np.sin(x),
    }
    return {
        name: (
            float(np.mean((each[:known] - target[:known]) ** 2)),
            float(np.mean((each[known:] - target[known:]) ** 2)),
            each[known:],
        )
        for name, each in out.items()
    }


def line_table(seeds: int) -> tuple[str, dict[str, list[Errors]]]:
    ways: dict[str, tuple[int, Callable[[int], Errors]]] = {
        "regression, as in the essay (Adam 0.01)": (
            0, lambda s: regression(s, betas=(0.9, 0.999), falling=False),
        ),
        "regression": (0, regression),
        "NAF, the same network": (100, continuous),
        "policy gradient, the same network": (200, gradient),
        "DQN, 3 actions, interpolated": (300, lambda s: grid(s, 3, True, True)),
        "DQN, 3 actions, interpolated, one stream": (300, lambda s: grid(s, 3, False, True)),
        "DQN, 3 actions, interpolated, one stream, 9,000 updates": (
            300, lambda s: grid(s, 3, False, True, 9_000),
        ),
        "DQN, 47 actions, interpolated": (4_700, lambda s: grid(s, 47, True, True)),
        "DQN, 47 actions": (4_700, lambda s: grid(s, 47, True, False)),
    }  # fmt: skip
    rows, kept = [], {}
    for name, (steps, way) in ways.items():
        some = range(seeds)
        kept[name] = [way(seed) for seed in some]
        last = [errors[-1] for errors in kept[name]]
        bar = PRINTED["reward" if steps else "regression"]
        curve = np.median(kept[name], axis=0)
        first = LOOK * (int(np.argmax(curve <= bar)) + 1) if (curve <= bar).any() else None
        updates = LOOK * len(kept[name][0])
        rows.append([
            name, f"{len(some)}", f"{updates:,}", f"{steps * updates:,}" if steps else "–",
            f"{statistics.median(last):.2e}", f"{min(last):.2e}", f"{max(last):.2e}", f"{bar:.2e}",
            "–" if first is None else f"{first:,}",
        ])  # fmt: skip
        print(*rows[-1], file=sys.stderr)
    header = ["learner", "seeds", "updates", "steps of the game", "median", "best", "worst", "printed",
              "updates to the printed one"]  # fmt: skip
    return tables.table(header, rows), kept


def sine_table(seeds: int) -> tuple[str, list[np.ndarray]]:
    rows = []
    answers: list[np.ndarray] = []
    for name, given in (
        ("convolution, as in the essay (Adam 0.001)", {"rate": 1e-3}),
        ("convolution, Adam 0.003", {"rate": 3e-3}),
        ("convolution, Adam 0.01, cosine", {"rate": 1e-2, "betas": (0.9, 0.95), "falling": True}),
    ):
        runs = [convolution(seed, **given) for seed in range(seeds)]
        inside, outside = ([run[k] for run in runs] for k in (0, 1))
        answers = answers or [run[2] for run in runs]
        rows.append([
            name, f"{statistics.median(inside):.5f}", f"{min(inside):.5f}", f"{max(inside):.5f}",
            f"{statistics.median(outside):.5f}", f"{min(outside):.5f}", f"{max(outside):.5f}",
        ])  # fmt: skip
        print(*rows[-1], file=sys.stderr)
    for name, (inside, outside, _) in rivals().items():
        rows.append([name, f"{inside:.5f}", "–", "–", f"{outside:.5f}", "–", "–"])
    header = ["model", "epoch 90, median", "best", "worst", "out of sample, median", "best", "worst"]
    return tables.table(header, rows), answers


def draw_line(kept: dict[str, list[Errors]], path: Path) -> None:
    """Draw the squared error against updates: the median and the range over seeds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    shown = {
        "regression": "#1f77b4", "NAF, the same network": "#d62728",
        "policy gradient, the same network": "#9467bd", "DQN, 3 actions, interpolated": "#2ca02c",
        "DQN, 47 actions": "#8c8c8c",
    }  # fmt: skip
    for name, colour in shown.items():
        runs = np.array(kept[name])
        x = LOOK * (1 + np.arange(runs.shape[1]))
        axes.fill_between(x, runs.min(0), runs.max(0), color=colour, alpha=0.15, lw=0)
        axes.plot(x, np.median(runs, axis=0), color=colour, label=name)
    for name, value in (("regression", PRINTED["regression"]), ("reward", PRINTED["reward"])):
        axes.axhline(value, color="black", lw=0.8, ls=":" if name == "reward" else "--")
        axes.text(UPDATES, value, f" printed, {name}", va="center", fontsize=8)
    axes.set(
        yscale="log", xlabel="updates", ylabel="mean squared error of the greedy answer", xlim=(0, UPDATES)
    )
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def draw_sine(answers: list[np.ndarray], path: Path) -> None:
    """Draw the predictions out of sample, and the errors beside the noise."""
    from matplotlib.figure import Figure

    _, target = sine(100)
    others = rivals()
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 1.3))
    left.plot(target[195:255], ".", color="black", label="noisy sine")
    left.plot(np.median(answers, axis=0)[:60], color="#d62728", label="1-D convolution")
    left.plot(others["linear autoregression"][2][:60], color="#1f77b4", label="linear autoregression")
    left.plot(others["last value"][2][:60], color="#8c8c8c", lw=0.8, label="last value")
    left.set(xlabel="samples after the last one of training", ylabel="value", ylim=(-1.25, 1.5))
    left.legend(frameon=False, fontsize=8, loc="upper left", ncols=4, columnspacing=1.0, borderpad=0)
    errors = {"convolution": float(np.median([np.mean((each - target[195:]) ** 2) for each in answers]))}
    errors |= {name: each[1] for name, each in others.items() if name != "the sine itself"}
    right.barh(list(errors), list(errors.values()), color=["#d62728", "#8c8c8c", "#1f77b4"])
    right.axvline(0.01, color="black", lw=0.8, ls="--")
    right.text(0.01, 2.6, " noise, 0.01", fontsize=8)
    right.set(xlabel="squared error, out of sample", xlim=(0, 0.16))
    right.tick_params(labelsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


HOW = """\
First table: 100 points in [−10, 10], full batch, the essay's network. DQN has one network for the values of
the actions; a dueling DQN has another for the value of the state. The table has the squared error of the
greedy action after the last update. The printed value is the essay's at update 900, whose listing for
reinforcement learning repeats the one for regression. Steps of the game: actions that were rewarded. Updates
to the printed one: updates until the median over seeds was at or below it. Interpolated: the maximum of the
parabola through the best action and its neighbours. Second table: the essay's series, network and 100 epochs;
the out-of-sample data are the next 100 samples, with new noise. The variance of the noise is 0.01."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--pictures", type=Path, default=Path("docs/essay"))
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    sines, answers = sine_table(chosen.seeds)
    lines, kept = line_table(chosen.seeds)
    draw_line(kept, chosen.pictures / "line.png")
    draw_sine(answers, chosen.pictures / "sine.png")
    tables.write(
        chosen.out,
        "The essay's comparisons",
        [lines, sines, tables.prose(HOW)],
        command=tables.command_line([]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'torch')}",
    )


if __name__ == "__main__":
    main()
