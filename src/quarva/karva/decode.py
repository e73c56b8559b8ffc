"""Decoding genes: the length of expressions, the positions of arguments, and keys of equivalent genes.

A gene is read in level order, so the arguments of position i start at 1 + Σ_{j<i} arity_j. The expression
(the open reading frame, ORF) ends at the first position that 1 + Σ arity does not exceed (Ferreira 2001).
Decoding needs no parser and cannot fail.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva._runtime.spin_pool import run_submitted, submit

__all__ = [
    "argument_starts",
    "count_nodes",
    "gene_key",
    "join_keys",
    "mark_invalid",
    "mix",
    "number_key",
    "orf_length",
    "orf_lengths",
    "population_keys",
]


def orf_lengths(symbols: NDArray[np.integer], arity: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return the number of positions that each gene's expression takes.

    Parameters
    ----------
    symbols : integer array, shape (..., L)
        Genes.
    arity : integer array, shape (V,)
        Arity of each symbol.

    Returns
    -------
    int32 array, shape (...)
        L + 1 where an expression does not end, which a tail of terminals rules out.
    """
    needed = 1 + np.cumsum(arity[symbols].astype(np.int32), axis=-1)
    closed = needed <= np.arange(1, symbols.shape[-1] + 1, dtype=np.int32)
    first = closed.argmax(axis=-1).astype(np.int32) + 1
    return np.where(closed.any(axis=-1), first, symbols.shape[-1] + 1).astype(np.int32)


def argument_starts(symbols: NDArray[np.integer], arity: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return the position of the first argument of each position, int32 in the shape of `symbols`."""
    taken = np.cumsum(arity[symbols].astype(np.int32), axis=-1)
    return (1 + taken - arity[symbols]).astype(np.int32)


@compiled
def orf_length(gene, arity):
    """Return the number of positions that a gene's expression takes; len(gene) + 1 if it does not end."""
    needed = 1
    for i in range(gene.size):
        needed += arity[gene[i]]
        if needed <= i + 1:
            return i + 1
    return gene.size + 1


@compiled
def count_nodes(symbols, arity, out):
    """Set out[p] to the number of nodes of a chromosome's formula, linking operators included."""
    for p in range(symbols.shape[0]):
        nodes = symbols.shape[1] - 1
        for g in range(symbols.shape[1]):
            nodes += orf_length(symbols[p, g], arity)
        out[p] = nodes


@compiled
def mark_invalid(pool, n_chunks, symbols, dc, n_constants, arity, n_functions, head, out):
    """Set out[p] where a chromosome is invalid, in chunks on a spin pool; see `Population.invalid`."""
    submit(
        pool, mark_invalid_chunk, n_chunks,
        (n_chunks, symbols, dc, n_constants, arity, n_functions, head, out),
    )  # fmt: skip
    run_submitted(pool)


@compiled
def mark_invalid_chunk(chunk, n_chunks, symbols, dc, n_constants, arity, n_functions, head, out):
    """Set out[p] for the chromosomes of one chunk.

    As unsigned numbers, negative values are large, so one comparison checks both bounds. Bounds as wide as
    the symbols let the compiler compare 32 symbols at a time.
    """
    n_symbols, n_terminals = np.uint16(arity.size), np.uint16(arity.size - n_functions)
    functions, entries = np.uint16(n_functions), np.uint8(n_constants)
    n, last = symbols.shape[0], symbols.shape[2]
    for p in range(chunk * n // n_chunks, (chunk + 1) * n // n_chunks):
        bad: Any = False
        for g in range(symbols.shape[1]):
            gene = symbols[p, g]
            for i in range(min(head, last)):
                bad |= np.uint16(gene[i]) >= n_symbols
            for i in range(head, last):
                bad |= np.uint16(np.uint16(gene[i]) - functions) >= n_terminals
            for k in range(dc.shape[2]):
                bad |= np.uint8(dc[p, g, k]) >= entries
            bad = bad or orf_length(gene, arity) > last
        out[p] = bad


_A = np.uint64(0x9E3779B97F4A7C15)
_B = np.uint64(0xBF58476D1CE4E5B9)
_C = np.uint64(0x94D049BB133111EB)
_ZERO = np.float32(0)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@compiled
def mix(x):
    """Return the SplitMix64 hash of x, a bijection of uint64 (Steele, Lea and Flood 2014)."""
    x = x + _A
    x = (x ^ (x >> _S30)) * _B
    x = (x ^ (x >> _S27)) * _C
    return x ^ (x >> _S31)


@compiled
def number_key(value):
    """Return the key of a float32 number, a literal or the value of a `?`; −0 and 0 have the same key."""
    return mix(np.uint64(np.float32(value + _ZERO).view(np.uint32)) + _B)


@compiled
def join_keys(code, left, right, commutative):
    """Return the key of an operator applied to arguments with the given keys."""
    if commutative and right < left:
        left, right = right, left
    return mix(mix(mix(code) ^ left) + right)


@compiled
def gene_key(gene, dc, constants, arity, symbol_keys, commutative, scratch):
    """Return the 64-bit key of a gene's expression, which ignores the order of commutative arguments.

    Parameters
    ----------
    gene : integer array, shape (L,)
        The gene.
    dc : integer array
        Index into `constants` for each `?`, in reading order.
    constants : float32 array
        Values that `?` can take.
    arity : integer array, shape (V,)
        Arity of each symbol.
    symbol_keys : uint64 array, shape (V,)
        Key of each symbol; 0 for `?`.
    commutative : bool array, shape (V,)
        Whether each symbol is commutative.
    scratch : uint64 array, shape (L,) or longer
        Work space.
    """
    length = orf_length(gene, arity)
    start, n_constants = 1, 0
    for i in range(length):
        symbol = gene[i]
        if symbol_keys[symbol] == 0:
            scratch[i] = number_key(constants[dc[n_constants]])
            n_constants += 1
        start += arity[symbol]
    for i in range(length - 1, -1, -1):
        symbol = gene[i]
        n = arity[symbol]
        start -= n
        if n == 0:
            if symbol_keys[symbol] != 0:
                scratch[i] = symbol_keys[symbol]
        elif n == 1:
            scratch[i] = join_keys(symbol_keys[symbol], scratch[start], _C, False)
        elif n == 2:
            scratch[i] = join_keys(
                symbol_keys[symbol], scratch[start], scratch[start + 1], commutative[symbol]
            )
        else:  # the second and third arguments form a pair, which is then treated as one argument
            pair = join_keys(_C, scratch[start + 1], scratch[start + 2], False)
            scratch[i] = join_keys(symbol_keys[symbol], scratch[start], pair, False)
    return scratch[0]


@compiled(allocates=True)
def population_keys(symbols, dc, constants, arity, symbol_keys, commutative, link, link_commutative):
    """Return the key of each chromosome, uint64 of shape (P,): its genes' keys, joined from the left."""
    n, genes, length = symbols.shape
    keys = np.empty(n, np.uint64)
    scratch = np.empty(length + 1, np.uint64)
    for p in range(n):
        key = gene_key(symbols[p, 0], dc[p, 0], constants[p, 0], arity, symbol_keys, commutative, scratch)
        for g in range(1, genes):
            other = gene_key(
                symbols[p, g], dc[p, g], constants[p, g], arity, symbol_keys, commutative, scratch
            )
            key = join_keys(link, key, other, link_commutative)
        keys[p] = key
    return keys
