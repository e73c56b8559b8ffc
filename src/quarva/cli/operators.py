"""quarva operators: list the operators of the formula language."""

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
_PAGE = """\
# Operators

What formulas are written in, as `src/quarva/karva/table/` defines it; this page is made from that
table by `scripts/quarva operators --markdown`. x, y and z are the arguments; x_k is the value of k
days ago (x_0 is today), w the window in days, Σ runs over the window k = 0 … w−1.

NaN means 'not there'. What is not a finite float32 (a division by zero, the logarithm of a
negative number, an overflow) is NaN. True is any number but 0.

What follows the arguments:

{parameters}

What an operator does to units, such as prices, shares or money:

{units}

## Notations

- *infix*: `rank(corr(close, volume, 10)) > 0.5`. Signs bind as in Python and pandas, from the tightest: `**`,
  then `-` and `!` before an argument, `*` and `/`, `+` and `-`, `&`, `|`, last the comparisons. These do not
  chain: write `(a > b) & (c > d)`. A name that is more than letters, digits and `_` stands in backticks.
- *karva*: a K-expression, `gt rank 0.5 corr_10 close volume`, symbols in level order. What follows the
  arguments is part of the letter: `mean_20`, `quantile_20_0.8`, `group_demean_sector`, `of_asset_SPY`.
- *qlib*: Qlib's expression language, `Corr($close, $volume, 10)`. Operators that Qlib lacks are written in
  its style, those across assets with CS before them: `CSRank($close)`. A lag below 1 looks ahead and is
  refused, as is a window of 0, which in Qlib has no end, or of a fraction.
- *worldquant*: the spelling of the 101 Formulaic Alphas, `(-1 * correlation(rank(open), rank(volume), 10))`.
  Names are read in any case. `min(x, 5)` and `max(x, 5)` with a plain number are ts_min and ts_max. A window
  such as 8.93345 is 8. `signedpower(x, a)` is sign(x) · |x|^a. `adv20` is the mean of vwap · volume over 20
  days and `returns` is close / delay(close, 1) − 1, unless the panel has a field of that name.
  `IndClass.sector` is the group sector. Signs bind as in C; `c ? x : y` binds least.

[examples/alphas](../examples/alphas) holds the 101 alphas and Qlib's Alpha158 as files for
`quarva evaluate --formulas`.
"""
_SHORT = {"window": "w", "share": "q", "count": "k", "group": "group", "asset": "asset"}


def operators(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/operators.md.")] = False,
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
    """Return the content of docs/operators.md, with a table for each kind of operator."""
    from quarva.karva.notation.worldquant import NAMES
    from quarva.karva.operators import OPERATORS, PARAMETERS, UNITS

    after = [f"- `{_SHORT[name]}` ({name}): {meaning}." for name, meaning in PARAMETERS.items()]
    units = [f"- *{word}*: {meaning}." for word, meaning in UNITS.items()]
    page = _PAGE.format(parameters="\n".join(after), units="\n".join(units))
    lines = [page.rstrip()]
    for kind, scope in _KINDS.items():
        lines += ["", f"## {kind.capitalize()}: {scope}", ""]
        lines += [
            "| name | written | meaning | in → out | NaN | days back | unit | Qlib | 101 alphas | source |"
        ]
        lines += ["| --- " * 10 + "|"]
        for operator in OPERATORS:
            if operator.kind == kind:
                cells = (
                    operator.name, f"`{_written(operator)}`", operator.meaning, operator.shape, operator.nan,
                    _lookback(operator), operator.unit, operator.qlib or "", NAMES.get(operator.name, ""),
                    operator.source,
                )  # fmt: skip
                lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Escape `|` in a text, which would end a cell of a Markdown table."""
    return text.replace("|", r"\|")


def _lookback(operator: "Operator") -> str:
    """Number of days before today that the operator reads, as a formula of its window w."""
    if not operator.windowed:
        return "0"
    return "w" if operator.lookback(1) else "w − 1"


def _written(operator: "Operator") -> str:
    """Render an example of the operator in infix notation."""
    x, y, z = "x", "y", "z"
    if operator.infix:
        return f"{x} {operator.infix} {y}" if operator.arity == 2 else f"{operator.infix}{x}"
    arguments = [x, y, z][: operator.arity] + [_SHORT[name] for name in operator.parameters]
    return f"{operator.name}({', '.join(arguments)})"
