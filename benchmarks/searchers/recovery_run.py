"""One run of the recovery benchmark: a searcher, a problem, a seed, and when the formula was recovered."""

import argparse
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from measuring.run_cache import cached, code_version
from peers.answers import answer_of
from searchers.problems import Problem
from searchers.symbolic_equivalence import Formula64, same_by_sympy

__all__ = ["FRESH", "PEER", "RECOVERED", "Job", "Run", "work"]

PEER = "imcts"
RECOVERED = 1e-12
FRESH = 1_000

_warm: set[tuple[str, bool]] = set()


@dataclass(frozen=True)
class Run:
    """The result of one seed; `at` is the number of evaluations until recovery, or None."""

    problem: str
    searcher: str
    seed: int
    at: int | None
    symbolic: str
    formula: str
    evaluations: int
    seconds: float


@dataclass(frozen=True)
class Job:
    """A run to make; `settings` replace defaults of the searcher."""

    problem: Problem
    searcher: str
    seed: int
    chosen: argparse.Namespace
    settings: dict[str, Any] = field(default_factory=dict)


def work(job: Job) -> Run | None:
    """Return the run, from the cache if it is there; None if the time is up before it starts."""
    chosen, problem = job.chosen, job.problem
    key = {
        "searcher": job.searcher, "problem": problem.name, "seed": job.seed, "budget": max(chosen.stages),
        "version": "peer" if job.searcher == PEER else code_version(), "threads": chosen.threads,
    }  # fmt: skip
    if job.settings:
        key["settings"] = job.settings

    def make() -> dict[str, Any] | None:
        if chosen.stop_at is not None and time.time() > chosen.stop_at:
            return None
        found = _peer(job) if job.searcher == PEER else _search(job)
        return asdict(found)

    found = cached(chosen.cache, key, make)
    return None if found is None else Run(**found)


def _table(job: Job) -> tuple[dict[str, np.ndarray], np.ndarray]:
    points = job.problem.training(job.seed)
    return points, Formula64(job.problem.truth)(points)


def _search(job: Job) -> Run:
    """Run one search, and find the evaluation at which it recovered the formula."""
    import quarva as qv

    points, target = _table(job)
    task = qv.Task(
        qv.Table.from_arrays(points, target, name=job.problem.name), objective="nrmse", parsimony=0.0
    )
    settings = {
        "functions": job.problem.functions, "constants": job.problem.constants, "threads": job.chosen.threads,
        "progress": False,
    }  # fmt: skip
    kind = (job.searcher, job.problem.constants)
    if kind not in _warm:  # loading kernels and torch is not counted
        import quarva.engine.reference

        assert quarva.engine.reference is not None
        qv.search(task, job.searcher, budget=5_000, seed=1_000_003, seconds=5, **settings)
        _warm.add(kind)
    found = qv.search(
        task, job.searcher, budget=max(job.chosen.stages), seed=job.seed, settings=job.settings, **settings
    )
    at, formula = None, found.best.formula.text if found.pool else ""
    incumbents = found.incumbents
    for evaluations, text in zip(incumbents["evaluations"], incumbents["formula"], strict=True):
        if nmse(text, job.problem, job.seed) < RECOVERED:
            at, formula = int(evaluations), text
            break
    return _judged(job, at, formula, found.evaluations, found.seconds)


def _peer(job: Job) -> Run:
    """Run the peer's search to its own end; its last formula is judged like Quarva's."""
    points, target = _table(job)
    with tempfile.TemporaryDirectory() as folder:
        rows = np.column_stack([*points.values(), target]).astype(np.float32)
        np.save(Path(folder) / "rows.npy", rows)
        words = ["--evaluations", max(job.chosen.stages), "--seed", job.seed]
        words += ["--constants"] if job.problem.constants else []
        found = answer_of(job.chosen.peer_python, "recovery.py", folder, *words)
    reached = nmse(found["formula"], job.problem, job.seed) < RECOVERED
    at = found["evaluations"] if reached else None
    return _judged(job, at, found["formula"], found["evaluations"], found["seconds"])


def _judged(job: Job, at: int | None, formula: str, evaluations: int, seconds: float) -> Run:
    problem = job.problem
    symbolic = "no"
    if at is not None and not problem.constants:  # a fitted constant is never exact
        symbolic = same_by_sympy(formula, problem.truth, positive=problem.low >= 0)
    return Run(problem.name, job.searcher, job.seed, at, symbolic, formula, evaluations, seconds)


def nmse(formula: str, problem: Problem, seed: int) -> float:
    """Return the NMSE on points that no search sees, since their seeds are not used for training points."""
    if not formula:
        return float("inf")
    points = problem.fresh(1_000_000 + seed, FRESH)
    truth = Formula64(problem.truth)(points)
    with np.errstate(all="ignore"):
        error = np.mean((Formula64(formula)(points) - truth) ** 2) / np.var(truth)
    return float(error) if np.isfinite(error) else float("inf")
