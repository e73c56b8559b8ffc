"""Exact recovery of the Nguyen problems by evolution: how many seeds out of ten, at two budgets.

    python benchmarks/recovery.py --seeds 10 --budgets 200000,2000000

A problem is a line of the table (name, variables, expression, train_spec, function_set), as deep symbolic
optimization (Petersen 2021) writes them: `{"all": {"U": [a, b, n]}}` are n points uniform in [a, b]. The
search sees those points only. A run has recovered when its best formula's NMSE (mean squared error over
the variance of y) on 1,000 fresh noiseless points is under 1e-12, in float64; besides, sympy is asked
whether found − truth simplifies to 0. One run at the largest budget gives all smaller ones: the number of
distinct evaluations at which the recovering formula became the best is in the run's history.
"""

import argparse
import csv
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tables
from processes import each_in_turn
from truth import Formula64, same_by_sympy

KOZA = ["add", "sub", "mul", "div", "sin", "cos", "exp", "log"]
RECOVERED = 1e-12
FRESH = 1_000


@dataclass(frozen=True)
class Problem:
    """One line of the table: n training points uniform in [low, high] for each variable."""

    name: str
    variables: tuple[str, ...]
    truth: str
    low: float
    high: float
    points: int

    def sample(self, seed: int, points: int) -> dict[str, np.ndarray]:
        """Points of each variable, float64[points], each a float32 number: what the search sees is exact."""
        rng = np.random.default_rng([seed, sum(map(ord, self.name))])
        return {
            x: rng.uniform(self.low, self.high, points).astype(np.float32).astype(float)
            for x in self.variables
        }


@dataclass(frozen=True)
class Run:
    """What one seed gave. `at`: distinct evaluations until recovery, None without."""

    problem: str
    seed: int
    at: int | None
    symbolic: str
    formula: str
    evaluations: int
    seconds: float


def problems(path: Path, prefix: str) -> list[Problem]:
    with path.open(newline="", encoding="utf-8") as lines:
        found = [_problem(row) for row in csv.DictReader(lines) if row["name"].startswith(prefix)]
    if not found:
        raise SystemExit(f"{path}: no problem's name starts with {prefix!r}")
    return found


def _problem(row: dict[str, str]) -> Problem:
    low, high, points = json.loads(row["train_spec"])["all"]["U"]
    names = tuple(f"x{number + 1}" for number in range(int(row["variables"])))
    return Problem(row["name"], names, row["expression"].replace("pow(", "power("), low, high, points)


def nmse(formula: str, problem: Problem, seed: int) -> float:
    """On points that no search sees: their seeds start where those of training points never are."""
    points = problem.sample(1_000_000 + seed, FRESH)
    truth = Formula64(problem.truth)(points)
    with np.errstate(all="ignore"):
        error = np.mean((Formula64(formula)(points) - truth) ** 2) / np.var(truth)
    return float(error) if np.isfinite(error) else float("inf")


def run(problem: Problem, seed: int, chosen: argparse.Namespace) -> Run:
    """One search, and what its history says about when it recovered the truth."""
    import quarva as qv

    points = problem.sample(seed, problem.points)
    table = qv.Table.from_arrays(points, Formula64(problem.truth)(points), name=problem.name)
    task = qv.Task(table, objective="nrmse", parsimony=0.0)
    budget = max(chosen.budgets)
    found = qv.search(
        task, chosen.searcher, budget=budget, seed=seed, functions=KOZA, constants=False,
        threads=chosen.threads, progress=False,
    )  # fmt: skip
    at, formula = None, found.best.formula.text
    for evaluations, text in improvements(found.history):
        if nmse(text, problem, seed) < RECOVERED:
            at, formula = evaluations, text
            break
    positive = problem.low >= 0
    symbolic = "no" if at is None else same_by_sympy(formula, problem.truth, positive=positive)
    return Run(problem.name, seed, at, symbolic, formula, found.evaluations, found.seconds)


def improvements(history: Any) -> list[tuple[int, str]]:
    """Evaluations so far and the best formula, each time the best formula changed."""
    seen: dict[str, int] = {}
    for evaluations, text in zip(history["evaluations"], history["best_formula"], strict=True):
        seen.setdefault(str(text), int(evaluations))
    return [(evaluations, text) for text, evaluations in seen.items()]


def work(job: tuple[Problem, int, argparse.Namespace]) -> Run:
    return run(*job)


