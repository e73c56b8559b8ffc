"""The table of operators: names, arities, definitions, NaN rules, units, and spelling in each notation.

Parsers, printers, both engines and the documentation read this table. A new operator needs an entry in
`quarva.karva.table`, a definition in the reference and a kernel in each engine (see CONTRIBUTING.md). There
are four kinds, in this order:

- *elementwise*: each cell of the result depends on the same cell of the arguments;
- *rolling*: each cell depends on the last `window` days of the same asset;
- *cross*: each cell depends on all assets of the same day;
- *group*: each cell depends on the assets of the same group (a sector, for example) on the same day.

These rules hold for every operator. NaN is a missing value and propagates. A rolling window that is
incomplete or holds a NaN yields NaN. Cross-sectional operators skip NaN and return NaN where the argument is
NaN. A result that is not a finite float32 (division by zero, logarithm of a negative number, overflow) is
NaN.
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
"""All operators of the language."""

CODE: dict[str, int] = {operator.name: code for code, operator in enumerate(OPERATORS)}
"""Code of each operator by name: its index in `OPERATORS`, used in compiled programs."""

BY_NAME: dict[str, Operator] = {operator.name: operator for operator in OPERATORS}
"""Each operator by name."""
