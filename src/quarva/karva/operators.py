"""The one table of operators: names, arities, meaning, NaN rule, units, spelling in each notation.

Parsers, printers, both engines and the documentation read this table; a new operator is one entry in
`quarva.karva.table` and its line in each engine. Four kinds, in this order:

- *elementwise*: one cell in, the same cell out;
- *rolling*: the last `window` days of one asset (or of two series of one asset);
- *cross*: all assets of one day;
- *group*: the assets of one group (sector, say) on one day.

Rules that hold for every operator: NaN means 'not there' and goes through; a rolling window that is not
full, or holds a NaN, gives NaN; cross-sectional operators skip NaN and give NaN where they found it; what
is not a finite float32 (a division by zero, the logarithm of a negative number, an overflow) is NaN.
"""

from quarva.karva.operator import MAX_COUNT, MAX_WINDOW, PARAMETERS, UNITS, Kind, Operator, Parameter, Unit
from quarva.karva.table import CROSS, ELEMENTWISE, GROUP, ROLLING

__all__ = [
    "BY_NAME",
    "CODE",
    "MAX_COUNT",
    "MAX_WINDOW",
    "OPERATORS",
    "PARAMETERS",
    "UNITS",
    "Kind",
    "Operator",
    "Parameter",
    "Unit",
]

OPERATORS: tuple[Operator, ...] = (*ELEMENTWISE, *ROLLING, *CROSS, *GROUP)
"""Every operator of the language."""

CODE: dict[str, int] = {operator.name: code for code, operator in enumerate(OPERATORS)}
"""Number of each operator: its place in `OPERATORS`, and what stands in a compiled program."""

BY_NAME: dict[str, Operator] = {operator.name: operator for operator in OPERATORS}
