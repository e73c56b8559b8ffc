"""Reading genes: where expressions end, where arguments stand, and which genes say the same.

A gene is read in level order, so the arguments of position i start at 1 + Σ_{j<i} arity_j, and the
expression (the open reading frame, ORF) ends at the first position that 1 + Σ arity catches up with
(Ferreira 2001). Nothing is parsed and nothing can fail.
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
    "mark_invalid",
    "mix",
    "number_key",
    "orf_length",
    "orf_lengths",
    "population_keys",
]


def orf_lengths(symbols: NDArray[np.integer], arity: NDArray[np.integer]) -> NDArray[np.int32]:
    """Number of positions that each gene's expression takes.

    Args:
        symbols: genes, integers of shape (..., L).
        arity: arity of each symbol, shape (V,).

    Returns:
        int32 of shape (...); L + 1 where an expression does not end (which a terminals-only tail rules out).
    """
    needed = 1 + np.cumsum(arity[symbols].astype(np.int32), axis=-1)
    closed = needed <= np.arange(1, symbols.shape[-1] + 1, dtype=np.int32)
    first = closed.argmax(axis=-1).astype(np.int32) + 1
    return np.where(closed.any(axis=-1), first, symbols.shape[-1] + 1).astype(np.int32)


def argument_starts(symbols: NDArray[np.integer], arity: NDArray[np.integer]) -> NDArray[np.int32]:
    """Position of the first argument of each position, int32 of the shape of `symbols`."""
    taken = np.cumsum(arity[symbols].astype(np.int32), axis=-1)
    return (1 + taken - arity[symbols]).astype(np.int32)


@compiled
def orf_length(gene, arity):
    """Number of positions that one gene's expression takes; len(gene) + 1 if it does not end."""
    needed = 1
    for i in range(gene.size):
        needed += arity[gene[i]]
        if needed <= i + 1:
            return i + 1
    return gene.size + 1


@compiled
def count_nodes(symbols, arity, out):
    """Set out[p] to the nodes of a chromosome's formula, the linking operators among them."""
    for p in range(symbols.shape[0]):
        nodes = symbols.shape[1] - 1
        for g in range(symbols.shape[1]):
            nodes += orf_length(symbols[p, g], arity)
        out[p] = nodes


@compiled
def mark_invalid(crew, pieces, symbols, dc, n_constants, arity, n_functions, head, out):
    """Set out[p] where a chromosome breaks a rule, in so many pieces of work; see `Population.invalid`."""
    submit(crew, mark_piece, pieces, (pieces, symbols, dc, n_constants, arity, n_functions, head, out))
    run_submitted(crew)


@compiled
def mark_piece(piece, pieces, symbols, dc, n_constants, arity, n_functions, head, out):
    """The same for one piece.

    Negative numbers are large ones without a sign, and limits as wide as the symbols let the compiler compare
    thirty-two symbols at a time.
    """
    letters, terminals = np.uint16(arity.size), np.uint16(arity.size - n_functions)
    functions, entries = np.uint16(n_functions), np.uint8(n_constants)
    n, last = symbols.shape[0], symbols.shape[2]
    for p in range(piece * n // pieces, (piece + 1) * n // pieces):
        bad: Any = False
        for g in range(symbols.shape[1]):
            gene = symbols[p, g]
            for i in range(min(head, last)):
                bad |= np.uint16(gene[i]) >= letters
            for i in range(head, last):
                bad |= np.uint16(np.uint16(gene[i]) - functions) >= terminals
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
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection of uint64 that scatters."""
    x = x + _A
    x = (x ^ (x >> _S30)) * _B
    x = (x ^ (x >> _S27)) * _C
    return x ^ (x >> _S31)


@compiled
def number_key(value):
    """Key of a float32 number, be it a literal or the value of a `?`; −0 and 0 are one."""
    return mix(np.uint64(np.float32(value + _ZERO).view(np.uint32)) + _B)


@compiled
def join(code, left, right, commutative):
    """Key of an operator over the keys of its arguments."""
    if commutative and right < left:
        left, right = right, left
    return mix(mix(mix(code) ^ left) + right)


@compiled
def gene_key(gene, dc, constants, arity, letter, commutative, scratch):
    """Key of one gene's expression: 64 bits that do not depend on the order of commutative arguments.

    Args:
        gene: symbols, shape (L,).
        dc: index into `constants` for each `?` in reading order, at least as many as there are.
        constants: float32, values that `?` can take.
        arity, commutative: per symbol, shape (V,).
        letter: uint64 per symbol, its own key; 0 marks `?`.
        scratch: uint64, at least L.
    """
    length = orf_length(gene, arity)
    start, seen = 1, 0
    for i in range(length):
        symbol = gene[i]
        if letter[symbol] == 0:
            scratch[i] = number_key(constants[dc[seen]])
            seen += 1
        start += arity[symbol]
    for i in range(length - 1, -1, -1):
        symbol = gene[i]
        n = arity[symbol]
        start -= n
        if n == 0:
            if letter[symbol] != 0:
                scratch[i] = letter[symbol]
        elif n == 1:
            scratch[i] = join(letter[symbol], scratch[start], _C, False)
        elif n == 2:
            scratch[i] = join(letter[symbol], scratch[start], scratch[start + 1], commutative[symbol])
        else:  # the second and the third argument as a pair, and then as with two arguments
            pair = join(_C, scratch[start + 1], scratch[start + 2], False)
            scratch[i] = join(letter[symbol], scratch[start], pair, False)
    return scratch[0]


@compiled(allocates=True)
def population_keys(symbols, dc, constants, arity, letter, commutative, link, link_commutative):
    """Key of each chromosome, uint64 of shape (P,): its genes' keys joined by the link, from the left."""
    n, genes, length = symbols.shape
    keys = np.empty(n, np.uint64)
    scratch = np.empty(length + 1, np.uint64)
    for p in range(n):
        key = gene_key(symbols[p, 0], dc[p, 0], constants[p, 0], arity, letter, commutative, scratch)
        for g in range(1, genes):
            other = gene_key(symbols[p, g], dc[p, g], constants[p, g], arity, letter, commutative, scratch)
            key = join(link, key, other, link_commutative)
        keys[p] = key
    return keys
