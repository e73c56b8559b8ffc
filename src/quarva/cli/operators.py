"""quarva operators: the operators that formulas are written in."""

from typing import TYPE_CHECKING, Annotated

import typer

from quarva.cli.options import AsJson
from quarva.cli.output import console, print_json

if TYPE_CHECKING:
    from quarva.karva.operators import Operator

__all__ = ["operators", "operators_page"]

_KINDS = {
    "elementwise": "one cell in, the same cell out",
    "rolling": "the last w days of one asset",
    "cross": "all assets of one day",
    "group": "the assets of one group on one day",
}


def operators(
    markdown: Annotated[bool, typer.Option("--markdown", help="The page docs/operators.md.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the operators of formulas, with their meaning and NaN rule."""
    from quarva.karva.operators import OPERATORS

    if markdown:
        print(operators_page(), end="")
        return
    if as_json:
        keys = ("name", "arity", "kind", "meaning", "nan", "qlib", "min_window", "source")
        rows = [{key: getattr(operator, key) for key in keys} for operator in OPERATORS]
        print_json({"operators": rows})
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "written", "kind", "meaning", "NaN"):
        table.add_column(heading)
    for operator in OPERATORS:
        table.add_row(
            operator.name, _written(operator), operator.kind, escape(operator.meaning), escape(operator.nan)
        )
    console().print(table)


def operators_page() -> str:
    """docs/operators.md: a table for each kind of operator."""
    from quarva.karva.operators import OPERATORS

    lines = [
        "# Operators",
        "",
        "What formulas are written in, as `src/quarva/karva/operators.py` defines it; this page is made",
        "from that table by `scripts/quarva operators --markdown`. x and y are the arguments; x_k is the",
        "value of k days ago (x_0 is today), w the window in days, Σ runs over the window k = 0 … w−1.",
        "",
        "NaN means 'not there'. What is not a finite float32 (a division by zero, the logarithm of a",
        "negative number, an overflow) is NaN. In a K-expression the window or the group follows the name:",
        "`mean_20`, `group_demean_sector`.",
    ]
    for kind, scope in _KINDS.items():
        lines += ["", f"## {kind.capitalize()}: {scope}", ""]
        lines += ["| name | written | meaning | NaN | Qlib | source |", "| --- " * 6 + "|"]
        for operator in OPERATORS:
            if operator.kind == kind:
                cells = (operator.meaning, operator.nan, operator.qlib or "", operator.source)
                told = " | ".join(cell.replace("|", r"\|") for cell in cells)
                lines.append(f"| {operator.name} | `{_written(operator)}` | {told} |")
    return "\n".join(lines) + "\n"


def _written(operator: "Operator") -> str:
    """The operator as infix notation writes it."""
    x, y = "x", "y"
    if operator.infix:
        return f"{x} {operator.infix} {y}" if operator.arity == 2 else f"{operator.infix}{x}"
    arguments = [x, y][: operator.arity]
    arguments += ["w"] * operator.windowed + ["group"] * (operator.kind == "group")
    return f"{operator.name}({', '.join(arguments)})"
