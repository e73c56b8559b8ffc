"""Tables in float64 compared with tables in float32: the same formulas on the same rows.

    python benchmarks/engine/precision.py --out benchmarks/results/precision.md

The table in float64 has one more column, seconds since 1970, which no formula reads.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

import quarva as qv
from measuring import tables
from measuring.stopwatch import in_turns
from quarva import Table, engine
from quarva.karva import Alphabet, GeneShape, Population

SIZES = ((20, 10_000), (1_000, 2_000), (100_000, 100))  # rows and formulas
FUNCTIONS = {"arithmetic": ["add", "sub", "mul", "div"], "Koza's": None}
NODES = 10  # of a formula at least


def two_tables(rows: int, rng: np.random.Generator) -> tuple[Table, Table]:
    """Return a table in float32 and the same in float64."""
    x = {name: rng.uniform(0.1, 2.0, rows).astype(np.float32) for name in ("a", "b", "c")}
    y = (np.sin(x["a"]) * x["b"] + 0.1 * rng.normal(size=rows)).astype(np.float32)
    return Table.from_arrays(x, y), Table.from_arrays(x | {"t": 1.7e9 + np.arange(rows)}, y)


def formulas(count: int, functions: list[str] | None, rng: np.random.Generator) -> Population:
    """Return random formulas of at least `NODES` nodes."""
    chosen = functions or ["add", "sub", "mul", "div", "sin", "cos", "exp", "log"]
    alphabet = Alphabet.build(["a", "b", "c"], chosen, constants=True)
    drawn = Population.random(alphabet, GeneShape(head=24), 10 * count, rng)
    return drawn[np.flatnonzero(drawn.sizes() >= NODES)[:count]]


def scored(population: Population, table: Table, target: engine.Target) -> np.ndarray:
    """Return the squared errors on one thread."""
    return engine.evaluate(population, table.panel, target, "sse", threads=1)


def searched(table: Table) -> int:
    """Search with GEP on one thread."""
    task = qv.Task(table)
    return qv.search(task, "gep", 20_000, constants=True, threads=1, progress=False).evaluations


TEXT = """
Scoring is the median on one thread, in nanoseconds per formula and row. A search evaluates 20,000 formulas
with constants; the table in float64 has an offset and a column more to choose from.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = []
    for name, functions in FUNCTIONS.items():
        for size, count in SIZES:
            both, population = two_tables(size, rng), formulas(count, functions, rng)
            days = [np.zeros(len(each.panel.dates), np.int8) for each in both]
            works = [
                partial(
                    scored,
                    population,
                    each,
                    engine.Target.prepare(each.panel, each.target[None], day, 1, "sse"),
                )
                for each, day in zip(both, days, strict=True)
            ]
            (single, double), _ = in_turns(asked.repeats, *works)
            per = 1e9 / len(population) / size
            rows.append(
                [f"{len(population):,} formulas, {name} functions, {size:,} rows", f"{single * per:.2f}",
                 f"{double * per:.2f}", f"{double / single:.1f}"]
            )  # fmt: skip
    for size in (20, 1_000):
        both = two_tables(size, rng)
        (single, double), _ = in_turns(asked.repeats, *(partial(searched, each) for each in both))
        rows.append(
            [
                f"a GEP search on {size:,} rows, seconds",
                f"{single:.2f}",
                f"{double:.2f}",
                f"{double / single:.1f}",
            ]
        )
    shown = tables.table(["work", "float32", "float64", "ratio"], rows)
    software = f"{tables.quarva_version()}, {tables.versions('numba', 'numpy')}"
    parts = [tables.prose(TEXT), shown]
    tables.write(asked.out, "Tables in float64", parts, command=tables.command_line(), software=software)


if __name__ == "__main__":
    main()
