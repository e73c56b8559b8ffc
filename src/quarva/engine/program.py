"""`Program`: formulas as flat lists of nodes, which the kernels run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.errors import FormulaError
from quarva.karva.alphabet import CONSTANT, FIELD, NUMBER
from quarva.karva.decode import orf_length
from quarva.karva.expression import Expression, Symbol
from quarva.karva.genes import Population
from quarva.karva.operators import CODE, OPERATORS
from quarva.karva.shortest import shortest_decimals

__all__ = ["Program"]


@dataclass(frozen=True, eq=False)
class Program:
    """The nodes of P formulas. Operands precede operators, and the root of a formula is its last node.

    Attributes
    ----------
    offset : ndarray of int64, shape (P + 1,)
        Formula p has the nodes offset[p] … offset[p + 1] − 1.
    code : ndarray of int32
        Operator code, FIELD or NUMBER.
    left, right, third : ndarray of int32
        Index of each operand within the formula, −1 for none.
    param : ndarray of int32
        The window, the count, or the index of the field in `fields`, of the group in `groups` or of the asset
        in `assets`.
    number : ndarray of float32
        Value of a NUMBER, or share of an operator.
    exact : ndarray of float64 or None
        The same without rounding, if requested.
    fields, groups, assets : tuple of str
        The names to which `param` refers.
    """

    offset: NDArray[np.int64]
    code: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    third: NDArray[np.int32]
    param: NDArray[np.int32]
    number: NDArray[np.float32]
    fields: tuple[str, ...]
    groups: tuple[str, ...]
    assets: tuple[str, ...] = ()
    exact: NDArray[np.float64] | None = None

    @classmethod
    def from_population(cls, pop: Population, exact: bool = False) -> "Program":
        """Compile every chromosome, its genes joined by the linking function.

        With `exact`, numbers are also kept in float64. The value of a `?` is then the shortest decimal of its
        float32, which is how the formula is written.
        """
        a = pop.alphabet
        n, genes, length = pop.symbols.shape
        room = max(n * (genes * length + genes - 1), 1)
        parts = [np.empty(room, np.int32) for _ in range(5)]
        number, offset = np.empty(room, np.float64 if exact else np.float32), np.zeros(n + 1, np.int64)
        link = CODE[pop.shape.link]
        used = compile_genes(
            pop.symbols,
            pop.dc,
            shortest_decimals(pop.constants) if exact else pop.constants,
            a.arity,
            a.code,
            a.param,
            a.exact if exact else a.number,
            link,
            offset,
            *parts,
            number,
        )
        code, left, right, third, param = (part[:used] for part in parts)
        number = number[:used]
        rounded = number.astype(np.float32, copy=False)
        return cls(
            offset, code, left, right, third, param, rounded, a.fields, a.groups, a.assets,
            number if exact else None,
        )  # fmt: skip

    @classmethod
    def from_expressions(cls, expressions: Sequence[Expression]) -> "Program":
        """Compile expressions.

        Parameters
        ----------
        expressions : sequence of Expression
            P expressions.

        Returns
        -------
        Program

        Raises
        ------
        FormulaError
            A `?` has no value.
        """
        names = _Names.of(expressions)
        rows: list[tuple[int, int, int, int, int, float]] = []
        offset = [0]
        for expression in expressions:
            rows += _flatten(expression, names)
            offset.append(len(rows))
        *columns, number = zip(*rows, strict=True) if rows else ((),) * 6
        code, left, right, third, param = (np.array(column, np.int32) for column in columns)
        exact = np.array(number, np.float64)
        return cls(
            np.array(offset, np.int64), code, left, right, third, param, exact.astype(np.float32),
            tuple(names.fields), tuple(names.groups), tuple(names.assets), exact,
        )  # fmt: skip

    def lookback(self) -> NDArray[np.int32]:
        """Return the number of days before today that each formula reads, int32 of shape (P,)."""
        out = np.empty(len(self), np.int32)
        _lookback(
            self.offset, self.code, self.left, self.right, self.third, self.param, _REACHES, _ROLLS, out
        )
        return out

    def __getitem__(self, chosen: slice | NDArray[np.integer]) -> "Program":
        """Return the formulas of a slice or with the given indices."""
        places = np.arange(len(self))[chosen]
        many = np.diff(self.offset)[places]
        offset = np.append(0, np.cumsum(many))
        nodes = np.repeat(self.offset[places] - offset[:-1], many) + np.arange(offset[-1])
        columns = ["code", "left", "right", "third", "param", "number"]
        columns += [] if self.exact is None else ["exact"]
        return replace(self, offset=offset, **{name: getattr(self, name)[nodes] for name in columns})

    def sizes(self) -> NDArray[np.int32]:
        """Return the number of nodes of each formula, int32 of shape (P,)."""
        return np.diff(self.offset).astype(np.int32)

    def exact_numbers(self) -> NDArray[np.float64]:
        """Return `exact`, or the shortest decimal of each number if `exact` is None."""
        return shortest_decimals(self.number) if self.exact is None else self.exact

    def __len__(self) -> int:
        return len(self.offset) - 1


@dataclass(frozen=True)
class _Names:
    """Index of each name that formulas read."""

    fields: dict[str, int]
    groups: dict[str, int]
    assets: dict[str, int]

    @classmethod
    def of(cls, expressions: Sequence[Expression]) -> "_Names":
        symbols = {node.symbol for expression in expressions for node in expression.walk()}
        named = (
            sorted({getattr(symbol, kind) for symbol in symbols} - {None})
            for kind in ("field", "group", "asset")
        )
        return cls(*({name: k for k, name in enumerate(names)} for names in named))

    def param(self, symbol: Symbol) -> int:
        if symbol.group is not None:
            return self.groups[symbol.group]
        if symbol.asset is not None:
            return self.assets[symbol.asset]
        return symbol.window or symbol.count or 0


def _flatten(expression: Expression, names: _Names) -> list[tuple[int, int, int, int, int, float]]:
    """Return rows of code, left, right, third, param, number in reversed level order: operands come first."""
    nodes = list(expression.walk())
    rows, first = [], len(nodes)
    for node in reversed(nodes):
        first -= len(node.args)
        places = [len(nodes) - 1 - (first + k) for k in range(len(node.args))] + [-1, -1, -1]
        rows.append(_row(node.symbol, names, places))
    return rows


def _row(symbol: Symbol, names: _Names, places: list[int]) -> tuple[int, int, int, int, int, float]:
    if symbol.operator is not None:
        code = CODE[symbol.operator.name]
        return code, places[0], places[1], places[2], names.param(symbol), symbol.share or 0.0
    if symbol.field is not None:
        return FIELD, -1, -1, -1, names.fields[symbol.field], 0.0
    if symbol.number is None:
        raise FormulaError("the formula holds a '?' without a value: write a number in its place")
    return NUMBER, -1, -1, -1, 0, symbol.number


@compiled
def compile_genes(
    symbols, dc, constants, arity, letter_code, letter_param, letter_number, link,
    offset, code, left, right, third, param, number,
):  # fmt: skip
    """Write the nodes of all chromosomes and return their number.

    Genes are read backwards, so that operands precede operators.
    """
    n, genes, _ = symbols.shape
    at = 0
    for p in range(n):
        begin = at
        root = -1
        for g in range(genes):
            gene = symbols[p, g]
            length = orf_length(gene, arity)
            base = at - begin
            start, seen = 1, 0
            for i in range(length):
                start += arity[gene[i]]
                if letter_code[gene[i]] == CONSTANT:
                    # The k-th '?' in reading order takes the k-th entry of the Dc domain.
                    number[at + length - 1 - i] = constants[p, g, dc[p, g, seen]]
                    seen += 1
            for i in range(length - 1, -1, -1):
                letter = gene[i]
                many = arity[letter]
                start -= many
                op = letter_code[letter]
                left[at] = base + length - 1 - start if many > 0 else -1
                right[at] = base + length - 2 - start if many > 1 else -1
                third[at] = base + length - 3 - start if many > 2 else -1
                param[at] = letter_param[letter]
                if op == CONSTANT:
                    op = NUMBER
                else:
                    number[at] = letter_number[letter]
                code[at] = op
                at += 1
            if root < 0:
                root = at - 1 - begin
            else:
                code[at], left[at], right[at], third[at] = link, root, at - 1 - begin, -1
                param[at], number[at] = 0, 0.0
                root = at - begin
                at += 1
        offset[p + 1] = at
    return at


@compiled(allocates=True)
def _lookback(offset, code, left, right, third, param, reaches, rolls, out):
    back = np.zeros(code.size, np.int32)
    for p in range(offset.size - 1):
        base = offset[p]
        for k in range(base, offset[p + 1]):
            below = 0
            if left[k] >= 0:
                below = back[base + left[k]]
            if right[k] >= 0:
                below = max(below, back[base + right[k]])
            if third[k] >= 0:
                below = max(below, back[base + third[k]])
            if code[k] < rolls.size and rolls[code[k]]:
                below += param[k] - 1 + reaches[code[k]]
            back[k] = below
        out[p] = back[offset[p + 1] - 1]


# By operator code: days that a window of w days reads beyond w − 1 days back, and whether there is a window.
_REACHES = np.array([op.lookback(1) for op in OPERATORS], np.int32)
_ROLLS = np.array([op.windowed for op in OPERATORS])
