"""Part i: the peak of the machine, and the share of it that each operator reaches."""

from typing import Any

import numpy as np

from engine.part import Asked, Result, Shown
from engine.scaling import cost_of, of_one, symbol_of
from measuring.bars import FIELDS, simulated_bars
from quarva.engine.operations import symbol_operations
from quarva.engine.probe import fma_peak, stream_peak
from quarva.karva import OPERATORS, Expression, Symbol

__all__ = ["peaks"]

WINDOW = 20
LEAST = 5e-11  # seconds per cell
CACHES = {"first-level cache": 32, "second-level cache": 1024, "beyond": 96 * 1024}  # KiB of three arrays


def peaks(asked: Asked, before: dict) -> Result:
    """Part i: the probes, and a line for each operator without a group."""
    threads = sorted({1, asked.threads})
    flops = {str(count): fma_peak(count) for count in threads}
    streams = {
        name: {str(count): stream_peak(count, kib) for count in threads} for name, kib in CACHES.items()
    }
    lines = [["multiply-add, GFLOP/s", *(f"{flops[str(count)] / 1e9:.0f}" for count in threads)]]
    for name, rates in streams.items():
        lines.append([f"triad, {name}, GB/s", *(f"{rates[str(count)] / 1e9:.0f}" for count in threads)])
    header = ["measured peak", *(f"{count} thread{'s' * (count > 1)}" for count in threads)]
    alone, cache = flops["1"], streams["second-level cache"]["1"]
    shown = [Shown(header, lines), Shown(OPERATOR_HEADER, operator_lines(asked, alone, cache))]
    found: dict[str, Any] = {"flops": flops, "streams": streams}
    return Result(
        [],
        shown,
        HOW.format(
            repeats=4 * asked.repeats,
            addition=cache / 12 / alone,
        ),
        "",
        found,
    )


def operator_lines(asked: Asked, flops: float, stream: float) -> list[list[str]]:
    """Return for each operator the time, operations and bytes per cell, and their shares of the peaks."""
    assets = asked.size(300, 12)
    bars = simulated_bars(asked.size(1_000, 80), assets, asked.seed)
    cells = len(FIELDS) * bars["close"].size
    base = cost_of([Expression(Symbol(field=name)) for name in FIELDS], bars, asked)
    lines, times = [], []
    for operator in OPERATORS:
        if set(getattr(operator, "parameters", ())) - {"window", "share"} or operator.kind == "group":
            continue
        symbol = symbol_of(operator, WINDOW) if operator.windowed else symbol_of(operator, None)
        spent = (cost_of(of_one(operator, symbol), bars, asked) - base) / cells
        asking, moved = symbol_operations(symbol, assets), 4.0 * (operator.arity + 1)
        shown = [f"below {1e9 * LEAST:.2f}", f"{asking:.1f}", "–", f"{moved:.0f}", "–"]
        if spent > LEAST:  # less cannot be distinguished from the cost of scoring
            shown[0], shown[2] = f"{1e9 * spent:.2f}", f"{asking / spent / flops:.1%}"
            shown[4] = f"{moved / spent / stream:.1%}"
        lines.append([operator.name, *shown])
        times.append(spent)
    return [lines[place] for place in np.argsort(times, kind="stable")[::-1]]


OPERATOR_HEADER = [
    f"operator (window {WINDOW})", "ns per cell", "operations per cell", "of the multiply-add peak",
    "bytes per cell", "of the triad in the second-level cache",
]  # fmt: skip

HOW = """\
Peaks: `quarva.engine.probe` runs chains of fused multiply-adds on numbers in the first-level cache (counted
as a multiplication and an addition), and McCalpin's triad on arrays of three sizes, both compiled by Numba
like the kernels; best of six timings.

An interpreter of formulas that works on rows in the cache loads each operand and stores each result, 4 bytes
per number, for one or a few operations. An addition (12 bytes, one operation) at the rate of the second-level
cache is therefore {addition:.0%} of the multiply-add peak; the last column has the share of that rate. If
both shares are small, the time is spent on work that is not counted: float64 sums and divisions that rounding
requires, dependent comparisons in ordered windows and ranks, tests for values that are not finite, and the
call of a kernel for each row of a tile. Operators are timed as six formulas OPERATOR(field) on 300 assets ×
1,000 days, one thread, less the six fields alone; best of {repeats}."""
