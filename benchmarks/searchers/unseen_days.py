"""Out-of-sample recovery of a planted effect: correlation of signals with its drive, on real returns.

    python benchmarks/searchers/unseen_days.py --cache FOLDER --out benchmarks/results/unseen_days.md

Three formulas with an information coefficient of 0.01 (or 0.02) each are planted into the returns of 498 real
stocks (`quarva panel plant`). Each row of the table is a method that is fitted to the days until the end of
2016. Its share is the mean daily correlation of its signal with the drive, the planted part of the returns,
over 2017 and 2018: 1 for the exact drive, 0 for an unrelated signal. With --cache each run is stored when it
ends.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables
from measuring.processes import each_in_turn
from measuring.run_cache import cached, code_version

SETS = (
    ("-pct_change(close, 5)", "ts_zscore(volume, 20)", "(close - open) / (high - low)"),
    (
        "-corr(close, volume, 10)",
        "group_demean(pct_change(close, 20), sector)",
        "-std(pct_change(close, 1), 20)",
    ),
    ("-(close - low) / (high - low)", "pct_change(close, 120)", "-volume / mean(volume, 20)"),
    (
        "-ts_zscore(close, 10)",
        "rank(volume / mean(volume, 10)) * rank(delta(close, 5) / close)",
        "-group_rank(pct_change(close, 5), sector)",
    ),
    (
        "if_else(pct_change(close, 1) > 0, volume / mean(volume, 20), -(volume / mean(volume, 20)))",
        "ts_rank(close, 60)",
        "-(high / low)",
    ),
    ("ts_argmax(high, 20)", "-(open / ref(close, 1) - 1)", "close / mean(close, 240)"),
    (
        "-skew(pct_change(close, 1), 20)",
        "corr(high, volume, 5)",
        "-ts_max(pct_change(close, 1), 20)",
    ),
    (
        "-decay_linear(close - open, 5) / std(close, 20)",
        "group_zscore(volume / mean(volume, 60), sector)",
        "(close - ts_min(low, 20)) / (ts_max(high, 20) - ts_min(low, 20))",
    ),
    (
        "-pct_change(close, 1) * ts_zscore(volume, 10)",
        "pct_change(close, 60)",
        "(high + low - 2 * close) / close",
    ),
    ("std(close, 60) / close", "-pct_change(close, 3)", "ts_zscore(high - low, 20)"),
    (
        "-drawdown(close, 60)",
        "if_else(volume > mean(volume, 20), -pct_change(close, 5), pct_change(close, 5))",
        "-(close / ema(close, 20))",
    ),
    (
        "rank(corr(rank(close), rank(volume), 10))",
        "-abs(pct_change(close, 1)) * sign((close - low) / (high - low) - 0.5)",
        "group_demean(std(pct_change(close, 1), 40), sector)",
    ),
)
FIRST_UNSEEN, FIRST_TEST = "2017-01-03", "2018-01-02"

ROWS = {
    "default": "default search: the set",
    "best": "the same: the best formula",
    "own": "the same, searching for formulas with a high IC of their own",
    "few": "default search, {budget:,} formulas: the set",
    "random": "the same by random search",
    "policy": "the same by the policy network",
    "blend": "the same by blend",
    "no start": "the same without Alpha158 as start",
    "any units": "the same with formulas of any unit",
    "no scores": "the same with residual returns instead of their normal scores",
    "no risk": "the same without a risk model",
    "ridge": "the same candidates, ridge weights",
    "ten": "the same, ten members of equal weight",
    "400 random": "400 random formulas and Alpha158: the set",
    "400 alone": "400 random formulas alone: the set",
    "alpha158": "Alpha158 with a risk model: the set",
    "alpha158 ridge raw": "Alpha158 without a risk model, ridge weights",
    "lightgbm": "Alpha158 without a risk model, LightGBM",
    "gplearn": "Alpha158 without a risk model, gplearn's transformer, ridge weights",
}
"""Rows of the table, in order, and their descriptions."""

# Parameters of Qlib's benchmark of LightGBM on Alpha158; the last fifth of the training days stops it early.
LIGHTGBM = {
    "objective": "mse", "colsample_bytree": 0.8879, "learning_rate": 0.0421, "subsample": 0.8789,
    "lambda_l1": 205.6999, "lambda_l2": 580.9768, "max_depth": 8, "num_leaves": 210, "verbose": -1,
}  # fmt: skip
ROUNDS, PATIENCE = 1000, 50


@dataclass(frozen=True)
class Run:
    """Results on one panel: share and seconds of each row of the table, and evaluations of each search."""

    number: int
    ic: float
    share: dict[str, float]
    seconds: dict[str, float]
    evaluations: dict[str, int]


def run(number: int, ic: float, chosen: argparse.Namespace) -> Run:
    """Plant one set of formulas and compute every row of the table."""
    import quarva as qv
    from quarva.scenarios import plant, share
    from quarva.sets import FOUND_MEMBERS, fit_set, starting_formulas

    planted = plant(qv.Panel.read(chosen.panel), SETS[number], ic)
    panel = planted.panel
    unseen = panel.dates >= np.datetime64(FIRST_UNSEEN)
    question = {"target": "forward_return_1", "objective": "ic", "split": (FIRST_UNSEEN, FIRST_TEST)}
    task, raw = qv.Task(panel, **question), qv.Task(panel, **question, risk="none")
    known = list(starting_formulas("alpha158", panel).values())
    shares: dict[str, float] = {}
    seconds: dict[str, float] = {}
    evaluations: dict[str, int] = {}

    def told(row: str, signal: Any, began: float) -> None:
        seconds[row] = time.perf_counter() - began
        values = signal if isinstance(signal, np.ndarray) else signal.signal(panel).to_numpy()
        shares[row] = share(values, planted.drive, unseen)

    def searched(row: str, where: qv.Task = task, searcher: str = "gep", **settings: Any) -> qv.Findings:
        began = time.perf_counter()
        settings = {"budget": chosen.budget, "seed": chosen.seed, "threads": chosen.threads, **settings}
        found = qv.search(where, searcher, progress=False, **settings)
        assert found.set is not None
        evaluations[row] = found.evaluations
        told(row, found.set, began)
        return found

    best = searched("default", budget=50_000).best
    told("best", best, time.perf_counter())
    searched("own", budget=50_000, reward="own")
    found = searched("few")
    for row, weights, size in (("ridge", "ridge", 400), ("ten", "equal", 10)):
        began = time.perf_counter()
        candidates = [*(known if size == 400 else ()), *found.archive[:size]]
        own = fit_set(task, candidates, weights, most=len(candidates), threads=chosen.threads)  # type: ignore[arg-type]
        told(row, own, began)
    for searcher in ("random", "policy", "blend"):
        searched(searcher, searcher=searcher)
    searched("no start", start="none")
    searched("any units", unit_free=False)
    assert task.risk is not None
    searched("no scores", qv.Task(panel, **question, risk=replace(task.risk, normal_scores=False)))
    searched("no risk", raw)
    archive = searched("400 random", searcher="random", budget=400).archive
    began = time.perf_counter()
    prior = np.full(len(archive), FOUND_MEMBERS / 400)
    told("400 alone", fit_set(task, archive, prior=prior, threads=chosen.threads), began)
    for row, where, weights in (("alpha158", task, "spike_and_slab"), ("alpha158 ridge raw", raw, "ridge")):
        began = time.perf_counter()
        told(row, fit_set(where, known, weights, threads=chosen.threads), began)  # type: ignore[arg-type]
    began = time.perf_counter()
    told("lightgbm", lightgbm(raw, known, chosen), began)
    if chosen.peer_python is not None:
        began = time.perf_counter()
        told("gplearn", gplearn(raw, known, chosen), began)
    return Run(number, ic, shares, seconds, evaluations)


def lightgbm(task: Any, formulas: list[Any], chosen: argparse.Namespace) -> np.ndarray:
    """Signal of gradient-boosted trees on the z-scores of formulas, shape (T, N)."""
    import lightgbm as peer

    from quarva.engine import Program, signals

    values = signals(Program.from_expressions(formulas), task.panel, chosen.threads)
    for signal in values:
        signal[:] = zscores(signal)
    features = values.transpose(1, 2, 0)
    target = zscores(task.targets[0])
    days = np.flatnonzero((task.segments == 0) & np.isfinite(target).any(axis=1))
    cut = days[int(0.8 * len(days))]
    data = []
    for part in (days[days < cut], days[days >= cut]):
        there = np.isfinite(target[part])
        data.append(peer.Dataset(features[part][there], target[part][there]))
    settings = {**LIGHTGBM, "num_threads": chosen.threads, "seed": chosen.seed}
    stop = peer.early_stopping(PATIENCE, verbose=False)
    model = peer.train(settings, data[0], ROUNDS, valid_sets=[data[1]], callbacks=[stop])
    out = model.predict(features.reshape(-1, len(formulas)), num_threads=chosen.threads)
    return np.asarray(out, np.float32).reshape(task.panel.shape)


def gplearn(task: Any, formulas: list[Any], chosen: argparse.Namespace) -> np.ndarray:
    """Signal of gplearn's transformer on the z-scores of formulas, shape (T, N), from its own process."""
    from quarva.engine import Program, signals

    values = signals(Program.from_expressions(formulas), task.panel, chosen.threads)
    features = np.nan_to_num(np.stack([zscores(signal) for signal in values], axis=-1))
    target = zscores(task.targets[0])
    there = np.isfinite(target) & (task.segments == 0)[:, None]
    script = Path(__file__).resolve().parents[1] / "peers" / "transformer.py"
    with tempfile.TemporaryDirectory() as folder:
        for name, array in (
            ("train", features[there]),
            ("target", target[there]),
            ("all", features.reshape(-1, len(formulas))),
        ):
            np.save(Path(folder) / f"{name}.npy", array)
        subprocess.run([chosen.peer_python, script, folder, "--seed", str(chosen.seed)], check=True)
        return np.asarray(np.load(Path(folder) / "signal.npy")).reshape(task.panel.shape)


