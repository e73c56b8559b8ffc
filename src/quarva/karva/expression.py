"""Symbols, and expressions as trees of symbols: what notations read and write."""

from collections.abc import Iterator
from dataclasses import dataclass

from quarva.karva.operators import BY_NAME, Operator

__all__ = ["Expression", "Symbol"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """One letter of the language: an operator (with its window or group), a field, a number, or `?`.

    Exactly one of `operator`, `field`, `number` is set; none is for `?`, the random numerical constant
    of gene expression programming, whose value stands in the gene's Dc domain.
    """

    operator: Operator | None = None
    window: int | None = None
    group: str | None = None
    field: str | None = None
    number: float | None = None

    @classmethod
    def function(cls, name: str, window: int | None = None, group: str | None = None) -> "Symbol":
        """The symbol of operator `name`; rolling operators need `window`, group operators `group`."""
        return cls(operator=BY_NAME[name], window=window, group=group)

    @property
    def arity(self) -> int:
        return 0 if self.operator is None else self.operator.arity

    @property
    def name(self) -> str:
        """The letter of a K-expression: `add`, `mean_20`, `group_demean_sector`, `close`, `2.5`, `?`."""
        if self.operator is not None:
            tail = self.window if self.operator.windowed else self.group
            return self.operator.name if tail is None else f"{self.operator.name}_{tail}"
        if self.field is not None:
            return self.field
        return "?" if self.number is None else f"{self.number:.9g}"


@dataclass(frozen=True, slots=True)
class Expression:
    """A symbol and its arguments."""

    symbol: Symbol
    args: tuple["Expression", ...] = ()

    def __len__(self) -> int:
        """Number of nodes."""
        return sum(1 for _ in self.walk())

    def walk(self) -> Iterator["Expression"]:
        """All nodes in level order (breadth first, left to right): the order of a K-expression."""
        level: list[Expression] = [self]
        while level:
            yield from level
            level = [arg for node in level for arg in node.args]

    def fields(self) -> tuple[str, ...]:
        """Names of the fields that the expression reads, sorted."""
        return tuple(sorted({node.symbol.field for node in self.walk() if node.symbol.field is not None}))

    def lookback(self) -> int:
        """How many days before today the expression reads."""
        below = max((arg.lookback() for arg in self.args), default=0)
        own = self.symbol.operator
        return below + (own.lookback(self.symbol.window or 0) if own is not None else 0)
