"""Gene expression programming (Ferreira 2001, 2006), on islands, with novelty and restarts.

A generation of one island: parents by tournament or roulette, children by recombination, transposition,
inversion and mutation, the best of the old generation kept. Two rules beyond Ferreira's carry most of the
result (measured in `benchmarks/`): a child must say something that was never scored, and an island that does
not gain for some generations starts anew.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva.compiled import compiled
from quarva.engine import share
from quarva.errors import RecipeError
from quarva.karva.alphabet import Alphabet
from quarva.karva.decode import gene_key, join
from quarva.karva.expression import Symbol
from quarva.karva.genes import Population
from quarva.search.draws import below, uniform
from quarva.search.memory import knows, slot_of
from quarva.search.moves import (
    copy,
    create,
    cross_over,
    insert,
    invert,
    mutate,
    mutate_expression,
    mutation_gap,
    transpose_gene,
    transpose_is,
    transpose_ris,
    vary_constants,
)
from quarva.search.searcher import Space

__all__ = ["GEP"]


class Rates(NamedTuple):
    """The numbers that breeding reads, as one value for the kernels."""

    function_share: float
    tournament: int
    tries: int
    mutation_gap: float  # 1 / log(1 − chance that a position mutates)
    inversion: float
    is_transposition: float
    ris_transposition: float
    gene_transposition: float
    transposon: int
    one_point: float
    two_point: float
    gene_recombination: float
    constants: float


class Language(NamedTuple):
    """The alphabet as the kernels read it."""

    arity: NDArray[np.int8]
    letter: NDArray[np.uint64]
    commutative: NDArray[np.bool_]
    cumulative: NDArray[np.float64]
    n_functions: int
    head: int
    link: np.uint64
    link_commutative: bool


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

    def begin(self, space: Space) -> None:
        self._space = space
        a, shape = space.alphabet, space.shape
        link = Alphabet([Symbol(shape.linking), Symbol()]).letter[0]
        self._language = Language(
            a.arity,
            a.letter,
            a.commutative,
            a.cumulative,
            a.n_functions,
            shape.head,
            link,
            shape.linking.commutative,
        )
        empty = Population.empty(a, shape, self.islands * self.population)
        length = empty.symbols.shape[1] * empty.symbols.shape[2]
        self._rates = Rates(
            self.function_share, self.tournament, self.tries, mutation_gap(self.mutations / length),
            self.inversion, self.is_transposition, self.ris_transposition, self.gene_transposition,
            self.transposon, self.one_point,
            self.two_point, self.gene_recombination, self.constants if a.has_constants else 0.0,
        )  # fmt: skip
        self._now = empty  # the living, told
        self._next = Population.empty(a, shape, len(empty))  # the asked, not yet told
        self._fitness = np.full(len(empty), -np.inf)
        self._fresh = np.ones(self.islands, np.bool_)  # islands that start anew
        self._best = np.full(self.islands, -np.inf)
        self._stale = np.zeros(self.islands, np.int64)
        seeds = np.random.SeedSequence(space.seed).generate_state(self.islands, np.uint64)
        self._rng = seeds.reshape(self.islands, 1)

    def ask(self, n: int) -> Population:
        space, now, new = self._space, self._now, self._next
        roulette = self.selection == "roulette"
        keys = np.empty(len(new), np.uint64)

        def breed(first: int, last: int) -> None:
            for island in range(first, last):
                at = slice(island * self.population, (island + 1) * self.population)
                breed_island(
                    now.symbols[at], now.dc[at], now.constants[at],
                    self._fitness[at], self._fresh[island], roulette,
                    self._rng[island], space.memory.table, self._rates, self._language,
                    new.symbols[at], new.dc[at], new.constants[at], keys[at],
                )  # fmt: skip

        share(breed, self.islands, space.threads)
        return replace(new, known_keys=keys)

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        told = np.where(np.isfinite(fitness), fitness, -np.inf)
        for island in range(self.islands):
            at = slice(island * self.population, (island + 1) * self.population)
            if not self._fresh[island] and self.elite:
                self._keep_elite(at, told)
            best = told[at].max()
            gained = best > self._best[island] or self._fresh[island]
            self._best[island] = best if self._fresh[island] else max(best, self._best[island])
            self._stale[island] = 0 if gained else self._stale[island] + 1
            self._fresh[island] = bool(self.patience) and self._stale[island] >= self.patience
        self._fitness = told
        self._now, self._next = self._next, self._now

    def _keep_elite(self, at: slice, told: NDArray[np.float64]) -> None:
        """The best of the living take the places of the worst of the new."""
        old, new = self._now, self._next
        best = at.start + _largest(self._fitness[at], self.elite)
        worst = at.start + _largest(-told[at], self.elite)
        for source, target in ((old.symbols, new.symbols), (old.dc, new.dc), (old.constants, new.constants)):
            target[worst] = source[best]
        told[worst] = self._fitness[best]

    def state(self) -> dict[str, Any]:
        now = self._now
        return {
            "symbols": now.symbols, "dc": now.dc, "constants": now.constants, "fitness": self._fitness,
            "fresh": self._fresh, "best": self._best, "stale": self._stale, "rng": self._rng,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        now = self._now
        now.symbols[:], now.dc[:], now.constants[:] = state["symbols"], state["dc"], state["constants"]
        self._fitness, self._fresh = state["fitness"].copy(), state["fresh"].copy()
        self._best, self._stale, self._rng = state["best"].copy(), state["stale"].copy(), state["rng"].copy()


def _largest(values: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """Places of the n largest; of equals the first."""
    return np.array([values.argmax()]) if n == 1 else np.argsort(-values, kind="stable")[:n]


@compiled(allocates=True)
def breed_island(
    symbols, dc, constants, fitness, fresh, roulette, rng, known, rates, language,
    new_symbols, new_dc, new_constants, new_keys,
):  # fmt: skip
    """Fill the new generation of one island; `fresh`: at random, without parents."""
    n, _, length = symbols.shape
    buffer, scratch = np.empty(length, symbols.dtype), np.empty(length + 1, np.uint64)
    dc_buffer = np.empty(dc.shape[2], dc.dtype)
    size = 16
    while size < 2 * n:
        size *= 2
    siblings = np.zeros(size, np.uint64)
    wheel = spin(fitness) if roulette and not fresh else fitness
    breed(
        symbols, dc, constants, fitness, wheel, fresh, roulette, rng, known, siblings, rates, language,
        buffer, dc_buffer, scratch, new_symbols, new_dc, new_constants, new_keys,
    )  # fmt: skip


@compiled
def breed(
    symbols, dc, constants, fitness, wheel, fresh, roulette, rng, known, siblings, rates, language,
    buffer, dc_buffer, scratch, new_symbols, new_dc, new_constants, new_keys,
):  # fmt: skip
    """`breed_island` with its scratch."""
    for p in range(symbols.shape[0]):
        child, child_dc, child_constants = new_symbols[p], new_dc[p], new_constants[p]
        for attempt in range(rates.tries):
            if fresh:
                create(
                    child, child_dc, child_constants, rng,
                    language.head, language.cumulative, language.n_functions,
                    rates.function_share,
                )  # fmt: skip
            else:
                if attempt == 0:
                    a = parent(fitness, wheel, roulette, rates.tournament, rng)
                    for g in range(child.shape[0]):
                        copy(symbols[a, g], child[g])
                        copy(dc[a, g], child_dc[g])
                        copy(constants[a, g], child_constants[g])
                    b = parent(fitness, wheel, roulette, rates.tournament, rng)
                    recombine(child, child_dc, child_constants, symbols[b], dc[b], constants[b], rng, rates)
                    vary(child, child_dc, child_constants, rng, rates, language, buffer, dc_buffer)
                else:
                    mutate_expression(
                        child, rng, language.arity, language.head, language.cumulative, language.n_functions,
                        rates.function_share,
                    )  # fmt: skip
            key = new_keys[p] = chromosome_key(child, child_dc, child_constants, language, scratch)
            place = slot_of(siblings, key)
            if siblings[place] != key and not knows(known, key):
                siblings[place] = key
                break


@compiled
def chromosome_key(symbols, dc, constants, language, scratch):
    """Canonical key, as `Population.keys` gives it."""
    l = language  # noqa: E741
    key = gene_key(symbols[0], dc[0], constants[0], l.arity, l.letter, l.commutative, scratch)
    for g in range(1, symbols.shape[0]):
        other = gene_key(symbols[g], dc[g], constants[g], l.arity, l.letter, l.commutative, scratch)
        key = join(l.link, key, other, l.link_commutative)
    return key


@compiled(allocates=True)
def spin(fitness):
    """Cumulative share of each on the roulette wheel: fitness above the worst valid one."""
    least, most = np.inf, -np.inf
    for f in fitness:
        if f > -np.inf:
            least, most = min(least, f), max(most, f)
    floor = 0.01 * (most - least) + 1e-300  # the worst valid one keeps a small share
    total, wheel = 0.0, np.empty(fitness.size)
    for i in range(fitness.size):
        total += fitness[i] - least + floor if fitness[i] > -np.inf else 0.0
        wheel[i] = total
    return wheel


@compiled
def parent(fitness, wheel, roulette, tournament, rng):
    """Number of a parent."""
    if roulette and wheel[-1] > 0.0:
        return min(np.searchsorted(wheel, uniform(rng) * wheel[-1], side="right"), fitness.size - 1)
    best = below(rng, fitness.size)
    for _ in range(tournament - 1):
        other = below(rng, fitness.size)
        if fitness[other] > fitness[best]:
            best = other
    return best


@compiled
def recombine(symbols, dc, constants, other, other_dc, other_constants, rng, rates):
    """One-point, two-point and gene recombination with the other parent."""
    genes, length = symbols.shape
    if uniform(rng) < rates.one_point:
        cut = below(rng, genes * length)
        cross_over(symbols, dc, constants, other, other_dc, other_constants, cut, genes * length)
    if uniform(rng) < rates.two_point:
        a, b = below(rng, genes * length), below(rng, genes * length)
        cross_over(symbols, dc, constants, other, other_dc, other_constants, min(a, b), max(a, b) + 1)
    if genes > 1 and uniform(rng) < rates.gene_recombination:
        g = below(rng, genes)
        cross_over(symbols, dc, constants, other, other_dc, other_constants, g * length, (g + 1) * length)


@compiled
def vary(symbols, dc, constants, rng, rates, language, buffer, dc_buffer):
    """Mutation, inversion, transposition, and the same for the Dc domain."""
    genes, head = symbols.shape[0], language.head
    mutate(
        symbols,
        rng,
        rates.mutation_gap,
        head,
        language.cumulative,
        language.n_functions,
        rates.function_share,
    )
    if uniform(rng) < rates.inversion:
        invert(symbols[below(rng, genes)], rng, head)
    if uniform(rng) < rates.is_transposition:
        transpose_is(symbols[below(rng, genes)], rng, head, rates.transposon, buffer)
    if uniform(rng) < rates.ris_transposition:
        transpose_ris(symbols[below(rng, genes)], rng, head, rates.transposon, language.n_functions, buffer)
    if genes > 1 and uniform(rng) < rates.gene_transposition:
        transpose_gene(symbols, dc, constants, rng)
    if rates.constants <= 0.0:
        return
    vary_constants(dc, constants, rng, rates.constants)
    if uniform(rng) < rates.inversion:
        row = dc[below(rng, genes)]
        invert(row, rng, row.size)
    if dc.shape[1] > 1 and uniform(rng) < rates.is_transposition:
        row = dc[below(rng, genes)]
        size = min(1 + below(rng, rates.transposon), row.size)
        target = below(rng, row.size)
        insert(row, below(rng, row.size - size + 1), size, target, row.size, dc_buffer)