def zscores(values: np.ndarray) -> np.ndarray:
    """Z-scores over the assets of each day, NaN where missing."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # days without values
        known = np.where(np.isfinite(values), values, np.nan)
        out = (known - np.nanmean(known, axis=1, keepdims=True)) / np.nanstd(known, axis=1, keepdims=True)
    return np.asarray(np.where(np.isfinite(out), out, np.nan), np.float32)


Job = tuple[int, float, argparse.Namespace]


def work(job: Job) -> Run:
    """Return the result of a run, from the cache if it is there."""
    number, ic, chosen = job
    key = {
        "number": number, "ic": ic, "plants": list(SETS[number]), "budget": chosen.budget,
        "seed": chosen.seed, "version": code_version(), "threads": chosen.threads,
    }  # fmt: skip
    found = cached(chosen.cache, key, lambda: asdict(run(*job)))
    assert found is not None
    return Run(**found)


def summary(runs: list[Run], ics: list[float], budget: int) -> str:
    """Return a table: mean, smallest and largest share of each row by planted IC, and its mean seconds."""
    header = [
        "answer",
        *(f"share at IC {ic:g}: mean (least to most)" for ic in ics),
        "evaluations, mean",
        "seconds, mean",
    ]
    rows = []
    for row, text in ROWS.items():
        cells = []
        for ic in ics:
            values = [each.share[row] for each in runs if each.ic == ic and row in each.share]
            cells.append(
                f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"
                if values
                else "not measured"
            )
        counts = [each.evaluations[row] for each in runs if row in each.evaluations]
        seconds = [each.seconds[row] for each in runs if row in each.seconds]
        cells += [f"{np.mean(counts):,.0f}" if counts else "", f"{np.mean(seconds):.1f}" if seconds else ""]
        rows.append([text.format(budget=budget), *cells])
    return tables.table(header, rows)


def by_set(runs: list[Run], ic: float) -> str:
    """Return a table: the share of every row on each set of planted formulas."""
    mine = [each for each in runs if each.ic == ic]
    rows = [
        [each.number + 1, "<br>".join(f"`{text}`" for text in SETS[each.number]),
         *(f"{each.share[row]:.2f}" if row in each.share else "" for row in ROWS)]
        for each in mine
    ]  # fmt: skip
    return tables.table(["set", "planted", *ROWS], rows)


HOW = """\
Panel: {panel}, {sets} sets of three formulas, planted as `quarva panel plant` does with delay 1: the returns
are the real ones plus the drive. Every method is fitted to the days until the end of 2016. The share is the
mean daily correlation of its signal with the drive over 2017 and 2018. Objective: ic of forward_return_1.
Searches: seed {seed}. The set: spike-and-slab weights unless a row says otherwise, from the
400 best formulas of the archive and Alpha158. Seconds: wall time of search and fit with {threads}
thread{plural}, without planting; some rows count the fit alone. The columns of the other tables are the rows
of the first, in order."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--panel", default="../shared/data/us500.parquet")
    parser.add_argument("--sets", type=int, default=len(SETS), help="number of sets of planted formulas")
    parser.add_argument(
        "--ics", type=lambda text: [float(ic) for ic in text.split(",")], default=[0.01, 0.02]
    )
    parser.add_argument("--budget", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="threads of each search and fit")
    parser.add_argument("--processes", type=int, default=1, help="number of panels in parallel")
    parser.add_argument("--peer-python", type=Path, help="a Python that has gplearn")
    parser.add_argument("--cache", type=Path, help="folder in which each run is stored")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    jobs = [(number, ic, chosen) for number in range(chosen.sets) for ic in chosen.ics]
    runs: list[Run] = []
    for each in each_in_turn(work, jobs, chosen.processes):
        runs.append(each)
        shares = " ".join(f"{row} {value:.2f}," for row, value in each.share.items())
        print(f"set {each.number + 1} ic {each.ic:g}: {shares}", file=sys.stderr, flush=True)
    how = HOW.format(
        panel=Path(chosen.panel).name, sets=chosen.sets, budget=chosen.budget, seed=chosen.seed,
        threads=chosen.threads, plural="s" * (chosen.threads != 1),
    )  # fmt: skip
    tables.write(
        chosen.out,
        "What is carried to unseen days",
        [
            summary(runs, chosen.ics, chosen.budget),
            tables.prose(how),
            *(f"IC {ic:g}:\n\n{by_set(runs, ic)}" for ic in chosen.ics),
        ],
        command=tables.command_line(["--cache", "--panel", "--peer-python"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba')}",
    )


if __name__ == "__main__":
    main()
