"""The loop that every search runs in: it owns the budget, the scores, the stop, and what is kept."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.interrupts import interrupts
from quarva.errors import RunError
from quarva.karva.genes import Population
from quarva.loop import checkpoint
from quarva.loop.archive import Archive
from quarva.loop.findings import Findings, Stopped, choose_pool
from quarva.loop.history import History
from quarva.loop.identity import digest, settings_of
from quarva.loop.incumbent import Incumbent
from quarva.loop.incumbents import Incumbents, Piece
from quarva.loop.limits import peak_mb
from quarva.loop.searcher import (
    CountsCandidates,
    ReportsMetrics,
    Resumable,
    SearchContext,
    Searcher,
)
from quarva.loop.tuning import Tuner
from quarva.loop.validations import Validations
from quarva.tasks import Scores, Task

__all__ = ["Loop", "Progress"]

_ROOM, _ALIKE = 600, 2  # formulas kept for the choice of the pool, and how many that begin alike
_CHUNK_SECONDS = 1.0  # longest chunk of evaluations: progress and Ctrl-C are noticed in between
_FIRST_CHUNK = 64
_CHECKPOINT_SECONDS = 10.0
_CHECKPOINT_SHARE = 20  # a checkpoint waits so many times as long as the last one took to write
_LARGE_BATCH = 4_096  # formulas; a searcher may ask for more than it ever did, the blend after its opening
_BARREN = 50  # batches in a row without a new formula after which the space counts as exhausted


@dataclass(frozen=True)
class Progress:
    """Where a search stands, for whoever shows it: best train and validation figure, best formula as text.

    `figures` is what the searcher says of itself, by name, where it is `ReportsMetrics`.
    """

    evaluations: int
    budget: int
    seconds: float
    train: float
    validation: float
    formula: str
    figures: dict[str, float] | None = None


@dataclass
class Loop:
    """One search, from the first batch to the findings.

    Args:
        task, searcher, name: the question, the way, and its name.
        space: what is searched; its memory is filled here.
        seconds: stop after so many in this sitting, None for never.
        memory_mb: stop when the process has taken so many MiB, None for never.
        checkpoint_path: where to keep the state, None for nowhere.
        resume: go on from the checkpoint.
        observer: called with a `Progress` between chunks.
        tuner: fits the constants of formulas, None for none.
    """

    task: Task
    searcher: Searcher
    name: str
    space: SearchContext
    seconds: float | None = None
    memory_mb: float | None = None
    checkpoint_path: Path | None = None
    resume: bool = False
    observer: Callable[[Progress], None] | None = None
    tuner: Tuner | None = None

    evaluations: int = field(default=0, init=False)
    proposed: int = field(default=0, init=False)
    invalid: int = field(default=0, init=False)
    tuning_steps: int = field(default=0, init=False)
    seconds_proposing: float = field(default=0.0, init=False)
    seconds_scoring: float = field(default=0.0, init=False)

    def run(self) -> Findings:
        """Search until a limit is met.

        Raises:
            RunError: the checkpoint can not be written or does not belong to this search.
        """
        self._begin()
        self._show()  # the first batch may take long: it may have to compile the kernels
        with interrupts() as self._interrupted:
            stopped, half_way = self._stop_reason(), False
            while stopped is None:
                stopped = self._batch()
                half_way = stopped is not None
                if stopped in (None, "budget"):
                    stopped = self._stop_reason() or stopped
            self._save(half_way)
            pool = choose_pool(self.task, self._best)
        return Findings(
            task=self.task, searcher=self.name, seed=self.space.seed, budget=self.space.budget, pool=pool,
            evaluations=self.evaluations, proposed=self.proposed, invalid=self.invalid,
            tuning_steps=self.tuning_steps, seconds=self._elapsed(),
            seconds_proposing=self.seconds_proposing, seconds_scoring=self.seconds_scoring, stopped=stopped,
            history=self._history.frame(), course=self._incumbents, candidates=self._candidates(),
        )  # fmt: skip

    def _begin(self) -> None:
        nothing = Population.empty(self.space.alphabet, self.space.shape, 0)
        self._best = Archive(nothing, _ROOM, _ALIKE if self.task.table is None else _ROOM)
        self._history = History()
        self._chunk, self._barren = _FIRST_CHUNK, 0
        self._most = 0  # evaluations that a batch may take
        validations = Validations(self.task, self.space.threads)
        self._leader = Incumbent(self.task, self._best, validations)
        self._incumbents = Incumbents(self.task, validations)
        self._before = 0.0  # seconds of earlier sittings
        self._boundary: dict[str, dict[str, Any]] | None = None
        self._pause = _CHECKPOINT_SECONDS
        if self.checkpoint_path is not None and not isinstance(self.searcher, Resumable):
            raise RunError(
                f"the searcher '{self.name}' keeps no state: give it the methods state and restore, "
                "or search without a checkpoint"
            )
        self._surrogate = self.searcher if isinstance(self.searcher, CountsCandidates) else None
        self._identity = self._describe()
        self.searcher.begin(self.space)
        if self.resume:
            self._restore()
        self._start = self._saved = time.perf_counter()
        if self.checkpoint_path is not None:
            self._boundary = self._state()
            if not self.resume:
                self._save()

    def _batch(self) -> Stopped | None:
        """Ask, score what is new, tell; returns the reason if the batch was left half-way."""
        began = time.perf_counter()
        left_over = self.space.budget - self.evaluations
        if self._boundary is None and self.checkpoint_path and left_over < max(self._most, _LARGE_BATCH):
            # The budget may end within the batch: a run resumed with a larger one then repeats it as a whole.
            self._boundary = self._state()
        asked = time.perf_counter()
        population = self.searcher.ask(left_over)
        self.seconds_proposing += time.perf_counter() - asked
        self._most = max(self._most, len(population) * (1 if self.tuner is None else 1 + self.tuner.most))
        invalid = population.invalid(self.space.threads)
        keys, fitness, new = self._sift(population, invalid)
        evaluated = new[:left_over]
        stopped, seen = self._evaluate(population, keys, evaluated, fitness)
        if stopped is None and len(evaluated) < len(new):
            stopped, seen = "budget", int(evaluated[-1]) + 1
        elif stopped is None and self.tuner is not None:
            population = self._tune(self.tuner, population, fitness, new)
            if self.evaluations >= self.space.budget:  # a larger one may have had steps left for this batch
                stopped = "budget"
        if stopped is None and self._leader.place:  # between batches alone: how they are cut must not matter
            self._best.forget(self._leader.place)
            self._leader.look()
        self.proposed += seen
        self.invalid += int(np.count_nonzero(invalid[:seen]))
        if stopped is None:
            self._barren = 0 if len(new) else self._barren + 1
            if len(new) < len(population):  # a formula may come twice in a batch
                repeated = (np.isnan(fitness) & ~invalid).nonzero()[0]
                if len(repeated):
                    fitness[repeated] = self.space.memory.look_up(keys[repeated])[0]
            told = time.perf_counter()
            self.searcher.tell(population, fitness)
            self.seconds_proposing += time.perf_counter() - told
        self._note(fitness, len(evaluated) / max(seen, 1))
        if stopped is None and self.checkpoint_path is not None:
            # A slow batch may be left half-way: its beginning is then what a resumed search goes on from.
            slow = time.perf_counter() - began > _CHUNK_SECONDS
            self._boundary = self._state() if slow else None
            if time.perf_counter() - self._saved > self._pause:
                self._save()
        return stopped

    def _sift(
        self, population: Population, invalid: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint64], NDArray[np.float64], NDArray[np.integer]]:
        """Keys and remembered fitness, and the places of what has to be scored.

        Kernels trust the rules of the language, so that an invalid chromosome is kept away from them.
        """
        if not invalid.any():
            keys = population.keys()
            fitness, is_new = self.space.memory.look_up(keys)
            return keys, fitness, is_new.nonzero()[0]
        keys, fitness = np.zeros(len(population), np.uint64), np.full(len(population), np.nan)
        valid = np.flatnonzero(~invalid)
        keys[valid] = population[valid].keys()
        fitness[valid], is_new = self.space.memory.look_up(keys[valid])
        return keys, fitness, valid[is_new]

    def _evaluate(
        self, population: Population, keys: NDArray, chosen: NDArray[np.integer], fitness: NDArray
    ) -> tuple[Stopped | None, int]:
        """Score the chosen; the reason if that was left half-way, and up to where the population was seen."""
        may_leave = self._boundary is not None or self.checkpoint_path is None
        for chunk in self._chunks(chosen):
            self._score(population[_as_slice(chunk)], keys[chunk], chunk, fitness)
            self._show()
            if may_leave and chunk[-1] != chosen[-1]:
                if self._interrupted():
                    return "interrupted", int(chunk[-1]) + 1
                if self._out_of_time():
                    return "seconds", int(chunk[-1]) + 1
        return None, len(population)

    def _chunks(self, new: NDArray[np.integer]) -> Iterator[NDArray[np.integer]]:
        """Equal pieces of a batch that take half a second to a second each, or the whole of a quick one.

        Pieces are as large as that allows: the engine shares what the formulas of a piece have in common.
        """
        at = 0
        while at < len(new):
            left = len(new) - at
            piece = new[at : at + -(-left // -(-left // self._chunk))]
            began = time.perf_counter()
            yield piece
            took = max(time.perf_counter() - began, 1e-6)
            at += len(piece)
            if 2 * len(piece) > self._chunk or took > _CHUNK_SECONDS:
                ideal = len(piece) * _CHUNK_SECONDS / took
                self._chunk = int(np.clip(ideal, self._chunk / 4, self._chunk * 4) // 16 * 16) or 16

    def _score(self, population: Population, keys: NDArray, chunk: NDArray, fitness: NDArray) -> None:
        began = time.perf_counter()
        scores = self.task.score(population, self.space.threads, self.space.device, validation=False)
        piece = self._piece(len(chunk), began)
        fitness[chunk] = scores.fitness
        self._keep(population, keys, scores, piece)

    def _tune(
        self, tuner: Tuner, population: Population, fitness: NDArray, new: NDArray[np.integer]
    ) -> Population:
        """Fit constants of the batch's new formulas, each step an evaluation; the batch as it is then."""
        began = time.perf_counter()
        tuned = tuner.tune(population, fitness, new, self.space.budget - self.evaluations)
        scores = self.task.score(tuned.population, self.space.threads, self.space.device)
        gained = np.flatnonzero(scores.fitness > fitness[tuned.places])
        piece = self._piece(tuned.steps, began, tuned.taken[gained])
        self.tuning_steps += tuned.steps
        if not gained.size:
            return population
        places, better = tuned.places[gained], tuned.population[gained]
        fitness[places] = scores.fitness[gained]
        keys = better.keys()
        self._keep(better, keys, scores[gained], piece)
        self._show()
        return population.with_rows(places, better, keys)

    def _piece(self, size: int, began: float, taken: NDArray[np.int64] | None = None) -> Piece:
        """Count the evaluations and the time of what was scored since `began`."""
        ended, before = time.perf_counter(), self.evaluations
        self.seconds_scoring += ended - began
        self.evaluations += size
        begin, end = (self._before + at - self._start for at in (began, ended))
        return Piece(len(self._history), self._candidates(), before, size, begin, end, taken)

    def _candidates(self) -> int:
        return 0 if self._surrogate is None else self._surrogate.n_candidates()

    def _keep(self, population: Population, keys: NDArray, scores: Scores, piece: Piece) -> None:
        """Remember what was scored."""
        self.space.memory.put(keys, scores.fitness)
        if self._best.add(population, scores) or not self._leader.is_first:
            self._incumbents.update(population, scores, piece)
            self._leader.look()

    def _stop_reason(self) -> Stopped | None:
        if self._incumbents.is_exact:
            return "solved"
        if self.evaluations >= self.space.budget:
            return "budget"
        if self._interrupted():
            return "interrupted"
        if self._out_of_time():
            return "seconds"
        if self.memory_mb is not None and peak_mb() > self.memory_mb:
            return "memory"
        return "exhausted" if self._barren >= _BARREN else None

    def _elapsed(self) -> float:
        return self._before + time.perf_counter() - self._start

    def _out_of_time(self) -> bool:
        return self.seconds is not None and time.perf_counter() - self._start >= self.seconds

    def _show(self) -> None:
        if self.observer is not None:
            said = self.searcher.figures() if isinstance(self.searcher, ReportsMetrics) else None
            counts, leader = (self.evaluations, self.space.budget, self._elapsed()), self._leader
            self.observer(Progress(*counts, leader.train, leader.validation, leader.text(), said))

    def _note(self, fitness: NDArray[np.float64], distinct_share: float) -> None:
        valid = fitness[np.isfinite(fitness)]
        self._history.add(
            evaluations=self.evaluations, tuning_steps=self.tuning_steps, proposed=self.proposed,
            candidates=self._candidates(), seconds=self._elapsed(), best=self._leader.train,
            validation=self._leader.validation, best_formula=self._leader.text(),
            mean=float(valid.sum() / valid.size) if valid.size else np.nan, distinct_share=distinct_share,
        )  # fmt: skip

    def _describe(self) -> dict[str, str]:
        """What a checkpoint must agree with to be gone on from."""
        return {
            "searcher": f"{self.name} {settings_of(self.searcher)}".strip(),
            "seed": str(self.space.seed),
            "alphabet": " ".join(self.space.alphabet.names()),
            "shape": str(self.space.shape),
            "task": str(self.task.describe()),
            "panel": self.task.panel.fingerprint(),
            # A panel's fingerprint covers neither the target column of a table nor the split of its rows.
            "target": digest(self.task.targets, self.task.segments),
            "tuning": "none" if self.tuner is None else f"{self.tuner.most} steps",
        }

    def _state(self) -> dict[str, dict[str, Any]]:
        assert isinstance(self.searcher, Resumable)
        counts = {
            "evaluations": self.evaluations, "proposed": self.proposed, "invalid": self.invalid,
            "barren": self._barren, "tuning_steps": self.tuning_steps,
            "seconds": self._elapsed(), "proposing": self.seconds_proposing, "scoring": self.seconds_scoring,
        }  # fmt: skip
        searcher = {name: np.array(value, copy=True) for name, value in self.searcher.state().items()}
        return {
            "loop": counts,
            "searcher": searcher,
            "memory": self.space.memory.state(),
            "tuner": {} if self.tuner is None else self.tuner.state(),
            "best": self._best.state(),
            "history": self._history.state(),
            "incumbents": self._incumbents.state(),
        }

    def _save(self, half_way: bool = False) -> None:
        began = time.perf_counter()
        state = self._boundary if half_way or self.checkpoint_path is None else self._state()
        if self.checkpoint_path is None or state is None:  # inside a batch: the last checkpoint stays
            return
        checkpoint.save(self.checkpoint_path, state, self._identity)
        self._saved = time.perf_counter()
        self._pause = max(_CHECKPOINT_SECONDS, _CHECKPOINT_SHARE * (self._saved - began))

    def _restore(self) -> None:
        assert self.checkpoint_path is not None
        assert isinstance(self.searcher, Resumable)
        state = checkpoint.load(self.checkpoint_path, self._identity)
        try:
            counts = state["loop"]
            self.evaluations, self.proposed = int(counts["evaluations"]), int(counts["proposed"])
            self.invalid, self._barren = int(counts["invalid"]), int(counts["barren"])
            self.tuning_steps = int(counts["tuning_steps"])
            self._before, self.seconds_proposing, self.seconds_scoring = (
                float(counts[name]) for name in ("seconds", "proposing", "scoring")
            )
            self.space.memory.restore(state["memory"])
            if self.tuner is not None:
                self.tuner.restore(state["tuner"])
            self._best.restore(state["best"])
            self._leader.look()
            self._history.restore(state["history"])
            self._incumbents.restore(state["incumbents"])
            self.searcher.restore(state["searcher"])
        except (KeyError, ValueError, TypeError) as error:
            raise RunError(
                f"{self.checkpoint_path} is damaged ({type(error).__name__}: {error}): start the run anew"
            ) from error


def _as_slice(places: NDArray[np.integer]) -> NDArray[np.integer] | slice:
    """The same places as a slice where they have no gaps: a view instead of a copy."""
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first + 1 == len(places) else places
