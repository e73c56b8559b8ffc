"""quarva panel describe | simulate: what a file of bars holds, and a market to practise on."""

from typing import Annotated

import typer

from quarva.cli.options import (
    AsJson,
    AssetColumn,
    DateColumn,
    Field,
    Fields,
    Rename,
    Seed,
    TimeZone,
    option,
)
from quarva.cli.output import console, print_json, tell

__all__ = ["panel"]

panel = typer.Typer(help="Look at a file of daily bars, or simulate one.", no_args_is_help=True)


@panel.command()
def describe(
    file: Annotated[
        str | None, typer.Argument(help="CSV or Parquet; without it the sample panel.", show_default=False)
    ] = None,
    field: Field = None,
    fields: Fields = None,
    asset_column: AssetColumn = None,
    date_column: DateColumn = None,
    rename: Rename = None,
    time_zone: TimeZone = None,
    as_json: AsJson = False,
) -> None:
    """How a panel is read, its span, coverage, gaps and suspicious jumps."""
    from quarva.cli.sources import read_panel
    from quarva.panel import describe as description_of

    # Jumps that a search refuses are what this command is to show.
    read = read_panel(
        file, field=field, fields=fields, allow_jumps=True, asset_column=asset_column,
        date_column=date_column, rename=rename, time_zone=time_zone,
    )  # fmt: skip
    description = description_of(read)
    if as_json:
        print_json(description.as_dict())
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for label, text in description.rows():
        table.add_row(f"[bold]{label}", escape(text))
    console().print(table, soft_wrap=False)


@panel.command()
def simulate(
    out: Annotated[str, typer.Argument(metavar="OUT", help="File to write: .parquet or .csv.")],
    assets: Annotated[int, typer.Option("--assets", metavar="N", help="Number of assets.")] = 300,
    days: Annotated[int, typer.Option("--days", metavar="T", help="Number of days.")] = 1000,
    plant: Annotated[
        str | None, option("--plant", "FORMULA", "Formula that predicts the return of the day traded (none).")
    ] = None,
    ic: Annotated[
        float, typer.Option("--ic", metavar="X", help="Its information coefficient at the one-day horizon.")
    ] = 0.05,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """A market to practise on, whose returns a planted formula predicts, or nothing does."""
    from quarva.engine import Formula
    from quarva.runs.signals import check_table_path
    from quarva.scenarios import planted_ic
    from quarva.scenarios import simulate as simulate_market

    check_table_path(out)
    market = simulate_market(assets, days, seed or 0, plant, ic)
    market.write(out)
    record = {"out": out, "assets": assets, "days": days, "seed": seed or 0, "plant": plant, "ic": None}
    if plant is not None:
        signal = Formula.parse(plant, panel=market).signal(market).to_numpy()
        record["ic"] = planted_ic(signal, market.field("close"))
    if as_json:
        print_json(record)
        return
    tell(f"panel: {out}" + ("" if plant is None else f", {plant} with an IC of {record['ic']:.4f}"))
