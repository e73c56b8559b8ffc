"""The rules of a grammar as arrays, for the kernels in `state`."""

from collections.abc import Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva.errors import FormulaError
from quarva.karva.alphabet import CONSTANT, NUMBER, Alphabet
from quarva.karva.grammar.rules import permitted, trigonometric
from quarva.karva.grammar.unit_sets import CODE, UnitTables, result_units
from quarva.karva.grammar.units import Powers, UnitGrid, parse_unit, unit_of

__all__ = ["Tables", "argument_unit_sets", "tabulate", "units_of"]

_UNLIMITED = 2**30


class Tables(NamedTuple):
    """The rules of a grammar as arrays, for V symbols of which the first F are functions.

    A set of units is a uint64. In arrays that depend on the position, an index of length 2 comes first: it is
    1 below a sine or a cosine. A second one is 1 if the position may look back as far as any function does.

    Attributes
    ----------
    head : int
        Positions of the head. Without the tail rule all positions belong to it.
    limit : int
        Maximum lookback of a formula, in days.
    longest : int
        Largest lookback of a function within the limit, in days.
    requires_fields : bool
        Whether every function needs an argument that is not a constant.
    tracks_units : bool
        Whether units are tracked; if not, all sets of units are the full set.
    arity : int8 array, shape (V,)
        Arity of each symbol.
    permitted : bool array, shape (2, V + 1, F)
        Functions that may stand directly below each symbol. Row V stands for the root.
    trigonometric : bool array, shape (V,)
        Symbols that may not stand below each other.
    lookback : int32 array, shape (V,)
        Lookback of each symbol, in days.
    constant : bool array, shape (V,)
        Numbers and `?`.
    unit_rule : int8 array, shape (V,)
        Unit rule of each function, a code of `unit_sets`.
    root_units : numpy.uint64
        Units that the root may have: pure numbers if formulas are unit-free, otherwise all.
    symbol_units : uint64 array, shape (V,)
        Units that each terminal can have.
    terminal_units : uint64 array, shape (2,)
        Units of all terminals, and of the terminals that may be the last argument of a function.
    simple_units : uint64 array, shape (2, 2, V + 1)
        Units of the functions of terminals that may stand directly below each symbol.
    function_units : uint64 array, shape (2, 2, 4, F)
        Units that each function can have if 0, 1, 2 or all of its arguments are in the head. Arguments in the
        head are terminals or functions of terminals; the others are terminals.
    unit_tables : UnitTables
        Tables of the unit grid.
    """

    head: int
    limit: int
    longest: int
    requires_fields: bool
    tracks_units: bool
    arity: NDArray[np.int8]
    permitted: NDArray[np.bool_]
    trigonometric: NDArray[np.bool_]
    lookback: NDArray[np.int32]
    constant: NDArray[np.bool_]
    unit_rule: NDArray[np.int8]
    root_units: np.uint64
    symbol_units: NDArray[np.uint64]
    terminal_units: NDArray[np.uint64]
    simple_units: NDArray[np.uint64]
    function_units: NDArray[np.uint64]
    unit_tables: UnitTables


def units_of(alphabet: Alphabet, given: Mapping[str, str] | None = None) -> dict[str, Powers | None]:
    """Return the unit of each terminal by name; None stands for any unit.

    Parameters
    ----------
    alphabet : Alphabet
        The alphabet.
    given : mapping of str to str, optional
        Units by name of the terminal. The other fields have the unit that their name implies; numbers are
        pure.

    Raises
    ------
    FormulaError
        If a text is not a unit, or a unit is given for a name that is not a terminal.
    """
    texts = {
        symbol.name: "pure" if symbol.field is None else unit_of(symbol.field)
        for symbol in alphabet.symbols[alphabet.n_functions :]
    }
    for name in given or {}:
        if name not in texts:
            raise FormulaError(f"a unit is given for '{name}'; the terminals are {', '.join(texts)}")
    return {name: parse_unit(text, name) for name, text in (texts | dict(given or {})).items()}


