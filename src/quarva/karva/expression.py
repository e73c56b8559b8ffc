"""Symbols, and expressions as trees of symbols: what notations read and write."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from quarva.karva.operators import BY_NAME, Operator

__all__ = ["Expression", "Symbol", "spell_parameter"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """One letter of the language: an operator with its parameters, a field, a number, or `?`.

    Exactly one of `operator`, `field`, `number` is set; none is for `?`, the random numerical constant
    of gene expression programming, whose value stands in the gene's Dc domain. An operator's symbol
    carries what its `parameters` name (see `PARAMETERS`): window (days), group, share, count, asset.
    """

    operator: Operator | None = None
    window: int | None = None
    group: str | None = None
    field: str | None = None
    number: float | None = None
    share: float | None = None
    count: int | None = None
    asset: str | None = None

    @classmethod
    def function(
        cls,
        name: str,
        window: int | None = None,
        group: str | None = None,
        share: float | None = None,
        count: int | None = None,
        asset: str | None = None,
    ) -> "Symbol":
        """The symbol of operator `name`, with what its `parameters` ask for."""
        return cls(BY_NAME[name], window, group, share=share, count=count, asset=asset)

    @property
    def arity(self) -> int:
        return 0 if self.operator is None else self.operator.arity

    @property
    def parameters(self) -> tuple[int | float | str, ...]:
        """What the operator's symbol carries, in the order written: (20, 0.8) of `quantile_20_0.8`."""
        names = () if self.operator is None else self.operator.parameters
        return tuple(value for value in (getattr(self, name) for name in names) if value is not None)

    @property
    def name(self) -> str:
        """The letter of a K-expression: `add`, `mean_20`, `quantile_20_0.8`, `close`, `2.5`, `?`."""
        if self.operator is not None:
            return "_".join((self.operator.name, *map(spell_parameter, self.parameters)))
        if self.field is not None:
            return self.field
        return "?" if self.number is None else f"{self.number:.9g}"


def spell_parameter(value: int | float | str) -> str:
    """A parameter as written: a share in plain decimals, `0.00001` and never `1e-05`."""
    return f"{Decimal(repr(value)):f}" if isinstance(value, float) else str(value)


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
