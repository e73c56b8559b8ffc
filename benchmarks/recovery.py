"""Exact recovery: how many seeds of each searcher, by several budgets, the C++ iMCTS beside them.

    python benchmarks/recovery.py --searchers gep,policy,blend,imcts --peer-python PYTHON --cache FOLDER

A search sees a problem's points only (see `problems.py`). A run has recovered when its best formula's NMSE
(mean squared error over the variance of y) on 1,000 fresh noiseless points is under 1e-12, in float64
outside the engine; besides, SymPy is asked whether found − truth simplifies to 0. One run at the largest
budget gives all smaller ones: the run records the evaluation at which each formula became the best.

With --cache each run is kept as it ends, so that the benchmark can be broken off, and gone on with, at any
time: --stop-after SECONDS begins no run later than that, and the table tells of those that are there.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import tables
from problems import Problem, problems
from processes import each_in_turn
from recovery_run import FRESH, PEER, Job, Run, work

STAGES = [50_000, 100_000, 200_000, 500_000, 2_000_000]


def median_at(runs: Sequence[Run]) -> float:
    """Median evaluations to recovery; a run without it counts as one that needs more than any, ∞."""
    return statistics.median(float("inf") if run.at is None else run.at for run in runs)


def by_stage(runs: Sequence[Run], stages: list[int]) -> list[int]:
    """Runs that had recovered by each stage."""
    return [sum(run.at is not None and run.at <= stage for run in runs) for stage in stages]


def line(problem: Problem, searcher: str, runs: list[Run], stages: list[int]) -> list[str]:
    """One line of the table."""
    if not runs:
        return [problem.name, searcher, *["–"] * (len(stages) + 5)]
    middle = median_at(runs)
    examples = sorted((run.formula for run in runs if run.at is not None), key=len)
    unsure = sum(run.symbolic == "timeout" for run in runs)
    symbolic = f"{sum(run.symbolic == 'yes' for run in runs)}" + (f" ({unsure} undecided)" if unsure else "")
    return [
        problem.name, searcher, str(len(runs)), *map(str, by_stage(runs, stages)),
        "–" if problem.constants else symbolic, f"{middle:,.0f}" if middle < float("inf") else "–",
        f"{statistics.mean(run.seconds for run in runs):.2f}", f"`{examples[0]}`" if examples else "–",
    ]  # fmt: skip


def summary(found: dict[tuple[str, str], list[Run]], searchers: list[str], stages: list[int]) -> str:
    """A line a searcher: shares over all problems, seconds, rate; and how it stands beside the peer."""
    header = ["searcher", "runs", *(f"by {stage:,}" for stage in stages), "seconds, mean", "evaluations/s",
              f"smaller median than {PEER}"]  # fmt: skip
    rows = []
    for searcher in searchers:
        groups = {name: runs for (name, who), runs in found.items() if who == searcher and runs}
        runs = [run for group in groups.values() for run in group]
        if not runs:
            continue
        shares = [f"{100 * count / len(runs):.1f} %" for count in by_stage(runs, stages)]
        seconds = sum(run.seconds for run in runs)
        rate = sum(run.evaluations for run in runs) / seconds
        beside = [(median_at(group), median_at(found[name, PEER])) for name, group in groups.items()
                  if found.get((name, PEER))]  # fmt: skip
        ahead = f"{sum(mine < theirs for mine, theirs in beside)} of {len(beside)}"
        rows.append([searcher, str(len(runs)), *shares, f"{seconds / len(runs):.2f}", f"{rate:,.0f}",
                     "–" if searcher == PEER or not beside else ahead])  # fmt: skip
    return tables.table(header, rows)


HOW = """\
The points of a problem are drawn by its seed, the same for every searcher; function sets are the problems'
own (Koza's: add, sub, mul, div, sin, cos, exp, log; with constants where the problem has some). Objective
NRMSE without a parsimony term, all else by default, nothing set for a problem. Recovered: the best formula
by training error has an NMSE under 1e-12 on {fresh:,} fresh noiseless points, in float64 outside the engine;
of Quarva's runs the evaluation at which the first such formula became the best decides the stage, counted up
to the formula inside its batch and with the steps that its constants took, of {peer}'s the count at its own
end. Symbolic: of all runs, those whose recovering formula SymPy proves equal to the
truth. Median evaluations: over all runs, one without recovery counting as longer than any; a dash where that
is the median. Seconds: mean of a run, which ends at recovery or at the largest budget; loading kernels is
not counted. Evaluations of Quarva are distinct formulas, of {peer} what it counts itself. {peer} has the
settings of its own benchmark of these problems."""


def parse() -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return sorted(map(int, text.split(",")))

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--problems", type=Path, default=Path("../shared/benchmarks/symbolic.csv"))
    parser.add_argument(
        "--names", default="Nguyen-", help="run the problems whose names start so: Nguyen-,R-"
    )
    parser.add_argument("--searchers", type=lambda text: text.split(","), default=["gep"])
    parser.add_argument("--peer-python", type=Path, help=f"a Python that has {PEER}")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--stages", type=numbers, default=STAGES)
    parser.add_argument("--threads", type=int, default=1, help="threads of one search")
    parser.add_argument("--processes", type=int, default=2, help="searches at a time")
    parser.add_argument("--cache", type=Path, help="folder that keeps each run")
    parser.add_argument("--stop-after", type=float, metavar="SECONDS", help="begin no run later than this")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    if PEER in chosen.searchers and chosen.peer_python is None:
        parser.error(f"the searcher {PEER} needs --peer-python")
    chosen.stop_at = None if chosen.stop_after is None else time.time() + chosen.stop_after
    return chosen


def main() -> None:
    chosen = parse()
    asked = problems(chosen.problems, chosen.names.split(","))
    # Searchers take turns, so that a machine that slows down slows all of them.
    jobs = [Job(problem, who, seed, chosen)
            for problem in asked for seed in range(chosen.seeds) for who in chosen.searchers]  # fmt: skip
    found: dict[tuple[str, str], list[Run]] = {(p.name, who): [] for p in asked for who in chosen.searchers}
    start = time.perf_counter()
    for run in each_in_turn(work, jobs, chosen.processes):
        if run is None:
            continue
        found[run.problem, run.searcher].append(run)
        when = f"recovered at {run.at:,} ({run.symbolic})" if run.at is not None else "not recovered"
        print(f"{run.problem} {run.searcher} seed {run.seed}: {when}, {run.seconds:.2f} s, {run.formula}",
              file=sys.stderr, flush=True)  # fmt: skip
    header = ["problem", "searcher", "runs", *(f"by {stage:,}" for stage in chosen.stages), "symbolic",
              "median evaluations", "seconds", "shortest found"]  # fmt: skip
    rows = [line(problem, who, found[problem.name, who], chosen.stages)
            for problem in asked for who in chosen.searchers]  # fmt: skip
    made = sum(map(len, found.values()))
    clock = f"{time.perf_counter() - start:,.0f} s by the clock for those that were not yet."
    parts = [summary(found, chosen.searchers, chosen.stages)]
    core = {key: runs for key, runs in found.items() if key[0] != "Nguyen-12a"}
    if len(core) < len(found):
        parts = [
            "All problems:",
            *parts,
            "Without Nguyen-12a:",
            summary(core, chosen.searchers, chosen.stages),
        ]
    tables.write(
        chosen.out,
        f"Exact recovery: {', '.join(chosen.searchers)}; {chosen.seeds} seeds",
        [*parts, tables.table(header, rows), f"{made:,} of {len(jobs):,} runs are there; {clock}",
         tables.prose(HOW.format(fresh=FRESH, peer=PEER))],
        command=tables.command_line(["--peer-python", "--cache"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'sympy')}",
    )  # fmt: skip


if __name__ == "__main__":
    main()
