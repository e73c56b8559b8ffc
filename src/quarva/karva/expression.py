"""Symbols, and expressions as trees of symbols."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from quarva.karva.operators import BY_NAME, Operator

__all__ = ["Expression", "Symbol", "format_parameter"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """One symbol of the language: an operator with its parameters, a field, a number, or `?`.

    At most one of `operator`, `field` and `number` is set. If none is set, the symbol is `?`, the random
    numerical constant of gene expression programming, whose value comes from the gene's Dc domain.

    Attributes
    ----------
    operator : Operator or None
        The operator of a function.
    window : int or None
        Window of a rolling operator, in days.
    group : str or None
        Grouping of a group operator.
    field : str or None
        Name of a field.
    number : float or None
        Value of a literal.
    share : float or None
        Share of `quantile` or `winsorise`.
    count : int or None
        Number of parts of `bucket`.
    asset : str or None
        Asset of `of_asset`.
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
        """Return the symbol of the operator `name` with the given parameters."""
        return cls(BY_NAME[name], window, group, share=share, count=count, asset=asset)

    @property
    def arity(self) -> int:
        """Number of arguments; 0 for a terminal."""
        return 0 if self.operator is None else self.operator.arity

    @property
    def parameters(self) -> tuple[int | float | str, ...]:
        """Values of the operator's parameters, in writing order: (20, 0.8) for `quantile_20_0.8`."""
        names = () if self.operator is None else self.operator.parameters
        return tuple(value for value in (getattr(self, name) for name in names) if value is not None)

    @property
    def name(self) -> str:
        """Name in a K-expression: `add`, `mean_20`, `quantile_20_0.8`, `close`, `2.5`, `?`."""
        if self.operator is not None:
            return "_".join((self.operator.name, *map(format_parameter, self.parameters)))
        if self.field is not None:
            return self.field
        if self.number is None:
            return "?"
        short = f"{self.number:.9g}"
        return short if float(short) == self.number else repr(self.number)


def format_parameter(value: int | float | str) -> str:
    """Return a parameter as text; a share in plain decimals, `0.00001` and never `1e-05`."""
    return f"{Decimal(repr(value)):f}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression tree: a symbol and its arguments.

    Attributes
    ----------
    symbol : Symbol
        Symbol of the root.
    args : tuple of Expression
        Arguments, as many as the arity of the symbol.
    """

    symbol: Symbol
    args: tuple["Expression", ...] = ()

    def __len__(self) -> int:
        """Return the number of nodes."""
        return sum(1 for _ in self.walk())

    def walk(self) -> Iterator["Expression"]:
        """Yield all nodes in level order (breadth first, left to right), the order of a K-expression."""
        level: list[Expression] = [self]
        while level:
            yield from level
            level = [arg for node in level for arg in node.args]

    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields that the expression reads, sorted."""
        return tuple(sorted({node.symbol.field for node in self.walk() if node.symbol.field is not None}))

    def lookback(self) -> int:
        """Return the number of days before today that the expression reads."""
        below = max((arg.lookback() for arg in self.args), default=0)
        own = self.symbol.operator
        return below + (own.lookback(self.symbol.window or 0) if own is not None else 0)
