"""Formulas in which a `?` is any number: their keys, and how many of those they hold."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import CONSTANT
from quarva.karva.decode import join_keys
from quarva.karva.gene_keys import read_gene

__all__ = ["count_marks", "marks_of", "read_skeletons"]


@compiled
def read_skeletons(symbols, dc, constants, tables, functions, keys, out):
    """Set out[p] to the skeleton key of chromosome p; see `read_gene` for `functions` and `keys`."""
    for p in range(symbols.shape[0]):
        key = np.uint64(0)
        for g in range(symbols.shape[1]):
            gene_key, _ = read_gene(symbols[p, g], dc[p, g], constants[p, g], tables, functions, keys)
            key = gene_key if g == 0 else join_keys(tables.link, key, gene_key, tables.link_commutative)
        out[p] = key


@compiled
def marks_of(gene, arity, code):
    """How many `?` a gene's expression reads."""
    length, marks, i = 1, 0, 0
    while i < length:
        length += arity[gene[i]]
        marks += code[gene[i]] == CONSTANT
        i += 1
    return marks


@compiled
def count_marks(symbols, arity, code, out):
    """Set out[p] to how many `?` chromosome p reads."""
    for p in range(symbols.shape[0]):
        out[p] = 0
        for g in range(symbols.shape[1]):
            out[p] += marks_of(symbols[p, g], arity, code)
