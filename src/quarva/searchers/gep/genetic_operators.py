"""Ferreira's genetic operators, applied in place to one chromosome.

A chromosome consists of symbols (G, L), its Dc domain dc (G, t) and its constants (G, C). All operators keep
functions in the head, so every result is a valid chromosome.

References
----------
Ferreira, "Gene Expression Programming: A New Adaptive Algorithm for Solving Problems", Complex Systems 13,
2001.
Ferreira, "Gene Expression Programming: Mathematical Modeling by an Artificial Intelligence", Springer, 2006.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import Alphabet
from quarva.karva.rng import alias_tables, below, normal, pick, uniform

_MAX_RESAMPLES = 30  # with an alphabet of one symbol no sample differs


class SymbolSampler(NamedTuple):
    """Alias tables from which symbols are sampled.

    Row 0 is for positions of the head, row 1 for positions of the tail, where functions have weight 0, and
    row 2 for positions of the head that must hold a function.

    Attributes
    ----------
    head : int
        Length of the head.
    n_functions : int
        Number of functions of the alphabet.
    probability : float64 array, shape (3, V)
        Probabilities of the alias method; see `alias_tables`.
    alias : int64 array, shape (3, V)
        Indices of the alias method.
    """

    head: int
    n_functions: int
    probability: NDArray[np.float64]
    alias: NDArray[np.int64]

    @classmethod
    def of(cls, alphabet: Alphabet, head: int, function_share: float) -> "SymbolSampler":
        """Return the sampler with the alphabet's weights.

        Parameters
        ----------
        alphabet : Alphabet
            The alphabet.
        head : int
            Positions of the head.
        function_share : float
            Probability that a position of the head holds a function.
        """
        cut = alphabet.n_functions
        weight = alphabet.weight
        is_function = np.arange(len(weight)) < cut
        terminals = np.where(is_function, 0.0, weight) / weight[cut:].sum()
        functions = np.where(is_function, weight, 0.0) / weight[:cut].sum() if cut else terminals
        any_symbol = function_share * functions + (1.0 - function_share) * terminals
        tables = [alias_tables(weights) for weights in (any_symbol, terminals, functions)]
        return cls(head, cut, np.stack([p for p, _ in tables]), np.stack([a for _, a in tables]))


def gap_tables(rate: float, positions: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return alias tables of the gap between mutated positions, if each mutates with probability `rate`.

    The last index stands for all gaps beyond the last position. Sampling gaps takes one random number per
    mutation rather than one per position.
    """
    stays = (1.0 - min(rate, 1.0)) ** np.arange(positions + 1)
    return alias_tables(np.append(stays[:-1] - stays[1:], stays[-1]))


@compiled
def random_symbol(rng, i, sampler):
    """Return a symbol for position i: any in the head, a terminal in the tail."""
    row = np.int64(i >= sampler.head)
    return pick(rng, sampler.probability[row], sampler.alias[row])


@compiled
def create(symbols, dc, constants, rng, sampler):
    """Write a random chromosome."""
    for g in range(symbols.shape[0]):
        for i in range(symbols.shape[1]):
            symbols[g, i] = random_symbol(rng, i, sampler)
        for i in range(dc.shape[1]):
            dc[g, i] = below(rng, constants.shape[1])
        for i in range(constants.shape[1]):
            constants[g, i] = normal(rng)


@compiled
def mutate(symbols, rng, gap, sampler):
    """Mutate each position with the probability for which `gap_tables` returned `gap`."""
    genes, length = symbols.shape
    i = pick(rng, gap[0], gap[1])
    for g in range(genes):
        while i < length:
            symbols[g, i] = random_symbol(rng, i, sampler)
            i += 1 + pick(rng, gap[0], gap[1])
        i -= length


@compiled
def mutate_expression(gene, rng, length, grow, sampler):
    """Change one of the first `length` positions, in the head to a function if `grow`."""
    for _ in range(_MAX_RESAMPLES):
        i = below(rng, length)
        row = np.int64(1) if i >= sampler.head else np.int64(2 * grow)
        new = pick(rng, sampler.probability[row], sampler.alias[row])
        if new != gene[i]:
            gene[i] = new
            break


@compiled
def invert(row, rng, length):
    """Reverse a random segment of row[:length]."""
    a, b = below(rng, length), below(rng, length)
    if b < a:
        a, b = b, a
    while a < b:
        row[a], row[b] = row[b], row[a]
        a += 1
        b -= 1


@compiled
def insert(row, source, size, target, length, buffer):
    """Insert a copy of row[source : source + size] before `target`; the end of row[:length] is lost."""
    size = min(size, length - target)
    for k in range(size):
        buffer[k] = row[source + k]
    for k in range(length - 1, target + size - 1, -1):
        row[k] = row[k - size]
    for k in range(size):
        row[target + k] = buffer[k]


@compiled
def transpose_is(gene, rng, head, longest, buffer):
    """Apply IS transposition: insert a segment of the gene into its head, but not at the root."""
    if head < 2:
        return
    size = 1 + below(rng, longest)
    source = below(rng, gene.size - min(size, gene.size) + 1)
    insert(gene, source, min(size, gene.size), 1 + below(rng, head - 1), head, buffer)


@compiled
def transpose_ris(gene, rng, head, longest, n_functions, buffer):
    """Apply RIS transposition: insert a segment that begins with a function at the root."""
    source = below(rng, head)
    while source < head and gene[source] >= n_functions:
        source += 1
    if source < head:
        size = min(1 + below(rng, longest), gene.size - source)
        insert(gene, source, size, 0, head, buffer)


@compiled
def transpose_gene(symbols, dc, constants, rng):
    """Apply gene transposition: move a gene to the front and shift the genes before it back."""
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
    """Copy `one`, but `other` from `cut` on and in first … last − 1; bounds may lie outside the gene.

    A choice at each position takes 20 ns less than copying segments: their lengths vary, so the processor
    mispredicts the ends of the loops.
    """
    cut, first, last = np.int32(cut), np.int32(first), np.int32(last)
    for k in range(out.size):
        i = np.int32(k)
        out[k] = other[k] if (i >= cut) | ((i >= first) & (i < last)) else one[k]


@compiled
def vary_constants(dc, constants, rng, gap):
    """Mutate the Dc domain and the constants (direct mutation of RNCs), with `gap` as in `mutate`."""
    genes, domain, row = dc.shape[0], dc.shape[1], dc.shape[1] + constants.shape[1]
    i = pick(rng, gap[0], gap[1])
    for g in range(genes):
        while i < row:
            if i < domain:
                dc[g, i] = below(rng, constants.shape[1])
            else:
                # With equal probability a new value or a small step.
                value = normal(rng)
                if uniform(rng) < 0.5:
                    value = constants[g, i - domain] * (1.0 + 0.1 * value)
                constants[g, i - domain] = value
            i += 1 + pick(rng, gap[0], gap[1])
        i -= row
