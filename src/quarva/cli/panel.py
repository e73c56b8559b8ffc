"""quarva panel describe | simulate | plant: describe a file of bars, simulate a market, plant an effect."""

from pathlib import Path
from typing import Annotated, Any

import typer

from quarva.cli.help import Command, plain_app
from quarva.cli.options import AsJson, option, takes
from quarva.cli.output import console, print_json, tell
from quarva.runs.settings import ReadingSettings, SearcherSettings

__all__ = ["panel"]

panel = plain_app()


@panel.command(cls=Command)
@takes(ReadingSettings, without=("allow_jumps",))
def describe(
    file: Annotated[
        str | None, typer.Argument(help="CSV or Parquet file (the sample panel).", show_default=False)
    ] = None,
    *,
    as_json: AsJson = False,
    **flags: Any,
) -> None:
    """Describe a panel: columns, span, coverage, gaps and jumps."""
    from quarva.cli.sources import read_panel
    from quarva.panel import describe as description_of

    # This command must show the jumps that a search refuses.
    read = read_panel(file, {**flags, "allow_jumps": True})
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


@panel.command(cls=Command)
@takes(SearcherSettings, only=("seed",))
def simulate(
    out: Annotated[str, typer.Argument(metavar="OUT", help="File to write: .parquet or .csv.")],
    *,
    assets: Annotated[int, typer.Option("--assets", metavar="N", help="Number of assets.")] = 300,
    days: Annotated[int, typer.Option("--days", metavar="T", help="Number of days.")] = 1000,
    plant: Annotated[
        str | None, option("--plant", "FORMULA", "Formula that predicts the return of the traded day (none).")
    ] = None,
    ic: Annotated[
        float, typer.Option("--ic", metavar="X", help="Information coefficient of the formula at one day.")
    ] = 0.05,
    as_json: AsJson = False,
    **flags: Any,
) -> None:
    """Simulate a market, with or without a predictive formula."""
    from quarva.engine import Formula
    from quarva.runs.recipe import SearchRecipe
    from quarva.runs.signals import check_table_path
    from quarva.scenarios import planted_ic
    from quarva.scenarios import simulate as simulate_market

    check_table_path(out)
    seed = SearchRecipe.of(flags).seed
    market = simulate_market(assets, days, seed, plant, ic)
    market.write(out)
    record = {"out": out, "assets": assets, "days": days, "seed": seed, "plant": plant, "ic": None}
    if plant is not None:
        signal = Formula.parse(plant, panel=market).signal(market).to_numpy()
        record["ic"] = planted_ic(signal, market.field("close"))
    if as_json:
        print_json(record)
        return
    tell(f"panel: {out}" + ("" if plant is None else f", {plant} with an IC of {record['ic']:.4f}"))


@panel.command(cls=Command)
@takes(ReadingSettings)
def plant(
    file: Annotated[str, typer.Argument(metavar="PANEL", help="CSV or Parquet file of bars.")],
    out: Annotated[str, typer.Argument(metavar="OUT", help="File to write: .parquet or .csv.")],
    *,
    formulas: Annotated[
        list[str],
        option("--plant", "FORMULA", "Formula that predicts the return of the traded day; may be repeated."),
    ],
    ic: Annotated[
        float, typer.Option("--ic", metavar="X", help="Information coefficient that each formula adds.")
    ] = 0.01,
    delay: Annotated[
        int, typer.Option("--delay", metavar="DAYS", help="Days between a signal and its trade.")
    ] = 1,
    as_json: AsJson = False,
    **flags: Any,
) -> None:
    """Plant a known weak effect into a panel; write the planted part of the returns to a second file."""
    from quarva.cli.sources import read_panel
    from quarva.runs.signals import check_table_path
    from quarva.scenarios import plant as plant_in

    check_table_path(out)
    drive = str(Path(out).with_name(f"{Path(out).stem}_drive{Path(out).suffix}"))
    _check_outputs(Path(file), Path(out), Path(drive))
    planted = plant_in(read_panel(file, flags), formulas, ic, delay=delay)
    planted.drive_panel().write(drive)
    planted.panel.write(out)
    effects = [
        {"formula": formula, "amplitude": amplitude, "ic": realised, "ic_before": before}
        for formula, amplitude, realised, before in zip(
            planted.formulas, planted.amplitudes, planted.realised, planted.before, strict=True
        )
    ]
    if as_json:
        print_json({"out": out, "drive": drive, "delay": delay, "ic": ic, "planted": effects})
        return
    for each in effects:
        tell(f"planted {each['formula']}: IC {each['ic']:.4f}, before {each['ic_before']:.4f}")
    tell(f"panel: {out}, drive: {drive}")


def _check_outputs(panel: Path, out: Path, drive: Path) -> None:
    """Raise RunError if writing would overwrite the panel, or an unrelated file in the place of the drive."""
    from quarva.errors import RunError

    for path in (out, drive):
        if path.resolve() == panel.expanduser().resolve():
            raise RunError(f"{path} would replace the panel itself; name another OUT")
    if drive.is_dir() or (drive.exists() and not _is_drive(drive)):
        raise RunError(f"{drive} exists and is not the drive of a plant; name another OUT, or remove it")


def _is_drive(path: Path) -> bool:
    """True if a file has the columns of a drive, as an earlier plant wrote it."""
    import polars as pl

    try:
        columns = (
            (pl.scan_csv(path) if path.suffix == ".csv" else pl.scan_parquet(path)).collect_schema().names()
        )
    except (OSError, pl.exceptions.PolarsError):
        return False
    return columns == ["date", "asset", "drive"]
