"""quarva panel describe | simulate: what a file of bars holds, and a market to practise on."""

from typing import Annotated

import typer

from quarva.cli.options import AsJson, Field
from quarva.cli.output import console, print_json

__all__ = ["panel"]

panel = typer.Typer(help="Look at a file of daily bars, or simulate one.", no_args_is_help=True)


@panel.command()
def describe(
    file: Annotated[
        str | None, typer.Argument(help="CSV or Parquet; without it the sample panel.", show_default=False)
    ] = None,
    field: Field = None,
    as_json: AsJson = False,
) -> None:
    """Span, coverage, gaps and suspicious jumps of a panel."""
    from quarva.cli.sources import read_panel
    from quarva.panel import describe as description_of

    # Jumps that a search refuses are what this command is to show.
    description = description_of(read_panel(file, field=field or "close", allow_jumps=True))
    if as_json:
        print_json(description.as_dict())
        return
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for label, text in description.rows():
        table.add_row(f"[bold]{label}", text)
    console().print(table, soft_wrap=False)
