"""Accuracy of the kernels: every operator compared with the float64 reference, and the polynomials.

    python benchmarks/engine/accuracy.py --out benchmarks/results/accuracy.md

The engine computes each operator as a formula of its own on two panels, normal noise and a simulated market.
The reference computes it in parts (some assets at a time, or some days for an operator that needs all assets
of a day), so that 5,000 days of 1,000 assets take less than 4 GB. The functions that are polynomials are also
tested without the engine, number by number.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.engine import Program, signals
from quarva.engine.kernel.functions.elementwise import binary, unary
from quarva.engine.reference import signals as reference
from quarva.engine.reference.elementwise import elementwise
from quarva.karva import OPERATORS, Expression, Operator, Symbol
from quarva.karva.operators import CODE
from quarva.panel import Panel

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import stopwatch, tables

WINDOW, SHARE, COUNT = 20, 0.8, 5
PARTS = {"elementwise": 200, "rolling": 50}  # assets of a part; operators on all assets are divided by days
PART_DAYS = 250
TRUTHS = ("and", "or", "not", "if_else", "lt", "le", "gt", "ge", "eq", "ne")
FUNCTIONS = ("exp", "log", "sin", "cos", "tanh", "power", "signed_power")
SPANS = {"exp": 105.0, "sin": 1e3, "cos": 1e3, "tanh": 10.0, "log": 10.0, "power": 30.0, "signed_power": 30.0}
LOOP, LENGTH = 2000, 2048


@dataclass(frozen=True)
class Error:
    """Largest error of an operator on a panel, relative to the value and to the root mean square of all.

    `nan` counts cells that are NaN on one side only, `cells` those with a value.
    """

    relative: float
    typical: float
    nan: int
    cells: int


def panels(days: int, assets: int, seed: int) -> dict[str, tuple[Panel, tuple[str, str]]]:
    """Return two panels, each with the fields for the operators; 1 % of the cells are missing."""
    rng = np.random.default_rng(seed)
    shape = (days, assets)
    returns = 0.02 * rng.standard_t(4, shape)
    market = {
        "close": np.exp(4 + rng.normal(size=assets) + np.cumsum(returns, axis=0)),
        "volume": np.exp(13 + 2 * rng.normal(size=assets) + 0.5 * rng.normal(size=shape)),
    }
    noise = {"x": rng.normal(size=shape), "y": rng.normal(size=shape)}
    return {
        "noise": (panel_of(noise, rng), ("x", "y")),
        "market": (panel_of(market, rng), ("close", "volume")),
    }


def panel_of(fields: dict[str, NDArray[Any]], rng: np.random.Generator) -> Panel:
    shape = next(iter(fields.values())).shape
    given = {name: np.where(rng.random(shape) < 0.01, np.nan, values) for name, values in fields.items()}
    given["few"], given["others"] = rng.integers(-1, 2, (2, *shape)).astype(float)
    return Panel.from_arrays(
        given,
        np.datetime64("2000-01-03") + np.arange(shape[0]),
        [f"a{i}" for i in range(shape[1])],
        groups={"sector": [f"s{i % 11}" for i in range(shape[1])]},
    )


def formula_of(operator: Operator, fields: tuple[str, str]) -> Expression:
    """Return the operator on the two fields, or on small integers for logic and comparison."""
    names = ("few", "others", fields[0]) if operator.name in TRUTHS else (*fields, fields[0])
    names = ("few", *fields) if operator.name == "if_else" else names
    share = 0.05 if operator.name == "winsorise" else SHARE
    given = {"window": WINDOW, "share": share, "group": "sector", "count": COUNT, "asset": "a0"}
    symbol = Symbol(operator, **{name: given[name] for name in operator.parameters})
    return Expression(symbol, tuple(Expression(Symbol(field=name)) for name in names[: operator.arity]))


def parts(panel: Panel, operator: Operator) -> Iterator[tuple[slice, slice]]:
    """Yield the days and assets that the reference computes at once."""
    days, assets = panel.values.shape[1:]
    if operator.kind in PARTS:
        for start in range(0, assets, PARTS[operator.kind]):
            yield slice(None), slice(start, start + PARTS[operator.kind])
    else:
        for start in range(0, days, PART_DAYS):
            yield slice(start, start + PART_DAYS), slice(None)


def part_of(panel: Panel, days: slice, assets: slice) -> Panel:
    """Return those days and assets with their groups."""
    labels = panel.groups["sector"].labels
    codes = panel.groups["sector"].codes[assets]
    return Panel.from_arrays(
        {name: panel.field(name)[days, assets] for name in panel.fields},
        panel.dates[days],
        list(panel.assets[assets]),
        groups={"sector": [labels[code] for code in codes]},
    )


def error_of(operator: Operator, panel: Panel, fields: tuple[str, str]) -> Error:
    """Compare the kernel with the reference."""
    formula = formula_of(operator, fields)
    got = signals(Program.from_expressions([formula]), panel)[0]
    relative, largest, squares, nan, cells = 0.0, 0.0, 0.0, 0, 0
    for days, assets in parts(panel, operator):
        wanted = reference(formula, part_of(panel, days, assets)).numpy()
        there = got[days, assets]
        both = ~np.isnan(wanted) & ~np.isnan(there)
        nan += int((np.isnan(wanted) != np.isnan(there)).sum())
        if not both.any():
            continue
        value, distance = np.abs(wanted[both]), np.abs(there[both] - wanted[both])
        ratio = np.divide(distance, value, out=np.where(distance > 0, np.inf, 0.0), where=value > 0)
        relative, largest = max(relative, ratio.max()), max(largest, distance.max())
        squares += float((value**2).sum())
        cells += int(both.sum())
    scale = np.sqrt(squares / cells) if cells else np.nan
    return Error(relative, largest / scale if scale > 0 else largest, nan, cells)


def shown(error: Error) -> list[str]:
    if not error.cells:
        return ["–", "–", "–"]
    return [f"{error.relative:.1e}", f"{error.typical:.1e}", f"{error.nan:,}"]


def operator_lines(days: int, assets: int, seed: int) -> Iterator[list[str]]:
    """Yield a line for each operator."""
    measured = panels(days, assets, seed)
    for operator in OPERATORS:
        errors = [error_of(operator, panel, fields) for panel, fields in measured.values()]
        yield [f"`{formula_of(operator, ('x', 'y')).symbol.name}`", *(c for e in errors for c in shown(e))]


# Functions ------------------------------------------------------------------------------------------


@compiled
def one_argument(code, x, out, times):
    for _ in range(times):
        unary(code, x, out)


@compiled
def two_arguments(code, x, y, out, times):
    for _ in range(times):
        binary(code, x, y, out)


def call(name: str, arguments: list[NDArray[np.float32]], times: int = 1) -> NDArray[np.float32]:
    out = np.empty_like(arguments[0])
    run = one_argument if len(arguments) == 1 else two_arguments
    run(CODE[name], *arguments, out, times)
    return out


def arguments_of(name: str, samples: int, rng: np.random.Generator) -> Iterator[list[NDArray[np.float32]]]:
    """Yield numbers of all float32 magnitudes, evenly spaced by bits; then as many within the usual span."""
    arity = 2 if name.endswith("power") else 1
    bits = [np.linspace(0, 0x7F7FFFFF, samples // 2).astype(np.uint32) for _ in range(arity)]
    for each in bits[1:]:
        rng.shuffle(each)
    yield [np.concatenate([each, each | 0x80000000]).astype(np.uint32).view(np.float32) for each in bits]
    yield [(rng.random(samples) * 2 - 1).astype(np.float32) * np.float32(SPANS[name]) for _ in range(arity)]


def worst_units(name: str, samples: int, rng: np.random.Generator) -> tuple[float, list[float]]:
    """Return the largest error in units of the last place, and its arguments."""
    worst, where = 0.0, [np.nan]
    for arguments in arguments_of(name, samples, rng):
        got = call(name, arguments)
        wanted = elementwise(name, [torch.tensor(a.astype(float)) for a in arguments]).numpy()
        unit = np.ldexp(1.0, np.maximum(np.frexp(wanted)[1] - 24, -149))
        distance = np.nan_to_num(np.abs(got - wanted) / unit)
        at = int(distance.argmax())
        if distance[at] > worst:
            worst, where = float(distance[at]), [float(a[at]) for a in arguments]
    return worst, where


def nanoseconds(name: str, arguments: list[NDArray[np.float32]]) -> float:
    """Return the least time per number of nine runs."""
    call(name, arguments)
    seconds = min(stopwatch.seconds_of(lambda: call(name, arguments, LOOP))[0] for _ in range(9))
    return seconds / LOOP / len(arguments[0]) * 1e9


def function_lines(samples: int, seed: int) -> Iterator[list[str]]:
    """Yield a line for each polynomial."""
    rng = np.random.default_rng(seed)
    for name in FUNCTIONS:
        worst, where = worst_units(name, samples, rng)
        usual = [np.abs(rng.normal(size=LENGTH)).astype(np.float32) for _ in where]
        place = ", ".join(f"{value:.6g}" for value in where)
        yield [f"`{name}`", f"{worst:.2f}", place, f"{nanoseconds(name, usual):.2f}"]


OPERATOR_HEADER = (
    "operator", "noise: error / value", "error / typical", "NaN differs", "market: error / value",
    "error / typical", "NaN differs",
)  # fmt: skip
FUNCTION_HEADER = ("function", "largest error, ulp", "at", "ns per number")
HOW = """\
Kernel: float32 between nodes; here a formula is one node. Reference: float64 throughout, on the same float32
fields. Error / value is the largest error relative to the value of the cell, which is not informative where
values near 0 are differences of larger ones. Error / typical is the largest error relative to the root mean
square of all values. NaN differs: cells that are NaN on one side only. A float32 is exact to 6e-8.

