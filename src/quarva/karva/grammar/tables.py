"""The rules of one grammar as arrays, which the kernels of `marks` look up."""

from collections.abc import Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva.errors import FormulaError
from quarva.karva.alphabet import CONSTANT, NUMBER, Alphabet
from quarva.karva.grammar.rules import permits, waves
from quarva.karva.grammar.unit_sets import CODE, Measure, resulting
from quarva.karva.grammar.units import Grid, Powers, parse_unit, unit_of

__all__ = ["Tables", "argument_units", "tabulate", "units_of"]

_UNLIMITED = 2**30


class Tables(NamedTuple):
    """The rules of one grammar as arrays: V symbols, the first F of them functions.

    A set of units is a uint64. Of what depends on a place the first index says whether it stands below a sine
    or a cosine, and a second of 2 whether it may still look back as far as any function does.

    Attributes:
        head: positions where a function may stand; all of them without the rule of the tail.
        limit: days that a formula may look back; `longest`: those of the function that looks back furthest.
        fields: whether a function needs an argument that is no constant.
        units: whether units are kept track of; else all sets of units are alike.
        arity: int8 of shape (V,).
        permitted: bool of shape (2, V + 1, F), which function may stand right below what; row V: the root.
        waves: bool of shape (V,), what may not stand anywhere below itself.
        lookback: int32 of shape (V,), days that a symbol looks back.
        constant: bool of shape (V,), numbers and `?`.
        rule: int8 of shape (V,), what a function does to units, a code of `balance`.
        unit: of shape (V,), units that a terminal can stand for.
        given: of shape (2,), units of terminals, and of those that may be a function's last argument.
        simple: of shape (2, 2, V + 1), units of the functions of terminals that may stand right below what.
        result: of shape (2, 2, 4, F), units that a function can have with 0, 1, 2 or all of its arguments in
            the head, these being terminals or functions of terminals, and the rest terminals.
        measure: the grid of units.
    """

    head: int
    limit: int
    longest: int
    fields: bool
    units: bool
    arity: NDArray[np.int8]
    permitted: NDArray[np.bool_]
    waves: NDArray[np.bool_]
    lookback: NDArray[np.int32]
    constant: NDArray[np.bool_]
    rule: NDArray[np.int8]
    unit: NDArray[np.uint64]
    given: NDArray[np.uint64]
    simple: NDArray[np.uint64]
    result: NDArray[np.uint64]
    measure: Measure


def units_of(alphabet: Alphabet, given: Mapping[str, str] | None = None) -> dict[str, Powers | None]:
    """The unit of each terminal by its name, None for free: as given, else as the name tells; numbers: pure.

    Raises:
        FormulaError: a text that is no unit, or a unit for what is no terminal.
    """
    texts = {
        symbol.name: "pure" if symbol.field is None else unit_of(symbol.field)
        for symbol in alphabet.symbols[alphabet.n_functions :]
    }
    for name in given or {}:
        if name not in texts:
            raise FormulaError(f"a unit is given for '{name}'; terminals are {', '.join(texts)}")
    return {name: parse_unit(text, name) for name, text in (texts | dict(given or {})).items()}


def tabulate(
    alphabet: Alphabet,
    rules: tuple[str, ...],
    head: int,
    lookback: int | None,
    units: Mapping[str, Powers | None],
) -> Tables:
    """The tables of a grammar; see `Grammar` for its rules, and for what is refused."""
    known, cut = "units" in rules, alphabet.n_functions
    operators = [symbol.operator for symbol in alphabet.symbols[:cut]]
    terminals = alphabet.symbols[cut:]
    powers = units if known else dict.fromkeys(units)
    bases = {base for unit in powers.values() for base in unit or ()}
    grid = Grid(bases, any(o is not None and o.unit == "root" for o in operators))
    measure = Measure.of(grid)
    unit = np.zeros(len(alphabet), np.uint64)
    for v, terminal in enumerate(terminals, cut):
        found = powers[terminal.name]
        unit[v] = measure.every if found is None else np.uint64(1 << grid.bit(found, terminal.name))
    days = np.zeros(len(alphabet), np.int32)
    bounded = lookback is not None and "window" in rules
    if bounded:
        days[:cut] = [o.lookback(s.window or 0) for o, s in zip(operators, alphabet.symbols) if o is not None]
    limit = lookback if lookback is not None and bounded else _UNLIMITED
    constant = np.isin(alphabet.code, (NUMBER, CONSTANT))
    fields = "constants" in rules
    last = unit[cut:][~constant[cut:]] if fields else unit[cut:]
    rule = np.zeros(len(alphabet), np.int8)
    rule[:cut] = [CODE[o.unit] for o in operators if o is not None]
    tables = Tables(
        head,
        limit,
        int(days[days <= limit].max()),
        fields,
        known,
        alphabet.arity,
        permits(alphabet, rules) & (days[:cut] <= limit),
        waves(alphabet, rules),
        days,
        constant,
        rule,
        unit,
        np.array([np.bitwise_or.reduce(unit[cut:]), np.bitwise_or.reduce(last, initial=0)], np.uint64),
        np.full((2, 2, len(alphabet) + 1), measure.every),
        np.full((2, 2, 4, cut), measure.every),
        measure,
    )
    if known:
        _fill(tables)
    return tables


def _fill(tables: Tables) -> None:
    """Set the tables of units that functions can have."""
    n, nothing = tables.permitted.shape[2], np.uint64(0)
    simplest = np.array(
        [_result(tables, v, argument_units(tables, v, nothing, 0)) for v in range(n)], np.uint64
    )
    for below, far in product((0, 1), (0, 1)):
        fits = (tables.lookback[:n] == 0) | bool(far)
        for above, permitted in enumerate(tables.permitted[below]):
            tables.simple[below, far, above] = np.bitwise_or.reduce(simplest[fits & permitted], initial=0)
    for below, far, inside, v in product((0, 1), (0, 1), range(4), range(n)):
        simple = tables.simple[below | int(tables.waves[v]), far, v]
        tables.result[below, far, inside, v] = _result(tables, v, argument_units(tables, v, simple, inside))


def argument_units(tables: Tables, v: int, simple: np.uint64, inside: int) -> list[np.uint64]:
    """Units that each argument of a function can have.

    Args:
        tables: those of terminals are set.
        v: the function.
        simple: units of the functions that may be its arguments.
        inside: how many of its arguments stand in the head.
    """
    arity, none = int(tables.arity[v]), np.uint64(0)
    return [tables.given[int(k + 1 == arity)] | (simple if k < inside else none) for k in range(arity)]


def _result(tables: Tables, v: int, arguments: list[np.uint64]) -> np.uint64:
    a, b, c = [*arguments, *[tables.measure.every] * 2][:3]
    return resulting(tables.measure, tables.rule[v], a, b, c)
