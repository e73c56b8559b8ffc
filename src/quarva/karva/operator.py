"""One operator of the language: what the table says of it, and what follows from that."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["MAX_COUNT", "MAX_WINDOW", "PARAMETERS", "UNITS", "Kind", "Operator", "Parameter", "Unit"]

MAX_WINDOW = 10_000
"""The longest window (days) that a formula may carry: about forty years."""

MAX_COUNT = 10_000
"""The most parts that a formula may cut a day into."""

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
"""What an operator's symbol may carry beside its arguments, and what that is."""

Unit = Literal[
    "same", "first", "choice", "product", "ratio", "square", "root", "inverse", "compare", "none", "pure"
]

UNITS: MappingProxyType[Unit, str] = MappingProxyType(
    {
        "same": "arguments of one unit; the result has that unit",
        "first": "arguments of any units; the result has the first one's",
        "choice": "a pure number, then two arguments of one unit, which is the result's",
        "product": "arguments of any units; the result has their product",
        "ratio": "arguments of any units; the result has the first one's over the second one's",
        "square": "any unit; the result has its square",
        "root": "any unit; the result has its square root",
        "inverse": "any unit; the result has one over it",
        "compare": "arguments of one unit; the result is a pure number",
        "none": "arguments of any units; the result is a pure number",
        "pure": "arguments and result are pure numbers",
    }
)
"""The words for what an operator does to units (prices, shares, money); a pure number has none."""

# A lag of w days reads the day w days ago; a window of w days ends w-1 days ago.
_REACHES_BACK = frozenset({"ref", "delta", "pct_change"})


@dataclass(frozen=True, slots=True)
class Operator:
    """One entry of the table.

    `parameters` are what the symbol carries, in the order written behind the arguments. `unit` is one of
    `UNITS`. `latex` is a format string: {0}, {1}, {2} are the arguments, {w} the window, {q} the share,
    {k} the count, {g} the group, {a} the asset; its parentheses are printed so that they grow with what
    they hold. What it prints is also read back, so no two operators may have the same source, even where
    they look alike on paper (see `notation.latex`). `qlib` is the name in Qlib's expression language, None
    where Qlib has no such operator. `infix` is the sign written between (or before) the arguments, with its
    binding strength in `strength`; None for operators written as a call.
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
    nan: str = "NaN goes through"
    source: str = "usual"

    @property
    def windowed(self) -> bool:
        """Whether the symbol carries a window, as in `mean_20`."""
        return "window" in self.parameters

    @property
    def compares(self) -> bool:
        """Whether the operator is a comparison: `a < b < c` says nothing."""
        return self.unit == "compare"

    @property
    def shares(self) -> str:
        """Which shares the operator allows, in words."""
        return "above 0 and below 0.5" if self.kind == "cross" else "from 0 to 1"

    def allows_share(self, share: float) -> bool:
        """Whether `share` is one that the operator allows: a winsorised tail is shorter than half a day."""
        return 0 < share < 0.5 if self.kind == "cross" else 0 <= share <= 1

    @property
    def shape(self) -> str:
        """What comes in and what goes out, each argument and the result being of shape (T, N)."""
        if self.kind == "elementwise":
            return ", ".join(["cell"] * self.arity) + " → cell"
        if self.kind == "rolling":
            return ", ".join(["w days"] * self.arity) + " of an asset → cell"
        across = "day" if self.kind == "cross" else "group on a day"
        return ", ".join([across] * self.arity) + f" → {across}"

    def lookback(self, window: int) -> int:
        """How many days before today the operator reads, for a window of `window` days."""
        if not self.windowed:
            return 0
        return window if self.name in _REACHES_BACK else window - 1
