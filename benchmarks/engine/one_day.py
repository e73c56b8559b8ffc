"""Part g: one more day for a thousand formulas by `Stream.step`, compared with computing all days again."""

import statistics

import numpy as np

from engine.part import Asked, Result, Row
from measuring.bars import FIELDS, panel_of, simulated_bars
from measuring.stopwatch import seconds_of
from quarva import engine
from quarva.engine.operations import population_operations
from quarva.karva import Alphabet, GeneShape, Population

__all__ = ["one_more_day"]

PIECE = 250  # formulas whose signals are in memory at once, 1 GB


def formulas(count: int, seed: int) -> Population:
    """Return random formulas over the default alphabet of a search on a panel."""
    drawn = Population.random(
        Alphabet.build(FIELDS), GeneShape(head=10), 10 * count, np.random.default_rng(seed)
    )
    return drawn[np.flatnonzero(drawn.sizes() >= 5)[:count]]


def one_more_day(asked: Asked, before: dict) -> Result:
    """Part g."""
    days, assets = asked.size(2_000, 80), asked.size(500, 20)
    fed = min(days, asked.size(500, 60))  # days before the timed step
    population = formulas(asked.size(1_000, 30), asked.seed)
    panel = panel_of(simulated_bars(days, assets, asked.seed))
    program = engine.Program.from_population(population)
    stream = engine.Stream(program, panel)
    steps = [seconds_of(lambda day=day: stream.step(panel.values[:, day])) for day in range(fed)]
    timed = [took for took, _ in steps[-fed // 2 :]]
    step, worst = statistics.median(timed), max(timed)
    for_check = panel.between(panel.dates[0], panel.dates[fed - 1])
    batch = engine.signals(program, for_check, asked.threads)[:, -1]
    same = np.array_equal(batch, steps[-1][1], equal_nan=True)
    whole = 0.0
    for first in range(0, len(population), PIECE):
        piece = engine.Program.from_population(population[first : first + PIECE])
        took, _ = seconds_of(lambda piece=piece: engine.signals(piece, panel, asked.threads))
        whole += took
    asking = float(population_operations(population, assets).sum()) * assets
    work = f"one more day for {len(population):,} formulas, {assets} assets"
    rows = [
        Row(work, "all days again", f"{whole:.2f} s", f"{1e3 * step:.1f} ms", whole / step, "200×",
            asking / step, 1),
        Row(work, "–", "", f"{1e3 * step:.1f} ms (longest {1e3 * worst:.1f})", None, "under 30 ms"),
    ]  # fmt: skip
    how = HOW.format(
        count=len(population), mean=population.sizes().mean(), timed=len(timed), fed=fed, days=days,
        piece=PIECE, threads=asked.threads, same="bit-identical" if same else "NOT identical",
    )  # fmt: skip
    return Result(rows, [], how)


HOW = """\
{count:,} random formulas over the alphabet of `gep` for panels, mean {mean:.1f} nodes. `Stream.step` of one
day: median of the last {timed} of {fed} days. Recomputation: `engine.signals` of the same formulas on
{days:,} days, {piece} formulas at once, {threads} threads. The last day's signals of the stream and of the
batch are {same}."""
