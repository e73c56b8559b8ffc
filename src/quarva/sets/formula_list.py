"""Reading of the formulas that a command is given: as arguments, or as lines of a file."""

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

_NAMED = re.compile(r"([A-Za-z_][\w.-]*)\s*=(?!=)\s*(.*)")  # `a == b` is a comparison
_RESERVED = ("date", "asset", "row")


@dataclass(frozen=True)
class Named:
    """A formula and the name of its column; the default is f0, f1, …, by position."""

    name: str
    expression: "Expression"


def read_formulas(
    arguments: Sequence[str], file: str | None, notation: str, panel: "Panel"
) -> tuple[Named, ...]:
    """Read formulas from the arguments, then from a file with one formula per line.

    A formula may follow `name = `. Blank lines are skipped, and `#` begins a comment.

    Parameters
    ----------
    arguments : sequence of str
        Formulas.
    file : str or None
        File of formulas, in UTF-8.
    notation : str
        A name of `NOTATIONS`.
    panel : Panel
        Panel whose fields, groups and assets the formulas may name.

    Returns
    -------
    tuple of Named

    Raises
    ------
    FormulaError
        A formula cannot be parsed, a name is reserved or used twice, the file cannot be read, or there is no
        formula. For a line of the file, the message gives its number.
    """
    from quarva.karva.notation import NOTATIONS, parse

    if notation not in NOTATIONS:
        parse("", notation)  # raises the error that lists the notations
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
            why = "is a column of the table of signals" if name in _RESERVED else "is used twice"
            raise FormulaError(f"{place}the name '{name}' {why}; give the formula another name")
        found.append(Named(name, expression))
    if not found:
        where = f"{file} contains no formula" if file is not None else "no formula given"
        raise FormulaError(
            f"{where}; give one, such as 'rank(delta(close, 5))', or name a file with --formulas"
        )
    return tuple(found)


def _lines(file: str) -> Iterator[tuple[str, str]]:
    """Yield the location, for messages, and the text of each line that contains a formula."""
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FormulaError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FormulaError(f"{file} is not UTF-8 text; save it as UTF-8, with one formula per line") from None
    for number, line in enumerate(text.splitlines(), start=1):
        formula = line.partition("#")[0].strip()
        if formula:
            yield f"{file}, line {number}: ", formula
