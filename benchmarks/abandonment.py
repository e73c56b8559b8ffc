"""Early abandonment: how much it saves, and how often it errs.

    python benchmarks/abandonment.py --panel ../shared/data/us500.parquet --out FILE.md

The same search is run without and with it, and every formula that was given up is scored to the end: one
whose fitness reaches the floor after all was given up in error. CPU seconds are those of the searches alone.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import tables

import quarva as qv
from quarva.runs import search
from quarva.tasks import Abandonment, Task

HOW = """
Target: the return of 5 days, and of 1 day on the planted market, objective ic, seed 1, default settings;
{budget:,} distinct evaluations. A formula is given up after the first third of the training days if its mean
daily coefficient and so many standard errors are below the floor: for gep the median of the island's living,
for random search the worst of the 600 formulas that are kept. In error: given up, and at the floor or above
when scored to the end. Planted: `rank(delta(close, 5))` at an information coefficient of 0.15, 300 assets,
1,000 days.
"""


class Witness(Task):
    """A task that scores to the end what it was told to give up."""

    dropped = errors = 0
    seconds = 0.0
    deviations = 2.0

    def score(self, formulas, threads=None, device="cpu", *, validation=True, floors=None, abandonment=None):
        began = time.process_time()
        if abandonment is not None:
            abandonment = Abandonment(abandonment.share, self.deviations)
        scores = super().score(
            formulas, threads, device, validation=validation, floors=floors, abandonment=abandonment
        )
        self.seconds += time.process_time() - began
        if scores.dropped is not None and scores.dropped.any():
            whole = super().score(formulas, threads, device).fitness
            self.dropped += int(scores.dropped.sum())
            self.errors += int((whole >= floors)[scores.dropped].sum())
        return scores


def planted() -> qv.Panel:
    from quarva.scenarios import simulate

    return simulate(300, 1000, 0, "rank(delta(close, 5))", 0.15)


def line(name: str, panel: qv.Panel, horizon: int, way: str, deviations: float | None, budget: int) -> list:
    task = Witness(panel, f"forward_return_{horizon}", "ic")
    task.deviations = 0.0 if deviations is None else deviations
    found = search(
        task, way, budget=budget, seed=1, progress=False, abandon=None if deviations is None else 1 / 3
    )
    told = "–" if deviations is None else f"{deviations:g}"
    errors = f"{task.errors / task.dropped:.1%}" if task.dropped else "–"
    return [
        name, way, told, f"{task.dropped / budget:.1%}", errors, f"{task.seconds:.1f}",
        f"{found.best.train:.4f}", f"{found.best.validation:.4f}",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--panel", type=Path, required=True)
    parser.add_argument("--budget", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    np.seterr(all="ignore")
    panels = [("us500", qv.Panel.read(chosen.panel), 5), ("planted", planted(), 1)]
    line("warm-up", panels[1][1], 1, "gep", None, 300)  # compiles the kernels, if that is still to be done
    rows = [
        line(name, panel, horizon, way, deviations, chosen.budget)
        for name, panel, horizon in panels
        for way in ("gep", "random")
        for deviations in (None, 2.0, 1.0, 0.0)
    ]
    header = [
        "panel", "searcher", "standard errors", "given up", "of them in error", "CPU s, scoring",
        "best, train", "validation",
    ]  # fmt: skip
    tables.write(
        chosen.out,
        "Early abandonment",
        [tables.table(header, rows), tables.prose(HOW.format(budget=chosen.budget))],
        command=tables.command_line(),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba')}",
    )


if __name__ == "__main__":
    main()
