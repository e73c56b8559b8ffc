"""AlphaGen's evaluator and Quarva's on the same random formulas, same panel, same cores, in one run.

    python benchmarks/alphagen_evaluator.py --alphagen PATH

AlphaGen runs as its own calculator does: `Expression.evaluate`, `normalize_by_day`, `batch_pearsonr`, the
mean over days. Quarva runs `engine.evaluate` with the statistic "ic". Both score the same days of the same
float32 panel.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tables
import torch
from alphagen_peer import BACKTRACK, BINARY, HORIZON, PAIR, ROLLING, UNARY, AlphaGen, draw

from quarva import Panel, engine
from quarva.karva import Expression, render

ROUNDING = 2e-5


def simulated_bars(days: int, assets: int, seed: int) -> dict[str, np.ndarray]:
    """Bars without gaps, float32[days, assets] a field: fat tails, a common factor, clustered volatility."""
    rng = np.random.default_rng(seed)

    def persistent(shape: tuple[int, ...], memory: float, spread: float) -> np.ndarray:
        path = rng.normal(0, spread, shape)
        for day in range(1, shape[0]):
            path[day] = memory * path[day - 1] + np.sqrt(1 - memory**2) * path[day]
        return path

    market = 0.01 * np.exp(persistent((days, 1), 0.97, 0.4)) * rng.standard_t(5, (days, 1))
    own = 0.015 * np.exp(persistent((days, assets), 0.95, 0.3)) * rng.standard_t(4, (days, assets))
    moves = market * rng.uniform(0.5, 1.5, assets) + own
    close = rng.uniform(10, 200, assets) * np.exp(np.cumsum(moves - moves.mean(axis=0), axis=0))
    opened = np.vstack([close[:1], close[:-1]]) * np.exp(0.4 * own)
    high = np.maximum(opened, close) * np.exp(0.006 * np.abs(rng.normal(size=close.shape)) + 1e-4)
    low = np.minimum(opened, close) * np.exp(-0.006 * np.abs(rng.normal(size=close.shape)) - 1e-4)
    volume = np.exp(rng.uniform(12, 16, assets) + persistent(close.shape, 0.8, 0.4) + 8 * np.abs(moves))
    bars = {"open": opened, "close": close, "high": high, "low": low, "volume": volume}
    bars["vwap"] = (opened + close + high + low) / 4
    return {name: values.astype(np.float32) for name, values in bars.items()}


@dataclass(frozen=True)
class Setting:
    """A panel, and AlphaGen's calculator on it in float32 (timed) and in float64 (the referee)."""

    bars: dict[str, np.ndarray]
    usual: Any
    exact: Any


def settle(alphagen: AlphaGen, bars: dict[str, np.ndarray], assets: int) -> Setting:
    """The panel of the first `assets` assets."""
    part = {name: np.ascontiguousarray(values[:, :assets]) for name, values in bars.items()}
    return Setting(part, alphagen.calculator(part, torch.float32), alphagen.calculator(part, torch.float64))


def comparable(alphagen: AlphaGen, formula: Expression, setting: Setting) -> float | None:
    """IC in float64 where the two evaluators can be asked for the same number, else None.

    They can where every scored cell is finite in float32 and in float64 and no day is constant, where
    AlphaGen's Corr nowhere falls back on its small-denominator rule, and where AlphaGen's own IC is the
    same in both precisions to ROUNDING: what is left is not at the mercy of the order of additions.
    """
    alphagen.guarded = 0
    tree = alphagen.translate(formula)
    ics = []
    for calculator in (setting.usual, setting.exact):
        value = tree.evaluate(calculator.data)
        if not bool(value.isfinite().all()) or alphagen.guarded or not bool((value.std(dim=1) > 0).all()):
            return None
        ics.append(calculator.calc_single_IC_ret(tree))
    return ics[1] if abs(ics[0] - ics[1]) < ROUNDING else None


