"""A chromosome as a list of steps, which can be taken again and again, and gone back over.

Each step is a row of int32: operator, up to three arguments and the result by place, −1 for none. The fields
stand at the first places, and what a step gives behind them, in the steps' order.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import CONSTANT, NUMBER

__all__ = ["COLUMNS", "OP", "TO", "A", "B", "C", "write_chromosome"]

OP, A, B, C, TO = 0, 1, 2, 3, 4
"""Columns of a step."""
COLUMNS = 5
_BITS, _MASK = np.int64(16), np.int64(2**16 - 1)


@compiled(forceinline=True)
def write_gene(gene, dc, constants, letters, n_fields, many, steps, numbers, where, functions):
    """Steps of a gene behind the `many` that are there; returns how many there are now, and the root's place.

    Terminals are passed over when arguments are put under their functions, as in `search.reading`.
    """
    arity, code, param, number = letters
    needed, calls, i, seen = np.int64(1), np.int64(0), np.int64(0), 0
    while needed > i:
        letter = np.int64(gene[i])
        op = code[letter]
        where[i] = param[letter]
        if op in (NUMBER, CONSTANT):
            value = number[letter]
            if op == CONSTANT:  # the k-th '?' in reading order takes the k-th entry of the Dc domain
                value = constants[dc[seen]]
                seen += 1
            where[i] = n_fields + many
            numbers[many] = value
            steps[many, OP], steps[many, TO] = NUMBER, where[i]
            many += 1
        functions[calls] = (needed << (_BITS + _BITS)) | (letter << _BITS) | i
        calls += arity[letter] > 0
        needed += arity[letter]
        i += 1
    for k in range(calls - 1, -1, -1):
        call = functions[k]
        at, letter, start = call & _MASK, (call >> _BITS) & _MASK, call >> (_BITS + _BITS)
        steps[many, OP], steps[many, TO] = code[letter], n_fields + many
        steps[many, A] = where[start]
        steps[many, B] = where[start + 1] if arity[letter] > 1 else -1
        steps[many, C] = where[start + 2] if arity[letter] > 2 else -1
        where[at] = n_fields + many
        many += 1
    return many, where[0]


@compiled
def write_chromosome(symbols, dc, constants, letters, link, n_fields, steps, numbers, where, functions):
    """Steps of all genes, joined by the operator `link`; returns how many, and the root's place."""
    many, root = 0, np.int64(-1)
    for g in range(symbols.shape[0]):
        before = root
        many, root = write_gene(
            symbols[g], dc[g], constants[g], letters, n_fields, many, steps, numbers, where, functions
        )
        if g > 0:
            steps[many, OP], steps[many, TO] = link, n_fields + many
            steps[many, A], steps[many, B], steps[many, C] = before, root, -1
            root = np.int64(n_fields + many)
            many += 1
    return many, root
