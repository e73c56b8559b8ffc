"""The first formulas of a search, from which evolution breeds others."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import Population
from quarva.karva.grammar.grammar import Grammar
from quarva.loop.searcher import SearchContext
from quarva.searchers.shortest_first import sample_short, shortest_first
from quarva.searchers.surrogate import Surrogate

__all__ = ["Initialisation"]

_ROUND = 25  # formulas per round with a surrogate
_CANDIDATES = 40  # sampled formulas for each of these


class Initialisation:
    """Proposes n initial formulas.

    Without a surrogate they are the shortest formulas of the grammar, in one batch. With a surrogate the
    first round has only a few of these, and further rounds have the sampled formulas with the highest
    acquisition.

    Parameters
    ----------
    context : SearchContext
        Context of the search.
    grammar : Grammar
        Grammar of the formulas.
    n : int
        Number of formulas.
    surrogate : Surrogate or None
        Surrogate that selects formulas; None for no selection.

    Attributes
    ----------
    population : Population
        The formulas scored so far.
    fitness : float64 array, shape (len(population),)
        Their fitness. NaN means no score.
    """

    def __init__(self, context: SearchContext, grammar: Grammar, n: int, surrogate: Surrogate | None) -> None:
        self._context, self._grammar, self._n, self._surrogate = context, grammar, n, surrogate
        self._rounds = 0
        self.population = Population.empty(context.alphabet, context.shape, 0)
        self.fitness = np.zeros(0)

    @property
    def is_complete(self) -> bool:
        """Whether n formulas have been scored."""
        return len(self.fitness) >= self._n

    def ask(self) -> Population:
        """Return the next formulas to score."""
        if not self._rounds:
            first = shortest_first(self._context, self._grammar, self._n)
            return first if self._surrogate is None else first[:_ROUND]
        assert self._surrogate is not None
        n = min(_ROUND, self._n - len(self.fitness))
        samples = sample_short(self._context, self._grammar, n * _CANDIDATES, self._rounds)
        keys = samples.keys()
        is_new = np.zeros(len(samples), bool)
        is_new[np.unique(keys, return_index=True)[1]] = True
        is_new &= self._context.memory.look_up(keys)[1]
        candidates = samples[np.argsort(~is_new, kind="stable")[: max(int(is_new.sum()) // n, 1) * n]]
        return self._surrogate.choose([candidates[at : at + n] for at in range(0, len(candidates), n)])

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Record the fitness of the formulas asked last."""
        self._rounds += 1
        self.population = Population.concatenate([self.population, population])
        self.fitness = np.concatenate([self.fitness, fitness])

    def rescore(self, score: Callable[[Population], NDArray[np.float64]]) -> None:
        """Replace the fitness of the formulas scored so far; see `Rescorable.rescore`."""
        if len(self.population):
            self.fitness = score(self.population)

    def state(self) -> dict[str, Any]:
        """Return the state as arrays and numbers."""
        return {"rounds": self._rounds, "fitness": self.fitness, **self.population.arrays()}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` returned."""
        self.population = self.population.with_arrays(state)
        self._rounds, self.fitness = int(state["rounds"]), np.array(state["fitness"])