def admitted(
    alphagen: AlphaGen, count: int, settings: list[Setting], seed: int
) -> tuple[list[Expression], np.ndarray, int]:
    """The first `count` random formulas comparable on every panel.

    Returns them, their ICs in float64 of shape (panels, count), and how many formulas were drawn.
    """
    rng = np.random.default_rng(seed)
    found: list[Expression] = []
    exact: list[list[float]] = []
    drawn = 0
    alphagen.watch_corr()
    while len(found) < count:
        formula = draw(rng, int(rng.integers(5, 14)))
        if formula.lookback() > BACKTRACK or formula in found:
            continue
        drawn += 1
        ics: list[float] = []
        for setting in settings:
            ic = comparable(alphagen, formula, setting)
            if ic is None:
                break
            ics.append(ic)
        else:
            found.append(formula)
            exact.append(ics)
    alphagen.unwatch_corr()
    return found, np.array(exact).T, drawn


class Quarva:
    """Quarva's engine on the same bars and the same days."""

    def __init__(self, formulas: list[Expression], bars: dict[str, np.ndarray], threads: int) -> None:
        days, assets = bars["close"].shape
        dates = np.datetime64("2010-01-04") + np.arange(days)
        self._panel = Panel.from_arrays(bars, dates, [f"A{number:04d}" for number in range(assets)])
        targets = np.full((1, days, assets), np.nan, np.float32)
        targets[0, :-HORIZON] = bars["close"][HORIZON:] / bars["close"][:-HORIZON] - 1
        segments = np.zeros(days, np.int8)
        segments[:BACKTRACK] = segments[days - HORIZON :] = -1
        self._scored = segments == 0
        self._target = engine.Target.prepare(targets, segments, 1, "ic")
        self._formulas, self._threads = formulas, threads

    def information_coefficients(self) -> np.ndarray:
        """IC of every formula, float64[formulas], from trees to figures: compiled anew each time."""
        program = engine.Program.from_expressions(self._formulas)
        sums = engine.evaluate(program, self._panel, self._target, "ic", n_segments=1, threads=self._threads)
        days, total = sums[:, 0, 0, 0], sums[:, 0, 0, 1]
        if (days != self._scored.sum()).any():
            raise SystemExit(f"Quarva scored {days.min():.0f} of {self._scored.sum()} days of a formula")
        return total / days

    def missing_cells(self) -> int:
        """Cells of scored days that Quarva calls NaN; AlphaGen has none."""
        signals = (engine.Program.from_expressions([formula]) for formula in self._formulas)
        return sum(
            int(np.isnan(engine.signals(each, self._panel)[0, self._scored]).sum()) for each in signals
        )


def seconds_of(repeats: int, *works: Callable[[], np.ndarray]) -> tuple[list[float], list[np.ndarray]]:
    """Median seconds of each work, done in turns `repeats` times, and what each gave last."""
    times: list[list[float]] = [[] for _ in works]
    given: list[np.ndarray] = [np.empty(0)] * len(works)
    for _ in range(repeats):
        for place, work in enumerate(works):
            start = time.perf_counter()
            given[place] = work()
            times[place].append(time.perf_counter() - start)
    return [statistics.median(each) for each in times], given


def compare(
    alphagen: AlphaGen,
    formulas: list[Expression],
    exact: np.ndarray,
    setting: Setting,
    chosen: argparse.Namespace,
) -> list[str]:
    """One line of the table: both evaluators on one panel."""
    trees = [alphagen.translate(formula) for formula in formulas]
    quarva = Quarva(formulas, setting.bars, chosen.threads)
    missing = quarva.missing_cells()
    quarva.information_coefficients()  # compiles the kernels

    def theirs() -> np.ndarray:
        return np.array([setting.usual.calc_single_IC_ret(tree) for tree in trees])

    (slow, quick), (peer, own) = seconds_of(chosen.repeats, theirs, quarva.information_coefficients)
    nodes = sum(map(len, formulas)) * setting.usual.n_days * setting.bars["close"].shape[1]
    return [
        str(setting.bars["close"].shape[1]), f"{slow:.2f}", f"{quick:.3f}", f"{slow / quick:.1f}",
        f"{nodes / quick / 1e9:.2f}", f"{np.abs(own - peer).max():.1e}", f"{np.abs(own - exact).max():.1e}",
        f"{np.abs(peer - exact).max():.1e}", str(missing),
    ]  # fmt: skip


