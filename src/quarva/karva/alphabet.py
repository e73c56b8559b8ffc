"""The letters that genes are written in: functions first, then terminals."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import FormulaError
from quarva.karva.decode import number_key
from quarva.karva.expression import Symbol
from quarva.karva.operators import BY_NAME, CODE, MAX_COUNT, MAX_WINDOW, Operator, Parameter

__all__ = ["CONSTANT", "FIELD", "NUMBER", "PANEL_FUNCTIONS", "TABLE_FUNCTIONS", "WINDOWS", "Alphabet"]

FIELD, NUMBER, CONSTANT = 1000, 1001, 1002
"""What stands for the three kinds of terminals where functions have their `CODE`."""

PANEL_FUNCTIONS = [
    "add", "sub", "mul", "div", "min", "max", "neg", "abs", "sign", "log", "sqrt",
    "ref", "delta", "pct_change", "mean", "std", "skew", "ts_min", "ts_max", "ts_argmin", "ts_argmax",
    "ts_rank", "ts_zscore", "ema", "decay_linear", "corr", "cov", "rank", "zscore",
]  # fmt: skip
"""Functions that a search on a panel uses unless told otherwise."""

TABLE_FUNCTIONS = ["add", "sub", "mul", "div", "sin", "cos", "exp", "log"]
"""Functions that symbolic regression uses unless told otherwise: Koza's set."""

WINDOWS = (5, 10, 20, 40)
"""Windows, in days, that rolling functions come with unless told otherwise."""

SHARES = {"quantile": (0.2, 0.8), "winsorise": (0.05,)}
"""Shares that functions of a share come with unless told otherwise."""

COUNTS = (5, 10)
"""Numbers of parts that `bucket` comes with unless told otherwise."""


class Alphabet:
    """An ordered set of symbols: `n_functions` functions, then the terminals.

    Attributes, all of shape (V,), V symbols:
        arity: int8, number of arguments.
        code: int32, `CODE` of the operator, or FIELD, NUMBER, CONSTANT.
        param: int32, the window; the number of the field, group or asset in `fields`, `groups`, `assets`;
            the count.
        number: float32, value of a NUMBER, or the share, else 0.
        weight: float64, how often a symbol should be drawn among the functions (among the terminals);
            each operator counts once, however many windows (shares, counts, …) it comes with.
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
        self.number = np.array([s.number or s.share or 0.0 for s in self.symbols], np.float32)
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
    ) -> "Alphabet":
        """The alphabet of these fields and functions.

        Args:
            fields: names of the fields that may be read.
            functions: names of operators; `PANEL_FUNCTIONS` by default.
            windows: days; each rolling operator comes with each window that it allows.
            groups: names of groups; each group operator comes with each.
            numbers: numeric literals.
            constants: whether `?`, the random numerical constant, is a terminal.
            shares: between 0 and 1; each function of a share comes with each that it allows; `SHARES` by
                default.
            counts: at least 2; `bucket` comes with each; `COUNTS` by default.
            assets: names of assets; `of_asset` comes with each.

        Raises:
            FormulaError: an unknown function, a window that is too long, windows too short or shares too
                large for a function, a count out of range, no terminal.
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
        symbols += [Symbol(number=float(np.float32(value))) for value in numbers]
        symbols += [Symbol()] if constants else []
        return cls(symbols)

    @staticmethod
    def _function(name: str, given: dict[str, Sequence[Any] | None]) -> list[Symbol]:
        """The symbols of a function: one for each choice of its parameters among those given."""
        if name not in BY_NAME:
            from difflib import get_close_matches

            near = get_close_matches(name, BY_NAME, 1)
            hint = f": did you mean '{near[0]}'?" if near else f"; known are {', '.join(BY_NAME)}"
            raise FormulaError(f"unknown function '{name}'{hint}")
        operator = BY_NAME[name]
        choices = [_fitting(operator, parameter, given[parameter]) for parameter in operator.parameters]
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
        """Cumulative `weight` of shape (V,): from 0 to 1 over the functions, and again over the terminals."""
        total = np.empty(len(self.symbols))
        for part in (slice(0, self.n_functions), slice(self.n_functions, None)):
            weights = self.weight[part]
            total[part] = np.cumsum(weights) / max(weights.sum(), 1e-300)
            if len(weights):
                total[part.stop - 1 if part.stop else -1] = 1.0
        return total

    @cached_property
    def letter(self) -> NDArray[np.uint64]:
        """Key of each symbol by its name, uint64 of shape (V,), the same in every alphabet; 0 marks `?`."""
        names = (b"" if s == Symbol() else s.name.encode() for s in self.symbols)
        digests = (hashlib.blake2b(name, digest_size=8).digest() if name else bytes(8) for name in names)
        keys = np.array([int.from_bytes(digest, "little") for digest in digests], np.uint64)
        literal = self.code == NUMBER
        keys[literal] = [number_key(value) for value in self.number[literal]]
        return keys

    @cached_property
    def commutative(self) -> NDArray[np.bool_]:
        """Whether the order of a symbol's arguments is without meaning, bool of shape (V,)."""
        return np.array([s.operator is not None and s.operator.commutative for s in self.symbols])

    @property
    def has_constants(self) -> bool:
        """Whether `?` is a terminal."""
        return bool((self.code == CONSTANT).any())

    def tail_mask(self, head: int) -> NDArray[np.bool_]:
        """Which symbols may stand where, bool of shape (head + tail, V): the tail holds terminals only."""
        mask = np.ones((head + self.tail(head), len(self)), np.bool_)
        mask[head:, : self.n_functions] = False
        return mask

    def tail(self, head: int) -> int:
        """Length of the tail that closes every such head: head · (max arity − 1) + 1 (Ferreira 2001)."""
        return head * (max(self.max_arity, 1) - 1) + 1

    def names(self) -> list[str]:
        """The letters as written, functions first."""
        return [symbol.name for symbol in self.symbols]

    def __len__(self) -> int:
        return len(self.symbols)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Alphabet) and self.symbols == other.symbols

    def __hash__(self) -> int:
        return hash(self.symbols)

    def __repr__(self) -> str:
        return f"Alphabet({' '.join(self.names())})"


def _fitting(operator: Operator, parameter: Parameter, given: Sequence[Any] | None) -> list[Any]:
    """Those of the values given for a parameter that the operator allows."""
    if parameter == "window":
        longest = max(given or (), default=0)
        if longest > MAX_WINDOW:
            raise FormulaError(f"a window of {longest} days is above {MAX_WINDOW}, the longest there is")
        windows = [int(w) for w in given or () if w >= operator.min_window]
        if not windows:
            raise FormulaError(
                f"'{operator.name}' needs a window of at least {operator.min_window} days; given are "
                f"{list(given or ())}"
            )
        return windows
    if parameter == "share":
        given = SHARES[operator.name] if given is None else given
        shares = [float(share) for share in given if operator.allows_share(share)]
        if not shares:
            raise FormulaError(f"'{operator.name}' needs a share {operator.shares}; given are {list(given)}")
        return shares
    if parameter == "count" and any(not 2 <= count <= MAX_COUNT for count in given or ()):
        raise FormulaError(
            f"'{operator.name}' needs counts of 2 to {MAX_COUNT}; given are {list(given or ())}"
        )
    return list(given or ())
