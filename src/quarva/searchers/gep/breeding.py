"""Breeding kernels: from the population of an island to offspring whose formulas have not been scored.

An island is bred in rounds. The first round makes a child for each slot and looks up its key. Each further
round mutates the expressions of the children whose keys are known or whose units are not valid, until `tries`
rounds are done. A slot for which no formula of valid units was found keeps its chromosome. The look-ups of a
round are independent, because each look-up in a table of millions of keys is a cache miss, and independent
misses overlap. Functions called for every child are forced inline: a call passes dozens of values, at about
20 ns.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva._runtime.spin_pool import run_submitted, submit
from quarva.karva.decode import join_keys
from quarva.karva.gene_keys import read_gene
from quarva.karva.grammar.unit_powers import is_unit_free
from quarva.karva.rng import below, select, uniform
from quarva.loop.memory import first_slot, slot_of
from quarva.searchers.gep.genetic_operators import (
    copy,
    create,
    insert,
    invert,
    mutate,
    mutate_expression,
    recombine,
    transpose_gene,
    transpose_is,
    transpose_ris,
    vary_constants,
)

__all__ = [
    "BreedingBuffers",
    "Genes",
    "Rates",
    "breed",
    "cumulative_roulette",
    "read_chromosomes",
    "replacement",
    "select_parent",
]

_GROW_AFTER = 5  # failed tries after which a mutation in the head must yield a function


class Rates(NamedTuple):
    """The settings that breeding reads; see `GEP`. Per-position rates are `gap_tables`."""

    tournament: int
    tries: int
    mutation: tuple[NDArray[np.float64], NDArray[np.int64]]
    inversion: float
    is_transposition: float
    ris_transposition: float
    gene_transposition: float
    transposon: int
    one_point: float
    two_point: float
    gene_recombination: float
    vary_constants: bool
    constants: tuple[NDArray[np.float64], NDArray[np.int64]]


class Genes(NamedTuple):
    """The chromosomes of all islands, and the keys and lengths of their genes.

    Attributes
    ----------
    symbols, dc, constants : arrays, shape (P, G, …)
        As in `Population`.
    keys : uint64 array, shape (P, G)
        Key of each gene.
    lengths : int64 array, shape (P, G)
        Positions of each gene's expression.
    """

    symbols: NDArray[np.int16]
    dc: NDArray[np.int8]
    constants: NDArray[np.float32]
    keys: NDArray[np.uint64]
    lengths: NDArray[np.int64]


class BreedingBuffers(NamedTuple):
    """Work space of breeding, with one row per island of n chromosomes.

    Attributes
    ----------
    pending : int64 array, shape (islands, n)
        Children whose formulas are known already.
    found : uint64 array, shape (islands, n)
        Keys at the first slot that the memory would probe.
    siblings : uint64 array, shape (islands, a power of two)
        Hash table of the keys of the island's offspring.
    functions, keys : int64 array, shape (islands, L); uint64 array, shape (islands, L + 3)
        Work space of `read_gene`.
    power : float64 array, shape (islands, L, D)
        Work space of `is_unit_free`.
    segment, dc_segment : int16 array, shape (islands, L); int8 array, shape (islands, t)
        Transposed segments.
    rng : uint64 array, shape (islands, 16)
        State of the random numbers in column 0. The rows are cache lines, which avoids false sharing between
        threads.
    """

    pending: NDArray[np.int64]
    found: NDArray[np.uint64]
    siblings: NDArray[np.uint64]
    functions: NDArray[np.int64]
    keys: NDArray[np.uint64]
    power: NDArray[np.float64]
    segment: NDArray[np.int16]
    dc_segment: NDArray[np.int8]
    rng: NDArray[np.uint64]

    @classmethod
    def of(cls, genes: Genes, islands: int, bases: int) -> "BreedingBuffers":
        """Return the work space for islands of equal size, and for units with `bases` base units."""
        n, length, tail = len(genes.symbols) // islands, genes.symbols.shape[2], genes.dc.shape[2]
        size = 1 << max(4, int(2 * n - 1).bit_length())
        return cls(
            np.empty((islands, n), np.int64), np.empty((islands, n), np.uint64),
            np.empty((islands, size), np.uint64), np.empty((islands, length), np.int64),
            np.zeros((islands, length + 3), np.uint64), np.empty((islands, length, bases)),
            np.empty((islands, length), np.int16), np.empty((islands, tail), np.int8),
            np.zeros((islands, 16), np.uint64),
        )  # fmt: skip


@compiled
def breed(
    pool, population, fitness, wheel, restarting, roulette, known, rates, sampler, tables, units, buffers,
    offspring, keys,
):  # fmt: skip
    """Write the offspring of all islands and their keys.

    Parameters
    ----------
    pool
        See `spin_pool`.
    population : Genes
        The current generation.
    fitness, wheel : float64 array, shape (P,)
        See `cumulative_roulette` for the wheel.
    restarting : bool array, shape (islands,)
        Islands whose offspring are random instead of children of parents.
    roulette : bool
        Whether parents are selected by roulette rather than by tournament.
    known : uint64 array
        Table of a `Memory`.
    rates : Rates
        Rates of the genetic operators.
    sampler : SymbolSampler
        Sampler of symbols.
    tables : KeyTables
        Key tables of the alphabet.
    units : PowerTables
        Units that formulas must not have; see `is_unit_free`.
    buffers : BreedingBuffers
        Work space.
    offspring : Genes
        Receives the offspring.
    keys : uint64 array, shape (P,)
        Receives their keys.
    """
    submit(
        pool, breed_island, restarting.size,
        (population, fitness, wheel, restarting, roulette, known, rates, sampler, tables, units,
         buffers, offspring, keys),
    )  # fmt: skip
    run_submitted(pool)


@compiled
def breed_island(
    island, population, fitness, wheel, restarting, roulette, known, rates, sampler, tables, units, buffers,
    offspring, keys,
):  # fmt: skip
    """Write the offspring of one island."""
    n = buffers.pending.shape[1]
    begin, left = island * n, n
    pending, siblings, rng = buffers.pending[island], buffers.siblings[island], buffers.rng[island]
    siblings[:] = 0
    for k in range(n):
        pending[k] = begin + k
    for attempt in range(rates.tries):
        for k in range(left):
            p = pending[k]
            if restarting[island]:
                make_random(p, sampler, tables, buffers, island, offspring)
            elif attempt > 0:
                mutate_again(p, attempt, sampler, tables, buffers, island, offspring)
            else:
                a = select_parent(fitness, wheel, begin, n, roulette, rates.tournament, rng)
                b = select_parent(fitness, wheel, begin, n, roulette, rates.tournament, rng)
                make_child(p, a, b, population, rates, sampler, tables, buffers, island, offspring)
            keys[p] = chromosome_key(offspring.keys[p], tables)
            if not has_no_unit(p, units, buffers.power[island], offspring):
                keys[p] = 0  # no formula's key, which `keep_known` takes for a known one
        left = keep_known(keys, pending, left, known, siblings, buffers.found[island])
        if left == 0:
            break
    for k in range(left):
        p = pending[k]
        if keys[p] == 0:
            copy_chromosome(population, p, offspring, p)
            keys[p] = chromosome_key(offspring.keys[p], tables)


@compiled
def has_no_unit(p, units, power, genes):
    """Return whether the units of chromosome p are valid and its genes are pure numbers, if this matters."""
    if power.shape[1] == 0:
        return True
    for g in range(genes.symbols.shape[1]):
        if not is_unit_free(units, genes.symbols[p, g], genes.lengths[p, g], power):
            return False
    return True


@compiled
def keep_known(keys, pending, left, known, siblings, found):
    """Keep the pending children whose key is known or a sibling's, and return their number."""
    for k in range(left):  # no branch depends on these reads, so the cache misses overlap
        found[k] = known[first_slot(known, keys[pending[k]])]
    still = 0
    for k in range(left):
        key = keys[pending[k]]
        is_known = found[k] == key
        if not is_known and found[k] != 0:
            is_known = known[slot_of(known, key)] == key
        if not is_known:
            slot = slot_of(siblings, key)
            is_known = siblings[slot] == key
            siblings[slot] = key
        pending[still] = pending[k]
        still += is_known
    return still