Noise: x and y are standard normal. Market: close is a random walk of fat-tailed returns, volume is lognormal.
Logic and comparisons have the arguments −1, 0 and 1. 1 % of the cells of a panel are missing. A dash means
that no cell has a value."""
FUNCTIONS_HOW = """\
Samples: numbers of all magnitudes, evenly spaced by their bits, and as many within the usual span of the
function. ulp: units in the last place of a float32 of the result's magnitude. ns per number: one thread,
2,048 numbers in the first-level cache."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--days", type=int, default=5000)
    parser.add_argument("--assets", type=int, default=1000)
    parser.add_argument(
        "--samples", type=int, default=1 << 24, help="numbers per function and kind of sample"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    size = f"{chosen.days:,} days × {chosen.assets:,} assets, windows of {WINDOW}."
    tables.write(
        chosen.out,
        "Accuracy of the kernels",
        [
            f"## Operators\n\n{size}",
            tables.table(OPERATOR_HEADER, operator_lines(chosen.days, chosen.assets, chosen.seed)),
            tables.prose(HOW),
            "## Functions",
            tables.table(FUNCTION_HEADER, function_lines(chosen.samples, chosen.seed)),
            tables.prose(FUNCTIONS_HOW),
        ],
        command=tables.command_line(),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'torch')}",
    )


if __name__ == "__main__":
    main()
