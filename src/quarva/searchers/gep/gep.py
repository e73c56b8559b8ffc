"""Gene expression programming (Ferreira 2001, 2006) on islands, with novelty and restarts.

In each generation an island selects parents by tournament or roulette, makes children by recombination,
transposition, inversion and mutation, and keeps its elite. Two rules beyond Ferreira's account for most of
the performance (measured in `benchmarks/`): a child's formula must not have been scored before, and an island
that does not improve for some generations restarts.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.spin_pool import SpinPool
from quarva.errors import RecipeError
from quarva.karva.gene_keys import key_tables
from quarva.karva.genes import Population
from quarva.karva.grammar.tables import units_of
from quarva.karva.grammar.unit_powers import PowerTables
from quarva.loop.searcher import SearchContext
from quarva.searchers.gep.breeding import (
    BreedingBuffers,
    Genes,
    Rates,
    breed,
    cumulative_roulette,
    read_chromosomes,
    replacement,
)
from quarva.searchers.gep.genetic_operators import SymbolSampler, gap_tables
from quarva.searchers.grammar_samples import grammar_of, sample

__all__ = ["GEP"]


@dataclass
class GEP:
    """Gene expression programming.

    Rates are probabilities per chromosome unless stated otherwise.

    Attributes
    ----------
    population : int
        Chromosomes of an island, at least 4.
    islands : int
        Number of populations that evolve independently.
    selection : {"tournament", "roulette"}
        How parents are selected.
    tournament : int
        Chromosomes of a tournament.
    elite : int
        Best chromosomes of an island that survive unchanged.
    patience : int
        Generations without improvement after which an island restarts; 0 means never.
    tries : int
        Attempts at a child whose formula is new before a known formula is accepted.
    function_share : float
        Probability that a random position of the head holds a function.
    mutations : float
        Expected number of mutated positions per chromosome.
    inversion, is_transposition, ris_transposition, gene_transposition : float
        Rates of inversion and of IS, RIS and gene transposition.
    transposon : int
        Maximum length of a transposed segment.
    one_point, two_point, gene_recombination : float
        Rates of one-point, two-point and gene recombination.
    constants : float
        Mutation probability of each entry of the Dc domain and of each constant.

    Raises
    ------
    RecipeError
        If a value is out of range.
    """

    population: int = 300
    islands: int = 4
    selection: Literal["tournament", "roulette"] = "tournament"
    tournament: int = 3
    elite: int = 1
    patience: int = 30
    tries: int = 20
    function_share: float = 0.4
    mutations: float = 2.0
    inversion: float = 0.1
    is_transposition: float = 0.1
    ris_transposition: float = 0.1
    gene_transposition: float = 0.1
    transposon: int = 3
    one_point: float = 0.3
    two_point: float = 0.3
    gene_recombination: float = 0.1
    constants: float = 0.05

    def __post_init__(self) -> None:
        least = {"population": 4, "islands": 1, "tournament": 1, "tries": 1, "transposon": 1}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type in (int, float) and not value >= least.get(field.name, 0):
                raise RecipeError(
                    f"gep: {field.name} must be at least {least.get(field.name, 0)}, not {value}"
                )
            if field.type is float and field.name != "mutations" and value > 1:
                raise RecipeError(f"gep: {field.name} is a probability and must be at most 1, not {value}")
        if self.selection not in ("tournament", "roulette"):
            raise RecipeError(f"gep: selection must be 'tournament' or 'roulette', not '{self.selection}'")
        if self.elite >= self.population:
            raise RecipeError(f"gep: elite ({self.elite}) must be less than population ({self.population})")

    def begin(self, context: SearchContext) -> None:
        """Start a search; see `Searcher.begin`."""
        self._context = context
        a, shape = context.alphabet, context.shape
        self._known = context.memory if context.skeletons is None else context.skeletons
        self._tables = key_tables(a, shape, skeletons=context.skeletons is not None)
        self._sampler = SymbolSampler.of(a, shape.head, self.function_share)
        # The current generation, with fitness, and the next one, which is asked but not yet told.
        self._now, self._next = self._empty_generation(), self._empty_generation()
        self._rates = self._find_rates(self._now.genes)
        self._units = PowerTables.of(a, None if context.units is None else units_of(a, context.units))
        self._buffers = BreedingBuffers.of(self._now.genes, self.islands, self._units.power.shape[1])
        if context.units is not None:
            self._fill_with_legal()
        self._fitness = np.full(len(self._now.population), -np.inf)
        self._wheel = np.zeros_like(self._fitness)
        self._restarting = np.ones(self.islands, np.bool_)
        self._best = np.full(self.islands, -np.inf)
        self._stagnation = np.zeros(self.islands, np.int64)
        seeds = np.random.SeedSequence(context.seed).generate_state(self.islands, np.uint64)
        self._buffers.rng[:, 0] = seeds

    def _empty_generation(self) -> "_Generation":
        context, n = self._context, self.islands * self.population
        pop = Population.empty(context.alphabet, context.shape, n)
        size = n, context.shape.genes
        keys, lengths = np.zeros(size, np.uint64), np.zeros(size, np.int64)
        return _Generation(pop, Genes(pop.symbols, pop.dc, pop.constants, keys, lengths))

    def _fill_with_legal(self) -> None:
        """Fill the current generation with formulas of valid units, for slots where breeding finds none."""
        now, rng = self._now, np.random.Generator(np.random.PCG64([self._context.seed, 0]))
        legal = sample(
            self._context, grammar_of(self._context), len(now.population), rng, self.function_share
        )
        now.genes.symbols[:] = legal.symbols
        read_chromosomes(now.genes, np.arange(len(legal)), self._tables, self._buffers)

    def _find_rates(self, genes: Genes) -> Rates:
        _, n_genes, length = genes.symbols.shape
        positions, entries = n_genes * length, n_genes * (genes.dc.shape[2] + genes.constants.shape[2])
        return Rates(
            self.tournament, self.tries, gap_tables(self.mutations / positions, positions), self.inversion,
            self.is_transposition, self.ris_transposition, self.gene_transposition, self.transposon,
            self.one_point, self.two_point, self.gene_recombination,
            self._tables.has_constants and self.constants > 0, gap_tables(self.constants, entries),
        )  # fmt: skip

    def ask(self, n: int) -> Population:
        """Breed the next generation of all islands; n is ignored. See `Searcher.ask`."""
        context, now, new = self._context, self._now, self._next
        keys = np.empty(len(self._fitness), np.uint64)
        roulette = self.selection == "roulette"
        if roulette:
            for at in range(0, len(keys), self.population):
                island = slice(at, at + self.population)
                cumulative_roulette(self._fitness[island], self._wheel[island])

        with SpinPool(min(context.threads, self.islands)) as pool:
            breed(
                pool, now.genes, self._fitness, self._wheel, self._restarting, roulette, self._known.table,
                self._rates, self._sampler, self._tables, self._units, self._buffers, new.genes, keys,
            )  # fmt: skip
        offspring = new.population
        if self._tables.skeletons:
            return offspring
        return Population(
            offspring.alphabet, offspring.shape, offspring.symbols, offspring.dc, offspring.constants, keys
        )

    def replace_offspring(self, population: Population) -> Population:
        """Replace the last offspring by `population` (same size and order), and return it."""
        new = self._next.genes
        new.symbols[:], new.dc[:], new.constants[:] = population.symbols, population.dc, population.constants
        read_chromosomes(new, np.arange(len(population)), self._tables, self._buffers)
        return self._next.population

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Record the fitness of the last offspring, which become the population. See `Searcher.tell`."""
        self._take_constants(population)
        new_fitness, elite = np.empty_like(self._fitness), np.empty((2, self.elite), np.int64)
        replacement(
            self._now.genes, self._fitness, self._next.genes, fitness, new_fitness, self._restarting, elite,
            self._best, self._stagnation, self.patience,
        )  # fmt: skip
        self._fitness = new_fitness
        self._now, self._next = self._next, self._now

    def _take_constants(self, population: Population) -> None:
        """Copy the constants that the loop has tuned to the offspring."""
        new = self._next.genes
        if population.constants is new.constants:
            return
        tuned = np.any(population.constants != new.constants, axis=(1, 2))
        tuned = np.flatnonzero(tuned | np.any(population.dc != new.dc, axis=(1, 2)))
        new.dc[tuned], new.constants[tuned] = population.dc[tuned], population.constants[tuned]
        read_chromosomes(new, tuned, self._tables, self._buffers)

    def restarting_islands(self) -> NDArray[np.int64]:
        """Return the islands that restart in the next generation."""
        return np.flatnonzero(self._restarting)

    def reseed_island(self, island: int, population: Population, fitness: NDArray[np.float64]) -> None:
        """Replace the population of an island that restarts, instead of random chromosomes.

        Parameters
        ----------
        island : int
            Index of the island.
        population : Population
            The new population, with as many chromosomes as an island has.
        fitness : float64 array, shape (P,)
            Their fitness. NaN means no score.
        """
        self._set_island(island, population, fitness)
        self._read_population()

    def seed_islands(self, n: int, population: Population, fitness: NDArray[np.float64]) -> None:
        """Distribute chromosomes over the first n islands; see `reseed_island`."""
        for island in range(n):
            self._set_island(island, population[island::n], fitness[island::n])
        self._read_population()

    def _set_island(self, island: int, population: Population, fitness: NDArray[np.float64]) -> None:
        at = slice(island * self.population, (island + 1) * self.population)
        now = self._now.genes
        now.symbols[at], now.dc[at], now.constants[at] = (
            population.symbols, population.dc, population.constants
        )  # fmt: skip
        self._fitness[at] = np.where(np.isfinite(fitness), fitness, -np.inf)
        self._best[island], self._stagnation[island] = self._fitness[at].max(), 0
        self._restarting[island] = False

    def _read_population(self) -> None:
        seeded = np.flatnonzero(np.repeat(~self._restarting, self.population))
        read_chromosomes(self._now.genes, seeded, self._tables, self._buffers)

    def rescore(self, score: Callable[[Population], NDArray[np.float64]]) -> None:
        """Replace the fitness of all islands; see `Rescorable.rescore`."""
        scored = np.flatnonzero(np.isfinite(self._fitness))
        if scored.size:
            self._fitness[scored] = np.nan_to_num(score(self._now.population[scored]), nan=-np.inf)
        self._best = self._fitness.reshape(self.islands, -1).max(axis=1)
        self._stagnation[:] = 0

    def current_population(self) -> tuple[Population, NDArray[np.float64]]:
        """Return the chromosomes of all islands and their fitness, −inf for no score.

        Chromosomes of an island that has not been seeded yet are uninitialised and have no score.
        """
        return self._now.population, self._fitness

    def state(self) -> dict[str, Any]:
        """Return the state as arrays."""
        now = self._now.genes
        return {
            "symbols": now.symbols, "dc": now.dc, "constants": now.constants, "fitness": self._fitness,
            "restarting": self._restarting, "best": self._best, "stagnation": self._stagnation,
            "rng": self._buffers.rng[:, 0],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` returned."""
        now = self._now.genes
        now.symbols[:], now.dc[:], now.constants[:] = state["symbols"], state["dc"], state["constants"]
        self._fitness, self._restarting = state["fitness"].copy(), state["restarting"].copy()
        self._best, self._stagnation = state["best"].copy(), state["stagnation"].copy()
        self._buffers.rng[:, 0] = state["rng"]
        self._read_population()


class _Generation(NamedTuple):
    """A generation as a `Population` and, on the same arrays, as the `Genes` of the kernels."""

    population: Population
    genes: Genes
