"""Compare the kernels on GPU and CPU: seconds to score 1,000 random formulas, by size of the panel.

Without a GPU nothing is measured, and the table says so.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from quarva import engine
from quarva.engine.gpu.device import find_device, why_no_device
from quarva.karva import Alphabet, GeneShape, Population
from quarva.karva.alphabet import PANEL_FUNCTIONS

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables
from measuring.bars import HORIZON, panel_of, simulated_bars
from measuring.stopwatch import median_seconds

ASSETS = (300, 1000, 5000)
STATISTICS: tuple[engine.Statistic, ...] = ("ic", "rank_ic")
HEADER = ["work", "CPU, s", "GPU, s", "GPU faster", "largest difference of a mean IC"]
NOT_YET = "not yet measured: no GPU"


def scorer(
    days: int, assets: int, formulas: int, statistic: engine.Statistic, threads: int, seed: int
) -> Callable[[engine.Device], np.ndarray]:
    """Return a function of a device that computes the mean IC of each formula, float64[formulas]."""
    bars = simulated_bars(days, assets, seed)
    panel, close = panel_of(bars), bars["close"]
    returns = np.full((1, days, assets), np.nan, np.float32)
    returns[0, :-HORIZON] = close[HORIZON:] / close[:-HORIZON] - 1
    target = engine.Target.prepare(panel, returns, np.zeros(days, np.int8), 1, statistic)
    alphabet = Alphabet.build(list(panel.fields), PANEL_FUNCTIONS, (5, 10, 20, 40), (), (), False)
    population = Population.random(alphabet, GeneShape(head=10), formulas, np.random.default_rng(seed))
    program = engine.Program.from_population(population)

    def score(device: engine.Device) -> np.ndarray:
        sums = engine.evaluate(program, panel, target, statistic, None, 1, threads, device)[:, 0, 0]
        with np.errstate(invalid="ignore"):
            return sums[:, 1] / sums[:, 0]

    return score


def row(work: str, score: Callable[[engine.Device], np.ndarray], repeats: int) -> list[str]:
    """Return a line of the table; the first calls, whose results are compared, warm up both devices."""
    difference = np.nanmax(np.abs(score("cuda") - score("cpu")))
    on_gpu = median_seconds(repeats, lambda: score("cuda"))
    on_cpu = median_seconds(repeats, lambda: score("cpu"))
    return [work, f"{on_cpu:.2f}", f"{on_gpu:.2f}", f"{on_cpu / on_gpu:.1f}×", f"{difference:.1e}"]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="file of the table")
    parser.add_argument("--days", type=int, default=2000)
    parser.add_argument("--assets", type=int, nargs="+", default=ASSETS)
    parser.add_argument("--formulas", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=engine.threads_to_use(None))
    asked = parser.parse_args()
    why, lines = why_no_device(), []
    for assets in asked.assets:
        for statistic in STATISTICS:
            work = f"{statistic} of {asked.formulas:,} formulas, T={asked.days}, N={assets}"
            if why:
                lines.append([work, "–", NOT_YET, "–", "–"])
                continue
            sizes = asked.days, assets, asked.formulas
            score = scorer(*sizes, statistic, asked.threads, asked.seed)
            lines.append(row(work, score, asked.repeats))
    on = why or f"GPU: {find_device().name}; CPU: {asked.threads} threads"
    software = tables.quarva_version() + ", " + tables.versions("numba", *([] if why else ["numba-cuda"]))
    about = "Random formulas of the default operators, head 10. Median seconds, after a first call."
    parts = [tables.prose(about), tables.prose(f"Here: {on}."), tables.table(HEADER, lines)]
    tables.write(asked.out, "The kernel on a GPU", parts, command=tables.command_line(), software=software)


if __name__ == "__main__":
    main()
