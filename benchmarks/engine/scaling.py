"""Part h: growth of time with assets, days, formulas and windows, and of memory with days."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.one_day import formulas
from engine.part import Asked, Result, Row, Shown
from measuring.bars import FIELDS, forward_target, panel_of, simulated_bars
from measuring.stopwatch import best_seconds, median_seconds
from quarva import engine
from quarva.karva import OPERATORS, Expression, Operator, Population, Symbol

__all__ = ["growth", "of_one", "symbol_of"]

WARM_UP = 20


def symbol_of(operator: Operator, window: int) -> Symbol:
    """Return the operator with its window, and a share of 0.8 if it has one."""
    symbol = Symbol.function(operator.name, window)
    return replace(symbol, share=0.8) if "share" in getattr(operator, "parameters", ()) else symbol


def of_one(operator: Operator, symbol: Symbol) -> list[Expression]:
    """Return a formula of this operator for each field; further arguments are the next fields."""

    def argument(place: int) -> Expression:
        return Expression(Symbol(field=FIELDS[place % len(FIELDS)]))

    return [
        Expression(symbol, tuple(argument(place + k) for k in range(operator.arity)))
        for place in range(len(FIELDS))
    ]  # fmt: skip


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Return the least-squares slope of log cost over log size, and the steepest between two neighbours."""
    x, y = np.log(sizes), np.log(np.maximum(costs, 1e-12))
    return float(np.polyfit(x, y, 1)[0]), float((np.diff(y) / np.diff(x)).max())


def scoring(program_of: Callable[[], engine.Program], bars: dict, threads: int) -> Callable[[], Any]:
    """Return a function that scores by IC, compiling each time; scores a field first to prepare the panel."""
    panel = panel_of(bars)
    target, _ = forward_target(panel, WARM_UP, "ic")
    field = engine.Program.from_expressions([Expression(Symbol(field="close"))])
    engine.evaluate(field, panel, target, "ic", threads=threads)
    return lambda: engine.evaluate(program_of(), panel, target, "ic", threads=threads)


def population_cost(population: Population, bars: dict, asked: Asked) -> float:
    """Return the median seconds to score a population."""
    score = scoring(lambda: engine.Program.from_population(population), bars, asked.threads)
    score()
    return median_seconds(asked.repeats, score)


