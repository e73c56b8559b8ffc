"""Part e: row-wise formulas, random and evolved, compared with pyoperon, gplearn, geppy and numexpr.

The peers run in their own Python (`peers/rows.py`) and Quarva in this one, one after the other on the same
cores. A rate is node values per second: nodes of the formulas, including terminals, times rows, over time.
"""

from functools import partial
from typing import Any

import numpy as np

import quarva as qv
from engine import prefix
from engine.evolved import Breeding, digest, evolve
from engine.part import Asked, Result, Row, Shown
from measuring.stopwatch import median_seconds
from peers.answers import row_rates
from peers.rows import ARITY, SHOWN
from quarva import Table, engine
from quarva.engine.operations import population_operations, scoring_operations
from quarva.karva import Population

__all__ = ["agreement", "row_wise", "squared_errors", "table_of"]

COLUMNS = 5
PEERS = "pyoperon,gplearn,geppy,numexpr"


def table_of(rows: np.ndarray) -> Table:
    """Return a table with columns x1, x2 … and the last column as the target."""
    columns = {f"x{number + 1}": rows[:, number] for number in range(rows.shape[1] - 1)}
    return Table.from_arrays(columns, rows[:, -1])


def squared_errors(table: Table) -> engine.Target:
    """Return the table's target, prepared for the kernels."""
    segments = np.zeros(len(table.panel.dates), np.int8)
    return engine.Target.prepare(table.panel, table.target[None], segments, 1, "sse")


