"""Ferreira's genetic operators on one chromosome, in place.

A chromosome is symbols (G, L), its Dc domain dc (G, t) and its constants (G, C). Whatever a move does,
functions stay in the head, so every result is a valid chromosome.
Source: Ferreira, Gene Expression Programming, Complex Systems 13 (2001), and the book of 2006.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import Alphabet
from quarva.karva.rng import alias, below, normal, pick, uniform

_REDRAWS = 30  # in a language of one letter no draw is another


class Letters(NamedTuple):
    """How letters are drawn: tables of `alias` over all letters, int64 and float64 of shape (3, V).

    Row 0 serves positions of the head, row 1 those of the tail, where functions have no weight, and row 2
    positions of the head that shall hold a function.
    """

    head: int
    n_functions: int
    chance: NDArray[np.float64]
    other: NDArray[np.int64]

    @classmethod
    def of(cls, alphabet: Alphabet, head: int, function_share: float) -> "Letters":
        """By the alphabet's weights; a position of the head holds a function with this probability."""
        cut = alphabet.n_functions
        weight = alphabet.weight
        is_function = np.arange(len(weight)) < cut
        terminals = np.where(is_function, 0.0, weight) / weight[cut:].sum()
        functions = np.where(is_function, weight, 0.0) / weight[:cut].sum() if cut else terminals
        any_letter = function_share * functions + (1.0 - function_share) * terminals
        tables = [alias(weights) for weights in (any_letter, terminals, functions)]
        return cls(head, cut, np.stack([chance for chance, _ in tables]), np.stack([o for _, o in tables]))


def gaps(rate: float, positions: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Tables of `alias` for the gap to the next of `positions` places that change with this probability each.

    The last number stands for all gaps that lead beyond the end.
    """
    stays = (1.0 - min(rate, 1.0)) ** np.arange(positions + 1)
    return alias(np.append(stays[:-1] - stays[1:], stays[-1]))


@compiled
def random_letter(rng, i, letters):
    """A letter for position i: any in the head, a terminal in the tail."""
    row = np.int64(i >= letters.head)
    return pick(rng, letters.chance[row], letters.other[row])


@compiled
def create(symbols, dc, constants, rng, letters):
    """A random chromosome."""
    for g in range(symbols.shape[0]):
        for i in range(symbols.shape[1]):
            symbols[g, i] = random_letter(rng, i, letters)
        for i in range(dc.shape[1]):
            dc[g, i] = below(rng, constants.shape[1])
        for i in range(constants.shape[1]):
            constants[g, i] = normal(rng)


@compiled
def mutate(symbols, rng, gap, letters):
    """Each position changes with the probability that `gaps` made the tables `gap` for."""
    genes, length = symbols.shape
    i = pick(rng, gap[0], gap[1])
    for g in range(genes):
        while i < length:
            symbols[g, i] = random_letter(rng, i, letters)
            i += 1 + pick(rng, gap[0], gap[1])
        i -= length


@compiled
def mutate_expression(gene, rng, length, grow, letters):
    """One of the first `length` positions becomes another letter, in the head a function if `grow`."""
    for _ in range(_REDRAWS):
        i = below(rng, length)
        row = np.int64(1) if i >= letters.head else np.int64(2 * grow)
        new = pick(rng, letters.chance[row], letters.other[row])
        if new != gene[i]:
            gene[i] = new
            break


@compiled
def invert(row, rng, length):
    """Turn a random stretch of row[:length] around."""
    a, b = below(rng, length), below(rng, length)
    if b < a:
        a, b = b, a
    while a < b:
        row[a], row[b] = row[b], row[a]
        a += 1
        b -= 1


@compiled
def insert(row, source, size, target, length, buffer):
    """Copy row[source : source + size] before `target`; the rest moves up, and its end is lost."""
    size = min(size, length - target)
    for k in range(size):
        buffer[k] = row[source + k]
    for k in range(length - 1, target + size - 1, -1):
        row[k] = row[k - size]
    for k in range(size):
        row[target + k] = buffer[k]


@compiled
def transpose_is(gene, rng, head, longest, buffer):
    """IS transposition: a stretch from anywhere in the gene into its head, but not to the root."""
    if head < 2:
        return
    size = 1 + below(rng, longest)
    source = below(rng, gene.size - min(size, gene.size) + 1)
    insert(gene, source, min(size, gene.size), 1 + below(rng, head - 1), head, buffer)


@compiled
def transpose_ris(gene, rng, head, longest, n_functions, buffer):
    """RIS transposition: a stretch that begins with a function, to the root."""
    source = below(rng, head)
    while source < head and gene[source] >= n_functions:
        source += 1
    if source < head:
        size = min(1 + below(rng, longest), gene.size - source)
        insert(gene, source, size, 0, head, buffer)


@compiled
def transpose_gene(symbols, dc, constants, rng):
    """Gene transposition: a gene moves to the front, the ones before it move back."""
    for g in range(below(rng, symbols.shape[0]), 0, -1):
        swap(symbols[g], symbols[g - 1])
        swap(dc[g], dc[g - 1])
        swap(constants[g], constants[g - 1])


@compiled
def swap(a, b):
    for i in range(a.size):
        a[i], b[i] = b[i], a[i]


@compiled
def copy(source, target):
    for i in range(source.size):
        target[i] = source[i]


@compiled
def recombine(one, other, cut, first, last, out):
    """`one`, but from `cut` on, and in first … last − 1, `other`; bounds may lie outside of the gene.

    A choice at every position takes 20 ns less than copying the stretches: their lengths differ each time,
    and the processor foresees no end of a loop.
    """
    cut, first, last = np.int32(cut), np.int32(first), np.int32(last)
    for k in range(out.size):
        i = np.int32(k)
        out[k] = other[k] if (i >= cut) | ((i >= first) & (i < last)) else one[k]


@compiled
def vary_constants(dc, constants, rng, gap):
    """Mutation of the Dc domain and of the constants themselves (direct mutation of RNCs), `gap` as above."""
    genes, domain, row = dc.shape[0], dc.shape[1], dc.shape[1] + constants.shape[1]
    i = pick(rng, gap[0], gap[1])
    for g in range(genes):
        while i < row:
            if i < domain:
                dc[g, i] = below(rng, constants.shape[1])
            else:
                # Half the time anew, half the time a small step.
                value = normal(rng)
                if uniform(rng) < 0.5:
                    value = constants[g, i - domain] * (1.0 + 0.1 * value)
                constants[g, i - domain] = value
            i += 1 + pick(rng, gap[0], gap[1])
        i -= row
