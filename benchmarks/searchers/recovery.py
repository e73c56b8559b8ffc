"""Exact recovery: the seeds of each searcher that recover a formula within several budgets, beside C++ iMCTS.

    python benchmarks/searchers/recovery.py --searchers gep,policy,blend,imcts --peer-python PYTHON

A search sees only the points of a problem (see `problems.py`). A run recovers the formula if the NMSE (mean
squared error over the variance of y) of its best formula on 1,000 fresh noiseless points is below 1e-12, in
float64 and outside the engine; SymPy also checks whether found − truth simplifies to 0. A run at the largest
budget yields the results of all smaller ones, since it records the evaluation of each new best formula.

With --cache each run is kept as it ends, so that the benchmark can be interrupted and resumed; --stop-after
SECONDS starts no run later than that, and the table holds the complete runs.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables
from measuring.medians import median_of, shown
from measuring.processes import each_in_turn
from searchers.problems import Problem, problems
from searchers.recovery_run import FRESH, PEER, Job, Run, work

STAGES = [50_000, 100_000, 200_000, 500_000, 2_000_000]


def by_stage(runs: Sequence[Run], stages: list[int]) -> list[int]:
    """Return the number of runs that recovered the formula by each stage."""
    return [sum(run.at is not None and run.at <= stage for run in runs) for stage in stages]


def line(problem: Problem, searcher: str, runs: list[Run], stages: list[int]) -> list[str]:
    """Return a line of the table."""
    if not runs:
        return [problem.name, searcher, *["–"] * (len(stages) + 5)]
    examples = sorted((run.formula for run in runs if run.at is not None), key=len)
    unsure = sum(run.symbolic == "timeout" for run in runs)
    symbolic = f"{sum(run.symbolic == 'yes' for run in runs)}" + (f" ({unsure} undecided)" if unsure else "")
    return [
        problem.name, searcher, str(len(runs)), *map(str, by_stage(runs, stages)),
        "–" if problem.constants else symbolic, shown(median_of(run.at for run in runs)),
        f"{statistics.mean(run.seconds for run in runs):.2f}", f"`{examples[0]}`" if examples else "–",
    ]  # fmt: skip


def summary(found: dict[tuple[str, str], list[Run]], searchers: list[str], stages: list[int]) -> str:
    """Return a table with a line for each searcher: shares, seconds, rate, comparison with the peer."""
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
        beside = [
            (median_of(run.at for run in group), median_of(run.at for run in found[name, PEER]))
            for name, group in groups.items()
            if found.get((name, PEER))
        ]
        ahead = f"{sum(mine < theirs for mine, theirs in beside)} of {len(beside)}"
        rows.append([searcher, str(len(runs)), *shares, f"{seconds / len(runs):.2f}", f"{rate:,.0f}",
                     "–" if searcher == PEER or not beside else ahead])  # fmt: skip
    return tables.table(header, rows)


HOW = """\
The points of a problem depend on the seed only and are the same for every searcher. Function sets are those
of the problems (Koza's: add, sub, mul, div, sin, cos, exp, log; with constants if the problem has some).
Objective: NRMSE without a parsimony term; all other settings are the defaults for every problem. Recovered:
the best formula by training error has an NMSE below 1e-12 on {fresh:,} fresh noiseless points, in float64
outside the engine. For Quarva the stage is the evaluation at which the first such formula became the best,
counted inside its batch and including the steps that tuned its constants; for {peer} it is the count at its
end. Symbolic: runs whose recovering formula SymPy proves equal to the truth. Median evaluations: over all
runs, a run without recovery counting as longer than any; a dash if that is the median. Seconds: mean of a
run, which ends at recovery or at the largest budget; loading kernels is not counted. Evaluations of Quarva
are distinct formulas, those of {peer} are its own count. {peer} has the settings of its own benchmark of
these problems."""


def parse() -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return sorted(map(int, text.split(",")))

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--problems", type=Path, default=Path("../shared/benchmarks/symbolic.csv"))
    parser.add_argument(
        "--names", default="Nguyen-", help="names of problems or families, such as Nguyen-,R-1"
    )
    parser.add_argument("--searchers", type=lambda text: text.split(","), default=["gep"])
    parser.add_argument("--peer-python", type=Path, help=f"a Python that has {PEER}")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--stages", type=numbers, default=STAGES)
    parser.add_argument("--threads", type=int, default=1, help="threads of one search")
    parser.add_argument("--processes", type=int, default=2, help="searches that run at once")
    parser.add_argument("--cache", type=Path, help="folder that keeps each run")
    parser.add_argument("--stop-after", type=float, metavar="SECONDS", help="start no run later than this")
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
    clock = f"{time.perf_counter() - start:,.0f} s of wall time for the new ones."
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
        [*parts, tables.table(header, rows), f"{made:,} of {len(jobs):,} runs are complete; {clock}",
         tables.prose(HOW.format(fresh=FRESH, peer=PEER))],
        command=tables.command_line(["--peer-python", "--cache"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'sympy')}",
    )  # fmt: skip


if __name__ == "__main__":
    main()
