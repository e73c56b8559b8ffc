"""Calibration of forecasts: expected against realised performance, on panels with known effects and without.

    python benchmarks/searchers/calibration.py --cache FOLDER --out benchmarks/results/calibration.md

A search forecasts the information coefficient of its set, and of each formula, on unseen days, with an
interval of 80 %. Here the forecast is compared with the coefficient in the validation part, which the search
does not read, on three kinds of panels: simulated noise, simulated markets with a planted formula, and real
returns with planted formulas. With --cache each run is stored when it ends.
"""

import argparse
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables
from measuring.processes import each_in_turn
from measuring.run_cache import cached, code_version
from searchers.unseen_days import SETS

FORMULAS = (
    "-pct_change(close, 5)", "volume / mean(volume, 20)", "(close - open) / (high - low)",
    "-ts_zscore(close, 20)", "corr(close, volume, 10)", "pct_change(close, 60)",
)  # fmt: skip
STRENGTHS = (0.005, 0.01, 0.02, 0.03)
NOISE, SIMULATED, REAL = "simulated noise", "simulated, one planted formula", "real returns, three planted"
PERIODS = (("2015-01-01", "2017-01-03", "2018-01-02"), ("2016-01-01", "2018-01-02", "2018-12-20"))
"""First day, first day of validation and first day of the test, of the real panels."""


@dataclass(frozen=True)
class Run:
    """Forecast and outcome of one search.

    `forecasts` has a row for the set and for each formula of the pool: expected, low and high. `realised` has
    their coefficients in validation, and `error` is the standard error of that of the set.
    """

    kind: str
    ic: float
    forecasts: list[list[float]]
    realised: list[float]
    error: float


Job = tuple[str, float, int, argparse.Namespace]


def jobs_of(chosen: argparse.Namespace) -> list[Job]:
    """All panels: 16 of noise, 24 simulated with an effect, and 24 of real returns."""
    noise = [(NOISE, 0.0, seed, chosen) for seed in range(16)]
    simulated = [(SIMULATED, ic, 100 + seed, chosen) for ic in STRENGTHS for seed in range(6)]
    real = [
        (REAL, STRENGTHS[(number + period) % 4], 12 * period + number, chosen)
        for period in range(2)
        for number in range(12)
    ]
    return [*noise, *simulated, *real]


