"""The letters that genes are written in: functions first, then terminals."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import FormulaError
from quarva.karva.decode import number_key
from quarva.karva.expression import Symbol
from quarva.karva.notation.letters import MAX_WINDOW
from quarva.karva.operators import BY_NAME, CODE

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


class Alphabet:
    """An ordered set of symbols: `n_functions` functions, then the terminals.

    Attributes, all of shape (V,), V symbols:
        arity: int8, number of arguments.
        code: int32, `CODE` of the operator, or FIELD, NUMBER, CONSTANT.
        param: int32, the window; the number of the field or of the group in `fields`, `groups`.
        number: float32, value of a NUMBER, else 0.
        weight: float64, how often a symbol should be drawn among the functions (among the terminals);
            each operator counts once, however many windows it comes with.
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
        self.arity = np.array([s.arity for s in self.symbols], np.int8)
        self.code = np.array([self._code(s) for s in self.symbols], np.int32)
        self.param = np.array([self._param(s) for s in self.symbols], np.int32)
        self.number = np.array([s.number or 0.0 for s in self.symbols], np.float32)
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
    ) -> "Alphabet":
        """The alphabet of these fields and functions.

        Args:
            fields: names of the fields that may be read.
            functions: names of operators; `PANEL_FUNCTIONS` by default.
            windows: days; each rolling operator comes with each window that it allows.
            groups: names of groups; each group operator comes with each.
            numbers: numeric literals.
            constants: whether `?`, the random numerical constant, is a terminal.

        Raises:
            FormulaError: an unknown function, a window that is too long, windows too short for a function,
                no terminal.
        """
        symbols: list[Symbol] = []
        windows = WINDOWS if windows is None else windows
        for name in PANEL_FUNCTIONS if functions is None else functions:
            symbols += cls._function(name, windows, groups)
        symbols += [Symbol(field=name) for name in fields]
        symbols += [Symbol(number=float(np.float32(value))) for value in numbers]
        symbols += [Symbol()] if constants else []
        return cls(symbols)

    @staticmethod
    def _function(name: str, windows: Sequence[int], groups: Sequence[str]) -> list[Symbol]:
        if name not in BY_NAME:
            from difflib import get_close_matches

            near = get_close_matches(name, BY_NAME, 1)
            hint = f": did you mean '{near[0]}'?" if near else f"; known are {', '.join(BY_NAME)}"
            raise FormulaError(f"unknown function '{name}'{hint}")
        operator = BY_NAME[name]
        if operator.kind == "group":
            return [Symbol(operator, group=group) for group in groups]
        if not operator.windowed:
            return [Symbol(operator)]
        longest = max(windows, default=0)
        if longest > MAX_WINDOW:
            raise FormulaError(f"a window of {longest} days is above {MAX_WINDOW}, the longest there is")
        fitting = [w for w in windows if w >= operator.min_window]
        if not fitting:
            raise FormulaError(
                f"'{name}' needs a window of at least {operator.min_window} days; given are {list(windows)}"
            )
        return [Symbol(operator, window=int(w)) for w in fitting]

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
        return symbol.window or 0

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
