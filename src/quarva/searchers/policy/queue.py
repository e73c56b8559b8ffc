"""A queue of the best distinct formulas."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import Population

__all__ = ["Queue", "distinct_best"]


def distinct_best(
    population: Population, fitness: NDArray[np.float64], n: int
) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Return the indices of the n best formulas, without duplicates, and their keys.

    Formulas that differ only in the values of `?` count as duplicates, because the network chooses symbols
    only.

    Parameters
    ----------
    population : Population
        The formulas.
    fitness : float64 array, shape (P,)
        Their fitness. NaN and infinity mean no score.
    n : int
        Maximum number.

    Returns
    -------
    indices : int array
        Best first; ties keep the order of the population.
    keys : uint64 array
        Computed with all constants equal to 0.
    """
    valid = np.flatnonzero(np.isfinite(fitness))
    order = valid[np.argsort(-fitness[valid], kind="stable")]
    without_constants = replace(
        population, dc=np.zeros_like(population.dc), constants=np.zeros_like(population.constants),
        known_keys=None,
    )  # fmt: skip
    keys = without_constants.keys() if len(population) else np.zeros(0, np.uint64)
    first = np.sort(np.unique(keys[order], return_index=True)[1])[:n]
    return order[first], keys[order[first]]


class Queue:
    """The best formulas so far, at most `size`, best first.

    Parameters
    ----------
    empty : Population
        An empty population.
    size : int
        Maximum number of formulas.
    name : str
        Prefix of the names in `state`.
    distinct_fitness : bool
        Whether formulas with equal fitness count as duplicates; most of them have equal values.

    Attributes
    ----------
    population : Population
        The formulas, best first.
    fitness : float64 array, shape (n,)
        Their fitness.
    """

    def __init__(
        self, empty: Population, size: int, name: str = "queue", *, distinct_fitness: bool = False
    ) -> None:
        self.size, self.name, self.distinct_fitness = size, name, distinct_fitness
        self.population, self.fitness = empty, np.zeros(0)

    def add(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Add the formulas that are among the best."""
        if self.size == 0 or not len(population):
            return
        whole = Population.concatenate([self.population, population])
        all_fitness = np.concatenate([self.fitness, fitness])
        best, _ = distinct_best(whole, all_fitness, len(whole) if self.distinct_fitness else self.size)
        if self.distinct_fitness:
            best = best[np.sort(np.unique(all_fitness[best], return_index=True)[1])][: self.size]
        self.population, self.fitness = whole[best], all_fitness[best]

    def rescore(self, score: Callable[[Population], NDArray[np.float64]]) -> None:
        """Replace the fitness of all formulas; those without a score leave the queue."""
        if len(self):
            known, self.population, self.fitness = self.population, self.population[:0], self.fitness[:0]
            self.add(known, score(known))

    def state(self) -> dict[str, NDArray]:
        """Return the formulas as arrays."""
        pop = self.population
        return {
            f"{self.name}_symbols": pop.symbols, f"{self.name}_dc": pop.dc,
            f"{self.name}_constants": pop.constants, f"{self.name}_fitness": self.fitness,
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray]) -> None:
        """Restore a state that `state` returned."""
        self.population = replace(
            self.population,
            symbols=np.asarray(state[f"{self.name}_symbols"], np.int16),
            dc=np.asarray(state[f"{self.name}_dc"], np.int8),
            constants=np.asarray(state[f"{self.name}_constants"], np.float32),
        )
        self.fitness = np.asarray(state[f"{self.name}_fitness"], np.float64)

    def __len__(self) -> int:
        return len(self.fitness)
