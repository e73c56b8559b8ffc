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
_SHORT = {"window": "w", "share": "q", "count": "k", "group": "group", "asset": "asset"}


def operators(
    markdown: Annotated[bool, typer.Option("--markdown", help="The page docs/operators.md.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the operators of formulas: how each is written, its meaning, NaN rule, days back and units."""
    from quarva.karva.operators import OPERATORS

    if markdown:
        print(operators_page(), end="")
        return
    if as_json:
        keys = (
            "name", "arity", "kind", "parameters", "meaning", "shape", "nan", "unit", "qlib", "min_window",
            "source",
        )  # fmt: skip
        rows = [
            {key: getattr(operator, key) for key in keys}
            | {"written": _written(operator), "lookback": _lookback(operator)}
            for operator in OPERATORS
        ]
        print_json({"operators": rows})
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "written", "kind", "meaning", "NaN", "days back", "unit", "source"):
        table.add_column(heading)
    for operator in OPERATORS:
        cells = (operator.meaning, operator.nan, _lookback(operator), operator.unit, operator.source)
        table.add_row(
            operator.name, escape(_written(operator)), operator.kind, *(escape(cell) for cell in cells)
        )
    console().print(table)


def operators_page() -> str:
    """docs/operators.md: a table for each kind of operator."""
    from quarva.karva.operators import OPERATORS, PARAMETERS, UNITS

    lines = [
        "# Operators",
        "",
        "What formulas are written in, as `src/quarva/karva/table/` defines it; this page is made from that",
        "table by `scripts/quarva operators --markdown`. x, y and z are the arguments; x_k is the value of k",
        "days ago (x_0 is today), w the window in days, Σ runs over the window k = 0 … w−1.",
        "",
        "NaN means 'not there'. What is not a finite float32 (a division by zero, the logarithm of a",
        "negative number, an overflow) is NaN. True is any number but 0. In a K-expression what follows the",
        "arguments is part of the letter: `mean_20`, `quantile_20_0.8`, `group_demean_sector`.",
        "",
        "Signs bind as in Python and pandas, from the tightest: `**`, `-` and `!` before an argument, `*`",
        "and `/`, `+` and `-`, `&`, `|`, last comparisons. These do not chain: write `(a > b) & (c > d)`.",
        "",
        "What follows the arguments:",
        "",
        *(f"- `{_SHORT[name]}`: the {name}: {meaning}." for name, meaning in PARAMETERS.items()),
        "",
        "What an operator does to units, such as prices, shares or money:",
        "",
        *(f"- *{word}*: {meaning}." for word, meaning in UNITS.items()),
    ]
    for kind, scope in _KINDS.items():
        lines += ["", f"## {kind.capitalize()}: {scope}", ""]
        lines += ["| name | written | meaning | in → out | NaN | days back | unit | Qlib | source |"]
        lines += ["| --- " * 9 + "|"]
        for operator in OPERATORS:
            if operator.kind == kind:
                cells = (
                    operator.name, f"`{_written(operator)}`", operator.meaning, operator.shape, operator.nan,
                    _lookback(operator), operator.unit, operator.qlib or "", operator.source,
                )  # fmt: skip
                lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """A text within a table, where `|` ends a cell."""
    return text.replace("|", r"\|")


def _lookback(operator: "Operator") -> str:
    """How many days before today the operator reads."""
    if not operator.windowed:
        return "0"
    return "w" if operator.lookback(1) else "w − 1"


def _written(operator: "Operator") -> str:
    """The operator as infix notation writes it."""
    x, y, z = "x", "y", "z"
    if operator.infix:
        return f"{x} {operator.infix} {y}" if operator.arity == 2 else f"{operator.infix}{x}"
    arguments = [x, y, z][: operator.arity] + [_SHORT[name] for name in operator.parameters]
    return f"{operator.name}({', '.join(arguments)})"
