"""The alphabet of a search: the symbols that genes are written in, functions first, then terminals."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import FormulaError
from quarva.karva.decode import mix, number_key
from quarva.karva.expression import Symbol
from quarva.karva.operators import BY_NAME, CODE, MAX_COUNT, MAX_WINDOW, Operator, Parameter
from quarva.karva.shortest import shortest_decimals

__all__ = ["CONSTANT", "FIELD", "NUMBER", "PANEL_FUNCTIONS", "TABLE_FUNCTIONS", "WINDOWS", "Alphabet"]

FIELD, NUMBER, CONSTANT = 1000, 1001, 1002
"""Codes of the three kinds of terminals; functions have the codes in `CODE`."""

PANEL_FUNCTIONS = [
    "add", "sub", "mul", "div", "min", "max", "neg", "abs", "sign", "log", "sqrt",
    "ref", "delta", "pct_change", "mean", "std", "skew", "ts_min", "ts_max", "ts_argmin", "ts_argmax",
    "ts_rank", "ts_zscore", "ema", "decay_linear", "corr", "cov", "rank", "zscore",
]  # fmt: skip
"""Default functions of a search on a panel."""

TABLE_FUNCTIONS = ["add", "sub", "mul", "div", "sin", "cos", "exp", "log"]
"""Default functions of symbolic regression: Koza's set."""

WINDOWS = (1, 3, 5, 10, 20, 40, 60, 120, 240)
"""Default windows of rolling functions, in days."""

SHARES = {"quantile": (0.2, 0.8), "winsorise": (0.05,)}
"""Default shares of the functions that take a share."""

COUNTS = (5, 10)
"""Default numbers of parts of `bucket`."""


