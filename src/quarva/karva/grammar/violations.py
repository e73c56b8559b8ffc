"""Counts of the genes that break each rule, from the complete tree, bottom-up.

This is an independent check of the masks, with which it shares only the lists in `rules`. Units are exact
powers of any number of base units, and each rule is checked at the nodes that it concerns.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import CONSTANT, NUMBER, Alphabet
from quarva.karva.decode import orf_length
from quarva.karva.grammar.rules import RULES, TRIGONOMETRY, is_redundant, merges
from quarva.karva.grammar.unit_powers import PowerTables, infer_unit
from quarva.karva.grammar.units import Powers

__all__ = ["count_violations"]

_NAMES = ("tail", *RULES)
_TAIL, _INVERSE, _TRIGONOMETRY, _WINDOW, _UNITS, _CONSTANTS = range(len(_NAMES))


class _SymbolTables(NamedTuple):
    """Properties of V symbols.

    Attributes
    ----------
    arity : int8 array, shape (V,)
        Arity of each symbol.
    days : int64 array, shape (V,)
        Lookback of the symbol, in days.
    constant : bool array, shape (V,)
        Whether the symbol is a number or `?`.
    trigonometric : bool array, shape (V,)
        Whether the rule "trigonometry" applies to the symbol.
    redundant, merged : bool array, shape (V, V)
        Whether the second symbol breaks a rule directly below the first.
    units : PowerTables
        What the symbols require of units.
    """

    arity: NDArray[np.int8]
    days: NDArray[np.int64]
    constant: NDArray[np.bool_]
    trigonometric: NDArray[np.bool_]
    redundant: NDArray[np.bool_]
    merged: NDArray[np.bool_]
    units: PowerTables


def count_violations(
    symbols: NDArray[np.int16],
    alphabet: Alphabet,
    head: int,
    lookback: int | None,
    units: dict[str, Powers | None],
) -> dict[str, int]:
    """Count the genes that break each rule; a gene without a valid expression breaks only "tail".

    Parameters
    ----------
    symbols : int16 array, shape (B, L)
        The genes.
    alphabet : Alphabet
        The alphabet.
    head : int
        Positions of the head.
    lookback : int or None
        Maximum lookback of a formula, in days; None for no limit.
    units : dict of str to Powers or None
        Unit of each terminal by name; None for any unit.

    Returns
    -------
    dict of str to int
        For "tail" and each rule in `RULES`.
    """
    counts = np.zeros(len(_NAMES), np.int64)
    tables = _symbol_tables(alphabet, units)
    limit = -1 if lookback is None else lookback
    count(symbols, tables, head, limit, counts)
    return dict(zip(_NAMES, counts.tolist()))


def _symbol_tables(alphabet: Alphabet, units: dict[str, Powers | None]) -> _SymbolTables:
    symbols = alphabet.symbols
    names = [s.operator.name if s.operator is not None else "" for s in symbols]
    days = [s.operator.lookback(s.window or 0) if s.operator is not None else 0 for s in symbols]
    return _SymbolTables(
        alphabet.arity,
        np.array(days, np.int64),
        np.isin(alphabet.code, (NUMBER, CONSTANT)),
        np.isin(names, sorted(TRIGONOMETRY)),
        np.array([[is_redundant(a, b) for b in symbols] for a in symbols]),
        np.array([[merges(a, b) for b in symbols] for a in symbols]),
        PowerTables.of(alphabet, units),
    )


@compiled
def check(tables, gene, length, limit, power, trigonometric, days, broken):
    """Set broken[rule] for each rule that the expression of a gene breaks."""
    first = 1
    for i in range(length):
        first += tables.arity[gene[i]]
    for i in range(length - 1, -1, -1):
        symbol = gene[i]
        n = tables.arity[symbol]
        first -= n
        trigonometric[i], days[i], constants = False, 0, True
        for child in range(first, first + n):
            below = gene[child]
            trigonometric[i] |= trigonometric[child]
            days[i] = max(days[i], days[child])
            constants &= tables.constant[below]
            broken[_INVERSE] |= tables.redundant[symbol, below]
            broken[_WINDOW] |= tables.merged[symbol, below]
        broken[_CONSTANTS] |= constants & (n > 0)
        broken[_TRIGONOMETRY] |= trigonometric[i] & tables.trigonometric[symbol]
        trigonometric[i] |= tables.trigonometric[symbol]
        days[i] += tables.days[symbol]
        if n == 0:
            for d in range(power.shape[1]):
                power[i, d] = tables.units.power[symbol, d]
        else:
            broken[_UNITS] |= not infer_unit(tables.units, symbol, power, i, first)
    broken[_CONSTANTS] |= tables.constant[gene[0]]
    broken[_WINDOW] |= (limit >= 0) & (days[0] > limit)


@compiled(allocates=True)
def count(symbols, tables, head, limit, counts):
    """Add to counts[rule] the number of genes that break it."""
    n_genes, size = symbols.shape
    power = np.empty((size, tables.units.power.shape[1]))
    trigonometric, days = np.empty(size, np.bool_), np.empty(size, np.int64)
    broken = np.empty(counts.size, np.bool_)
    for b in range(n_genes):
        gene, is_valid = symbols[b], True
        broken[:] = False
        for i in range(size):
            is_valid &= (gene[i] >= 0) & (gene[i] < tables.arity.size)
            is_valid = is_valid and (i < head or tables.arity[gene[i]] == 0)
        length = orf_length(gene, tables.arity) if is_valid else size + 1
        if length > size:
            counts[_TAIL] += 1
            continue
        check(tables, gene, length, limit, power, trigonometric, days, broken)
        for rule in range(counts.size):
            counts[rule] += broken[rule]