def friedman(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return rows uniform in [0.1, 2], and Friedman's function with noise as the target, float32[rows, 6]."""
    x = rng.uniform(0.1, 2.0, (count, COLUMNS))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return np.column_stack([x, y + rng.normal(size=count)]).astype(np.float32)


def own_rates(table: Table, population: Population, threads: int, repeats: int) -> dict[str, Any]:
    """Return the seconds to write signals, and to compute squared errors only; both include compilation."""
    target = squared_errors(table)

    def values(count: int) -> np.ndarray:
        return engine.signals(engine.Program.from_population(population), table.panel, count)

    def scored(count: int) -> np.ndarray:
        program = engine.Program.from_population(population)
        return engine.evaluate(program, table.panel, target, "sse", threads=count)

    head = values(threads).reshape(len(population), -1)[:, :SHOWN]
    scored(threads)
    counts = sorted({1, threads})
    return {
        "values": {str(count): median_seconds(repeats, partial(values, count)) for count in counts},
        "scored": {str(count): median_seconds(repeats, partial(scored, count)) for count in counts},
        "head": head,
    }


def agreement(own: np.ndarray, other: np.ndarray) -> str:
    """Return the median largest relative difference of formulas that are finite in both, and their number."""
    both = np.isfinite(own).all(axis=1) & np.isfinite(other).all(axis=1)
    a, b = own[both].astype(np.float64), other[both].astype(np.float64)
    if not len(a):
        return "no formula is finite in both"
    apart = (np.abs(a - b) / np.maximum(np.abs(a), 1e-6)).max(axis=1)
    return f"{np.median(apart):.0e}, {len(a):,} formulas"


def line(name: str, seconds: dict, work: float, threads: list[str], same: str) -> list[str]:
    """Return rates in 10⁹ node values per second; a dash if the tool has no such function."""
    cells = []
    for kind in ("values", "scored"):
        for count in threads:
            took = seconds[kind].get(count)
            cells.append(f"{work / took / 1e9:.2f}" if took else "–")
    return [name, *cells, same]


def judged(kind: str, peer: str, seconds: dict, own: dict, work: float, least: str, asked: Asked) -> Row:
    """Compare Quarva with the peer's best number of threads: all values, or scores for Python peers."""
    way = "scored" if peer in ("gplearn", "geppy") else "values"
    count = str(asked.threads)
    slow, took = min(seconds[way].values()), own[way][count]
    return Row(
        f"{kind} row-wise formulas, {way}", peer, f"{work / slow / 1e9:.2f} · 10⁹ node values/s",
        f"{work / took / 1e9:.2f} · 10⁹ node values/s", slow / took, least,
        own["operations"][way] / took, asked.threads,
    )  # fmt: skip


def compare(kind: str, population: Population, rows: np.ndarray, asked: Asked, before: dict) -> Result:
    """Compare all tools on formulas of one kind."""
    formulas = [prefix.from_tree(tree) for tree in population.expressions()]
    table = table_of(rows)
    found, heads = dict(before.get(digest(population), {})), {}
    repeats = asked.size(3 * asked.repeats, 1)
    if not found and asked.peer_python:
        found, heads = row_rates(asked.peer_python, rows, formulas, asked.threads, repeats, PEERS)
    own = own_rates(table, population, asked.threads, repeats)
    work = float(population.sizes().sum()) * len(rows)
    asking = population_operations(population, len(rows)).sum() * len(rows)
    scoring = scoring_operations("sse", len(rows)) * len(rows) * len(population)
    own["operations"] = {"values": asking, "scored": asking + scoring}
    threads = [str(count) for count in sorted({1, asked.threads})]
    for name, head in heads.items():
        found[name]["agreement"] = agreement(own["head"], head)
    lines = [line("Quarva", own, work, threads, "")]
    for name, seconds in found.items():
        said = seconds["agreement"]
        if "compiling" in seconds:
            said += f"; compilation takes another {seconds['compiling']:.1f} s"
        lines.append(line(f"{name} {seconds['version']}", seconds, work, threads, said))
    least = {"pyoperon": "1×" if kind == "random" else "2×", "gplearn": "20×"}
    rows_told = [
        judged(kind, peer, seconds, own, work, least.get(peer, ""), asked) for peer, seconds in found.items()
    ]
    header = [f"{kind}: 10⁹ node values/s"] + [
        f"{way}, {count} thread{'s' * (count != '1')}" for way in ("values", "scored") for count in threads
    ]
    sizes = population.sizes()
    how = f"{kind.capitalize()}: {len(population):,} formulas of {sizes.min()} to {sizes.max()} nodes, mean "
    how += f"{sizes.mean():.1f}, on {len(rows):,} rows."
    peers_told = {digest(population): found} if found else {}
    return Result(rows_told, [Shown([*header, "difference from Quarva"], lines)], how, "", peers_told)


def row_wise(asked: Asked, before: dict) -> Result:
    """Part e."""
    rng = np.random.default_rng(asked.seed)
    rows = friedman(rng, asked.size(10_000, 200))
    count = asked.size(2_000, 40)
    drawn = [prefix.draw(rng, int(rng.integers(5, 17)), COLUMNS) for _ in range(count)]
    random = compare("random", prefix.genes_of(drawn, COLUMNS), rows, asked, before.get("random", {}))
    names = [f"x{number + 1}" for number in range(COLUMNS)]
    generations = asked.size(20, 2)
    wanted = Breeding(names, [*ARITY], (), 24, True, count, generations, asked.seed)
    place = asked.cache / ("evolved_table_quick.npz" if asked.quick else "evolved_table.npz")
    population = evolve(qv.Task(table_of(rows)), wanted, place)
    evolved = compare("evolved", population, rows, asked, before.get("evolved", {}))
    how = HOW.format(
        seed=asked.seed, names=", ".join(ARITY), columns=COLUMNS, repeats=asked.size(3 * asked.repeats, 1),
        generations=generations, random=random.how, evolved=evolved.how, shown=SHOWN,
    )  # fmt: skip
    found = {"random": random.peers, "evolved": evolved.peers}
    return Result([*random.rows, *evolved.rows], [*random.shown, *evolved.shown], how, "", found)


HOW = """\
{random} {evolved} Functions: {names}; {columns} columns, float32, uniform in [0.1, 2] (seed {seed}); median
of {repeats} runs, of half as many for the slower peers. Random: drawn node by node, 5 to 16 nodes, without
constants. Evolved: the population that `GEP` keeps after {generations} generations of the same size, head 24,
with random constants, searching for Friedman's function (1991) with noise. Values: every value of every
formula; pyoperon `EvaluateTrees` into one array, gplearn `_Program.execute`, geppy `compile_` and a call on
NumPy columns, numexpr a compiled `NumExpr`, Quarva `engine.signals`. Scored: the mean or summed squared
error with a target; pyoperon `CalculateFitness` tree by tree, gplearn `_Program.raw_fitness`, geppy as in its
examples, Quarva `engine.evaluate`. Quarva's time includes the compilation of the genes. gplearn and geppy
run on one thread. gplearn's log and division are its protected ones; its exp is NumPy's, added as a user
function.

Lower bound of the time on random formulas (10,000 rows, seed 1; a Xeon with AVX-512, on which a chain of
additions runs at 3.9 GHz and one of fused multiplications at 3.7): the 20,852 nodes are 7,242 distinct ones,
1,996 of them scored. For sixteen rows a vector instruction takes 0.135 ns (two per clock), a division 2.7, a
conversion to float64 0.29. Instructions in LLVM's loops, without loads and stores: add, sub, mul 2; exp 15,
log 22, sin 18, cos 20; a squared error 4 and two conversions. With 3,130 additions, subtractions and
products, 1,086 divisions, 766 exp, 764 log, 720 sin and 771 cos this is at least 8.5 ms, 24 · 10⁹ node
values/s per thread; without shared subtrees it would be 16 ms, 13 · 10⁹. Measured: 13.2 · 10⁹ on one thread
and 23.1 · 10⁹ on two (15.8 and 9.0 ms, best of 20). The bound does not include loads and stores, numbers far
from 0 in sin, cos and exp, NaN in scored formulas (28 % of them), and the 0.7 ms in which one thread compiles
the genes. So 20× gplearn's 1.2 · 10⁹ is within reach of two threads, and about the limit of one.

Last column: largest relative difference from Quarva on the first {shown} rows, median over the formulas that
are finite there in both. The summary compares Quarva on all threads with the peer's best thread count."""
