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
from quarva.karva.grammar.units import Powers

__all__ = ["count_violations"]

_NAMES = ("tail", *RULES)
_TAIL, _INVERSE, _TRIGONOMETRY, _WINDOW, _UNITS, _CONSTANTS = range(len(_NAMES))
_SAME, _ANY, _PURE, _CHOICE, _PRODUCT, _RATIO, _POWER, _FIRST = range(8)


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
    unit_rule : int64 array, shape (V,)
        What the symbol requires of the units of its arguments.
    pure : bool array, shape (V,)
        Whether the result is a pure number.
    exponent : float64 array, shape (V,)
        Power of the argument's unit that the result has.
    power : float64 array, shape (V, D)
        Powers of the D base units of a terminal; NaN if it fits any unit.
    """

    arity: NDArray[np.int8]
    days: NDArray[np.int64]
    constant: NDArray[np.bool_]
    trigonometric: NDArray[np.bool_]
    redundant: NDArray[np.bool_]
    merged: NDArray[np.bool_]
    unit_rule: NDArray[np.int64]
    pure: NDArray[np.bool_]
    exponent: NDArray[np.float64]
    power: NDArray[np.float64]


_UNIT_RULES = {
    "same": _SAME, "first": _FIRST, "choice": _CHOICE, "product": _PRODUCT, "ratio": _RATIO,
    "square": _POWER, "root": _POWER, "inverse": _POWER, "compare": _SAME, "none": _ANY,
    "pure": _PURE,
}  # fmt: skip
_EXPONENTS = {"square": 2.0, "root": 0.5, "inverse": -1.0}


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
    symbols, cut = alphabet.symbols, alphabet.n_functions
    rules = [s.operator.unit if s.operator is not None else "none" for s in symbols]
    names = [s.operator.name if s.operator is not None else "" for s in symbols]
    days = [s.operator.lookback(s.window or 0) if s.operator is not None else 0 for s in symbols]
    bases = sorted({base for powers in units.values() for base in powers or ()})
    power = np.zeros((len(symbols), max(len(bases), 1)))
    for v, terminal in enumerate(symbols[cut:], cut):
        powers = units[terminal.name]
        for d, base in enumerate(bases):
            power[v, d] = np.nan if powers is None else float(powers.get(base, 0))
    return _SymbolTables(
        alphabet.arity,
        np.array(days, np.int64),
        np.isin(alphabet.code, (NUMBER, CONSTANT)),
        np.isin(names, sorted(TRIGONOMETRY)),
        np.array([[is_redundant(a, b) for b in symbols] for a in symbols]),
        np.array([[merges(a, b) for b in symbols] for a in symbols]),
        np.array([_UNIT_RULES[rule] for rule in rules]),
        np.isin(rules, ("compare", "none", "pure")),
        np.array([_EXPONENTS.get(rule, 1.0) for rule in rules]),
        power,
    )


@compiled
def agree(a, b):
    """Return whether two units agree; NaN agrees with any power."""
    same = True
    for d in range(a.size):
        same &= (a[d] == b[d]) | np.isnan(a[d]) | np.isnan(b[d])
    return same


@compiled
def is_pure(a):
    """Return whether a unit agrees with a pure number."""
    pure = True
    for d in range(a.size):
        pure &= (a[d] == 0.0) | np.isnan(a[d])
    return pure


@compiled
def infer_unit(tables, symbol, power, i, first):
    """Write the unit of node i, with arguments from `first`, and return whether their units are valid."""
    rule, n, fits = tables.unit_rule[symbol], tables.arity[symbol], True
    if rule == _CHOICE:
        fits = is_pure(power[first])
        first, n = first + 1, n - 1
    if rule == _PURE:
        for k in range(n):
            fits &= is_pure(power[first + k])
    for d in range(power.shape[1]):
        result = power[first, d] * tables.exponent[symbol]
        if rule == _PRODUCT:
            result += power[first + 1, d]
        elif rule == _RATIO:
            result -= power[first + 1, d]
        power[i, d] = 0.0 if tables.pure[symbol] else result
    if rule in (_SAME, _CHOICE):
        for k in range(1, n):
            fits &= agree(power[first], power[first + k])
            for d in range(power.shape[1]):
                if np.isnan(power[i, d]):
                    power[i, d] = power[first + k, d]
    return fits


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
                power[i, d] = tables.power[symbol, d]
        else:
            broken[_UNITS] |= not infer_unit(tables, symbol, power, i, first)
    broken[_CONSTANTS] |= tables.constant[gene[0]]
    broken[_WINDOW] |= (limit >= 0) & (days[0] > limit)


@compiled(allocates=True)
def count(symbols, tables, head, limit, counts):
    """Add to counts[rule] the number of genes that break it."""
    n_genes, size = symbols.shape
    power = np.empty((size, tables.power.shape[1]))
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
