"""Ablation of the neural generator: one row for each part that is left out or changed.

    python benchmarks/generator/ablation.py --cache FOLDER --out benchmarks/results/ablation.md

The variants are measured on problems of symbolic regression, by exact recovery (see `recovery_run.py`), and
on simulated panels with a planted formula, by recovery of its signal (see `planted.py`). With --cache each
run is kept as it ends; --stop-after SECONDS starts no run later than that, and the table holds the complete
runs.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables
from measuring.medians import median_of, shown
from measuring.run_cache import cached, code_version
from searchers.planted import FOUND, likeness, signals
from searchers.problems import problems
from searchers.recovery_run import Job, work

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "no learning": {"learning_rate": 0.0},
    "no rewriting": {"rewrite": 0.0},
    "no rewriting, no learning": {"rewrite": 0.0, "learning_rate": 0.0},
    "pg only: risk-seeking": {"objective": "pg"},
    "rank only": {"objective": "rank"},
    "pqt only: priority queue": {"objective": "pqt"},
    "tb only: trajectory balance": {"objective": "tb"},
    "rank and pqt": {"objective": "rank+pqt"},
    "no entropy": {"entropy": 0.0},
    "equal entropy at all positions": {"entropy_decay": 1.0},
    "no prior over length": {"spread": 0.0},
    "no rules of the grammar": {"rules": ""},
    "no restarts": {"patience": 0},
    "transformer": {"body": "transformer"},
}
PLANT, ASSETS, DAYS, IC = "rank(delta(close, 5)) * rank(volume / mean(volume, 20))", 100, 400, 0.15

HOW = """
Each row changes only what it names. Symbolic: {names}, Koza's functions, at most {budget:,} evaluations,
{seeds} seeds each; runs with recovery, and median evaluations over all runs, a run without recovery counting
as longer than any. Planted: `{plant}` at an IC of {ic} on a simulated panel of {assets} assets × {days} days,
at most {panel:,} evaluations, {seeds} seeds; found if the signal of the best formula has a mean daily rank
correlation above {found} with the planted one; likeness is the mean of this correlation. Seconds: mean wall
time of a symbolic run on one thread. With so few seeds a difference of two runs is not significant.
"""


def planted(seed: int, settings: dict[str, Any], chosen: argparse.Namespace) -> dict[str, Any] | None:
    """Return the likeness of the best formula to the plant, from the cache if it is there."""
    key = {
        "searcher": "policy", "plant": PLANT, "seed": seed, "budget": chosen.panel_budget,
        "version": code_version(), "settings": settings,
    }  # fmt: skip

    def make() -> dict[str, Any] | None:
        if chosen.stop_at is not None and time.time() > chosen.stop_at:
            return None
        import quarva as qv
        from quarva.scenarios.simulate import simulate

        panel = simulate(assets=ASSETS, days=DAYS, plant=PLANT, ic=IC, seed=seed)
        task = qv.Task(panel, target="forward_return_1", objective="ic", delay=1, risk="none")
        found = qv.search(
            task, "policy", budget=chosen.panel_budget, seed=seed, threads=1, progress=False,
            settings=settings, set_size=0,
        )  # fmt: skip
        truth, best = signals(panel, [PLANT, found.best.formula.text])
        return {"likeness": likeness(best, truth)}

    return cached(chosen.cache, key, make)


def row(name: str, settings: dict[str, Any], chosen: argparse.Namespace) -> list[str]:
    """Return a line of the table."""
    asked = problems(chosen.problems, chosen.names.split(","))
    seeds = range(chosen.seeds)
    jobs = [Job(problem, "policy", seed, chosen, settings) for problem in asked for seed in seeds]
    runs = [run for run in map(work, jobs) if run is not None]
    alike = [found["likeness"] for seed in seeds
             if (found := planted(seed, settings, chosen)) is not None]  # fmt: skip
    return [
        name, f"{sum(run.at is not None for run in runs)} of {len(runs)}",
        shown(median_of(run.at for run in runs)),
        f"{statistics.mean(run.seconds for run in runs):.1f}" if runs else "–",
        f"{sum(each > FOUND for each in alike)} of {len(alike)}",
        f"{statistics.mean(alike):.2f}" if alike else "–",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--problems", type=Path, default=Path("../shared/benchmarks/symbolic.csv"))
    parser.add_argument("--names", default="Nguyen-3,Nguyen-5,Nguyen-8,Nguyen-10")
    parser.add_argument("--budget", type=int, default=100_000)
    parser.add_argument("--panel-budget", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--variants", type=lambda text: text.split(","), default=list(VARIANTS))
    parser.add_argument("--cache", type=Path, help="folder that keeps each run")
    parser.add_argument("--stop-after", type=float, metavar="SECONDS", help="start no run later than this")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    chosen.stages, chosen.threads, chosen.peer_python = [chosen.budget], 1, None
    chosen.stop_at = None if chosen.stop_after is None else time.time() + chosen.stop_after
    rows = [row(name, VARIANTS[name], chosen) for name in chosen.variants]
    header = ["variant", "recovered", "median evaluations", "seconds", "planted found", "likeness"]
    how = HOW.format(
        names=chosen.names.replace(",", ", "), budget=chosen.budget, seeds=chosen.seeds, plant=PLANT, ic=IC,
        assets=ASSETS, days=DAYS, panel=chosen.panel_budget, found=FOUND,
    )  # fmt: skip
    tables.write(
        chosen.out,
        "Ablation of the generator",
        [tables.table(header, rows), tables.prose(how)],
        command=tables.command_line(["--cache"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'torch')}",
    )


if __name__ == "__main__":
    main()
