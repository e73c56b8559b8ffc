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

The operators of formulas. `scripts/quarva operators --markdown` generates this page from the table in
`src/quarva/karva/table/`. The arguments are x, y and z; x_k is the value k days ago (x_0 is today's), w is
the window in days, and Σ is the sum over the window, k = 0 … w−1.

NaN is a missing value. A result that is not a finite float32 (division by zero, logarithm of a negative
number, overflow) is NaN. Every number except 0 is true.

Parameters follow the arguments:

{parameters}

Units, such as prices, shares or money, follow one of these rules:

{units}

## Notations

- *infix*: `rank(corr(close, volume, 10)) > 0.5`. The precedence is that of Python and pandas, from highest to
  lowest: `**`, unary `-` and `!`, `*` and `/`, `+` and `-`, `&`, `|`, comparisons. Comparisons cannot be
  chained: write `(a > b) & (c > d)`. A name with characters other than letters, digits and `_` is written in
  backticks.
- *karva*: a K-expression, `gt rank 0.5 corr_10 close volume`, which lists the symbols in level order.
  Parameters are part of the symbol: `mean_20`, `quantile_20_0.8`, `group_demean_sector`, `of_asset_SPY`.
- *qlib*: Qlib's expression language, `Corr($close, $volume, 10)`. Operators that Qlib lacks are written in
  its style; the names of those across assets begin with CS: `CSRank($close)`. Lags below 1, which look ahead,
  are refused, and so are windows that are 0 (in Qlib, an expanding window) or not whole numbers.
- *worldquant*: the notation of the 101 Formulaic Alphas, `(-1 * correlation(rank(open), rank(volume), 10))`.
  Names are not case-sensitive. `min(x, 5)` and `max(x, 5)`, where the second argument is a number, are ts_min
  and ts_max. A window such as 8.93345 is truncated to 8. `signedpower(x, a)` is sign(x) · |x|^a. `adv20` is
  the mean of vwap · volume over 20 days and `returns` is close / delay(close, 1) − 1, unless the panel has a
  field of that name. `IndClass.sector` is the group sector. The precedence is that of C; `c ? x : y` has the
  lowest.

The [101 alphas](../src/quarva/sets/alpha101.txt) and Qlib's [Alpha158](../examples/alphas/alpha158.txt) are
files for `quarva evaluate --formulas`.
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