class Alphabet:
    """An ordered set of V symbols: `n_functions` functions, then the terminals.

    Parameters
    ----------
    symbols : iterable of Symbol
        In any order; duplicates are dropped. At least one must be a terminal.

    Attributes
    ----------
    symbols : tuple of Symbol, length V
        The symbols, functions first.
    n_functions : int
        Number of functions.
    fields, groups, assets : tuple of str
        The names that the symbols use.
    arity : int8 array, shape (V,)
        Number of arguments.
    code : int32 array, shape (V,)
        `CODE` of the operator, or FIELD, NUMBER or CONSTANT.
    param : int32 array, shape (V,)
        The window or the count, or the index of the field, group or asset in `fields`, `groups` or `assets`.
    number : float32 array, shape (V,)
        Value of a NUMBER, or the share of a function that has one, else 0.
    exact : float64 array, shape (V,)
        The same without rounding.
    weight : float64 array, shape (V,)
        Relative sampling weight among the functions, or among the terminals. Each operator has a total
        weight of 1 for any number of windows, shares or counts.
    max_arity : int
        Largest arity of a function.

    Raises
    ------
    FormulaError
        If there is no terminal.
    """

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        given = list(dict.fromkeys(symbols))
        functions = [symbol for symbol in given if symbol.arity > 0]
        terminals = [symbol for symbol in given if symbol.arity == 0]
        if not terminals:
            raise FormulaError("the alphabet has no terminal: give at least one field, number or '?'")
        self.symbols: tuple[Symbol, ...] = (*functions, *terminals)
        self.n_functions = len(functions)
        self.fields = tuple(dict.fromkeys(s.field for s in terminals if s.field is not None))
        self.groups = tuple(dict.fromkeys(s.group for s in functions if s.group is not None))
        self.assets = tuple(dict.fromkeys(s.asset for s in functions if s.asset is not None))
        self.arity = np.array([s.arity for s in self.symbols], np.int8)
        self.code = np.array([self._code(s) for s in self.symbols], np.int32)
        self.param = np.array([self._param(s) for s in self.symbols], np.int32)
        self.exact = np.array([s.number or s.share or 0.0 for s in self.symbols], np.float64)
        self.number = self.exact.astype(np.float32)
        self.weight = self._weights()
        self.max_arity = int(self.arity.max())

    @classmethod
    def build(
        cls,
        fields: Sequence[str],
        functions: Sequence[str] | None = None,
        windows: Sequence[int] | None = None,
        groups: Sequence[str] = (),
        numbers: Sequence[float] = (),
        constants: bool = False,
        shares: Sequence[float] | None = None,
        counts: Sequence[int] | None = None,
        assets: Sequence[str] = (),
        exact: bool = False,
    ) -> "Alphabet":
        """Build an alphabet from names of fields and functions.

        A function with parameters yields one symbol for each combination of the parameter values that it
        allows.

        Parameters
        ----------
        fields : sequence of str
            Fields that formulas may read.
        functions : sequence of str, optional
            Operator names. Defaults to `PANEL_FUNCTIONS`.
        windows : sequence of int, optional
            Windows of rolling operators, in days. Defaults to `WINDOWS`.
        groups : sequence of str
            Groupings for group operators.
        numbers : sequence of float
            Numeric literals.
        constants : bool
            Whether `?`, the random numerical constant, is a terminal.
        shares : sequence of float, optional
            Values between 0 and 1 for operators with a share. Defaults to `SHARES`.
        counts : sequence of int, optional
            Numbers of parts for `bucket`, at least 2. Defaults to `COUNTS`.
        assets : sequence of str
            Assets for `of_asset`.
        exact : bool
            Whether literals keep all digits, for data in float64. Otherwise each becomes the shortest decimal
            of its float32.

        Returns
        -------
        Alphabet

        Raises
        ------
        FormulaError
            If a function is unknown, a window, share or count is out of range, a function has no valid
            parameter value, or there is no terminal.
        """
        symbols: list[Symbol] = []
        given = {
            "window": WINDOWS if windows is None else windows,
            "group": groups,
            "share": shares,
            "count": COUNTS if counts is None else counts,
            "asset": assets,
        }
        for name in PANEL_FUNCTIONS if functions is None else functions:
            symbols += cls._function(name, given)
        symbols += [Symbol(field=name) for name in fields]
        literals = np.array(numbers, np.float64)
        literals = literals if exact else shortest_decimals(literals.astype(np.float32))
        symbols += [Symbol(number=value) for value in literals.tolist()]
        symbols += [Symbol()] if constants else []
        return cls(symbols)

    @staticmethod
    def _function(name: str, given: dict[str, Sequence[Any] | None]) -> list[Symbol]:
        """Return one symbol for each combination of the given parameter values."""
        if name not in BY_NAME:
            from difflib import get_close_matches

            near = get_close_matches(name, BY_NAME, 1)
            hint = f": did you mean '{near[0]}'?" if near else f"; known functions: {', '.join(BY_NAME)}"
            raise FormulaError(f"unknown function '{name}'{hint}")
        operator = BY_NAME[name]
        choices = [_allowed(operator, parameter, given[parameter]) for parameter in operator.parameters]
        return [
            Symbol(operator, **dict(zip(operator.parameters, values, strict=True)))
            for values in product(*choices)
        ]

    @staticmethod
    def _code(symbol: Symbol) -> int:
        if symbol.operator is not None:
            return CODE[symbol.operator.name]
        if symbol.field is not None:
            return FIELD
        return CONSTANT if symbol.number is None else NUMBER

    def _param(self, symbol: Symbol) -> int:
        if symbol.field is not None:
            return self.fields.index(symbol.field)
        if symbol.group is not None:
            return self.groups.index(symbol.group)
        if symbol.asset is not None:
            return self.assets.index(symbol.asset)
        return symbol.window or symbol.count or 0

    def _weights(self) -> NDArray[np.float64]:
        families = [self.code[i] if i < self.n_functions else -i for i in range(len(self.symbols))]
        return np.array([1.0 / families.count(family) for family in families])

    @cached_property
    def cumulative(self) -> NDArray[np.float64]:
        """Cumulative `weight`, float64 of shape (V,), normalised to 1 over functions and over terminals."""
        total = np.empty(len(self.symbols))
        for part in (slice(0, self.n_functions), slice(self.n_functions, None)):
            weights = self.weight[part]
            total[part] = np.cumsum(weights) / max(weights.sum(), 1e-300)
            if len(weights):
                total[part.stop - 1 if part.stop else -1] = 1.0
        return total

    @cached_property
    def symbol_keys(self) -> NDArray[np.uint64]:
        """Key of each symbol, uint64 of shape (V,): a hash of its name, or 0 for `?`.

        A symbol has the same key in every alphabet.
        """
        names = (b"" if s == Symbol() else s.name.encode() for s in self.symbols)
        digests = (hashlib.blake2b(name, digest_size=8).digest() if name else bytes(8) for name in names)
        keys = np.array([int.from_bytes(digest, "little") for digest in digests], np.uint64)
        literal = self.code == NUMBER
        keys[literal] = [_literal_key(value) for value in self.exact[literal].tolist()]
        return keys

    @cached_property
    def commutative(self) -> NDArray[np.bool_]:
        """Whether each symbol is commutative, bool of shape (V,)."""
        return np.array([s.operator is not None and s.operator.commutative for s in self.symbols])

    @property
    def has_constants(self) -> bool:
        """Whether `?` is a terminal."""
        return bool((self.code == CONSTANT).any())

    def tail_mask(self, head: int) -> NDArray[np.bool_]:
        """Return the symbols that the tail rule allows at each position, bool of shape (head + tail, V).

        The tail holds terminals only.
        """
        mask = np.ones((head + self.tail(head), len(self)), np.bool_)
        mask[head:, : self.n_functions] = False
        return mask

    def tail(self, head: int) -> int:
        """Return the tail length that completes every head: head · (max arity − 1) + 1 (Ferreira 2001)."""
        return head * (max(self.max_arity, 1) - 1) + 1

    def names(self) -> list[str]:
        """Return the names of the symbols, functions first."""
        return [symbol.name for symbol in self.symbols]

    def __len__(self) -> int:
        return len(self.symbols)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Alphabet) and self.symbols == other.symbols

    def __hash__(self) -> int:
        return hash(self.symbols)

    def __repr__(self) -> str:
        return f"Alphabet({' '.join(self.names())})"


