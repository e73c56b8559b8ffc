"""Ferreira's genetic operators on one chromosome, in place.

A chromosome is symbols (G, L), its Dc domain dc (G, t) and its constants (G, C). Whatever a move does,
functions stay in the head, so every result is a valid chromosome.
Source: Ferreira, Gene Expression Programming, Complex Systems 13 (2001), and the book of 2006.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.karva.decode import orf_length
from quarva.search.draws import below, letter, normal, uniform


@compiled
def random_letter(rng, in_head, cumulative, n_functions, function_share):
    """Any letter in the head, a terminal in the tail."""
    if in_head and n_functions > 0 and uniform(rng) < function_share:
        return letter(rng, cumulative, 0, n_functions)
    return letter(rng, cumulative, n_functions, cumulative.size)


@compiled
def create(symbols, dc, constants, rng, head, cumulative, n_functions, function_share):
    """A random chromosome."""
    for g in range(symbols.shape[0]):
        for i in range(symbols.shape[1]):
            symbols[g, i] = random_letter(rng, i < head, cumulative, n_functions, function_share)
        for i in range(dc.shape[1]):
            dc[g, i] = below(rng, constants.shape[1])
        for i in range(constants.shape[1]):
            constants[g, i] = normal(rng)


def mutation_gap(rate: float) -> float:
    """1 / log(1 − rate), 0 for no mutation: log(uniform) times this is the gap to the next mutation."""
    return float(1.0 / np.log1p(-min(rate, 0.999))) if rate > 0 else 0.0


@compiled
def mutate(symbols, rng, gap, head, cumulative, n_functions, function_share):
    """Each position changes with probability r; the gaps between changes are drawn.

    `gap` is `mutation_gap(r)`.
    """
    genes, length = symbols.shape
    if gap == 0.0:
        return
    at = np.int64(np.log(1.0 - uniform(rng)) * gap)
    while at < genes * length:
        g, i = at // length, at % length
        symbols[g, i] = random_letter(rng, i < head, cumulative, n_functions, function_share)
        at += 1 + np.int64(np.log(1.0 - uniform(rng)) * gap)


@compiled
def mutate_expression(symbols, rng, arity, head, cumulative, n_functions, function_share):
    """One position changes where the chromosome speaks: within the expression of one of its genes."""
    g = below(rng, symbols.shape[0])
    i = below(rng, orf_length(symbols[g], arity))
    symbols[g, i] = random_letter(rng, i < head, cumulative, n_functions, function_share)


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
def cross_over(symbols, dc, constants, other, other_dc, other_constants, first, last):
    """Take positions first … last − 1 of the chromosome, counted over all genes, from the other parent.

    The Dc domain and the constants of a gene come along when the stretch holds the whole gene.
    """
    genes, length = symbols.shape
    for g in range(genes):
        a, b = max(first - g * length, 0), min(last - g * length, length)
        for i in range(a, b):
            symbols[g, i] = other[g, i]
        if a == 0 and b == length:
            copy(other_dc[g], dc[g])
            copy(other_constants[g], constants[g])


@compiled
def vary_constants(dc, constants, rng, rate):
    """Mutation of the Dc domain and of the constants themselves (direct mutation of RNCs)."""
    for g in range(dc.shape[0]):
        for i in range(dc.shape[1]):
            if uniform(rng) < rate:
                dc[g, i] = below(rng, constants.shape[1])
        for i in range(constants.shape[1]):
            if uniform(rng) < rate:
                # Half the time anew, half the time a small step.
                value = normal(rng)
                if uniform(rng) < 0.5:
                    value = constants[g, i] * (1.0 + 0.1 * value)
                constants[g, i] = value
