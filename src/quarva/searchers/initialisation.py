"""The first formulas of a search, from which others are bred."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import Population
from quarva.karva.grammar.grammar import Grammar
from quarva.loop.searcher import SearchContext
from quarva.searchers.shortest_first import drawn, simplest
from quarva.searchers.surrogate import Surrogate

__all__ = ["Initialisation"]

_ROUND = 25  # formulas asked at a time where it is foreseen what they promise
_LOTS = 40  # formulas drawn at random for each of those


class Initialisation:
    """The simplest formulas of a grammar, n of them at once.

    Where scores are foreseen only a few of those come first, and then, round by round, what promises most of
    many that are drawn at random, until n are scored.
    """

    def __init__(self, space: SearchContext, grammar: Grammar, n: int, foresight: Surrogate | None) -> None:
        self._space, self._grammar, self._n, self._foresight = space, grammar, n, foresight
        self._rounds = 0
        self.population = Population.empty(space.alphabet, space.shape, 0)
        self.fitness = np.zeros(0)

    @property
    def is_over(self) -> bool:
        """Whether n formulas are told: `population` and `fitness`, float64 of shape (n,)."""
        return len(self.fitness) >= self._n

    def ask(self) -> Population:
        """The next formulas to score."""
        if not self._rounds:
            first = simplest(self._space, self._grammar, self._n)
            return first if self._foresight is None else first[:_ROUND]
        assert self._foresight is not None
        n = min(_ROUND, self._n - len(self.fitness))
        many = drawn(self._space, self._grammar, n * _LOTS, self._rounds)
        keys = many.keys()
        fresh = np.zeros(len(many), bool)
        fresh[np.unique(keys, return_index=True)[1]] = True
        fresh &= self._space.memory.look_up(keys)[1]
        some = many[np.argsort(~fresh, kind="stable")[: max(int(fresh.sum()) // n, 1) * n]]
        return self._foresight.choose([some[at : at + n] for at in range(0, len(some), n)])

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Take what was asked last, as it was scored."""
        self._rounds += 1
        self.population = Population.concatenate([self.population, population])
        self.fitness = np.concatenate([self.fitness, fitness])

    def state(self) -> dict[str, Any]:
        return {"rounds": self._rounds, "fitness": self.fitness, **self.population.arrays()}

    def restore(self, state: dict[str, Any]) -> None:
        self.population = self.population.with_arrays(state)
        self._rounds, self.fitness = int(state["rounds"]), np.array(state["fitness"])