def task_of(kind: str, ic: float, seed: int, path: str) -> Any:
    """The task of a panel."""
    import quarva as qv
    from quarva.scenarios import plant, simulate

    if kind == REAL:
        first, *split = PERIODS[seed // 12]
        panel = plant(qv.Panel.read(path), SETS[seed % 12], ic).panel
        days = panel.dates >= np.datetime64(first)
        panel = replace(panel, values=np.ascontiguousarray(panel.values[:, days]), dates=panel.dates[days])
        return qv.Task(panel, "forward_return_1", "ic", tuple(split))
    text = None if kind == NOISE else FORMULAS[seed % 6]
    panel = simulate(300, 1000, seed, plant=text, ic=max(ic, 0.01))
    return qv.Task(panel, "forward_return_1", "ic", (0.5, 0.75))


def run(kind: str, ic: float, seed: int, chosen: argparse.Namespace) -> Run:
    """Search one panel with the defaults, and compare forecast and outcome."""
    import quarva as qv

    task = task_of(kind, ic, seed, chosen.panel)
    found = qv.search(task, budget=chosen.budget, seed=seed, threads=chosen.threads, progress=False)
    assert found.set is not None
    answers = [found.set, *found.pool]
    return Run(
        kind, ic, [[each.expected, each.expected_low, each.expected_high] for each in answers],
        [each.validation for each in answers], standard_error(task, found.set),
    )  # fmt: skip


def standard_error(task: Any, function: Any) -> float:
    """Standard error of the mean daily coefficient of a function in validation."""
    from quarva.tasks import VALIDATION

    signal, target = function.signal(task.panel).to_numpy(), task.targets[0]
    daily = []
    for day in np.flatnonzero(task.segments == VALIDATION):
        there = np.isfinite(signal[day]) & np.isfinite(target[day])
        if there.sum() > 2 and signal[day][there].std() > 0:
            daily.append(np.corrcoef(signal[day][there], target[day][there])[0, 1])
    return float(np.std(daily, ddof=1) / np.sqrt(len(daily)))


def work(job: Job) -> Run:
    """Return the result of a run, from the cache if it is there."""
    kind, ic, seed, chosen = job
    key = {
        "calibration": kind, "ic": ic, "seed": seed, "budget": chosen.budget, "version": code_version(),
        "threads": chosen.threads,
    }  # fmt: skip
    found = cached(chosen.cache, key, lambda: asdict(run(*job)))
    assert found is not None
    return Run(**found)


def row(name: str, runs: list[Run], which: slice) -> list[Any]:
    """Row of the table for the answers `which` of each run: 0 is the set, the others are formulas."""
    told = np.array([each for one in runs for each in one.forecasts[which]])
    came = np.array([each for one in runs for each in one.realised[which]])
    known = np.isfinite(told).all(axis=1) & np.isfinite(came)
    told, came = told[known], came[known]
    slope = float(np.polyfit(told[:, 0], came, 1)[0]) if np.ptp(told[:, 0]) > 0 else float("nan")
    inside = (told[:, 1] <= came) & (came <= told[:, 2])
    return [
        name, len(runs), len(came), f"{told[:, 0].mean():.4f}", f"{came.mean():.4f}", f"{slope:.2f}",
        f"{100 * inside.mean():.0f} %", f"{100 * (came < told[:, 1]).mean():.0f} %",
    ]  # fmt: skip


def summary(runs: list[Run]) -> str:
    """Return the table of all kinds of panels, for sets and for formulas."""
    header = ["answers", "panels", "figures", "mean expected", "mean realised", "slope", "inside", "below"]
    rows = []
    for name, which in (("set", slice(0, 1)), ("formulas", slice(1, None))):
        rows.append(row(f"{name}, all panels", runs, which))
        rows += [
            row(f"{name}, {kind}", [each for each in runs if each.kind == kind], which)
            for kind in (NOISE, SIMULATED, REAL)
        ]
    return tables.table(header, rows)


HOW = """\
{count} panels: {noise} simulated without any effect, {simulated} simulated with one planted formula, and
{real} of real returns (us500.parquet; training in 2015 and 2016 with validation in 2017, and a year later)
with three planted formulas; information coefficients of 0.005 to 0.03 each. Searches with the defaults and
{budget:,} formulas. Slope: of the regression of realised on expected coefficients, 1 if calibrated. Inside:
share of the realised coefficients within the interval of 80 %; below: under it. On noise, the mean expected
coefficient of a set is {ratio:.2f} times the mean standard error of its realised one."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--panel", default="../shared/data/us500.parquet")
    parser.add_argument("--budget", type=int, default=5_000)
    parser.add_argument("--every", type=int, default=1, help="only every n-th panel")
    parser.add_argument("--threads", type=int, default=2, help="threads of each search")
    parser.add_argument("--processes", type=int, default=1, help="number of panels in parallel")
    parser.add_argument("--cache", type=Path, help="folder in which each run is stored")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    runs: list[Run] = []
    for each in each_in_turn(work, jobs_of(chosen)[:: chosen.every], chosen.processes):
        runs.append(each)
        low, high = each.forecasts[0][1:]
        print(
            f"{each.kind} {each.ic:g}: expected {each.forecasts[0][0]:.4f} ({low:.4f} to {high:.4f}), "
            f"realised {each.realised[0]:.4f}", file=sys.stderr, flush=True,
        )  # fmt: skip
    noise = [each for each in runs if each.kind == NOISE]
    ratio = np.mean([each.forecasts[0][0] for each in noise]) / np.mean([each.error for each in noise])
    count = {kind: sum(each.kind == kind for each in runs) for kind in (NOISE, SIMULATED, REAL)}
    how = HOW.format(
        count=len(runs), noise=count[NOISE], simulated=count[SIMULATED], real=count[REAL],
        budget=chosen.budget, ratio=ratio,
    )  # fmt: skip
    tables.write(
        chosen.out,
        "Calibration of forecasts",
        [summary(runs), tables.prose(how)],
        command=tables.command_line(["--cache", "--panel"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba')}",
    )


if __name__ == "__main__":
    main()
