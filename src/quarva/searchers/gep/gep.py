"""Gene expression programming (Ferreira 2001, 2006), on islands, with novelty and restarts.

A generation of one island: parents by tournament or roulette, children by recombination, transposition,
inversion and mutation, the best of the old generation kept. Two rules beyond Ferreira's carry most of the
result (measured in `benchmarks/`): a child must say something that was never scored, and an island that does
not gain for some generations starts anew.
"""

from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.spin_pool import SpinPool
from quarva.errors import RecipeError
from quarva.karva.gene_keys import language_of
from quarva.karva.genes import Population
from quarva.loop.searcher import SearchContext
from quarva.searchers.gep.breeding import Genes, Rates, Room, breed, read, spin, succeed
from quarva.searchers.gep.genetic_operators import Letters, gaps

__all__ = ["GEP"]


@dataclass
class GEP:
    """Gene expression programming; rates are chances per chromosome unless said otherwise."""

    population: int = 300  # chromosomes of an island
    islands: int = 4  # populations that evolve side by side
    selection: Literal["tournament", "roulette"] = "tournament"
    tournament: int = 3  # chromosomes that meet; the best becomes a parent
    elite: int = 1  # best chromosomes of an island kept unchanged
    patience: int = 30  # generations without gain after which an island starts anew; 0 for never
    tries: int = 20  # attempts at a child that was never scored before a repetition is let through
    function_share: float = 0.4  # chance that a random position of the head holds a function
    mutations: float = 2.0  # positions of a chromosome that mutate, on average
    inversion: float = 0.1
    is_transposition: float = 0.1
    ris_transposition: float = 0.1
    gene_transposition: float = 0.1
    transposon: int = 3  # longest stretch that is transposed
    one_point: float = 0.3
    two_point: float = 0.3
    gene_recombination: float = 0.1
    constants: float = 0.05  # chance that an entry of the Dc domain, or a constant, changes

    def __post_init__(self) -> None:
        least = {"population": 4, "islands": 1, "tournament": 1, "tries": 1, "transposon": 1}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type in (int, float) and not value >= least.get(field.name, 0):
                raise RecipeError(
                    f"gep: {field.name} must be at least {least.get(field.name, 0)}, not {value}"
                )
            if field.type is float and field.name != "mutations" and value > 1:
                raise RecipeError(f"gep: {field.name} is a chance and must not be above 1, not {value}")
        if self.selection not in ("tournament", "roulette"):
            raise RecipeError(f"gep: selection is 'tournament' or 'roulette', not '{self.selection}'")
        if self.elite >= self.population:
            raise RecipeError(f"gep: elite ({self.elite}) must be less than population ({self.population})")

    def begin(self, space: SearchContext) -> None:
        self._space = space
        a, shape = space.alphabet, space.shape
        self._known = space.memory if space.skeletons is None else space.skeletons
        self._language = language_of(a, shape, is_open=space.skeletons is not None)
        self._letters = Letters.of(a, shape.head, self.function_share)
        self._now, self._next = (
            self._room_for_all(),
            self._room_for_all(),
        )  # the told; the asked, not yet told
        self._rates = self._find_rates(self._now.genes)
        self._room = Room.of(self._now.genes, self.islands)
        self._fitness = np.full(len(self._now.population), -np.inf)
        self._wheel = np.zeros_like(self._fitness)
        self._fresh = np.ones(self.islands, np.bool_)  # islands that start anew
        self._best = np.full(self.islands, -np.inf)
        self._stale = np.zeros(self.islands, np.int64)
        seeds = np.random.SeedSequence(space.seed).generate_state(self.islands, np.uint64)
        self._room.rng[:, 0] = seeds

    def _room_for_all(self) -> "_Generation":
        space, n = self._space, self.islands * self.population
        pop = Population.empty(space.alphabet, space.shape, n)
        said, length = np.zeros((n, space.shape.genes), np.uint64), np.zeros((n, space.shape.genes), np.int64)
        return _Generation(pop, Genes(pop.symbols, pop.dc, pop.constants, said, length))

    def _find_rates(self, genes: Genes) -> Rates:
        _, many, length = genes.symbols.shape
        positions, entries = many * length, many * (genes.dc.shape[2] + genes.constants.shape[2])
        return Rates(
            self.tournament, self.tries, gaps(self.mutations / positions, positions), self.inversion,
            self.is_transposition, self.ris_transposition, self.gene_transposition, self.transposon,
            self.one_point, self.two_point, self.gene_recombination,
            self._language.has_constants and self.constants > 0, gaps(self.constants, entries),
        )  # fmt: skip

    def ask(self, n: int) -> Population:
        space, now, new = self._space, self._now, self._next
        keys = np.empty(len(self._fitness), np.uint64)
        roulette = self.selection == "roulette"
        if roulette:
            for at in range(0, len(keys), self.population):
                spin(self._fitness[at : at + self.population], self._wheel[at : at + self.population])

        with SpinPool(min(space.threads, self.islands)) as words:
            breed(
                words, now.genes, self._fitness, self._wheel, self._fresh, roulette, self._known.table,
                self._rates, self._letters, self._language, self._room, new.genes, keys,
            )  # fmt: skip
        made = new.population
        if self._language.is_open:
            return made
        return Population(made.alphabet, made.shape, made.symbols, made.dc, made.constants, keys)

    def bear(self, population: Population) -> Population:
        """Let these be the children instead of those asked last: as many, in their places."""
        new = self._next.genes
        new.symbols[:], new.dc[:], new.constants[:] = population.symbols, population.dc, population.constants
        read(new, np.arange(len(population)), self._language, self._room)
        return self._next.population

    def floors(self) -> NDArray[np.float64]:
        """The median of the island's living: who is below wins one tournament of three in eight."""
        living = np.sort(self._fitness.reshape(self.islands, -1), axis=1)[:, self.population // 2]
        return np.repeat(np.where(self._fresh, -np.inf, living), self.population)

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        self._take_constants(population)
        told, places = np.empty_like(self._fitness), np.empty((2, self.elite), np.int64)
        succeed(
            self._now.genes, self._fitness, self._next.genes, fitness, told, self._fresh, places,
            self._best, self._stale, self.patience,
        )  # fmt: skip
        self._fitness = told
        self._now, self._next = self._next, self._now

    def _take_constants(self, population: Population) -> None:
        """Let the children have the constants that they were told with, where the loop tuned some."""
        new = self._next.genes
        if population.constants is new.constants:
            return
        tuned = np.any(population.constants != new.constants, axis=(1, 2))
        tuned = np.flatnonzero(tuned | np.any(population.dc != new.dc, axis=(1, 2)))
        new.dc[tuned], new.constants[tuned] = population.dc[tuned], population.constants[tuned]
        read(new, tuned, self._language, self._room)

    def standing_still(self) -> NDArray[np.int64]:
        """Islands that start anew with the next generation."""
        return np.flatnonzero(self._fresh)

    def found(self, island: int, population: Population, fitness: NDArray[np.float64]) -> None:
        """Let these be the living of an island that starts anew, instead of random chromosomes.

        population, fitness: as many as an island has, scored; NaN is no score.
        """
        self._settle(island, population, fitness)
        self._read_living()

    def found_first(self, many: int, population: Population, fitness: NDArray[np.float64]) -> None:
        """The same for the first so many islands, to which as many chromosomes as they have are dealt."""
        for island in range(many):
            self._settle(island, population[island::many], fitness[island::many])
        self._read_living()

    def _settle(self, island: int, population: Population, fitness: NDArray[np.float64]) -> None:
        at = slice(island * self.population, (island + 1) * self.population)
        now = self._now.genes
        now.symbols[at], now.dc[at], now.constants[at] = (
            population.symbols, population.dc, population.constants
        )  # fmt: skip
        self._fitness[at] = np.where(np.isfinite(fitness), fitness, -np.inf)
        self._best[island], self._stale[island] = self._fitness[at].max(), 0
        self._fresh[island] = False

    def _read_living(self) -> None:
        living = np.flatnonzero(np.repeat(~self._fresh, self.population))
        read(self._now.genes, living, self._language, self._room)

    def living(self) -> tuple[Population, NDArray[np.float64]]:
        """All chromosomes of all islands as they were told last, and their fitness, −inf for no score.

        An island that nobody has founded yet has nothing that says anything, without a score.
        """
        return self._now.population, self._fitness

    def state(self) -> dict[str, Any]:
        now = self._now.genes
        return {
            "symbols": now.symbols, "dc": now.dc, "constants": now.constants, "fitness": self._fitness,
            "fresh": self._fresh, "best": self._best, "stale": self._stale, "rng": self._room.rng[:, 0],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        now = self._now.genes
        now.symbols[:], now.dc[:], now.constants[:] = state["symbols"], state["dc"], state["constants"]
        self._fitness, self._fresh = state["fitness"].copy(), state["fresh"].copy()
        self._best, self._stale = state["best"].copy(), state["stale"].copy()
        self._room.rng[:, 0] = state["rng"]
        self._read_living()


class _Generation(NamedTuple):
    """Chromosomes as the loop is handed them, and, on the same arrays, as breeding reads and writes them."""

    population: Population
    genes: Genes
