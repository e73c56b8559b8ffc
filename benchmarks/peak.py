"""Part i: what the machine can do at most, and what each operator makes of it."""

from typing import Any

import numpy as np
from bars import FIELDS, simulated_bars
from part import Asked, Result, Shown
from scaling import cost_of, of_one, symbol_of

from quarva.engine.operations import symbol_operations
from quarva.engine.probe import fma_peak, stream_peak
from quarva.karva import OPERATORS, Expression, Symbol

__all__ = ["peaks"]

WINDOW = 20
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
    return Result([], shown, HOW.format(repeats=2 * asked.repeats), "", found)


def operator_lines(asked: Asked, flops: float, stream: float) -> list[list[str]]:
    """Of each operator: time, operations and bytes of a cell, and their shares of the peaks on one thread."""
    assets = asked.size(300, 12)
    bars = simulated_bars(asked.size(1_000, 80), assets, asked.seed)
    cells = len(FIELDS) * bars["close"].size
    base = cost_of([Expression(Symbol(field=name)) for name in FIELDS], bars, asked)
    lines = []
    for operator in OPERATORS:
        if set(getattr(operator, "parameters", ())) - {"window", "share"} or operator.kind == "group":
            continue
        symbol = symbol_of(operator, WINDOW) if operator.windowed else symbol_of(operator, None)
        spent = max(cost_of(of_one(operator, symbol), bars, asked) - base, 1e-12) / cells
        asking, moved = symbol_operations(symbol, assets), 4.0 * (operator.arity + 1)
        lines.append(
            [
                operator.name, f"{1e9 * spent:.2f}", f"{asking:.1f}", f"{asking / spent / flops:.1%}",
                f"{moved:.0f}", f"{moved / spent / stream:.1%}",
            ]
        )  # fmt: skip
    slowest = np.argsort([-float(line[1]) for line in lines], kind="stable")
    return [lines[place] for place in slowest]


OPERATOR_HEADER = [
    f"operator (window {WINDOW})", "ns a cell", "operations a cell", "of the multiply-add peak",
    "bytes a cell", "of the triad in the second-level cache",
]  # fmt: skip

HOW = """\
Peaks: `quarva.engine.probe`: chains of fused multiply-adds on numbers in the first-level cache (an
operation each for the multiplication and the addition), and McCalpin's triad on arrays of three sizes, both
compiled by Numba as the kernels are; best of six timings.

Where the rest goes: an interpreter of formulas that works on rows in the cache loads each operand and
stores each result, 4 bytes a number, around one to a few operations, so that an addition (12 bytes, one
operation) meets the cache's limit at a few percent of the multiply-add peak; that share is the last column.
Where both shares are small, the time goes into what is not counted: float64 sums and divisions where
rounding asks for them, comparisons that depend on each other in ordered windows and ranks, the tests for
values that are not finite, and the call of a kernel for each row of a tile. Operators are timed as six
formulas OPERATOR(field) on 300 assets × 1,000 days, one thread, less the six fields alone; median of
{repeats}."""