def line(problem: Problem, runs: list[Run], budgets: list[int]) -> list[str]:
    """One line of the table."""
    reached = sorted(each.at for each in runs if each.at is not None)
    counts = [f"{sum(at <= budget for at in reached)} / {len(runs)}" for budget in budgets]
    symbolic = f"{sum(each.symbolic == 'yes' for each in runs)} / {len(runs)}"
    unsure = sum(each.symbolic == "timeout" for each in runs)
    rate = sum(each.evaluations for each in runs) / sum(each.seconds for each in runs)
    examples = sorted((each.formula for each in runs if each.at is not None), key=len)
    return [
        problem.name, *counts, symbolic + (f" ({unsure} undecided)" if unsure else ""),
        f"{statistics.median(reached):,.0f}" if reached else "–",
        f"{statistics.mean(each.seconds for each in runs):.2f}", f"{rate:,.0f}",
        f"`{examples[0]}`" if examples else "–",
    ]  # fmt: skip


def summary(found: dict[str, list[Run]], budgets: list[int], wall: float) -> str:
    """Shares over all problems, and over those that the design's sketch was run on (without Nguyen-12)."""
    parts = []
    for label, left_out in (("all problems", ()), ("without Nguyen-12", ("Nguyen-12",))):
        runs = [each for name, group in found.items() if name not in left_out for each in group]
        reached = [each.at for each in runs if each.at is not None]
        shares = [f"{100 * sum(at <= b for at in reached) / len(runs):.1f} % by {b:,}" for b in budgets]
        parts.append(f"{label}: {', '.join(shares)}")
    runs = [each for group in found.values() for each in group]
    total, seconds = sum(each.evaluations for each in runs), sum(each.seconds for each in runs)
    return (
        f"Recovered, {'; '.join(parts)}. {len(runs)} runs, {total:,} distinct evaluations in {seconds:,.0f} "
        f"s of searching: {total / seconds:,.0f} a second and run; {wall:,.0f} s by the clock for everything."
    )


HOW = """\
{points} as the problem's line says (uniform, seeded), functions {functions}, no constants; objective NRMSE
without a parsimony term. Recovered: the best formula by training error has an NMSE under 1e-12 on {fresh:,}
fresh noiseless points, in float64 outside the engine; the first evaluation count in the run's history at
which that holds decides the budget. Symbolic: of all runs, those whose recovering formula SymPy proves
equal to the truth (found − truth simplifies to 0). Seconds: mean of a run; a run ends at recovery or at the
largest budget. Evaluations are distinct: a formula that was seen before is not counted again."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--problems", type=Path, default=Path("../shared/benchmarks/symbolic.csv"))
    parser.add_argument("--names", default="Nguyen-", help="run the problems whose name starts so")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument(
        "--budgets", type=lambda text: sorted(map(int, text.split(","))), default=[200_000, 2_000_000]
    )
    parser.add_argument("--searcher", default="gep")
    parser.add_argument("--threads", type=int, default=2, help="threads of one search")
    parser.add_argument("--processes", type=int, default=1, help="searches at a time")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    asked = problems(chosen.problems, chosen.names)
    jobs = [(problem, seed, chosen) for problem in asked for seed in range(chosen.seeds)]
    found: dict[str, list[Run]] = {problem.name: [] for problem in asked}
    start = time.perf_counter()
    for each in each_in_turn(work, jobs, chosen.processes):
        found[each.problem].append(each)
        when = f"recovered at {each.at:,} ({each.symbolic})" if each.at is not None else "not recovered"
        print(
            f"{each.problem} seed {each.seed}: {when}, {each.seconds:.2f} s, {each.formula}", file=sys.stderr
        )
    header = [
        "problem", *(f"by {budget:,}" for budget in chosen.budgets), "symbolic", "median evaluations",
        "seconds", "evaluations/s", "shortest found",
    ]  # fmt: skip
    rows = [line(problem, found[problem.name], chosen.budgets) for problem in asked]
    how = HOW.format(points=f"{asked[0].points} points", functions=", ".join(KOZA), fresh=FRESH)
    tables.write(
        chosen.out,
        f"Exact recovery: {chosen.searcher}, {chosen.seeds} seeds",
        [
            tables.table(header, rows),
            summary(found, chosen.budgets, time.perf_counter() - start),
            tables.prose(how),
        ],
        command=tables.command_line(),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'sympy')}",
    )


if __name__ == "__main__":
    main()
