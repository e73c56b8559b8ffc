"""How many genes break which rule, read from the finished tree, from the leaves to the root.

Nothing here is shared with the masks but the lists of `rules`: units are exact powers of any number of base
units, and a rule is looked at where its nodes are, not where it is handed down.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import CONSTANT, NUMBER, Alphabet
from quarva.karva.decode import orf_length
from quarva.karva.grammar.rules import RULES, TRIGONOMETRY, merges, undoes
from quarva.karva.grammar.units import Powers

__all__ = ["count_violations"]

_NAMES = ("tail", *RULES)
_TAIL, _INVERSE, _TRIGONOMETRY, _WINDOW, _UNITS, _CONSTANTS = range(len(_NAMES))
_ALIKE, _TAKES_ALL, _TAKES_PURE, _CHOOSES, _PRODUCT, _RATIO, _POWER, _FIRST = range(8)


class _Facts(NamedTuple):
    """What the check knows of V symbols.

    Attributes:
        arity, days: per symbol, its arguments and the days that it looks back.
        constant, wave: per symbol, whether it is a constant, whether it is a sine or a cosine.
        vain, merged: of shape (V, V), what must not stand right below what.
        way: per symbol, what it asks of its arguments' units; `pure`: whether its result has none.
        times: per symbol, the power that its result is of its argument.
        power: of shape (V, D), powers of base units of a terminal; NaN where it fits anything.
    """

    arity: NDArray[np.int8]
    days: NDArray[np.int64]
    constant: NDArray[np.bool_]
    wave: NDArray[np.bool_]
    vain: NDArray[np.bool_]
    merged: NDArray[np.bool_]
    way: NDArray[np.int64]
    pure: NDArray[np.bool_]
    times: NDArray[np.float64]
    power: NDArray[np.float64]


_WAYS = {
    "same": _ALIKE, "first": _FIRST, "choice": _CHOOSES, "product": _PRODUCT, "ratio": _RATIO,
    "square": _POWER, "root": _POWER, "inverse": _POWER, "compare": _ALIKE, "none": _TAKES_ALL,
    "pure": _TAKES_PURE,
}  # fmt: skip
_TIMES = {"square": 2.0, "root": 0.5, "inverse": -1.0}


def count_violations(
    symbols: NDArray[np.int16],
    alphabet: Alphabet,
    head: int,
    lookback: int | None,
    units: dict[str, Powers | None],
) -> dict[str, int]:
    """How many genes break each rule; a gene without a valid expression breaks "tail" and no other.

    Args:
        symbols: int16 of shape (B, L).
        alphabet: the letters.
        head: positions where functions may stand.
        lookback: days that a formula may look back; None: any.
        units: of each terminal by its name; None: fits anything.
    """
    counts = np.zeros(len(_NAMES), np.int64)
    facts = _facts(alphabet, units)
    limit = -1 if lookback is None else lookback
    count(symbols, facts, head, limit, counts)
    return dict(zip(_NAMES, counts.tolist()))


def _facts(alphabet: Alphabet, units: dict[str, Powers | None]) -> _Facts:
    letters, cut = alphabet.symbols, alphabet.n_functions
    rules = [s.operator.unit if s.operator is not None else "none" for s in letters]
    names = [s.operator.name if s.operator is not None else "" for s in letters]
    days = [s.operator.lookback(s.window or 0) if s.operator is not None else 0 for s in letters]
    bases = sorted({base for powers in units.values() for base in powers or ()})
    power = np.zeros((len(letters), max(len(bases), 1)))
    for v, letter in enumerate(letters[cut:], cut):
        powers = units[letter.name]
        for d, base in enumerate(bases):
            power[v, d] = np.nan if powers is None else float(powers.get(base, 0))
    return _Facts(
        alphabet.arity,
        np.array(days, np.int64),
        np.isin(alphabet.code, (NUMBER, CONSTANT)),
        np.isin(names, sorted(TRIGONOMETRY)),
        np.array([[undoes(a, b) for b in letters] for a in letters]),
        np.array([[merges(a, b) for b in letters] for a in letters]),
        np.array([_WAYS[rule] for rule in rules]),
        np.isin(rules, ("compare", "none", "pure")),
        np.array([_TIMES.get(rule, 1.0) for rule in rules]),
        power,
    )


@compiled
def agree(a, b):
    """Whether two units can be one: those that fit anything, NaN, agree with all."""
    same = True
    for d in range(a.size):
        same &= (a[d] == b[d]) | np.isnan(a[d]) | np.isnan(b[d])
    return same


@compiled
def is_pure(a):
    """Whether a unit can be that of a pure number."""
    pure = True
    for d in range(a.size):
        pure &= (a[d] == 0.0) | np.isnan(a[d])
    return pure


@compiled
def settle(facts, symbol, power, i, first):
    """Write the unit of node i, whose arguments stand at `first` and behind; returns whether theirs fit."""
    way, n, fits = facts.way[symbol], facts.arity[symbol], True
    if way == _CHOOSES:
        fits = is_pure(power[first])
        first, n = first + 1, n - 1
    if way == _TAKES_PURE:
        for k in range(n):
            fits &= is_pure(power[first + k])
    for d in range(power.shape[1]):
        result = power[first, d] * facts.times[symbol]
        if way == _PRODUCT:
            result += power[first + 1, d]
        elif way == _RATIO:
            result -= power[first + 1, d]
        power[i, d] = 0.0 if facts.pure[symbol] else result
    if way in (_ALIKE, _CHOOSES):
        for k in range(1, n):
            fits &= agree(power[first], power[first + k])
            for d in range(power.shape[1]):
                if np.isnan(power[i, d]):
                    power[i, d] = power[first + k, d]
    return fits


@compiled
def check(facts, gene, length, limit, power, waves, days, broken):
    """Set broken[rule] for each rule that one gene's expression breaks."""
    first = 1
    for i in range(length):
        first += facts.arity[gene[i]]
    for i in range(length - 1, -1, -1):
        symbol = gene[i]
        n = facts.arity[symbol]
        first -= n
        waves[i], days[i], constants = False, 0, True
        for child in range(first, first + n):
            below = gene[child]
            waves[i] |= waves[child]
            days[i] = max(days[i], days[child])
            constants &= facts.constant[below]
            broken[_INVERSE] |= facts.vain[symbol, below]
            broken[_WINDOW] |= facts.merged[symbol, below]
        broken[_CONSTANTS] |= constants & (n > 0)
        broken[_TRIGONOMETRY] |= waves[i] & facts.wave[symbol]
        waves[i] |= facts.wave[symbol]
        days[i] += facts.days[symbol]
        if n == 0:
            for d in range(power.shape[1]):
                power[i, d] = facts.power[symbol, d]
        else:
            broken[_UNITS] |= not settle(facts, symbol, power, i, first)
    broken[_CONSTANTS] |= facts.constant[gene[0]]
    broken[_WINDOW] |= (limit >= 0) & (days[0] > limit)


@compiled(allocates=True)
def count(symbols, facts, head, limit, counts):
    """Add to counts[rule] the genes that break it."""
    n_genes, size = symbols.shape
    power = np.empty((size, facts.power.shape[1]))
    waves, days = np.empty(size, np.bool_), np.empty(size, np.int64)
    broken = np.empty(counts.size, np.bool_)
    for b in range(n_genes):
        gene, ends = symbols[b], True
        broken[:] = False
        for i in range(size):
            ends &= (gene[i] >= 0) & (gene[i] < facts.arity.size)
            ends = ends and (i < head or facts.arity[gene[i]] == 0)
        length = orf_length(gene, facts.arity) if ends else size + 1
        if length > size:
            counts[_TAIL] += 1
            continue
        check(facts, gene, length, limit, power, waves, days, broken)
        for rule in range(counts.size):
            counts[rule] += broken[rule]
