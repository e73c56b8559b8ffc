"""The loop that every search runs in: it owns the budget, the scores, the stop, and what is kept."""

import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import RunError
from quarva.karva.genes import Population
from quarva.search import checkpoint
from quarva.search.best import Best
from quarva.search.findings import Findings, Stopped, choose_pool
from quarva.search.history import History
from quarva.search.searcher import Resumable, Searcher, Space
from quarva.tasks import Task

__all__ = ["Loop", "Progress"]

_ROOM = 300  # formulas that are kept for the choice of the pool
_CHUNK_SECONDS = 0.25  # a chunk of evaluations: progress and Ctrl-C are noticed in between
_FIRST_CHUNK = 64
_CHECKPOINT_SECONDS = 10.0
_BARREN = 50  # batches in a row without a new formula after which the space counts as exhausted
_EXACT = 1e-12  # normalised mean squared error under which a table's formula counts as found


@dataclass(frozen=True)
class Progress:
    """Where a search stands, for whoever shows it: best train and validation figure, best formula as text."""

    evaluations: int
    budget: int
    seconds: float
    train: float
    validation: float
    formula: str


@dataclass
class Loop:
    """One search, from the first batch to the findings.

    Args:
        task, searcher, name: the question, the way, and its name.
        space: what is searched; its memory is filled here.
        seconds: stop after so many, None for never.
        memory_mb: stop when the process has taken so many MiB, None for never.
        checkpoint_path: where to keep the state, None for nowhere.
        resume: go on from the checkpoint.
        observer: called with a `Progress` between chunks.
    """

    task: Task
    searcher: Searcher
    name: str
    space: Space
    seconds: float | None = None
    memory_mb: float | None = None
    checkpoint_path: Path | None = None
    resume: bool = False
    observer: Callable[[Progress], None] | None = None

    evaluations: int = field(default=0, init=False)
    proposed: int = field(default=0, init=False)
    invalid: int = field(default=0, init=False)

    def run(self) -> Findings:
        """Search until a limit is met.

        Raises:
            RunError: the checkpoint can not be written or does not belong to this search.
        """
        self._begin()
        with _interrupts() as interrupted:
            self._interrupted = interrupted
            stopped = self._stop_reason()
            while stopped is None:
                left = self._batch()
                stopped = left or self._stop_reason()
            self._save(half_way=left in ("interrupted", "seconds"))
            pool = choose_pool(self.task, self._best)
        return Findings(
            task=self.task, searcher=self.name, seed=self.space.seed, budget=self.space.budget, pool=pool,
            evaluations=self.evaluations, proposed=self.proposed, invalid=self.invalid, seconds=self._elapsed(),
            stopped=stopped, history=self._history.frame(),
        )  # fmt: skip

    def _begin(self) -> None:
        empty = Population.empty(self.space.alphabet, self.space.shape, 0)
        self._best = Best.empty(empty, _ROOM)
        self._history = History()
        self._chunk = _FIRST_CHUNK
        self._barren = 0
        self._solved = False
        self._formula = ""
        self._before = 0.0
        self._boundary: dict[str, dict[str, Any]] | None = None
        if self.checkpoint_path is not None and not isinstance(self.searcher, Resumable):
            raise RunError(
                f"the searcher '{self.name}' keeps no state (state, restore): it can not be checkpointed"
            )
        self.searcher.begin(self.space)
        if self.resume:
            self._restore()
        self._start = self._saved = time.perf_counter()
        if self.checkpoint_path is not None:
            self._boundary = self._state()
            self._save()

    def _batch(self) -> Stopped | None:
        """Ask, score what is new, tell; returns 'interrupted' when that happened half-way."""
        began = time.perf_counter()
        population = self.searcher.ask(self.space.budget - self.evaluations)
        keys = population.keys()
        fitness, is_new = self.space.memory.look_up(keys)
        new = np.flatnonzero(is_new)[: self.space.budget - self.evaluations]
        self.proposed += len(population)
        self.invalid += int(population.invalid().sum())
        for chunk in self._chunks(new):
            self._score(population[chunk], keys[chunk], chunk, fitness)
            self._show()
            asked_to_stop = self._interrupted() or self._out_of_time()
            may_leave = self._boundary is not None or self.checkpoint_path is None
            if asked_to_stop and may_leave and chunk[-1] != new[-1]:
                self._note(fitness, len(new), len(population))
                return "interrupted" if self._interrupted() else "seconds"
        self._barren = 0 if len(new) else self._barren + 1
        if len(new) < is_new.sum():
            self._note(fitness, len(new), len(population))
            return "budget"
        repeated = ~is_new
        fitness[repeated] = self.space.memory.look_up(keys[repeated])[0]
        self.searcher.tell(population, fitness)
        self._note(fitness, len(new), len(population))
        # A slow batch may be left half-way: its beginning is then what a resumed search goes on from.
        slow = time.perf_counter() - began > _CHUNK_SECONDS
        self._boundary = self._state() if slow and self.checkpoint_path else None
        if time.perf_counter() - self._saved > _CHECKPOINT_SECONDS:
            self._save()
        return None

    def _chunks(self, new: NDArray[np.integer]) -> Iterator[NDArray[np.integer]]:
        """Pieces of a batch that take about a quarter of a second each."""
        at = 0
        while at < len(new):
            piece = new[at : at + self._chunk]
            began = time.perf_counter()
            yield piece
            took = max(time.perf_counter() - began, 1e-6)
            at += len(piece)
            if len(piece) == self._chunk or took > _CHUNK_SECONDS:
                ideal = len(piece) * _CHUNK_SECONDS / took
                self._chunk = int(np.clip(ideal, self._chunk / 4, self._chunk * 4) // 16 * 16) or 16

    def _score(self, population: Population, keys: NDArray, chunk: NDArray, fitness: NDArray) -> None:
        scores = self.task.score(population, self.space.threads)
        fitness[chunk] = scores.fitness
        self.space.memory.put(keys, scores.fitness)
        self.evaluations += len(chunk)
        if self._best.add(population, scores):
            self._formula = ""
            self._solved = self._is_exact()

    def _is_exact(self) -> bool:
        """Whether the best formula explains a table to the last digit, in double precision."""
        error = self.task.table is not None and _normalised_error(self.task, float(self._best.train[0]))
        if not error or error > 1e-4 or self.task.table is None:
            return bool(error == 0.0 and self.task.table is not None)
        from quarva.engine.reference import signals as reference_signals  # torch takes a second to import

        exact = reference_signals(self._best.expression(0), self.task.panel).numpy()
        target = self.task.targets[0].astype(np.float64)
        there = np.isfinite(target)
        return bool(np.mean((exact[there] - target[there]) ** 2) < _EXACT * np.var(target[there]))

    def _stop_reason(self) -> Stopped | None:
        if self._solved:
            return "solved"
        if self.evaluations >= self.space.budget:
            return "budget"
        if self._interrupted():
            return "interrupted"
        if self._out_of_time():
            return "seconds"
        if self.memory_mb is not None and _peak_mb() > self.memory_mb:
            return "memory"
        return "exhausted" if self._barren >= _BARREN else None

    def _elapsed(self) -> float:
        return self._before + time.perf_counter() - self._start

    def _out_of_time(self) -> bool:
        return self.seconds is not None and self._elapsed() >= self.seconds

    def _best_text(self) -> str:
        if not self._formula and len(self._best):
            from quarva.karva.notation import render

            self._formula = render(self._best.expression(0), "infix")
        return self._formula

    def _show(self) -> None:
        if self.observer is None:
            return
        train, validation = (
            (float(self._best.train[0]), float(self._best.validation[0]))
            if len(self._best)
            else (np.nan, np.nan)
        )
        self.observer(
            Progress(
                self.evaluations, self.space.budget, self._elapsed(), train, validation, self._best_text()
            )
        )

    def _note(self, fitness: NDArray[np.float64], new: int, asked: int) -> None:
        valid = fitness[np.isfinite(fitness)]
        self._history.add(
            evaluations=self.evaluations, proposed=self.proposed, seconds=self._elapsed(),
            best=float(self._best.train[0]) if len(self._best) else np.nan, best_formula=self._best_text(),
            mean=float(valid.mean()) if valid.size else np.nan, distinct_share=new / asked,
        )  # fmt: skip

    def _identity(self) -> dict[str, str]:
        return {
            "searcher": self.name,
            "seed": str(self.space.seed),
            "alphabet": " ".join(self.space.alphabet.names()),
            "shape": str(self.space.shape),
            "task": str(self.task.describe()),
            "panel": self.task.panel.fingerprint(),
        }

    def _state(self) -> dict[str, dict[str, Any]]:
        assert isinstance(self.searcher, Resumable)
        counts = {
            "evaluations": self.evaluations, "proposed": self.proposed, "invalid": self.invalid,
            "barren": self._barren, "seconds": self._elapsed(), "solved": self._solved,
        }  # fmt: skip
        searcher = {name: np.array(value, copy=True) for name, value in self.searcher.state().items()}
        return {
            "loop": counts,
            "searcher": searcher,
            "memory": self.space.memory.state(),
            "best": self._best.state(),
            "history": self._history.state(),
        }

    def _save(self, half_way: bool = False) -> None:
        if self.checkpoint_path is None:
            return
        state = self._boundary if half_way and self._boundary is not None else self._state()
        checkpoint.save(self.checkpoint_path, state, self._identity())
        self._saved = time.perf_counter()

    def _restore(self) -> None:
        assert self.checkpoint_path is not None
        state = checkpoint.load(self.checkpoint_path, self._identity())
        counts = state["loop"]
        self.evaluations, self.proposed = int(counts["evaluations"]), int(counts["proposed"])
        self.invalid, self._barren = int(counts["invalid"]), int(counts["barren"])
        self._before, self._solved = float(counts["seconds"]), bool(counts["solved"])
        self.space.memory.restore(state["memory"])
        self._best.restore(state["best"])
        self._history.restore(state["history"])
        if isinstance(self.searcher, Resumable):
            self.searcher.restore(state["searcher"])


def _normalised_error(task: Task, figure: float) -> float:
    """NRMSE that a table's figure stands for."""
    return figure if task.objective.minimised else float(np.sqrt(max(1.0 - figure, 0.0)))


def _peak_mb() -> float:
    """Most memory that the process has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks the loop to stop, the second one ends the process as usual."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(*_: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
