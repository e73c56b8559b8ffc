"""Part f: scores and searches on tables of twenty rows, where overhead per formula matters."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import quarva as qv
from engine import prefix
from engine.part import Asked, Result, Row, Shown
from engine.rows import agreement, squared_errors, table_of
from measuring.processes import each_in_turn
from measuring.stopwatch import median_seconds
from peers.answers import answer_of, row_rates
from peers.rows import ARITY
from quarva import Table, engine
from quarva.engine.operations import population_operations, scoring_operations
from quarva.karva import GeneShape, Population

__all__ = ["small_tables"]

ROWS, COLUMNS, NODES = 20, 2, 10
STATED = 154_000  # evaluations per second and core of C++ iMCTS on this machine, from an earlier study


def distinct_formulas(count: int, seed: int) -> Population:
    """Return `count` random formulas of ten nodes with distinct keys."""
    rng = np.random.default_rng(seed)
    alphabet, shape = prefix.alphabet(COLUMNS), GeneShape(head=NODES)
    parts: list[Population] = []
    keys = np.empty(0, np.uint64)
    while len(keys) < count:
        drawn = Population.random(alphabet, shape, 8 * count, rng)
        drawn = drawn[np.flatnonzero(drawn.sizes() == NODES)]
        _, first = np.unique(drawn.keys(), return_index=True)
        fresh = np.sort(first[~np.isin(drawn.keys()[first], keys)])
        parts.append(drawn[fresh])
        keys = np.concatenate([keys, drawn.keys()[fresh]])
    return Population.concatenate(parts)[np.arange(count)]


def small_rows(seed: int) -> np.ndarray:
    """Return twenty rows uniform in [0.1, 2] and a target that no formula fits exactly, float32[20, 3]."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.1, 2.0, (ROWS, COLUMNS))
    y = np.sin(x[:, 0]) * x[:, 1] + np.log(x[:, 0] + x[:, 1]) + 0.1 * rng.normal(size=ROWS)
    return np.column_stack([x, y]).astype(np.float32)


def scored(population: Population, table: Table, target: engine.Target, threads: int) -> np.ndarray:
    """Return squared errors, from genes to figures, float64[formulas]."""
    return engine.evaluate(population, table.panel, target, "sse", threads=threads)[:, 0, 0, 1]


def search(job: tuple[int, int, float, int]) -> tuple[float, int]:
    """Return the distinct formulas per second of one search, and their number; see `search_rows` for jobs."""
    seed, threads, seconds, data = job
    task = qv.Task(table_of(small_rows(data)))
    asked = {"functions": [*ARITY], "constants": False, "seed": seed, "threads": threads, "progress": False}
    qv.search(task, "gep", 2_000, **asked)  # compiles what is not cached
    found = qv.search(task, "gep", 10**9, seconds=seconds, **asked)
    return found.evaluations / found.seconds, found.evaluations


def score_rows(asked: Asked, before: dict) -> tuple[list[Row], Shown, dict[str, Any], str]:
    """Score 100,000 formulas: Quarva on one thread and on all, pyoperon by its own functions."""
    population = distinct_formulas(asked.size(100_000, 200), asked.seed)
    rows = small_rows(asked.seed)
    table, count = table_of(rows), len(population)
    found, same = before, ""
    if not found and asked.peer_python:
        formulas = [prefix.from_tree(tree) for tree in population.expressions()]
        repeats = asked.size(3, 1)
        rates, heads = row_rates(asked.peer_python, rows, formulas, asked.threads, repeats, "pyoperon")
        found = rates["pyoperon"]
        own = engine.signals(engine.Program.from_population(population), table.panel)
        found["agreement"] = agreement(own.reshape(count, -1)[:, :ROWS], heads["pyoperon"])
    lines, took = [], {}
    target = squared_errors(table)
    scored(population, table, target, 1)
    for threads in sorted({1, asked.threads}):
        took[threads] = median_seconds(
            max(asked.repeats, 5), partial(scored, population, table, target, threads)
        )
        lines.append(["Quarva, squared errors", str(threads), f"{count / took[threads]:,.0f}"])
    for way, call in (("values", "`EvaluateTrees`"), ("scored", "`CalculateFitness`, tree by tree")):
        for threads, seconds in found.get(way, {}).items():
            lines.append([f"pyoperon {found['version']}, {call}", threads, f"{count / seconds:,.0f}"])
    fastest = min([*found["values"].values(), *found["scored"].values()]) if found else None
    quick = took[asked.threads]
    asking = population_operations(population, ROWS) + scoring_operations("sse", ROWS)
    row = Row(
        f"{count:,} distinct formulas of {NODES} nodes, {ROWS} rows, scored", "pyoperon",
        f"{count / fastest:,.0f}/s" if fastest else "not measured", f"{count / quick:,.0f}/s",
        fastest / quick if fastest else None, "2,000,000/s", float(asking.sum()) * ROWS / quick,
        asked.threads,
    )  # fmt: skip
    if found:
        same = f"Values differ from pyoperon's by {found['agreement']} (median of the largest relative ones)."
    return [row], Shown(["scoring", "threads", "formulas/s"], lines), found, same