@compiled
def make_random(p, sampler, tables, buffers, island, offspring):
    """Write child p at random, without parents."""
    create(offspring.symbols[p], offspring.dc[p], offspring.constants[p], buffers.rng[island], sampler)
    for g in range(offspring.symbols.shape[1]):
        update_gene_key(p, g, tables, buffers, island, offspring)


@compiled(forceinline=True)
def mutate_again(p, attempt, sampler, tables, buffers, island, offspring):
    """Mutate one symbol of an expression of child p.

    Repeated mutations stay among short formulas, because most symbols are terminals. Among these, one child
    in fifteen would find no new formula in twenty tries, so later tries must insert functions.
    """
    rng = buffers.rng[island]
    g = below(rng, offspring.symbols.shape[1])
    mutate_expression(offspring.symbols[p, g], rng, offspring.lengths[p, g], attempt > _GROW_AFTER, sampler)
    update_gene_key(p, g, tables, buffers, island, offspring)


@compiled(forceinline=True)
def make_child(p, a, b, population, rates, sampler, tables, buffers, island, offspring):
    """Write child p of the parents a and b."""
    rng = buffers.rng[island]
    crossover(p, a, b, population, rates, rng, offspring)
    symbols, dc, constants = offspring.symbols[p], offspring.dc[p], offspring.constants[p]
    vary(symbols, dc, constants, rng, rates, sampler, buffers.segment[island], buffers.dc_segment[island])
    for g in range(symbols.shape[0]):
        key, length = population.keys[a, g], population.lengths[a, g]
        same = equal_start(symbols[g], population.symbols[a, g], length)
        if tables.has_constants:
            same = same and equal_start(dc[g], population.dc[a, g], dc.shape[1])
            same = same and equal_start(constants[g], population.constants[a, g], constants.shape[1])
        if same:
            offspring.keys[p, g], offspring.lengths[p, g] = key, length
        else:
            update_gene_key(p, g, tables, buffers, island, offspring)


