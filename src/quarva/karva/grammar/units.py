"""Units of terminals: the units that names imply, how units are written, and the grid of tracked units.

A unit is a product of powers of base units, such as a price, a number of shares, or money (price times
shares). It is written as words joined by `*` and `/`, optionally with a power, as in `price^2`. The words are
`price`, `shares`, `money`, `pure` (no unit), and any other word for a further base unit. The word `free`
stands for a terminal that fits any unit.
"""

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import product

from quarva.errors import FormulaError
from quarva.panel.names import is_price

__all__ = ["Powers", "UnitGrid", "parse_unit", "unit_of"]

Powers = dict[str, Fraction]
"""A unit, as the power of each of its base units."""

# Words in the name of a field that imply its unit.
_PURE = frozenset({"return", "returns", "ret", "pct"})
_MONEY = frozenset({"amount", "cap", "value", "money", "dollar", "notional"})
_SHARES = frozenset({"volume", "shares"})
_DEFINED: dict[str, Powers] = {
    "money": {"price": Fraction(1), "shares": Fraction(1)},
    "pure": {},
    "1": {},
}


def unit_of(name: str) -> str:
    """Return the unit that a field's name implies: `price` for `close`; `free` for an unknown name."""
    if is_price(name):
        return "price"
    words = set(name.split("_"))
    for unit, implying in (("pure", _PURE), ("money", _MONEY), ("shares", _SHARES)):
        if words & implying:
            return unit
    return "free"


def parse_unit(text: str, name: str) -> Powers | None:
    """Parse a unit.

    Parameters
    ----------
    text : str
        Such as `price`, `price*shares`, `money/shares`, `price^2`, `pure` or `free`.
    name : str
        The terminal, for the error message.

    Returns
    -------
    Powers or None
        None for `free`.

    Raises
    ------
    FormulaError
        If the text is not a unit.
    """
    if text.strip() == "free":
        return None
    powers: Powers = {}
    parts = re.split(r"\s*([*/])\s*", text.strip())
    for sign, part in zip(["*", *parts[1::2]], parts[::2]):
        match = re.fullmatch(r"([A-Za-z_]\w*|1)(?:\^(-?[1-9]))?", part)
        if match is None or match[1] == "free":
            raise FormulaError(
                f"'{text}' is not a valid unit for '{name}': write words joined by * and /, such as price, "
                "shares, money/shares, price^2 or pure, or the word free alone"
            )
        power_of_word = int(match[2] or 1) * (1 if sign == "*" else -1)
        for base, power in _DEFINED.get(match[1], {match[1]: Fraction(1)}).items():
            powers[base] = powers.get(base, Fraction(0)) + power * power_of_word
    return {base: power for base, power in powers.items() if power}


class UnitGrid:
    """The units that masks distinguish: at most 64, so that a set of them fits into one 64-bit word.

    Powers run from -7 to 8 with one base unit, from -3 to 4 with two, and from -1 to 2 with three. If square
    roots are used with one or two base units, powers are multiples of ½ and run from -3½ to 4 and from -1½ to
    2. The grammar does not generate formulas with a unit outside the grid.

    Parameters
    ----------
    bases : iterable of str
        Base units, at most 3.
    roots : bool
        Whether square roots are used.

    Attributes
    ----------
    bases : tuple of str
        Base units, sorted.
    units : list of tuple of Fraction
        Powers of `bases` of each unit, in the order of the bits.
    index : dict of tuple of Fraction to int
        Bit of each unit.

    Raises
    ------
    FormulaError
        If there are more than 3 base units.
    """

    def __init__(self, bases: Iterable[str], roots: bool) -> None:
        self.bases = tuple(sorted(set(bases)))
        if len(self.bases) > 3:
            raise FormulaError(
                f"at most 3 base units are supported, but the terminals have {', '.join(self.bases)}: give "
                "some of them the unit free, or remove the rule 'units'"
            )
        step = Fraction(1, 2) if roots and len(self.bases) < 3 else Fraction(1)
        side = {0: 1, 1: 16, 2: 8, 3: 4}[len(self.bases)]
        powers = [step * k for k in range(-((side - 1) // 2), side // 2 + 1)]
        self.units: list[tuple[Fraction, ...]] = list(product(powers, repeat=len(self.bases)))
        self.index = {unit: bit for bit, unit in enumerate(self.units)}

    def bit(self, powers: Mapping[str, Fraction], name: str) -> int:
        """Return the bit of the unit of terminal `name`; raise FormulaError if it is not on the grid."""
        unit = tuple(powers.get(base, Fraction(0)) for base in self.bases)
        if unit not in self.index:
            raise FormulaError(
                f"the unit of '{name}' has a power out of range: powers of {', '.join(self.bases)} run from "
                f"{self.units[0][0]} to {self.units[-1][0]}; give it the unit free"
            )
        return self.index[unit]
