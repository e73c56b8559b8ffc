"""Populations that Quarva's GEP has evolved for twenty generations; their formulas share subtrees."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import quarva as qv
from quarva.karva import Alphabet, GeneShape, Population
from quarva.loop.searcher import SearchContext
from quarva.searchers.gep.gep import GEP

__all__ = ["Breeding", "digest", "evolve"]

ISLANDS = 4


@dataclass
class Watched:
    """GEP that keeps a copy of the population of the last generation."""

    gep: GEP
    generations: int
    finished: int = field(default=0, init=False)
    kept: Population | None = field(default=None, init=False)

    def begin(self, space: SearchContext) -> None:
        self.gep.begin(space)

    def ask(self, n: int) -> Population:
        return self.gep.ask(n)

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        self.gep.tell(population, fitness)
        self.finished += 1
        if self.finished == self.generations:
            self.kept = population[np.arange(len(population))]


@dataclass(frozen=True)
class Breeding:
    """The language and the size of a population."""

    fields: Sequence[str]
    functions: Sequence[str]
    windows: Sequence[int]
    head: int
    constants: bool
    population: int
    generations: int
    seed: int

    @property
    def alphabet(self) -> Alphabet:
        return Alphabet.build(self.fields, self.functions, self.windows, constants=self.constants)

    @property
    def shape(self) -> GeneShape:
        return GeneShape(head=self.head)


def digest(population: Population) -> str:
    """Return a digest of the formulas, 16 hex digits; figures are kept for the same formulas only."""
    return hashlib.sha256(population.keys().tobytes()).hexdigest()[:16]


def evolve(task: qv.Task, wanted: Breeding, place: Path) -> Population:
    """Return the population after some generations, from the file `place` if it is there."""
    key = repr(wanted)
    if place.exists():
        with np.load(place, allow_pickle=False) as kept:
            if str(kept["key"]) == key:
                parts = kept["symbols"], kept["dc"], kept["constants"]
                return Population(wanted.alphabet, wanted.shape, *parts)
    gep = GEP(population=wanted.population // ISLANDS, islands=ISLANDS)
    watched = Watched(gep, wanted.generations)
    # One more than the generations need, since the batch in which the budget ends is not passed to `tell`.
    budget = wanted.generations * wanted.population + 1
    qv.search(
        task, watched, budget, seed=wanted.seed, functions=wanted.functions, windows=wanted.windows,
        constants=wanted.constants, head=wanted.head, tuning_steps=0, progress=False,
    )  # fmt: skip
    if watched.kept is None:
        raise SystemExit(f"the search ended after {watched.finished} of {wanted.generations} generations")
    kept_now = watched.kept
    place.parent.mkdir(parents=True, exist_ok=True)
    np.savez(place, key=key, symbols=kept_now.symbols, dc=kept_now.dc, constants=kept_now.constants)
    return Population(wanted.alphabet, wanted.shape, kept_now.symbols, kept_now.dc, kept_now.constants)