@compiled(forceinline=True)
def crossover(p, a, b, population, rates, rng, offspring):
    """Apply one-point, two-point and gene recombination: child p is parent a with segments of parent b."""
    genes, length = population.symbols.shape[1], population.symbols.shape[2]
    total = genes * length
    # Sampled even if unused: a branch that is taken one time in three costs more than a random number.
    cut, x, y = below(rng, total), below(rng, total), below(rng, total)
    cut = select(uniform(rng) < rates.one_point, cut, total)
    first, last = min(x, y), max(x, y) + 1
    last = select(uniform(rng) < rates.two_point, last, np.int64(0))
    gene = -1
    if genes > 1 and uniform(rng) < rates.gene_recombination:
        gene = below(rng, genes)
    for g in range(genes):
        at = g * length
        whole = (g == gene) | (cut <= at) | ((first <= at) & (at + length <= last))
        q = b if whole else a  # a whole gene brings its Dc domain and its constants along
        copy(population.dc[q, g], offspring.dc[p, g])
        copy(population.constants[q, g], offspring.constants[p, g])
        recombine(
            population.symbols[q, g], population.symbols[b, g], cut - at, first - at, last - at,
            offspring.symbols[p, g],
        )  # fmt: skip


@compiled(forceinline=True)
def equal_start(row, other, n):
    """Return whether the first n elements of two arrays are equal."""
    i = 0
    while i < n and row[i] == other[i]:
        i += 1
    return i == n


@compiled(forceinline=True)
def update_gene_key(p, g, tables, buffers, island, genes):
    """Set the key and the length of a gene from its symbols."""
    genes.keys[p, g], genes.lengths[p, g] = read_gene(
        genes.symbols[p, g], genes.dc[p, g], genes.constants[p, g], tables, buffers.functions[island],
        buffers.keys[island],
    )  # fmt: skip


@compiled
def read_chromosomes(genes, indices, tables, buffers):
    """Set the keys and the lengths of the chromosomes at `indices`, int64."""
    for p in indices:
        for g in range(genes.symbols.shape[1]):
            update_gene_key(p, g, tables, buffers, 0, genes)


@compiled(forceinline=True)
def chromosome_key(gene_keys, tables):
    """Return the key of a chromosome, as in `Population.keys`, from the keys of its genes."""
    key = gene_keys[0]
    for g in range(1, gene_keys.size):
        key = join_keys(tables.link, key, gene_keys[g], tables.link_commutative)
    return key


@compiled
def replacement(
    population, fitness, offspring, offspring_fitness, new_fitness, restarting, elite, best, stagnation,
    patience,
):  # fmt: skip
    """Replace the worst children of each island by the elite of its population, and update its progress.

    A restarting island has no elite.

    Parameters
    ----------
    population : Genes
        The current generation.
    fitness : float64 array, shape (P,)
        Fitness of the population. Of equal values, the first is preferred.
    offspring : Genes
        The offspring, changed in place.
    offspring_fitness : float64 array, shape (P,)
        Fitness of the offspring. NaN means no score.
    new_fitness : float64 array, shape (P,)
        Output: fitness of the changed offspring, −inf for no score.
    restarting : bool array, shape (islands,)
        Updated: whether an island restarts in the next generation.
    elite : int64 array, shape (2, size of the elite)
        Work space.
    best : float64 array, shape (islands,)
        Updated: best fitness since the last restart.
    stagnation : int64 array, shape (islands,)
        Updated: generations without improvement.
    patience : int
        Generations without improvement after which an island restarts; 0 means never.
    """
    n = fitness.size // restarting.size
    for island in range(restarting.size):
        begin, end = island * n, (island + 1) * n
        for p in range(begin, end):
            new_fitness[p] = offspring_fitness[p] if np.isfinite(offspring_fitness[p]) else -np.inf
        if not restarting[island]:
            find_largest(fitness, begin, end, 1.0, elite[0])
            find_largest(new_fitness, begin, end, -1.0, elite[1])
            for k in range(elite.shape[1]):
                copy_chromosome(population, elite[0, k], offspring, elite[1, k])
                new_fitness[elite[1, k]] = fitness[elite[0, k]]
        most = -np.inf
        for p in range(begin, end):
            most = max(most, new_fitness[p])
        improved = restarting[island] or most > best[island]
        best[island] = most if improved else best[island]
        stagnation[island] = 0 if improved else stagnation[island] + 1
        restarting[island] = 0 < patience <= stagnation[island]


@compiled
def find_largest(values, begin, end, sign, indices):
    """Write the indices of the largest of sign · values[begin : end], descending; the first of ties wins."""
    last, at = np.inf, begin - 1
    for k in range(indices.size):
        best, index = -np.inf, -1
        for i in range(begin, end):
            value = sign * values[i]
            is_next = value < last or (value == last and i > at)
            if is_next and (value > best or index < 0):
                best, index = value, i
        last, at = best, index
        indices[k] = index


@compiled
def copy_chromosome(source, a, target, b):
    """Copy chromosome a of `source` to chromosome b of `target`."""
    for g in range(source.symbols.shape[1]):
        copy(source.symbols[a, g], target.symbols[b, g])
        copy(source.dc[a, g], target.dc[b, g])
        copy(source.constants[a, g], target.constants[b, g])
        target.keys[b, g], target.lengths[b, g] = source.keys[a, g], source.lengths[a, g]


@compiled
def cumulative_roulette(fitness, wheel):
    """Write the cumulative roulette weights: fitness above the worst valid one, 0 for −inf."""
    least, most = np.inf, -np.inf
    for f in fitness:
        if f > -np.inf:
            least, most = min(least, f), max(most, f)
    base = 0.01 * (most - least) + 1e-300  # gives the worst valid chromosome a small weight
    total = 0.0
    for i in range(fitness.size):
        total += fitness[i] - least + base if fitness[i] > -np.inf else 0.0
        wheel[i] = total


@compiled(forceinline=True)
def select_parent(fitness, wheel, begin, n, roulette, tournament, rng):
    """Return the index of a parent from the n chromosomes of the island that starts at `begin`."""
    if roulette and wheel[begin + n - 1] > 0.0:
        total = wheel[begin + n - 1]
        index = np.searchsorted(wheel[begin : begin + n], uniform(rng) * total, side="right")
        return begin + min(index, n - 1)
    best = begin + below(rng, n)
    for _ in range(tournament - 1):
        other = begin + below(rng, n)
        best = select(fitness[other] > fitness[best], other, best)
    return best


@compiled(forceinline=True)
def vary(symbols, dc, constants, rng, rates, sampler, segment, dc_segment):
    """Apply mutation, inversion and transposition to the symbols and to the Dc domain."""
    genes, head = symbols.shape[0], sampler.head
    mutate(symbols, rng, rates.mutation, sampler)
    if uniform(rng) < rates.inversion:
        invert(symbols[below(rng, genes)], rng, head)
    if uniform(rng) < rates.is_transposition:
        transpose_is(symbols[below(rng, genes)], rng, head, rates.transposon, segment)
    if uniform(rng) < rates.ris_transposition:
        transpose_ris(symbols[below(rng, genes)], rng, head, rates.transposon, sampler.n_functions, segment)
    if genes > 1 and uniform(rng) < rates.gene_transposition:
        transpose_gene(symbols, dc, constants, rng)
    if not rates.vary_constants:
        return
    vary_constants(dc, constants, rng, rates.constants)
    if uniform(rng) < rates.inversion:
        row = dc[below(rng, genes)]
        invert(row, rng, row.size)
    if dc.shape[1] > 1 and uniform(rng) < rates.is_transposition:
        row = dc[below(rng, genes)]
        size = min(1 + below(rng, rates.transposon), row.size)
        target = below(rng, row.size)
        insert(row, below(rng, row.size - size + 1), size, target, row.size, dc_segment)
