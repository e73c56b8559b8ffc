"""A chromosome as a list of steps, for repeated evaluation and for reverse accumulation.

Each step is a row of int32: the operator, the slots of up to three arguments (−1 for none), and the slot of
the result. The first slots hold the fields. The results of the steps follow, in order.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import CONSTANT, NUMBER

__all__ = ["COLUMNS", "OP", "TO", "A", "B", "C", "write_chromosome"]

OP, A, B, C, TO = 0, 1, 2, 3, 4
"""Columns of a step: operator, slots of the arguments, slot of the result."""
COLUMNS = 5
"""Number of columns of a step."""
_BITS, _MASK = np.int64(16), np.int64(2**16 - 1)


@compiled(forceinline=True)
def write_gene(gene, dc, constants, alphabet, n_fields, n_steps, steps, numbers, slot_of, functions):
    """Append the steps of a gene to `n_steps` steps; return the number of steps and the slot of the root.

    The second loop, which puts arguments under their functions, skips terminals, as in `karva.gene_keys`.
    """
    arity, code, param, number = alphabet
    needed, calls, i, placeholders = np.int64(1), np.int64(0), np.int64(0), 0
    while needed > i:
        symbol = np.int64(gene[i])
        op = code[symbol]
        slot_of[i] = param[symbol]
        if op in (NUMBER, CONSTANT):
            value = number[symbol]
            if op == CONSTANT:  # the k-th '?' in reading order takes the k-th entry of the Dc domain
                value = constants[dc[placeholders]]
                placeholders += 1
            slot_of[i] = n_fields + n_steps
            numbers[n_steps] = value
            steps[n_steps, OP], steps[n_steps, TO] = NUMBER, slot_of[i]
            n_steps += 1
        functions[calls] = (needed << (_BITS + _BITS)) | (symbol << _BITS) | i
        calls += arity[symbol] > 0
        needed += arity[symbol]
        i += 1
    for k in range(calls - 1, -1, -1):
        call = functions[k]
        at, symbol, start = call & _MASK, (call >> _BITS) & _MASK, call >> (_BITS + _BITS)
        steps[n_steps, OP], steps[n_steps, TO] = code[symbol], n_fields + n_steps
        steps[n_steps, A] = slot_of[start]
        steps[n_steps, B] = slot_of[start + 1] if arity[symbol] > 1 else -1
        steps[n_steps, C] = slot_of[start + 2] if arity[symbol] > 2 else -1
        slot_of[at] = n_fields + n_steps
        n_steps += 1
    return n_steps, slot_of[0]


@compiled
def write_chromosome(symbols, dc, constants, alphabet, link, n_fields, steps, numbers, slot_of, functions):
    """Write the steps of a chromosome: those of its genes, joined by a linking operator.

    Parameters
    ----------
    symbols : ndarray of int16, shape (G, L)
        The symbols of the genes.
    dc : ndarray of int8, shape (G, tail)
        Their Dc domains.
    constants : ndarray of float32, shape (G, C)
        Their constants.
    alphabet : tuple of ndarray
        The arrays arity, code, param and number of the `Alphabet`.
    link : int
        Code of the linking operator.
    n_fields : int
        Number of fields.
    steps : ndarray of int32, shape (at least G · (L + 1), COLUMNS)
        Receives the steps.
    numbers : ndarray of float64, shape (at least G · (L + 1),)
        Receives the numbers that NUMBER steps write.
    slot_of, functions : ndarray of int64, shape (L,)
        Scratch space.

    Returns
    -------
    n_steps : int
        Number of steps.
    root : int
        Slot of the result.
    """
    n_steps, root = 0, np.int64(-1)
    for g in range(symbols.shape[0]):
        before = root
        n_steps, root = write_gene(
            symbols[g], dc[g], constants[g], alphabet, n_fields, n_steps, steps, numbers, slot_of, functions
        )
        if g > 0:
            steps[n_steps, OP], steps[n_steps, TO] = link, n_fields + n_steps
            steps[n_steps, A], steps[n_steps, B], steps[n_steps, C] = before, root, -1
            root = np.int64(n_fields + n_steps)
            n_steps += 1
    return n_steps, root