def search_rows(asked: Asked, before: dict) -> tuple[list[Row], Shown, dict[str, Any]]:
    """Run whole searches: one on all threads, and parallel ones with a thread each."""
    seconds, threads = asked.size(10.0, 0.3), asked.threads
    together, count = search((1, threads, seconds, asked.seed))
    # Seed, threads, seconds, seed of the rows.
    jobs = [(seed, 1, seconds, asked.seed) for seed in range(1, threads + 1)]
    apart = sum(rate for rate, _ in each_in_turn(search, jobs, threads))
    found = before or (their_searches(asked) if asked.peer_python else {})
    theirs = found.get("apart", STATED * threads)
    told = f"{theirs:,.0f}/s" if found else f"about {theirs:,}/s, not measured in this run"
    rows = [
        Row(
            f"whole GEP search, {ROWS} rows, {way}, distinct formulas", f"C++ iMCTS, {threads} in parallel",
            told, f"{rate:,.0f}/s", rate / theirs if found else None, "1,200,000/s", None, threads,
        )
        for way, rate in (("one search", together), (f"{threads} searches in parallel", apart))
    ]  # fmt: skip
    lines = [
        [f"Quarva, one search ({count:,} formulas)", str(threads), f"{together:,.0f}"],
        [f"Quarva, {threads} searches in parallel", "1 each", f"{apart:,.0f}"],
    ]
    if found:
        lines.append(["iMCTS, one search", "1", f"{found['alone']:,.0f}"])
        lines.append([f"iMCTS, {threads} searches in parallel", "1 each", f"{found['apart']:,.0f}"])
    return rows, Shown(["whole search", "threads", "formulas/s"], lines), found


def their_searches(asked: Asked) -> dict[str, Any]:
    """Run iMCTS on the same rows, alone and in parallel; empty if it is not installed."""
    rates = {}
    with tempfile.TemporaryDirectory() as name:
        np.save(Path(name) / "rows.npy", small_rows(asked.seed))
        for kind, processes in (("alone", 1), ("apart", asked.threads)):
            words = ["--evaluations", asked.size(2_000_000, 20_000), "--processes", processes]
            said = answer_of(asked.peer_python, "search.py", name, *words)
            if said:
                rates[kind] = said["rate"]
    return rates


def small_tables(asked: Asked, before: dict) -> Result:
    """Part f."""
    scoring, first, theirs, same = score_rows(asked, before.get("scoring", {}))
    searching, second, searched = search_rows(asked, before.get("search", {}))
    found = {"scoring": theirs, "search": searched} if theirs or searched else {}
    return Result([*scoring, *searching], [first, second], HOW.format(
        rows=ROWS, columns=COLUMNS, nodes=NODES, names=", ".join(ARITY), same=same,
        seconds=asked.size(10, 0.3), evaluations=asked.size(2_000_000, 20_000),
    ), "", found)  # fmt: skip


HOW = """\
{rows} rows uniform in [0.1, 2], {columns} columns, functions {names}. Scoring: random formulas of exactly
{nodes} nodes, all distinct after sorting commutative arguments; Quarva from genes to squared errors, pyoperon
from trees that are parsed beforehand. The summary has pyoperon's fastest function. {same}

Search: no constants, and a target with noise, so that no search finds an exact formula. Quarva's `search` has
the defaults of `gep` and runs for {seconds} s (distinct formulas, by its own count); iMCTS has its defaults
and {evaluations:,} evaluations (by its own count, which may include a formula twice)."""
