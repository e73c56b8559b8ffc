"""Performance on real returns with nothing planted: what searches and known features carry to later years.

    python benchmarks/searchers/real_returns.py --out benchmarks/results/real_returns.md

2017 is validation for methods fitted to 2015 and 2016. 2018 is read only when the table is made.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables
from searchers.unseen_days import FIRST_TEST, FIRST_UNSEEN, lightgbm


def daily_ic(signal: np.ndarray, target: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Correlation over the assets on each day; a missing signal is neutral."""
    out = []
    for day in np.flatnonzero(days):
        known = np.isfinite(target[day])
        there = known & np.isfinite(signal[day])
        if there.sum() < 30 or signal[day][there].std() == 0:
            continue
        x = np.where(there, signal[day] - signal[day][there].mean(dtype=np.float64), 0.0)[known]
        out.append(np.corrcoef(x, target[day][known])[0, 1])
    return np.array(out)


def figure(signal: np.ndarray, target: np.ndarray, days: np.ndarray) -> str:
    """Mean daily coefficient and its standard error."""
    daily = daily_ic(signal, target, days)
    return f"{daily.mean():.4f} ± {daily.std(ddof=1) / np.sqrt(len(daily)):.4f}"


def signals_of(task: Any, raw: Any, chosen: argparse.Namespace) -> dict[str, tuple[np.ndarray, str, float]]:
    """Signal, forecast and seconds of each method."""
    import quarva as qv
    from quarva.sets import fit_set, starting_formulas

    panel, out = task.panel, {}
    known = list(starting_formulas("alpha158", panel).values())
    began = time.perf_counter()
    found = qv.search(task, threads=chosen.threads, seed=chosen.seed, progress=False)
    assert found.set is not None
    for name, function in (
        ("default search: the set", found.set),
        ("the same: the best formula", found.best),
    ):
        told = f"{function.expected:.4f} ({function.expected_low:.4f} to {function.expected_high:.4f})"
        out[name] = function.signal(panel).to_numpy(), told, time.perf_counter() - began
    for name, where, weights in (
        ("Alpha158 with a risk model: the set", task, "spike_and_slab"),
        ("Alpha158 without a risk model, ridge weights", raw, "ridge"),
    ):
        began = time.perf_counter()
        own = fit_set(where, known, weights, threads=chosen.threads)  # type: ignore[arg-type]
        signal = own.signal(panel).to_numpy()
        told = f"{own.expected:.4f} ({own.expected_low:.4f} to {own.expected_high:.4f})"
        out[name] = signal, told if where is task else "–", time.perf_counter() - began
    began = time.perf_counter()
    trees = lightgbm(raw, known, chosen)
    out["Alpha158 without a risk model, LightGBM"] = trees, "–", time.perf_counter() - began
    return out


def main() -> None:
    import quarva as qv

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--panel", default="../shared/data/us500.parquet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    panel = qv.Panel.read(chosen.panel)
    question = {"target": "forward_return_1", "objective": "ic", "split": (FIRST_UNSEEN, FIRST_TEST)}
    task, raw = qv.Task(panel, **question), qv.Task(panel, **question, risk="none")
    found = signals_of(task, raw, chosen)
    # The same targets with 2018 as validation, which opens them. Nothing is fitted to them.
    late = {**question, "split": (FIRST_TEST, "2018-12-24")}
    opened = {2017: (task, raw), 2018: (qv.Task(panel, **late), qv.Task(panel, **late, risk="none"))}
    rows = []
    for name, (signal, told, seconds) in found.items():
        cells = [
            figure(signal, each.targets[0], each.segments == 1) for pair in opened.values() for each in pair
        ]
        rows.append([name, told, *cells, f"{seconds:.0f}"])
    header = [
        "method", "expected residual IC", "residual IC 2017", "raw IC 2017", "residual IC 2018",
        "raw IC 2018", "seconds",
    ]  # fmt: skip
    how = (
        f"Panel: {Path(chosen.panel).name}, {panel.shape[1]} stocks, nothing planted. Target: "
        "forward_return_1, delay 1. Mean daily correlation and its standard error. The residual is what the "
        "default risk model leaves of the return. Expected: the forecast made in training, with its interval "
        f"of 80 % for the mean over the validation part. Seed {chosen.seed}."
    )
    tables.write(
        chosen.out,
        "Real returns",
        [tables.table(header, rows), tables.prose(how)],
        command=tables.command_line(["--panel"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'lightgbm')}",
    )


if __name__ == "__main__":
    main()
