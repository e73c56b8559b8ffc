"""The protocol of ways to search: ask for formulas, tell their scores."""

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

__all__ = ["CountsCandidates", "ReportsMetrics", "Resumable", "SearchContext", "Searcher"]


@dataclass(frozen=True, eq=False)
class SearchContext:
    """What can be searched, and what was.

    Attributes:
        alphabet: the letters.
        shape: the form of chromosomes.
        memory: what the loop has scored so far; to read only.
        budget: distinct evaluations that the whole search may make.
        seed: of all random numbers.
        threads: that the searcher may use; what it proposes must not depend on it.
        device: that formulas are scored on.
        points: a few training rows of a table, None for a panel: what lets formulas be told apart by values.
        glimpse: a few assets and training days of a panel, without the target, None for a table: what lets
            formulas be told apart by signals.
        skeletons: where constants are tuned, what was scored, by the key of a formula in which a `?` is any
            number (`gene_keys.KeyTables`); None where they are not.
    """

    alphabet: Alphabet
    shape: GeneShape
    memory: Memory
    budget: int
    seed: int
    threads: int
    device: Device = "cpu"
    points: ProbeRows | None = None
    glimpse: ProbePanel | None = None
    skeletons: Memory | None = None


class Searcher(Protocol):
    """A way to find formulas. The loop owns the budget, the scores and the stop."""

    def begin(self, space: SearchContext) -> None:
        """Get ready to search this space from the start."""
        ...

    def ask(self, n: int) -> Population:
        """Propose formulas, at least one; the first n that are new will still be evaluated.

        What is proposed should not depend on n, so that a run can be gone on with under a larger budget.
        """
        ...

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Learn the fitness of what was asked last, float64 of shape (P,): larger is better, NaN is no score.

        The population is as it was asked, but for constants that the loop has tuned.

        Not called for the batch in which the budget ends.
        """
        ...


@runtime_checkable
class ReportsMetrics(Protocol):
    """A searcher that has something to say of how its learning goes."""

    def figures(self) -> dict[str, float]:
        """Figures of the last batch by name; asked between chunks of evaluations, so to be quick."""
        ...


@runtime_checkable
class CountsCandidates(Protocol):
    """Optional protocol: a searcher whose surrogate chooses among candidates before any is scored."""

    def n_candidates(self) -> int:
        """Return how many candidates the surrogate has looked at since `begin`.

        A candidate is a chromosome whose signal was computed for the surrogate, whether or not it was then
        asked for. The loop reports the count beside the evaluations and does not limit it.
        """
        ...


@runtime_checkable
class Resumable(Protocol):
    """A searcher whose state can be kept: numbers and arrays by name, nothing else."""

    def state(self) -> dict[str, Any]:
        """All that decides what will be asked next."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go on, after `begin`, from a `state`."""
        ...
