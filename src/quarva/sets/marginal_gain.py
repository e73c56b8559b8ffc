"""A reward of a search: what a formula adds to the set that could be fitted so far.

Whenever the number of evaluations has doubled, a set is fitted to what has been found. The reward of a
formula is its score for the part of the target that the signal of this set leaves. To first order, this is
what the formula adds to the set. A formula that resembles the members earns nothing, however good its own
score is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.engine import Formula, Set
from quarva.engine.kernel.cross_section.standardised import standardise_days
from quarva.errors import TaskError
from quarva.karva.expression import Expression
from quarva.karva.genes import Population
from quarva.karva.notation import expression_of, render
from quarva.loop.archive import Archive
from quarva.loop.searcher import SearchContext
from quarva.sets.found import fit_found
from quarva.tasks import Scores, Task
from quarva.tasks.prepared_target import PreparedTarget

__all__ = ["MarginalGain"]

_FIRST_UPDATE = 2_500  # evaluations
_KEPT = 1_000  # formulas with the largest rewards since the last update
_PROMISING = 100  # of these, with different signals, may enter the set
_PATIENCE = 3  # updates without a rise of the expected figure after which the search has converged
_RISE = 0.01  # smallest relative rise that counts


class MarginalGain:
    """The reward of a formula is its score for what the present set leaves of the target.

    Parameters
    ----------
    task : Task
        A task that can have a set.
    context : SearchContext
        The context of the search.
    known : sequence of Expression
        Formulas that may enter the set from the beginning.
    size : int
        Number of the best formulas by their own fitness that may enter the set.

    Attributes
    ----------
    formulas : tuple of Expression
        The formulas with the largest rewards, in the order in which they were found.
    """

    def __init__(self, task: Task, context: SearchContext, known: Sequence[Expression], size: int) -> None:
        assert context.probe_panel is not None
        self._task, self._known, self._size, self._seed = task, list(known), size, context.seed
        self._probe_panel, self._threads, self._device = context.probe_panel, context.threads, context.device
        self._template = Population.empty(context.alphabet, context.shape, 0)
        self._round = self._new_round()
        self._found: tuple[Expression, ...] = ()
        self._next = _FIRST_UPDATE
        self._set: Set | None = None
        self._expected: list[float] = []
        self._both: PreparedTarget | None = None

    def _new_round(self) -> Archive:
        return Archive(self._template, _KEPT)

    @property
    def formulas(self) -> tuple[Expression, ...]:
        """The formulas with the largest rewards, those of earlier updates first."""
        latest = self._round.diverse(self._probe_panel, self._threads, _PROMISING)
        return tuple(dict.fromkeys([*self._found, *latest.expressions()]))

    @property
    def converged(self) -> bool:
        """Whether the expected figure of the set has not risen in the last updates."""
        before = self._expected[:-_PATIENCE]
        return bool(before) and max(self._expected[-_PATIENCE:]) <= max(before) * (1 + _RISE)

    def is_due(self, evaluations: int) -> bool:
        """Whether the number of evaluations has doubled since the last update."""
        return evaluations >= self._next

    def update(self, found: Sequence[Expression], evaluations: int) -> None:
        """Fit the set again; see `Reward.update`."""
        while self._next <= evaluations:
            self._next *= 2
        self._found, self._round = self.formulas, self._new_round()
        candidates = list(dict.fromkeys([*self._found, *found[: self._size]]))
        try:
            own = fit_found(
                self._task, self._known, candidates, evaluations, seed=self._seed, threads=self._threads
            ).set
        except TaskError:  # no formula has a score yet, or the training part is too short for a set
            return
        self._expected.append(own.expected)
        self._explain(own)

    def _explain(self, own: Set) -> None:
        """Prepare the target and what the signal of a set leaves of it."""
        self._set = own
        target = self._task.targets[:1].astype(np.float32)
        scores = np.empty((1, target[0].size), np.float32)
        standardise_days(target, np.arange(target.shape[1]), np.inf, scores)
        signal = np.nan_to_num(own.signal(self._task.panel).to_numpy(), nan=0.0)
        left = np.where(np.isfinite(target[0]), scores.reshape(signal.shape) - signal, np.nan)
        self._both = self._task.beside(left)

    def score(self, population: Population) -> tuple[Scores, NDArray[np.float64]]:
        """Score formulas and compute their rewards; see `Reward.score`."""
        if self._both is None:
            own = self._task.score(population, self._threads, self._device, validation=False)
            return own, own.fitness
        own, gain = self._task.score_beside(population, self._both, self._threads, self._device)
        self._round.add(population, gain)
        return own, gain.fitness

    def state(self) -> dict[str, Any]:
        """The state for a checkpoint."""
        own = self._set
        members = [] if own is None else [render(each.expression) for each in own.members]
        latest = {f"round_{name}": value for name, value in self._round.state().items()}
        return {
            "next": self._next, "expected": np.array(self._expected),
            "found": np.array([render(each) for each in self._found], np.str_),
            "members": np.array(members, np.str_), "weights": np.zeros(0) if own is None else own.weights,
            **latest,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` returned."""
        panel = self._task.panel

        def read(texts: NDArray[np.str_]) -> list[Expression]:
            return [expression_of(text, panel.fields, panel.groups, panel.assets) for text in texts.tolist()]

        self._next, self._expected = int(state["next"]), np.asarray(state["expected"]).tolist()
        self._found = tuple(read(state["found"]))
        prefix = "round_"
        self._round = self._new_round()
        self._round.restore(
            {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}
        )
        if len(state["members"]):
            self._explain(Set([Formula(each) for each in read(state["members"])], state["weights"]))
