"""The search loop: budget, scoring, stopping rules, records and checkpoints."""

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
from quarva.loop.progress import Progress
from quarva.loop.reward import Reward
from quarva.loop.searcher import (
    CountsCandidates,
    ReportsMetrics,
    Rescorable,
    Resumable,
    SearchContext,
    Searcher,
)
from quarva.loop.tuning import Tuner
from quarva.loop.validations import Validations
from quarva.tasks import Scores, Task

__all__ = ["Loop"]

_ARCHIVE_SIZE = 2_000  # formulas
_DIVERSE = 600  # formulas with different signals from which pool and set are chosen
_CHUNK_SECONDS = 1.0  # target duration of a chunk; progress and Ctrl-C are handled between chunks
_FIRST_CHUNK = 64
_CHECKPOINT_SECONDS = 10.0
_CHECKPOINT_SHARE = 20  # shortest interval between checkpoints as a multiple of the time to write one
_LARGE_BATCH = 4_096  # formulas; a batch may exceed all earlier ones, as with blend after its initialisation
_MAX_STALE_BATCHES = 50  # consecutive batches without a new formula that end the search as exhausted


@dataclass
class Loop:
    """One search, from the first batch to the findings.

    Parameters
    ----------
    task : Task
        Task that defines the fitness.
    searcher, name : Searcher, str
        Search algorithm and its name.
    context : SearchContext
        Alphabet, gene shape, budget and seed. The loop fills its memory.
    seconds : float, optional
        Time limit of this session in seconds.
    memory_mb : float, optional
        Limit on the peak memory of the process in MiB.
    checkpoint_path : Path, optional
        File for checkpoints. Without it none are written.
    resume : bool
        Whether to continue from the checkpoint.
    observer : callable, optional
        Called with a `Progress` between chunks.
    tuner : Tuner, optional
        Fits the constants of formulas. It cannot be combined with a reward.
    reward : Reward, optional
        What searchers are told instead of the fitness.
    start : str
        Identity of the known formulas that may enter the set; a resumed search must have the same.
    """

    task: Task
    searcher: Searcher
    name: str
    context: SearchContext
    seconds: float | None = None
    memory_mb: float | None = None
    checkpoint_path: Path | None = None
    resume: bool = False
    observer: Callable[[Progress], None] | None = None
    tuner: Tuner | None = None
    reward: Reward | None = None
    start: str = ""

    evaluations: int = field(default=0, init=False)
    proposed: int = field(default=0, init=False)
    invalid: int = field(default=0, init=False)
    tuning_steps: int = field(default=0, init=False)
    seconds_proposing: float = field(default=0.0, init=False)
    seconds_scoring: float = field(default=0.0, init=False)

    def run(self) -> Findings:
        """Search until a stopping rule applies.

        Returns
        -------
        Findings

        Raises
        ------
        RunError
            If the checkpoint cannot be written or belongs to another search.
        """
        self._begin()
        self._report()  # before the first batch, which may have to compile the kernels
        with interrupts() as self._interrupted:
            stopped, mid_batch = self._stop_reason(), False
            while stopped is None:
                stopped = self._batch()
                mid_batch = stopped is not None
                if stopped in (None, "budget"):
                    stopped = self._stop_reason() or stopped
            self._save(mid_batch)
            best = self._diverse()
            pool = choose_pool(self.task, best)
        return Findings(
            task=self.task, searcher=self.name, seed=self.context.seed, budget=self.context.budget, pool=pool,
            evaluations=self.evaluations, proposed=self.proposed, invalid=self.invalid,
            tuning_steps=self.tuning_steps, seconds=self._elapsed(),
            seconds_proposing=self.seconds_proposing, seconds_scoring=self.seconds_scoring, stopped=stopped,
            history=self._history.frame(), incumbent_log=self._incumbents, candidates=self._candidates(),
            archive=() if self.task.table else best.expressions(),
        )  # fmt: skip

    def _diverse(self) -> Archive:
        """The best formulas with different signals; for a table, the best formulas."""
        probe = self.context.probe_panel
        return (
            self._archive if probe is None else self._archive.diverse(probe, self.context.threads, _DIVERSE)
        )

    def _begin(self) -> None:
        template = Population.empty(self.context.alphabet, self.context.shape, 0)
        self._archive = Archive(template, _ARCHIVE_SIZE)
        self._history = History()
        self._chunk, self._stale_batches = _FIRST_CHUNK, 0
        self._largest_batch = 0  # evaluations of the largest batch so far, including tuning steps
        validations = Validations(self.task, self.context.threads)
        self._incumbent = Incumbent(self.task, self._archive, validations)
        self._incumbents = Incumbents(self.task, validations)
        self._previous_seconds = 0.0  # seconds of earlier sessions
        self._batch_start: dict[str, dict[str, Any]] | None = None  # state to save if a batch is abandoned
        self._checkpoint_interval = _CHECKPOINT_SECONDS
        if self.checkpoint_path is not None and not isinstance(self.searcher, Resumable):
            raise RunError(
                f"the searcher '{self.name}' cannot be saved; add the methods state and restore, or search "
                "without a checkpoint"
            )
        self._surrogate = self.searcher if isinstance(self.searcher, CountsCandidates) else None
        self._identity = self._properties()
        self.searcher.begin(self.context)
        if self.resume:
            self._restore()
        elif self.reward is not None:
            self.reward.update((), 0)
        self._start = self._saved = time.perf_counter()
        if self.checkpoint_path is not None:
            self._batch_start = self._state()
            if not self.resume:
                self._save()

    def _batch(self) -> Stopped | None:
        """Process one batch: ask, score new formulas, tell. Return None, or why the batch is abandoned."""
        began = time.perf_counter()
        remaining = self.context.budget - self.evaluations
        if (
            self._batch_start is None
            and self.checkpoint_path
            and remaining < max(self._largest_batch, _LARGE_BATCH)
        ):
            # The budget may end within the batch. A run resumed with a larger budget repeats the whole batch.
            self._batch_start = self._state()
        ask_began = time.perf_counter()
        population = self.searcher.ask(remaining)
        self.seconds_proposing += time.perf_counter() - ask_began
        steps = 0 if self.tuner is None else self.tuner.most
        self._largest_batch = max(self._largest_batch, len(population) * (1 + steps))
        invalid = population.invalid(self.context.threads)
        keys, fitness, new = self._look_up(population, invalid)
        evaluated = new[:remaining]
        stopped, seen = self._evaluate(population, keys, evaluated, fitness)
        if stopped is None and len(evaluated) < len(new):
            stopped, seen = "budget", int(evaluated[-1]) + 1
        elif stopped is None and self.tuner is not None:
            population = self._tune(self.tuner, population, fitness, new)
            if self.evaluations >= self.context.budget:  # a larger budget may allow more steps in this batch
                stopped = "budget"
        if (
            stopped is None and self._incumbent.rank
        ):  # only between batches, so that chunk sizes do not matter
            self._archive.drop_first(self._incumbent.rank)
            self._incumbent.update()
        self.proposed += seen
        self.invalid += int(np.count_nonzero(invalid[:seen]))
        if stopped is None:
            self._stale_batches = 0 if len(new) else self._stale_batches + 1
            if len(new) < len(population):  # duplicates within the batch
                repeated = (np.isnan(fitness) & ~invalid).nonzero()[0]
                if len(repeated):
                    fitness[repeated] = self.context.memory.look_up(keys[repeated])[0]
            tell_began = time.perf_counter()
            self.searcher.tell(population, fitness)
            self.seconds_proposing += time.perf_counter() - tell_began
        self._record_batch(fitness, len(evaluated) / max(seen, 1))
        if stopped is None and self.reward is not None and self.reward.is_due(self.evaluations):
            self._update_reward(self.reward)
        if stopped is None and self.checkpoint_path is not None:
            # The next batch may be abandoned if it is slow; a resumed search then continues from its start.
            slow = time.perf_counter() - began > _CHUNK_SECONDS
            self._batch_start = self._state() if slow else None
            if time.perf_counter() - self._saved > self._checkpoint_interval:
                self._save()
        return stopped

    def _look_up(
        self, population: Population, invalid: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint64], NDArray[np.float64], NDArray[np.integer]]:
        """Keys, known fitness (NaN if unknown) and the rows that have to be scored.

        Invalid chromosomes are never scored, because the kernels rely on valid ones.
        """
        if not invalid.any():
            keys = population.keys()
            fitness, is_new = self.context.memory.look_up(keys)
            return keys, fitness, is_new.nonzero()[0]
        keys, fitness = np.zeros(len(population), np.uint64), np.full(len(population), np.nan)
        valid = np.flatnonzero(~invalid)
        keys[valid] = population[valid].keys()
        fitness[valid], is_new = self.context.memory.look_up(keys[valid])
        return keys, fitness, valid[is_new]

    def _evaluate(
        self, population: Population, keys: NDArray, rows: NDArray[np.integer], fitness: NDArray
    ) -> tuple[Stopped | None, int]:
        """Score `rows`. Returns the reason if the batch is abandoned, and the number of rows processed."""
        may_abandon = self._batch_start is not None or self.checkpoint_path is None
        for chunk in self._chunks(rows):
            self._score(population[_as_slice(chunk)], keys[chunk], chunk, fitness)
            self._report()
            if may_abandon and chunk[-1] != rows[-1]:
                if self._interrupted():
                    return "interrupted", int(chunk[-1]) + 1
                if self._out_of_time():
                    return "seconds", int(chunk[-1]) + 1
        return None, len(population)

    def _chunks(self, new: NDArray[np.integer]) -> Iterator[NDArray[np.integer]]:
        """Divide a batch into equal chunks of half a second to a second; fast batches are one chunk.

        Chunks are as large as possible, because the engine shares work among the formulas of a chunk.
        """
        at = 0
        while at < len(new):
            left = len(new) - at
            chunk = new[at : at + -(-left // -(-left // self._chunk))]
            began = time.perf_counter()
            yield chunk
            seconds = max(time.perf_counter() - began, 1e-6)
            at += len(chunk)
            if 2 * len(chunk) > self._chunk or seconds > _CHUNK_SECONDS:
                ideal = len(chunk) * _CHUNK_SECONDS / seconds
                self._chunk = int(np.clip(ideal, self._chunk / 4, self._chunk * 4) // 16 * 16) or 16

    def _score(self, population: Population, keys: NDArray, chunk: NDArray, fitness: NDArray) -> None:
        began = time.perf_counter()
        if self.reward is None:
            scores = self.task.score(population, self.context.threads, self.context.device, validation=False)
            rewards = scores.fitness
        else:
            scores, rewards = self.reward.score(population)
        piece = self._piece(len(chunk), began)
        fitness[chunk] = rewards
        self._record(population, keys, scores, rewards, piece)

    def _update_reward(self, reward: Reward) -> None:
        """Adapt the reward to what has been found, and rescore what the searcher keeps."""
        began = time.perf_counter()
        reward.update(self._diverse().expressions(), self.evaluations)
        self.context.memory.forget()
        if isinstance(self.searcher, Rescorable):
            self.searcher.rescore(lambda population: reward.score(population)[1])
        self.seconds_scoring += time.perf_counter() - began

    def _tune(
        self, tuner: Tuner, population: Population, fitness: NDArray, new: NDArray[np.integer]
    ) -> Population:
        """Tune the constants of the new formulas and return the batch with them; a step is an evaluation."""
        began = time.perf_counter()
        tuned = tuner.tune(population, fitness, new, self.context.budget - self.evaluations)
        scores = self.task.score(tuned.population, self.context.threads, self.context.device)
        improved = np.flatnonzero(scores.fitness > fitness[tuned.places])
        piece = self._piece(tuned.steps, began, tuned.taken[improved])
        self.tuning_steps += tuned.steps
        if not improved.size:
            return population
        rows, better = tuned.places[improved], tuned.population[improved]
        fitness[rows] = scores.fitness[improved]
        keys = better.keys()
        chosen = scores[improved]
        self._record(better, keys, chosen, chosen.fitness, piece)
        self._report()
        return population.with_rows(rows, better, keys)

    def _piece(self, size: int, began: float, taken: NDArray[np.int64] | None = None) -> Piece:
        """Count `size` evaluations that began at `began` and describe their position in the search."""
        ended, before = time.perf_counter(), self.evaluations
        self.seconds_scoring += ended - began
        self.evaluations += size
        begin, end = (self._previous_seconds + at - self._start for at in (began, ended))
        return Piece(len(self._history), self._candidates(), before, size, begin, end, taken)

    def _candidates(self) -> int:
        return 0 if self._surrogate is None else self._surrogate.n_candidates()

    def _record(
        self,
        population: Population,
        keys: NDArray,
        scores: Scores,
        rewards: NDArray[np.float64],
        piece: Piece,
    ) -> None:
        """Store rewards in memory and scores in the archive, and update the incumbent."""
        self.context.memory.put(keys, rewards)
        if self._archive.add(population, scores) or not self._incumbent.is_top:
            self._incumbents.update(population, scores, piece)
            self._incumbent.update()

    def _stop_reason(self) -> Stopped | None:
        if self._incumbents.is_exact:
            return "solved"
        if self.evaluations >= self.context.budget:
            return "budget"
        if self.reward is not None and self.reward.converged:
            return "converged"
        if self._interrupted():
            return "interrupted"
        if self._out_of_time():
            return "seconds"
        if self.memory_mb is not None and peak_mb() > self.memory_mb:
            return "memory"
        return "exhausted" if self._stale_batches >= _MAX_STALE_BATCHES else None

    def _elapsed(self) -> float:
        return self._previous_seconds + time.perf_counter() - self._start

    def _out_of_time(self) -> bool:
        return self.seconds is not None and time.perf_counter() - self._start >= self.seconds

    def _report(self) -> None:
        if self.observer is not None:
            metrics = self.searcher.metrics() if isinstance(self.searcher, ReportsMetrics) else None
            counts, best = (self.evaluations, self.context.budget, self._elapsed()), self._incumbent
            self.observer(Progress(*counts, best.train, best.validation, best.text(), metrics))

    def _record_batch(self, fitness: NDArray[np.float64], distinct_share: float) -> None:
        valid = fitness[np.isfinite(fitness)]
        self._history.add(
            evaluations=self.evaluations, tuning_steps=self.tuning_steps, proposed=self.proposed,
            candidates=self._candidates(), seconds=self._elapsed(), best=self._incumbent.train,
            validation=self._incumbent.validation, best_formula=self._incumbent.text(),
            mean=float(valid.sum() / valid.size) if valid.size else np.nan, distinct_share=distinct_share,
        )  # fmt: skip

    def _properties(self) -> dict[str, str]:
        """Properties of the search that a checkpoint must match."""
        return {
            "searcher": f"{self.name} {settings_of(self.searcher)}".strip(),
            "seed": str(self.context.seed),
            "alphabet": " ".join(self.context.alphabet.names()),
            "shape": str(self.context.shape),
            "task": str(self.task.describe()),
            "panel": self.task.panel.fingerprint(),
            # The fingerprint of a panel covers neither the target of a table nor the split of its rows.
            "target": digest(self.task.targets, self.task.segments),
            "units": str(self.context.units),
            "start": self.start,
            "reward": "own" if self.reward is None else "gain",
            "tuning": "none" if self.tuner is None else f"{self.tuner.most} steps",
        }

    def _state(self) -> dict[str, dict[str, Any]]:
        assert isinstance(self.searcher, Resumable)
        counts = {
            "evaluations": self.evaluations, "proposed": self.proposed, "invalid": self.invalid,
            "barren": self._stale_batches, "tuning_steps": self.tuning_steps,
            "seconds": self._elapsed(), "proposing": self.seconds_proposing, "scoring": self.seconds_scoring,
        }  # fmt: skip
        searcher = {name: np.array(value, copy=True) for name, value in self.searcher.state().items()}
        return {
            "loop": counts,
            "searcher": searcher,
            "memory": self.context.memory.state(),
            "tuner": {} if self.tuner is None else self.tuner.state(),
            "reward": {} if self.reward is None else self.reward.state(),
            "best": self._archive.state(),
            "history": self._history.state(),
            "incumbents": self._incumbents.state(),
        }

    def _save(self, mid_batch: bool = False) -> None:
        began = time.perf_counter()
        state = self._batch_start if mid_batch or self.checkpoint_path is None else self._state()
        if self.checkpoint_path is None or state is None:  # within a batch: keep the last checkpoint
            return
        checkpoint.save(self.checkpoint_path, state, self._identity)
        self._saved = time.perf_counter()
        self._checkpoint_interval = max(_CHECKPOINT_SECONDS, _CHECKPOINT_SHARE * (self._saved - began))

    def _restore(self) -> None:
        assert self.checkpoint_path is not None
        assert isinstance(self.searcher, Resumable)
        state = checkpoint.load(self.checkpoint_path, self._identity)
        try:
            counts = state["loop"]
            self.evaluations, self.proposed = int(counts["evaluations"]), int(counts["proposed"])
            self.invalid, self._stale_batches = int(counts["invalid"]), int(counts["barren"])
            self.tuning_steps = int(counts["tuning_steps"])
            self._previous_seconds, self.seconds_proposing, self.seconds_scoring = (
                float(counts[name]) for name in ("seconds", "proposing", "scoring")
            )
            self.context.memory.restore(state["memory"])
            if self.tuner is not None:
                self.tuner.restore(state["tuner"])
            if self.reward is not None:
                self.reward.restore(state["reward"])
            self._archive.restore(state["best"])
            self._incumbent.update()
            self._history.restore(state["history"])
            self._incumbents.restore(state["incumbents"])
            self.searcher.restore(state["searcher"])
        except (KeyError, ValueError, TypeError) as error:
            raise RunError(
                f"{self.checkpoint_path} is damaged ({type(error).__name__}: {error}); start the run again"
            ) from error


def _as_slice(rows: NDArray[np.integer]) -> NDArray[np.integer] | slice:
    """Convert consecutive rows to a slice, which gives a view instead of a copy."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows
