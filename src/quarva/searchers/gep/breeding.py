"""Breeding: from the living of an island to children that say something never scored.

An island is bred in rounds. In the first every place gets a child; its key is looked up, and in each further
round those that say what was said before are changed where they speak, until the tries are used up. The
look-ups of a round do not wait for one another: in a table of millions of keys each is a trip to memory.
What runs for every child is inlined by force: a call hands over dozens of numbers, 20 ns each time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva._runtime.spin_pool import run_submitted, submit
from quarva.karva.decode import join
from quarva.karva.gene_keys import read_gene
from quarva.karva.rng import below, choose, uniform
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

__all__ = ["Genes", "Rates", "Room", "breed", "parent", "read", "spin", "succeed"]

_LOST = 5  # changes in vain after which a child has to grow: whatever is short and like it was scored


class Rates(NamedTuple):
    """The numbers that breeding reads; of what changes place by place the tables of `moves.gaps`."""

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
    """The chromosomes of all islands, and what was read from them.

    Attributes:
        symbols, dc, constants: as in `Population`, (P, G, …).
        said: uint64 (P, G), the key of each gene.
        length: int64 (P, G), positions that its expression takes.
    """

    symbols: NDArray[np.int16]
    dc: NDArray[np.int8]
    constants: NDArray[np.float32]
    said: NDArray[np.uint64]
    length: NDArray[np.int64]


class Room(NamedTuple):
    """What breeding writes to on its way, a row for each island of n chromosomes.

    Attributes:
        pending: int64 (islands, n), children that are not new yet.
        found: uint64 (islands, n), what stands where the memory would look first.
        siblings: uint64 (islands, a power of two), keys of the new generation.
        functions, keys: int64 (islands, L), uint64 (islands, L + 3), for `read_gene`.
        stretch, dc_stretch: int16 (islands, L), int8 (islands, t), stretches that move.
        rng: uint64 (islands, 16), the random state in column 0: a cache line of its own for each island, for
            threads that write to one line wait for each other.
    """

    pending: NDArray[np.int64]
    found: NDArray[np.uint64]
    siblings: NDArray[np.uint64]
    functions: NDArray[np.int64]
    keys: NDArray[np.uint64]
    stretch: NDArray[np.int16]
    dc_stretch: NDArray[np.int8]
    rng: NDArray[np.uint64]

    @classmethod
    def of(cls, genes: Genes, islands: int) -> "Room":
        """For islands of equal size that share these genes."""
        n, length, tail = len(genes.symbols) // islands, genes.symbols.shape[2], genes.dc.shape[2]
        size = 1 << max(4, int(2 * n - 1).bit_length())
        return cls(
            np.empty((islands, n), np.int64), np.empty((islands, n), np.uint64),
            np.empty((islands, size), np.uint64), np.empty((islands, length), np.int64),
            np.zeros((islands, length + 3), np.uint64), np.empty((islands, length), np.int16),
            np.empty((islands, tail), np.int8), np.zeros((islands, 16), np.uint64),
        )  # fmt: skip


@compiled
def breed(
    crew, living, fitness, wheel, fresh, roulette, known, rates, letters, language, room, children, keys
):
    """Fill the new generation of all islands, and the key of each child.

    crew: see `spin_pool`; fitness, wheel: float64 (P,); fresh: bool (islands,), which of them start anew,
    at random, without parents; known: the table of `Memory`.
    """
    submit(
        crew, breed_island, fresh.size,
        (living, fitness, wheel, fresh, roulette, known, rates, letters, language, room, children, keys),
    )  # fmt: skip
    run_submitted(crew)


@compiled
def breed_island(
    island, living, fitness, wheel, fresh, roulette, known, rates, letters, language, room, children, keys
):
    """Fill the new generation of one island."""
    n = room.pending.shape[1]
    begin, left = island * n, n
    pending, siblings, rng = room.pending[island], room.siblings[island], room.rng[island]
    siblings[:] = 0
    for k in range(n):
        pending[k] = begin + k
    for attempt in range(rates.tries):
        for k in range(left):
            p = pending[k]
            if fresh[island]:
                originate(p, letters, language, room, island, children)
            elif attempt > 0:
                change(p, attempt, letters, language, room, island, children)
            else:
                a = parent(fitness, wheel, begin, n, roulette, rates.tournament, rng)
                b = parent(fitness, wheel, begin, n, roulette, rates.tournament, rng)
                conceive(p, a, b, living, rates, letters, language, room, island, children)
            keys[p] = joined(children.said[p], language)
        left = sift(keys, pending, left, known, siblings, room.found[island])
        if left == 0:
            break


@compiled
def sift(keys, pending, left, known, siblings, found):
    """Keep those pending whose key is known or a sibling's; returns how many there are."""
    for k in range(left):  # nothing branches on what is read here: these trips to memory overlap
        found[k] = known[first_slot(known, keys[pending[k]])]
    still = 0
    for k in range(left):
        key = keys[pending[k]]
        old = found[k] == key
        if not old and found[k] != 0:
            old = known[slot_of(known, key)] == key
        if not old:
            place = slot_of(siblings, key)
            old = siblings[place] == key
            siblings[place] = key
        pending[still] = pending[k]
        still += old
    return still


@compiled
def originate(p, letters, language, room, island, children):
    """Child p at random, without parents."""
    create(children.symbols[p], children.dc[p], children.constants[p], room.rng[island], letters)
    for g in range(children.symbols.shape[1]):
        listen(p, g, language, room, island, children)


@compiled(forceinline=True)
def change(p, attempt, letters, language, room, island, children):
    """One letter of child p becomes another, where it speaks.

    Changes wander among short formulas, since letters are terminals more often than not, and of those one
    child in fifteen would find no new one in twenty tries.
    """
    rng = room.rng[island]
    g = below(rng, children.symbols.shape[1])
    mutate_expression(children.symbols[p, g], rng, children.length[p, g], attempt > _LOST, letters)
    listen(p, g, language, room, island, children)


@compiled(forceinline=True)
def conceive(p, a, b, living, rates, letters, language, room, island, children):
    """Child p of the parents a and b."""
    rng = room.rng[island]
    cross(p, a, b, living, rates, rng, children)
    symbols, dc, constants = children.symbols[p], children.dc[p], children.constants[p]
    vary(symbols, dc, constants, rng, rates, letters, room.stretch[island], room.dc_stretch[island])
    for g in range(symbols.shape[0]):
        said, length = living.said[a, g], living.length[a, g]
        same = begins_as(symbols[g], living.symbols[a, g], length)
        if language.has_constants:
            same = same and begins_as(dc[g], living.dc[a, g], dc.shape[1])
            same = same and begins_as(constants[g], living.constants[a, g], constants.shape[1])
        if same:
            children.said[p, g], children.length[p, g] = said, length
        else:
            listen(p, g, language, room, island, children)


@compiled(forceinline=True)
def cross(p, a, b, living, rates, rng, children):
    """One-point, two-point and gene recombination: child p is parent a, but for stretches of parent b."""
    genes, length = living.symbols.shape[1], living.symbols.shape[2]
    total = genes * length
    # Drawn whether needed or not: a branch that is foreseen two times in three costs more than a number.
    cut, x, y = below(rng, total), below(rng, total), below(rng, total)
    cut = choose(uniform(rng) < rates.one_point, cut, total)
    first, last = min(x, y), max(x, y) + 1
    last = choose(uniform(rng) < rates.two_point, last, np.int64(0))
    gene = -1
    if genes > 1 and uniform(rng) < rates.gene_recombination:
        gene = below(rng, genes)
    for g in range(genes):
        at = g * length
        whole = (g == gene) | (cut <= at) | ((first <= at) & (at + length <= last))
        q = b if whole else a  # the Dc domain and the constants come along with a whole gene
        copy(living.dc[q, g], children.dc[p, g])
        copy(living.constants[q, g], children.constants[p, g])
        recombine(
            living.symbols[q, g], living.symbols[b, g], cut - at, first - at, last - at,
            children.symbols[p, g],
        )  # fmt: skip


@compiled(forceinline=True)
def begins_as(row, other, n):
    """Whether the first n of both are the same."""
    i = 0
    while i < n and row[i] == other[i]:
        i += 1
    return i == n


@compiled(forceinline=True)
def listen(p, g, language, room, island, genes):
    """Read a gene: its key and its expression's length."""
    genes.said[p, g], genes.length[p, g] = read_gene(
        genes.symbols[p, g], genes.dc[p, g], genes.constants[p, g], language, room.functions[island],
        room.keys[island],
    )  # fmt: skip


@compiled
def read(genes, places, language, room):
    """Read the genes of the chromosomes at these places, int64."""
    for p in places:
        for g in range(genes.symbols.shape[1]):
            listen(p, g, language, room, 0, genes)


@compiled(forceinline=True)
def joined(said, language):
    """Key of a chromosome, as `Population.keys` gives it, from those of its genes."""
    key = said[0]
    for g in range(1, said.size):
        key = join(language.link, key, said[g], language.link_commutative)
    return key


@compiled
def succeed(living, fitness, children, given, told, fresh, elite, best, stale, patience):
    """The fittest of the living take the places of an island's worst children, but where it starts anew.

    fitness: float64 (P,), of the living; of equals the first is taken. given: float64 (P,), of the children;
    told, to write to, the same with −inf for what is no number, and at the places that were taken the fitness
    of who took them. elite: int64 (2, how many), places, to write to. Of each island, and brought up to date:
    fresh, whether it starts anew; best, its best fitness since then; stale, generations without gain, of
    which `patience` make it start anew (0: never).
    """
    n = fitness.size // fresh.size
    for island in range(fresh.size):
        begin, end = island * n, (island + 1) * n
        for p in range(begin, end):
            told[p] = given[p] if np.isfinite(given[p]) else -np.inf
        if not fresh[island]:
            largest(fitness, begin, end, 1.0, elite[0])
            largest(told, begin, end, -1.0, elite[1])
            for k in range(elite.shape[1]):
                inherit(living, elite[0, k], children, elite[1, k])
                told[elite[1, k]] = fitness[elite[0, k]]
        most = -np.inf
        for p in range(begin, end):
            most = max(most, told[p])
        gained = fresh[island] or most > best[island]
        best[island] = most if gained else best[island]
        stale[island] = 0 if gained else stale[island] + 1
        fresh[island] = 0 < patience <= stale[island]


@compiled
def largest(values, begin, end, sign, places):
    """Places of the largest of sign · values[begin : end], the largest first; of equals the first."""
    last, at = np.inf, begin - 1
    for k in range(places.size):
        best, place = -np.inf, -1
        for i in range(begin, end):
            value = sign * values[i]
            comes = value < last or (value == last and i > at)
            if comes and (value > best or place < 0):
                best, place = value, i
        last, at = best, place
        places[k] = place


@compiled
def inherit(source, a, target, b):
    """Chromosome a of the one becomes b of the other."""
    for g in range(source.symbols.shape[1]):
        copy(source.symbols[a, g], target.symbols[b, g])
        copy(source.dc[a, g], target.dc[b, g])
        copy(source.constants[a, g], target.constants[b, g])
        target.said[b, g], target.length[b, g] = source.said[a, g], source.length[a, g]


@compiled
def spin(fitness, wheel):
    """Cumulative share of each on the roulette wheel: fitness above the worst valid one."""
    least, most = np.inf, -np.inf
    for f in fitness:
        if f > -np.inf:
            least, most = min(least, f), max(most, f)
    floor = 0.01 * (most - least) + 1e-300  # the worst valid one keeps a small share
    total = 0.0
    for i in range(fitness.size):
        total += fitness[i] - least + floor if fitness[i] > -np.inf else 0.0
        wheel[i] = total


@compiled(forceinline=True)
def parent(fitness, wheel, begin, n, roulette, tournament, rng):
    """Number of a parent, of the n of an island whose first is `begin`."""
    if roulette and wheel[begin + n - 1] > 0.0:
        total = wheel[begin + n - 1]
        place = np.searchsorted(wheel[begin : begin + n], uniform(rng) * total, side="right")
        return begin + min(place, n - 1)
    best = begin + below(rng, n)
    for _ in range(tournament - 1):
        other = begin + below(rng, n)
        best = choose(fitness[other] > fitness[best], other, best)
    return best


@compiled(forceinline=True)
def vary(symbols, dc, constants, rng, rates, letters, stretch, dc_stretch):
    """Mutation, inversion, transposition, and the same for the Dc domain."""
    genes, head = symbols.shape[0], letters.head
    mutate(symbols, rng, rates.mutation, letters)
    if uniform(rng) < rates.inversion:
        invert(symbols[below(rng, genes)], rng, head)
    if uniform(rng) < rates.is_transposition:
        transpose_is(symbols[below(rng, genes)], rng, head, rates.transposon, stretch)
    if uniform(rng) < rates.ris_transposition:
        transpose_ris(symbols[below(rng, genes)], rng, head, rates.transposon, letters.n_functions, stretch)
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
        insert(row, below(rng, row.size - size + 1), size, target, row.size, dc_stretch)
