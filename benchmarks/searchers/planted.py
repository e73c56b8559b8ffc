"""Recovery of planted formulas: ten formulas, several seeds each, by each of several searchers.

    python benchmarks/searchers/planted.py --searchers random,gep,policy,blend --cache FOLDER

Each market is simulated (300 assets, 1,000 days) with a formula's signal planted at an information
coefficient of 0.05 at the one-day horizon. A search has found the plant with the first formula that becomes
the best of the search and whose signal has an absolute mean daily Spearman correlation above 0.8 with the
planted one, over all days. The search is checked after 50, 70, 100, 150, 200, 300, 500, 700 … 100,000
evaluations and ends when the plant is found; the evaluation reported is the formula's own. A searcher may
have settings after its name, `blend:candidates=1`, and is then a separate one here. With --cache each run
is kept as it ends, so that the benchmark can be interrupted and resumed; --stop-after SECONDS starts no run
later than that.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables
from measuring.medians import median_of, shown
from measuring.processes import each_in_turn
from measuring.run_cache import cached, code_version

PLANTS = (
    "rank(delta(close, 5))",
    "corr(close, volume, 10)",
    "ts_zscore(log(volume), 20)",
    "close / mean(close, 20)",
    "rank(volume / mean(volume, 10))",
    "ts_rank(volume, 10) * ts_zscore(close, 10)",
    "(close - open) / (high - low)",
    "decay_linear(close - open, 5) / std(close, 20)",
    "rank(pct_change(close, 10)) - rank(std(pct_change(close, 1), 20))",
    "rank(delta(close, 5)) * rank(volume / mean(volume, 20))",
)
ASSETS, DAYS, IC = 300, 1_000, 0.05
FOUND = 0.8


STAGES = (
    50, 70, 100, 150, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 15_000, 20_000,
    30_000, 50_000, 70_000, 100_000,
)  # fmt: skip

_warm: set[str] = set()  # searchers that ran in this process


@dataclass(frozen=True)
class Run:
    """One search on one market: the formula that found the plant, or the best one at the end.

    Evaluations, candidates and seconds are counted up to that formula, or to the end.
    """

    plant: str
    seed: int
    searcher: str
    likeness: float
    formula: str
    train: float
    validation: float
    evaluations: int
    candidates: int
    seconds: float


def likeness(left: np.ndarray, right: np.ndarray) -> float:
    """Return the absolute mean daily Spearman correlation of two signals [T, N], on their common cells."""
    daily = []
    for one, other in zip(left, right, strict=True):
        both = np.isfinite(one) & np.isfinite(other)
        if both.sum() < 3:
            continue
        ranks = stats.rankdata(one[both]), stats.rankdata(other[both])
        if min(np.ptp(ranks[0]), np.ptp(ranks[1])) > 0:
            daily.append(np.corrcoef(*ranks)[0, 1])
    return abs(float(np.mean(daily))) if daily else 0.0


def run(plant: str, seed: int, searcher: str, chosen: argparse.Namespace) -> Run:
    """Simulate, search stage by stage, compare the signals."""
    import quarva as qv
    from quarva.scenarios.simulate import simulate

    panel = simulate(assets=ASSETS, days=DAYS, plant=plant, ic=IC, seed=seed)
    task = qv.Task(panel, target="forward_return_1", objective="ic", delay=1, risk="none")
    name, settings = way_of(searcher)
    if searcher not in _warm:
        qv.search(
            task, name, budget=2_500, seconds=5, threads=chosen.threads, settings=settings, set_size=0,
            progress=False,
        )  # fmt: skip
        _warm.add(searcher)
    stages = [stage for stage in STAGES if stage < chosen.budget] + [chosen.budget]
    seen = 0
    with tempfile.TemporaryDirectory() as folder:
        for stage in stages:
            found = qv.search(
                task, name, budget=stage, seed=seed, threads=chosen.threads, settings=settings,
                checkpoint=Path(folder, "checkpoint.npz"), resume=stage != stages[0], set_size=0,
                progress=False,
            )  # fmt: skip
            later = found.incumbents.iloc[seen:]
            seen = len(found.incumbents)
            planted, *those = signals(panel, [plant, *later["formula"]])
            for row, signal in zip(later.itertuples(), those, strict=True):
                alike = likeness(signal, planted)
                if alike > FOUND:
                    return Run(
                        plant, seed, searcher, alike, row.formula, row.train, row.validation, row.evaluations,
                        row.candidates, row.seconds,
                    )  # fmt: skip
    best = found.best
    planted, signal = signals(panel, [plant, best.formula.text])
    return Run(
        plant, seed, searcher, likeness(signal, planted), best.formula.text, best.train, best.validation,
        found.evaluations, found.candidates, found.seconds,
    )  # fmt: skip


def way_of(searcher: str) -> tuple[str, dict[str, Any] | None]:
    """Parse a name with settings, such as `blend:candidates=1:kappa=0.5`."""
    name, *given = searcher.split(":")
    settings = dict(each.split("=", 1) for each in given)
    return name, {key: json.loads(value) for key, value in settings.items()} or None


def signals(panel: Any, texts: list[str]) -> np.ndarray:
    """Return the signals of formulas on all days, float32 [formulas, T, N]."""
    from quarva import engine
    from quarva.karva import parse

    return engine.signals(engine.Program.from_expressions([parse(text) for text in texts]), panel)


Job = tuple[str, int, str, argparse.Namespace]


def work(job: Job) -> Run | None:
    """Return the run, from the cache if it is there; None if the time is up before it starts."""
    plant, seed, searcher, chosen = job
    key = {
        "searcher": searcher, "plant": plant, "seed": seed, "budget": chosen.budget,
        "version": code_version(), "threads": chosen.threads,
    }  # fmt: skip

    def make() -> dict[str, Any] | None:
        if chosen.stop_at is not None and time.time() > chosen.stop_at:
            return None
        return asdict(run(*job))

    found = cached(chosen.cache, key, make)
    return None if found is None else Run(**found)


def line(plant: str, runs: list[Run], searchers: list[str]) -> list[str]:
    """Return a line of the table: likeness and evaluation of each seed, by searcher."""
    cells = []
    for searcher in searchers:
        mine = [each for each in runs if each.searcher == searcher]
        hits = sum(each.likeness > FOUND for each in mine)
        places = (f"{each.likeness:.2f} ({each.evaluations:,})" for each in mine)
        cells += [f"{hits} / {len(mine)}", ", ".join(places) or "–"]
    likest = max(runs, key=lambda each: each.likeness, default=None)
    return [f"`{plant}`", *cells, "–" if likest is None else f"`{likest.formula}`"]


def summary(runs: list[Run], searchers: list[str]) -> str:
    """Return a table with a line for each searcher: hits, median evaluations and candidates, rate."""
    rows = []
    for searcher in searchers:
        mine = [each for each in runs if each.searcher == searcher]
        if not mine:
            continue
        hits = [each for each in mine if each.likeness > FOUND]
        evaluations = [each.evaluations if each.likeness > FOUND else None for each in mine]
        candidates = [each.candidates if each.likeness > FOUND else None for each in mine]
        seconds = sum(each.seconds for each in mine)
        rows.append([
            searcher, f"{len(hits)} of {len(mine)}", shown(median_of(evaluations)),
            shown(median_of(each.evaluations for each in hits)), shown(median_of(candidates)),
            f"{seconds / len(mine):.1f}",
            f"{sum(each.evaluations for each in mine) / seconds:,.0f}",
        ])  # fmt: skip
    header = ["searcher", "found", "median evaluations, all runs", "median evaluations, of the found",
              "median candidates, all runs", "seconds, mean", "evaluations/s"]  # fmt: skip
    return tables.table(header, rows)


HOW = """\
Markets from `quarva.scenarios.simulate`: {assets} assets × {days:,} days, the formula's signal planted at
an information coefficient of {ic} at the one-day horizon, seeds {first} to {last}. Task: `forward_return_1`,
delay 1, objective ic, default split, no risk model, because it would remove part of some planted effects; at
most {budget:,} distinct evaluations; default functions, windows and settings except those in a name.
Likeness: absolute mean daily Spearman correlation of a formula's signal with the planted one, over all days.
Found: the first formula that became the best of the search with a likeness above {found}; without one, the
best finding at the end. In brackets: the evaluation of that formula, counted
inside its batch. Medians are over all runs; a run that never found the plant counts as longer than any. An
evaluation is a formula scored on all training days. Candidates are the formulas whose signals the blend's
surrogate had computed by then, on 100 assets and some training days and without a target
(`searchers/surrogate/`), to choose those to score; they are not evaluations, but their time is included.
Loading kernels is not counted."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=100_000)
    parser.add_argument("--searchers", type=lambda text: text.split(","), default=["gep", "random"])
    parser.add_argument("--plants", type=int, default=len(PLANTS), help="number of formulas")
    parser.add_argument("--threads", type=int, default=2, help="threads of one search")
    parser.add_argument("--processes", type=int, default=1, help="searches that run at once")
    parser.add_argument("--cache", type=Path, help="folder that keeps each run")
    parser.add_argument("--stop-after", type=float, metavar="SECONDS", help="start no run later than this")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    chosen.stop_at = None if chosen.stop_after is None else time.time() + chosen.stop_after
    plants = PLANTS[: chosen.plants]
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    # Searchers take turns, so that a machine that slows down slows all of them.
    jobs = [(p, seed, searcher, chosen) for p in plants for seed in seeds for searcher in chosen.searchers]
    runs: list[Run] = []
    start = time.perf_counter()
    for each in each_in_turn(work, jobs, chosen.processes):
        if each is None:
            continue
        runs.append(each)
        print(
            f"{each.plant} seed {each.seed} {each.searcher}: {each.likeness:.3f} "
            f"after {each.evaluations:,}, {each.seconds:.1f} s, {each.formula} "
            f"train {each.train:.4f} validation {each.validation:.4f}",
            file=sys.stderr,
        )
    columns = (" found", ", likeness and evaluation by seed")
    header = ["planted", *(f"{name}{what}" for name in chosen.searchers for what in columns)]
    rows = [line(p, [each for each in runs if each.plant == p], chosen.searchers) for p in plants]
    how = HOW.format(
        assets=ASSETS, days=DAYS, ic=IC, first=seeds[0], last=seeds[-1], budget=chosen.budget, found=FOUND
    )
    clock = f"{time.perf_counter() - start:,.0f} s of wall time for the new ones, markets included."
    wall = f"{len(runs)} of {len(jobs)} runs are complete; {clock}"
    tables.write(
        chosen.out,
        "Recovery of planted formulas",
        [
            summary(runs, chosen.searchers),
            tables.table([*header, "likest"], rows),
            wall,
            tables.prose(how),
        ],
        command=tables.command_line(["--cache"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'scipy')}",
    )


if __name__ == "__main__":
    main()
