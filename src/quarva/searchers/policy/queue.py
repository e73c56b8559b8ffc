"""The best distinct formulas so far, whoever found them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import Population

__all__ = ["Queue", "distinct_best"]


def distinct_best(
    population: Population, fitness: NDArray[np.float64], most: int
) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Places of the `most` best formulas, best first, no two with the same letters; and their keys.

    Formulas that differ in the values of `?` alone count as one: the network chooses letters only. NaN is no
    fitness; ties go to the earlier.
    """
    valid = np.flatnonzero(np.isfinite(fitness))
    order = valid[np.argsort(-fitness[valid], kind="stable")]
    bare = replace(
        population, dc=np.zeros_like(population.dc), constants=np.zeros_like(population.constants),
        known_keys=None,
    )  # fmt: skip
    keys = bare.keys() if len(bare) else np.zeros(0, np.uint64)
    first = np.sort(np.unique(keys[order], return_index=True)[1])[:most]
    return order[first], keys[order[first]]


class Queue:
    """At most `size` formulas, best first.

    Args:
        nothing: an empty population.
        size: most that it holds.
        name: what its part of a state is called.
        apart: whether no two may have the same fitness: most that have give the same values.

    Attributes:
        population: n chromosomes.
        fitness: float64 of shape (n,).
    """

    def __init__(self, nothing: Population, size: int, name: str = "queue", *, apart: bool = False) -> None:
        self.size, self.name, self.apart = size, name, apart
        self.population, self.fitness = nothing, np.zeros(0)

    def add(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Take in what is better than the worst of the queue, or fills it."""
        if self.size == 0 or not len(population):
            return
        whole = Population.concatenate([self.population, population])
        told = np.concatenate([self.fitness, fitness])
        best, _ = distinct_best(whole, told, len(whole) if self.apart else self.size)
        if self.apart:
            best = best[np.sort(np.unique(told[best], return_index=True)[1])][: self.size]
        self.population, self.fitness = whole[best], told[best]

    def state(self) -> dict[str, NDArray]:
        """Its content as arrays."""
        kept = self.population
        return {
            f"{self.name}_symbols": kept.symbols, f"{self.name}_dc": kept.dc,
            f"{self.name}_constants": kept.constants, f"{self.name}_fitness": self.fitness,
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray]) -> None:
        """Take up a `state`."""
        self.population = replace(
            self.population,
            symbols=np.asarray(state[f"{self.name}_symbols"], np.int16),
            dc=np.asarray(state[f"{self.name}_dc"], np.int8),
            constants=np.asarray(state[f"{self.name}_constants"], np.float32),
        )
        self.fitness = np.asarray(state[f"{self.name}_fitness"], np.float64)

    def __len__(self) -> int:
        return len(self.fitness)
