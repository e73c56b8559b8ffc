"""The formulas that a user names: arguments of the command, or the lines of a file."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quarva.errors import FormulaError

if TYPE_CHECKING:
    from quarva.karva.expression import Expression
    from quarva.panel import Panel

__all__ = ["Named", "read_formulas"]

_NAMED = re.compile(r"([A-Za-z_][\w.-]*)\s*=(?!=)\s*(.*)")  # `a == b` is a comparison and no name
_RESERVED = ("date", "asset", "row")


@dataclass(frozen=True)
class Named:
    """A formula and its column's name: its own, or f0, f1, … by its place."""

    name: str
    expression: "Expression"


def read_formulas(
    arguments: Sequence[str], file: str | None, notation: str, panel: "Panel"
) -> tuple[Named, ...]:
    """The formulas of the arguments, then those of the file, one a line.

    Before a formula `name = ` may stand; blank lines, and what follows a `#`, are no formulas. Raises
    FormulaError with file and line for a formula that can not be read, and for a name that stands twice.
    """
    from quarva.karva.notation import NOTATIONS, parse

    if notation not in NOTATIONS:
        parse("", notation)  # says which notations there are
    lines = [("", text) for text in arguments]
    if file is not None:
        lines += _lines(file)
    found: list[Named] = []
    for place, text in lines:
        named = _NAMED.fullmatch(text.strip())
        name, formula = named.groups() if named else (f"f{len(found)}", text)
        try:
            expression = parse(
                formula, notation, fields=panel.fields, groups=tuple(panel.groups), assets=panel.assets
            )
        except FormulaError as error:
            raise FormulaError(f"{place}{error}") from None
        if name in _RESERVED or any(other.name == name for other in found):
            why = "is taken by the table of signals" if name in _RESERVED else "stands twice"
            raise FormulaError(f"{place}the name '{name}' {why}; give the formula another")
        found.append(Named(name, expression))
    if not found:
        where = f"{file} holds no formula" if file is not None else "no formula given"
        raise FormulaError(
            f"{where}; write one such as 'rank(delta(close, 5))', or name a file by --formulas"
        )
    return tuple(found)


def _lines(file: str) -> Iterator[tuple[str, str]]:
    """Place and text of each line of a file that holds a formula."""
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FormulaError(f"{file} can not be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FormulaError(f"{file} is no text in UTF-8: write a formula a line") from None
    for number, line in enumerate(text.splitlines(), start=1):
        formula = line.partition("#")[0].strip()
        if formula:
            yield f"{file}, line {number}: ", formula