def _literal_key(value: float) -> np.uint64:
    """Return the key of a literal: that of its float32, if it has no more digits than a float32."""
    near = np.array([value], np.float32)
    key = number_key(near[0])
    if value in (float(near[0]), shortest_decimals(near)[0]):
        return key
    return mix(key ^ np.float64(value).view(np.uint64))


def _allowed(operator: Operator, parameter: Parameter, given: Sequence[Any] | None) -> list[Any]:
    """Return the given values of a parameter that the operator allows."""
    if parameter == "window":
        longest = max(given or (), default=0)
        if longest > MAX_WINDOW:
            raise FormulaError(
                f"a window of {longest} days exceeds the maximum of {MAX_WINDOW}: give shorter windows"
            )
        windows = [int(w) for w in given or () if w >= operator.min_window]
        if not windows:
            raise FormulaError(
                f"'{operator.name}' needs a window of at least {operator.min_window} days; got "
                f"{list(given or ())}: add a longer window, or leave the function out"
            )
        return windows
    if parameter == "share":
        given = SHARES[operator.name] if given is None else given
        shares = [float(share) for share in given if operator.allows_share(share)]
        if not shares:
            raise FormulaError(
                f"'{operator.name}' needs a share {operator.shares}; got {list(given)}: add such a share"
            )
        return shares
    if parameter == "count" and any(not 2 <= count <= MAX_COUNT for count in given or ()):
        raise FormulaError(f"'{operator.name}' needs counts of 2 to {MAX_COUNT}; got {list(given or ())}")
    return list(given or ())
