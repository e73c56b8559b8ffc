"""Skeletons: formulas in which a `?` stands for any number. Their keys and numbers of `?`."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import CONSTANT
from quarva.karva.decode import join_keys
from quarva.karva.gene_keys import read_gene

__all__ = ["count_placeholders", "placeholders_in", "read_skeletons"]


@compiled
def read_skeletons(symbols, dc, constants, tables, functions, keys, out):
    """Set out[p] to the skeleton key of chromosome p.

    `tables` must be those of skeletons, so that a `?` stands for any number. `functions` and `keys` are the
    scratch arrays of `read_gene`.
    """
    for p in range(symbols.shape[0]):
        key = np.uint64(0)
        for g in range(symbols.shape[1]):
            gene_key, _ = read_gene(symbols[p, g], dc[p, g], constants[p, g], tables, functions, keys)
            key = gene_key if g == 0 else join_keys(tables.link, key, gene_key, tables.link_commutative)
        out[p] = key


@compiled
def placeholders_in(gene, arity, code):
    """Number of `?` in the expression of a gene."""
    length, count, i = 1, 0, 0
    while i < length:
        length += arity[gene[i]]
        count += code[gene[i]] == CONSTANT
        i += 1
    return count


@compiled
def count_placeholders(symbols, arity, code, out):
    """Set out[p] to the number of `?` in the expressions of chromosome p."""
    for p in range(symbols.shape[0]):
        out[p] = 0
        for g in range(symbols.shape[1]):
            out[p] += placeholders_in(symbols[p, g], arity, code)