def peak_above(work: Callable[[], Any]) -> float | None:
    """Return the peak memory of the process during the work above that before it, in MiB; None if unknown."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")

    def held(key: str) -> float:
        line = next(line for line in status.read_text().splitlines() if line.startswith(key))
        return float(line.split()[1]) / 1024

    try:
        reset.write_text("5")  # resets the high-water mark, see proc(5)
    except OSError:
        return None
    before = held("VmRSS")
    work()
    return held("VmHWM") - before


def by_assets(asked: Asked) -> tuple[list[int], list[float], str]:
    sizes, days = asked.size([20, 100, 300, 1_000, 5_000], [8, 16]), asked.size(1_000, 60)
    bars, population = simulated_bars(days, sizes[-1], asked.seed), formulas(asked.size(60, 5), asked.seed)
    parts = ({n: np.ascontiguousarray(v[:, :size]) for n, v in bars.items()} for size in sizes)
    costs = [population_cost(population, part, asked) for part in parts]
    return sizes, costs, f"{len(population)} formulas, {days:,} days"


def by_days(asked: Asked) -> tuple[list[int], list[float], str]:
    sizes, assets = asked.size([250, 1_000, 2_500, 10_000], [60, 120]), asked.size(300, 12)
    bars, population = simulated_bars(sizes[-1], assets, asked.seed), formulas(asked.size(60, 5), asked.seed)
    parts = ({n: v[:size] for n, v in bars.items()} for size in sizes)
    costs = [population_cost(population, part, asked) for part in parts]
    return sizes, costs, f"{len(population)} formulas, {assets} assets"


def by_formulas(asked: Asked) -> tuple[list[int], list[float], str]:
    sizes, (days, assets) = (
        asked.size([10, 100, 1_000, 10_000, 100_000], [10, 40]),
        asked.size((250, 20), (60, 8)),
    )
    bars, population = simulated_bars(days, assets, asked.seed), formulas(sizes[-1], asked.seed)
    costs = [population_cost(population[:size], bars, asked) for size in sizes]
    return sizes, costs, f"{assets} assets, {days:,} days"


def memory_by_days(asked: Asked) -> tuple[list[int], list[float], str] | None:
    """Return the memory of an evaluation above that of panel and target, in MiB."""
    sizes, assets = asked.size([250, 1_000, 2_500, 10_000], [60, 120]), asked.size(300, 12)
    bars = simulated_bars(sizes[-1], assets, asked.seed)
    population = formulas(asked.size(60, 5), asked.seed)
    costs = []
    for size in [sizes[0], *sizes]:  # the first run loads the kernels and is not counted
        part = {name: values[:size] for name, values in bars.items()}
        score = scoring(lambda: engine.Program.from_population(population), part, asked.threads)
        above = peak_above(score)
        if above is None:
            return None
        costs.append(max(above, 0.1))
    return sizes, costs[1:], f"{len(population)} formulas, {assets} assets"


def by_window(asked: Asked) -> tuple[Shown, list[Row]]:
    """Return nanoseconds per cell of each rolling operator by window, less the cost of scoring the fields."""
    windows = asked.size([5, 20, 60, 120, 250], [5, 20])
    bars = simulated_bars(asked.size(1_000, 80), asked.size(300, 12), asked.seed)
    fields = [Expression(Symbol(field=name)) for name in FIELDS]
    base = cost_of(fields, bars, asked)
    cells = len(FIELDS) * bars["close"].size
    lines, slopes = [], {}
    for operator in (each for each in OPERATORS if each.kind == "rolling"):
        costs = [cost_of(of_one(operator, symbol_of(operator, w)), bars, asked) - base for w in windows]
        spent = [max(1e9 * cost / cells, 0.01) for cost in costs]
        slopes[operator.name] = exponent(windows, spent)[0]
        lines.append([operator.name, *(f"{each:.2f}" for each in spent), f"{slopes[operator.name]:.2f}"])
    steepest = max(slopes, key=lambda name: slopes[name])
    row = Row(
        f"window {windows[0]} … {windows[-1]} days, {len(slopes)} rolling operators", "itself", "",
        f"exponent {np.median(list(slopes.values())):.2f} in the median, at most {slopes[steepest]:.2f} "
        f"({steepest})",
        None, "nearly free", None, 1,
    )  # fmt: skip
    return Shown(["ns per cell, by window", *map(str, windows), "exponent"], lines), [row]


def cost_of(trees: list[Expression], bars: dict, asked: Asked) -> float:
    """Return the fewest seconds to score these formulas on one thread."""
    program = engine.Program.from_expressions(trees)
    score = scoring(lambda: program, bars, 1)
    score()
    return best_seconds(4 * asked.repeats, score)


def growth(asked: Asked, before: dict) -> Result:
    """Part h."""
    rows, lines, told = [], [], []
    for name, unit, series in (
        ("assets", "s", by_assets), ("days", "s", by_days), ("formulas", "s", by_formulas),
        ("days", "MiB", memory_by_days),
    ):  # fmt: skip
        found = series(asked)
        if found is None:
            continue
        sizes, costs, on = found
        whole, steepest = exponent(sizes, costs)
        what = "peak memory above panel and target" if unit == "MiB" else "time"
        rows.append(
            Row(
                f"{what}, {sizes[0]:,} … {sizes[-1]:,} {name} ({on})", "itself", "",
                f"exponent {whole:.2f}, steepest {steepest:.2f}", None,
                "flat" if unit == "MiB" else "at most linear",
            )
        )  # fmt: skip
        shown = "; ".join(f"{size:,}: {cost:.3g} {unit}" for size, cost in zip(sizes, costs, strict=True))
        lines.append([f"{what}, {name} ({on})", shown, f"{whole:.2f}", f"{steepest:.2f}"])
    windows, judged = by_window(asked)
    told = [Shown(["series", "size: cost", "exponent", "steepest between two"], lines), windows]
    return Result(
        [*rows, *judged],
        told,
        HOW.format(
            repeats=asked.repeats,
            threads=asked.threads,
            best=4 * asked.repeats,
        ),
    )


HOW = """\
Exponent: the least-squares slope of the logarithm of the cost over that of the size; 1 is linear, 0 is
constant. Random formulas over the alphabet of `gep` for panels, windows 5 to 40, on simulated bars, scored by
IC; median of {repeats}, {threads} threads, including the compilation of the genes. By window: six formulas
OPERATOR(field, w) on 300 assets × 1,000 days, one thread, less the time of the six fields alone, best of
{best}. Memory: the high-water mark of the process above its memory just before, after one field was scored to
prepare the panel; 0.1 MiB means at most 0.1 MiB."""