LEFT_OUT = """\
Left out, because the definitions differ: skew (AlphaGen's is not adjusted for the sample), kurtosis and mean
absolute deviation (not in Quarva), rolling rank (AlphaGen's counts from the top), median over an even window
(AlphaGen takes the lower middle value), power and sign (seldom comparable on random formulas)."""


def explain(formulas: list[Expression], drawn: int, chosen: argparse.Namespace) -> str:
    """What was done, in words."""
    sizes = [len(formula) for formula in formulas]
    names = ", ".join([*UNARY.values(), *BINARY.values(), *ROLLING.values(), *PAIR.values()])
    return tables.prose(f"""\
{len(formulas)} random formulas (seed {chosen.seed}, {min(sizes)} to {max(sizes)} nodes, mean
{np.mean(sizes):.1f}, windows 5 to 40) on simulated bars without gaps, float32, {chosen.days} scored
days after {BACKTRACK} days of history; {chosen.threads} threads for each, the two in turns, median of
{chosen.repeats}. Target: the return over the next {HORIZON} days. AlphaGen:
`QLibStockDataCalculator.calc_single_IC_ret`, one formula after another, its target normalised and its
expressions built beforehand. Quarva: `Program.from_expressions` and `engine.evaluate`, its target
padded beforehand; the machine code of its kernels is compiled once and cached, which is not in the
time.

Operators, by AlphaGen's names: {names}. CSRank counts from 0 where Quarva's `rank` counts from 1, so it
is drawn only where that shift can not change the IC; WMA over w + 1 days is `decay_linear` over w; Med
over odd windows.
{LEFT_OUT}

Formulas were drawn until {len(formulas)} were comparable on every panel, out of {drawn}: every scored
cell finite and no day constant (AlphaGen counts such a day as IC 0, Quarva does not count it), Corr
never in its rule for a sum of squares under 1e-6, and AlphaGen's own IC the same in float32 and in
float64 to {ROUNDING:.0e}, so that what is compared is not at the mercy of the order of additions.""")


HEADER = (
    "assets", "AlphaGen, s", "Quarva, s", "ratio", "Quarva, 10⁹ node values/s", "largest difference of IC",
    "Quarva to AlphaGen in float64", "AlphaGen to itself in float64", "cells NaN in Quarva only",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--alphagen", type=Path, required=True, help="checkout of RL-MLDM/alphagen")
    parser.add_argument("--days", type=int, default=2_000, help="scored days")
    parser.add_argument("--assets", default="20,300,1000", help="numbers of assets, comma-separated")
    parser.add_argument("--formulas", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    alphagen = AlphaGen(chosen.alphagen)
    sizes = sorted(int(size) for size in chosen.assets.split(","))
    bars = simulated_bars(BACKTRACK + chosen.days + HORIZON, sizes[-1], chosen.seed)
    settings = [settle(alphagen, bars, size) for size in sizes]
    formulas, exact, drawn = admitted(alphagen, chosen.formulas, settings, chosen.seed)
    rows = [compare(alphagen, formulas, *pair, chosen) for pair in zip(exact, settings, strict=True)]
    listed = "\n".join(["The formulas:", "", "```", *(render(formula) for formula in formulas), "```"])
    software = [
        tables.quarva_version(),
        f"AlphaGen at {tables.commit(chosen.alphagen)}",
        tables.versions("numpy", "numba", "torch"),
    ]
    tables.write(
        chosen.out,
        "AlphaGen's evaluator and Quarva's",
        [tables.table(HEADER, rows), explain(formulas, drawn, chosen), listed],
        command=tables.command_line(["--alphagen"]),
        software=", ".join(software),
    )


if __name__ == "__main__":
    main()