def tabulate(
    alphabet: Alphabet,
    rules: tuple[str, ...],
    head: int,
    lookback: int | None,
    units: Mapping[str, Powers | None],
    unit_free: bool,
) -> Tables:
    """Return the tables of a grammar; see `Grammar` for the parameters."""
    tracks_units, cut = "units" in rules, alphabet.n_functions
    operators = [symbol.operator for symbol in alphabet.symbols[:cut]]
    terminals = alphabet.symbols[cut:]
    powers = units if tracks_units else dict.fromkeys(units)
    bases = {base for unit in powers.values() for base in unit or ()}
    grid = UnitGrid(bases, any(o is not None and o.unit == "root" for o in operators))
    unit_tables = UnitTables.of(grid)
    symbol_units = np.zeros(len(alphabet), np.uint64)
    for v, terminal in enumerate(terminals, cut):
        unit = powers[terminal.name]
        symbol_units[v] = unit_tables.every if unit is None else np.uint64(1 << grid.bit(unit, terminal.name))
    days = np.zeros(len(alphabet), np.int32)
    bounded = lookback is not None and "window" in rules
    if bounded:
        days[:cut] = [o.lookback(s.window or 0) for o, s in zip(operators, alphabet.symbols) if o is not None]
    limit = lookback if lookback is not None and bounded else _UNLIMITED
    constant = np.isin(alphabet.code, (NUMBER, CONSTANT))
    requires_fields = "constants" in rules
    last = symbol_units[cut:][~constant[cut:]] if requires_fields else symbol_units[cut:]
    unit_rule = np.zeros(len(alphabet), np.int8)
    unit_rule[:cut] = [CODE[o.unit] for o in operators if o is not None]
    tables = Tables(
        head,
        limit,
        int(days[days <= limit].max()),
        requires_fields,
        tracks_units,
        alphabet.arity,
        permitted(alphabet, rules) & (days[:cut] <= limit),
        trigonometric(alphabet, rules),
        days,
        constant,
        unit_rule,
        unit_tables.pure if unit_free else unit_tables.every,
        symbol_units,
        np.array(
            [np.bitwise_or.reduce(symbol_units[cut:]), np.bitwise_or.reduce(last, initial=0)], np.uint64
        ),
        np.full((2, 2, len(alphabet) + 1), unit_tables.every),
        np.full((2, 2, 4, cut), unit_tables.every),
        unit_tables,
    )
    if tracks_units:
        _fill_function_units(tables)
    return tables


def _fill_function_units(tables: Tables) -> None:
    """Set `simple_units` and `function_units`."""
    n, empty = tables.permitted.shape[2], np.uint64(0)
    of_terminals = np.array(
        [_result(tables, v, argument_unit_sets(tables, v, empty, 0)) for v in range(n)], np.uint64
    )
    for below, unlimited in product((0, 1), (0, 1)):
        fits = (tables.lookback[:n] == 0) | bool(unlimited)
        for above, allowed in enumerate(tables.permitted[below]):
            tables.simple_units[below, unlimited, above] = np.bitwise_or.reduce(
                of_terminals[fits & allowed], initial=0
            )
    for below, unlimited, in_head, v in product((0, 1), (0, 1), range(4), range(n)):
        simple = tables.simple_units[below | int(tables.trigonometric[v]), unlimited, v]
        tables.function_units[below, unlimited, in_head, v] = _result(
            tables, v, argument_unit_sets(tables, v, simple, in_head)
        )


def argument_unit_sets(tables: Tables, v: int, simple: np.uint64, in_head: int) -> list[np.uint64]:
    """Return the units that each argument of a function can have.

    Parameters
    ----------
    tables : Tables
        Tables in which the units of terminals are set.
    v : int
        The function.
    simple : numpy.uint64
        Units of the functions that may be its arguments.
    in_head : int
        Number of its arguments in the head.
    """
    arity, empty = int(tables.arity[v]), np.uint64(0)
    return [
        tables.terminal_units[int(k + 1 == arity)] | (simple if k < in_head else empty) for k in range(arity)
    ]


def _result(tables: Tables, v: int, arguments: list[np.uint64]) -> np.uint64:
    a, b, c = [*arguments, *[tables.unit_tables.every] * 2][:3]
    return result_units(tables.unit_tables, tables.unit_rule[v], a, b, c)
