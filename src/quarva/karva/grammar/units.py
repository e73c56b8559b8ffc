"""Units of terminals: what a name tells of them, how a user writes them, and the grid of units that is kept.

A unit is a product of powers of base units: a price per share, a number of shares, money as price times
shares. It is written as words joined by `*` and `/`, a word with a power as `price^2`: `price`, `shares`,
`money`, `pure` (no unit), any other word as a further base unit, and `free` for what fits anything.
"""

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import product

from quarva.errors import FormulaError
from quarva.panel.names import is_price

__all__ = ["Grid", "Powers", "parse_unit", "unit_of"]

Powers = dict[str, Fraction]
"""A unit: the power of each base unit in it."""

_PURE = frozenset({"return", "returns", "ret", "pct"})
_MONEY = frozenset({"amount", "cap", "value", "money", "dollar", "notional"})
_SHARES = frozenset({"volume", "shares"})
_KNOWN: dict[str, Powers] = {
    "money": {"price": Fraction(1), "shares": Fraction(1)},
    "pure": {},
    "1": {},
}
_CELLS = 64


def unit_of(name: str) -> str:
    """The unit that a field's name tells of: `close` a price, `volume` shares, what is not known `free`."""
    if is_price(name):
        return "price"
    words = set(name.split("_"))
    for unit, telling in (("pure", _PURE), ("money", _MONEY), ("shares", _SHARES)):
        if words & telling:
            return unit
    return "free"


def parse_unit(text: str, name: str) -> Powers | None:
    """The unit that a text stands for; None for `free`.

    Args:
        text: as `price`, `price*shares`, `money/shares`, `price^2`, `pure`, `free`.
        name: the terminal whose unit it is, for the message.

    Raises:
        FormulaError: anything else.
    """
    if text.strip() == "free":
        return None
    powers: Powers = {}
    parts = re.split(r"\s*([*/])\s*", text.strip())
    for sign, part in zip(["*", *parts[1::2]], parts[::2]):
        found = re.fullmatch(r"([A-Za-z_]\w*|1)(?:\^(-?[1-9]))?", part)
        if found is None or found[1] == "free":
            raise FormulaError(
                f"'{text}' is no unit for '{name}': write words joined by * and /, such as price, shares, "
                "money/shares, price^2, pure, or the word free alone"
            )
        times = int(found[2] or 1) * (1 if sign == "*" else -1)
        for base, power in _KNOWN.get(found[1], {found[1]: Fraction(1)}).items():
            powers[base] = powers.get(base, Fraction(0)) + power * times
    return {base: power for base, power in powers.items() if power}


class Grid:
    """The units that masks tell apart: at most 64, so that a set of them is one word of 64 bits.

    With one base unit powers run from -7 to 8, with two from -3 to 4, with three from -1 to 2; with one or
    two, and where square roots are taken, in halves, from -3½ to 4 and from -1½ to 2. A formula of which a
    part has a unit outside is not written.

    Attributes:
        bases: names of the base units.
        units: each unit as powers of `bases`, in the order of the bits.
        index: bit of each unit.
    """

    def __init__(self, bases: Iterable[str], roots: bool) -> None:
        self.bases = tuple(sorted(set(bases)))
        if len(self.bases) > 3:
            raise FormulaError(
                f"masks tell at most 3 base units apart; the terminals have {', '.join(self.bases)}: give "
                "some of them the unit free, or leave the rule 'units' out"
            )
        step = Fraction(1, 2) if roots and len(self.bases) < 3 else Fraction(1)
        side = {0: 1, 1: 16, 2: 8, 3: 4}[len(self.bases)]
        powers = [step * k for k in range(-((side - 1) // 2), side // 2 + 1)]
        self.units: list[tuple[Fraction, ...]] = list(product(powers, repeat=len(self.bases)))
        self.index = {unit: bit for bit, unit in enumerate(self.units)}

    def bit(self, powers: Mapping[str, Fraction], name: str) -> int:
        """Bit of the unit of a terminal; FormulaError where the grid does not hold it."""
        unit = tuple(powers.get(base, Fraction(0)) for base in self.bases)
        if unit not in self.index:
            raise FormulaError(
                f"the unit of '{name}' has too high a power: powers of {', '.join(self.bases)} run from "
                f"{self.units[0][0]} to {self.units[-1][0]} here; give it the unit free"
            )
        return self.index[unit]
