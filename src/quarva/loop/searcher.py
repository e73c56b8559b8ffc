"""The ask/tell protocol of searchers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from quarva.engine import Device
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.loop.memory import Memory
from quarva.loop.probe_panel import ProbePanel
from quarva.loop.probe_rows import ProbeRows

__all__ = ["CountsCandidates", "ReportsMetrics", "Rescorable", "Resumable", "SearchContext", "Searcher"]


@dataclass(frozen=True, eq=False)
class SearchContext:
    """What a searcher needs to know about the search.

    Attributes
    ----------
    alphabet : Alphabet
        The symbols.
    shape : GeneShape
        The shape of the chromosomes.
    memory : Memory
        The fitness of all formulas that the loop has scored. Read-only.
    budget : int
        Number of distinct evaluations of the whole search.
    seed : int
        Seed of all random numbers.
    threads : int
        Number of threads that the searcher may use. Its proposals must not depend on it.
    device : {"cpu", "cuda", "auto"}
        The device on which formulas are scored.
    probe_rows : ProbeRows or None
        A few training rows of a table, for comparing formulas by their values. None for a panel.
    probe_panel : ProbePanel or None
        A few assets and training days of a panel without the target, for comparing formulas by their signals.
        None for a table.
    units : mapping of str to str, or None
        Units of fields whose names do not imply them, if all formulas must be unit-free; see `Grammar`. None
        if formulas may have any unit.
    skeletons : Memory or None
        If constants are tuned: the formulas scored so far, by keys in which a `?` stands for any number (see
        `quarva.karva.gene_keys.KeyTables`). None if constants are not tuned.
    """

    alphabet: Alphabet
    shape: GeneShape
    memory: Memory
    budget: int
    seed: int
    threads: int
    device: Device = "cpu"
    probe_rows: ProbeRows | None = None
    probe_panel: ProbePanel | None = None
    units: Mapping[str, str] | None = None
    skeletons: Memory | None = None


class Searcher(Protocol):
    """A search algorithm. The loop owns the budget, the scores and the stopping rule."""

    def begin(self, context: SearchContext) -> None:
        """Start a new search.

        Parameters
        ----------
        context : SearchContext
            Alphabet, gene shape, memory and settings of the search.
        """
        ...

    def ask(self, n: int) -> Population:
        """Propose formulas.

        Parameters
        ----------
        n : int
            Number of remaining evaluations. The loop evaluates the first `n` new formulas. The proposal
            should not depend on `n`, so that a run can be resumed with a larger budget.

        Returns
        -------
        Population
            At least one formula.
        """
        ...

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Receive the fitness of the last proposal. Not called for the batch in which the budget ends.

        Parameters
        ----------
        population : Population
            The P formulas of the last `ask`. Only their constants may differ, if the loop tuned them.
        fitness : ndarray of float64, shape (P,)
            Their fitness; larger is better. NaN means no score.
        """
        ...


@runtime_checkable
class ReportsMetrics(Protocol):
    """Optional protocol: a searcher that reports metrics of its progress."""

    def metrics(self) -> dict[str, float]:
        """Metrics of the last batch by name. Called between chunks of evaluations, so it must be fast."""
        ...


@runtime_checkable
class CountsCandidates(Protocol):
    """Optional protocol: a searcher whose surrogate chooses among candidates before any is scored."""

    def n_candidates(self) -> int:
        """Number of candidates that the surrogate has examined since `begin`.

        A candidate is a chromosome whose signal was computed for the surrogate, whether or not it was then
        proposed. The loop reports this number next to the evaluations and does not limit it.
        """
        ...


@runtime_checkable
class Rescorable(Protocol):
    """Optional protocol: a searcher that keeps formulas with their fitness.

    With a reward that changes during the search, such as what a formula adds to the present set, old values
    of the fitness are not comparable to new ones.
    """

    def rescore(self, score: Callable[[Population], NDArray[np.float64]]) -> None:
        """Replace the fitness of all formulas that the searcher keeps. Called between batches.

        Parameters
        ----------
        score : callable
            Returns the new fitness of valid formulas; NaN means no score.
        """
        ...


@runtime_checkable
class Resumable(Protocol):
    """Optional protocol: a searcher whose state can be saved."""

    def state(self) -> dict[str, Any]:
        """Everything that determines later proposals, as numbers and arrays by name."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` returned. Called after `begin`."""
        ...
