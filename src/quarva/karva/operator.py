"""The definition of one operator of the language, and the properties that follow from it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["MAX_COUNT", "MAX_WINDOW", "PARAMETERS", "UNITS", "Kind", "Operator", "Parameter", "Unit"]

MAX_WINDOW = 10_000
"""The longest window of an operator, in days: about forty years."""

MAX_COUNT = 10_000
"""The largest number of parts of `bucket`."""

Kind = Literal["elementwise", "rolling", "cross", "group"]

Parameter = Literal["window", "share", "group", "count", "asset"]

PARAMETERS: MappingProxyType[Parameter, str] = MappingProxyType(
    {
        "window": "days, an integer",
        "share": "a number between 0 and 1",
        "group": "the name of a grouping of the assets, such as sector",
        "count": "an integer of at least 2",
        "asset": "the name of an asset",
    }
)
"""The parameters that an operator can have besides its arguments, with a description of each."""

Unit = Literal[
    "same", "first", "choice", "product", "ratio", "square", "root", "inverse", "compare", "none", "pure"
]

UNITS: MappingProxyType[Unit, str] = MappingProxyType(
    {
        "same": "all arguments have the same unit, which is the unit of the result",
        "first": "arguments of any unit; the result has the unit of the first",
        "choice": "a pure number, then two arguments of the same unit, which is the unit of the result",
        "product": "arguments of any unit; the result has the product of their units",
        "ratio": "arguments of any unit; the result has the unit of the first divided by that of the second",
        "square": "an argument of any unit; the result has its square",
        "root": "an argument of any unit; the result has its square root",
        "inverse": "an argument of any unit; the result has its inverse",
        "compare": "all arguments have the same unit; the result is a pure number",
        "none": "arguments of any unit; the result is a pure number",
        "pure": "the arguments and the result are pure numbers",
    }
)
"""The unit rules of operators, with a description of each. A pure number has no unit."""

# A lag of w days reads the value w days ago; a window of w days reads back w − 1 days.
_LAGS = frozenset({"ref", "delta", "pct_change"})


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of the language.

    Attributes
    ----------
    name : str
        Name in infix formulas and K-expressions.
    arity : int
        Number of arguments, 1 to 3.
    kind : {"elementwise", "rolling", "cross", "group"}
        Kind of the operator; see `quarva.karva.operators`.
    meaning : str
        Definition, as shown in the documentation.
    latex : str
        Format string: {0}, {1}, {2} are the arguments, {w} the window, {q} the share, {k} the count, {g} the
        group and {a} the asset. Parentheses are printed at the height of their content (see
        `notation.latex`).
    unit : str
        Unit rule, one of `UNITS`.
    qlib : str or None
        Name in Qlib's expression language; None if Qlib has no such operator.
    infix : str or None
        Sign between two arguments or before one; None for an operator that is written as a call.
    strength : int
        Binding strength of `infix`.
    commutative : bool
        Whether the two arguments can be exchanged.
    parameters : tuple of str
        Names of the parameters, in the order in which they are written after the arguments.
    min_window : int
        Shortest valid window, in days.
    nan : str
        NaN rule, as shown in the documentation.
    source : str
        Origin of the definition.
    """

    name: str
    arity: int
    kind: Kind
    meaning: str
    latex: str
    unit: Unit
    qlib: str | None = None
    infix: str | None = None
    strength: int = 0
    commutative: bool = False
    parameters: tuple[Parameter, ...] = ()
    min_window: int = 0
    nan: str = "NaN propagates"
    source: str = "standard"

    @property
    def windowed(self) -> bool:
        """Whether the operator has a window, as in `mean_20`."""
        return "window" in self.parameters

    @property
    def compares(self) -> bool:
        """Whether the operator is a comparison; comparisons cannot be chained."""
        return self.unit == "compare"

    @property
    def shares(self) -> str:
        """The valid shares, in words."""
        return "above 0 and below 0.5" if self.kind == "cross" else "from 0 to 1"

    def allows_share(self, share: float) -> bool:
        """Return whether a share is valid: a winsorised tail is less than half of the day's assets."""
        return 0 < share < 0.5 if self.kind == "cross" else 0 <= share <= 1

    @property
    def shape(self) -> str:
        """What the operator reads and returns; all arguments and the result have shape (T, N)."""
        if self.kind == "elementwise":
            return ", ".join(["cell"] * self.arity) + " → cell"
        if self.kind == "rolling":
            return ", ".join(["w days"] * self.arity) + " of an asset → cell"
        across = "day" if self.kind == "cross" else "group on a day"
        return ", ".join([across] * self.arity) + f" → {across}"

    def lookback(self, window: int) -> int:
        """Return the number of days before today that the operator reads with a window of `window` days."""
        if not self.windowed:
            return 0
        return window if self.name in _LAGS else window - 1
