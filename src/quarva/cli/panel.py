"""quarva panel describe | simulate | plant | power: panels, simulated markets and planted effects."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarva._runtime.extras import import_extra
from quarva.cli.help import Command, plain_app
from quarva.cli.options import AsJson, option, takes
from quarva.cli.output import INTERRUPTED, console, figure, print_json, tell
from quarva.errors import RecipeError
from quarva.runs.settings import (
    LanguageSettings,
    LimitSettings,
    ReadingSettings,
    SearcherSettings,
    SetSettings,
    TaskSettings,
    names_of,
)

if TYPE_CHECKING:
    from quarva.runs.power import Power

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


@panel.command(cls=Command)
@takes(ReadingSettings, TaskSettings, SearcherSettings, LimitSettings, LanguageSettings, SetSettings)
def power(
    file: Annotated[str, typer.Argument(metavar="PANEL", help="CSV or Parquet file of bars.")],
    recipe: Annotated[
        str | None, typer.Argument(metavar="[RECIPE]", help="TOML file with settings, which flags override.")
    ] = None,
    *,
    formulas: Annotated[
        list[str] | None,
        option("--plant", "FORMULA", "Formula to plant; may be repeated (three that the fields allow)."),
    ] = None,
    strengths: Annotated[
        str, option("--ic", "X,…", "Information coefficients of each formula (0.005,0.01,0.02,0.03).")
    ] = "0.005,0.01,0.02,0.03",
    png: Annotated[str | None, option("--png", "FILE", "Picture of the shares to write.")] = None,
    as_json: AsJson = False,
    **flags: Any,
) -> None:
    """Plant effects into the one-day return, and tell which share of them a search finds on unseen days."""
    from dataclasses import asdict

    from quarva.cli.sources import make_recipe, read_panel
    from quarva.report.power import write_power_png
    from quarva.runs.power import power as power_of
    from quarva.runs.recipe import SearchRecipe

    chosen = make_recipe(SearchRecipe, recipe, {**flags, "panel": file})
    ics = _strengths(strengths)
    if png is not None:
        _check_picture(png)
    bars = read_panel(file, {name: flags.get(name) for name in names_of(ReadingSettings)})
    found = power_of(
        bars, chosen, formulas, ics, progress=sys.stderr.isatty(),
        told=lambda each: tell(f"IC {each.ic:g}: share {figure(each.share)} in {each.seconds:.0f} s"),
    )  # fmt: skip
    if png is not None and found:
        lines = {
            "set": [each.share for each in found],
            "best formula": [each.share_of_best for each in found],
        }
        title = f"What a search of {chosen.budget:,} formulas finds on {bars.name}"
        write_power_png([each.ic for each in found], lines, title, png)
    if as_json:
        print_json({"panel": bars.name, "budget": chosen.budget, "power": [asdict(each) for each in found]})
    else:
        _show_power(found)
    if len(found) < len(set(ics)):
        raise typer.Exit(INTERRUPTED)


def _check_picture(png: str) -> None:
    """Raise an error before the searches if their picture could not be written after them."""
    if not png.endswith(".png"):
        raise RecipeError(f"--png {png}: the name of the picture must end in .png")
    if not Path(png).absolute().parent.is_dir():
        raise RecipeError(f"--png {png}: there is no folder {Path(png).parent}; create it first")
    import_extra("matplotlib", "png", "the picture of a power analysis")


def _strengths(text: str) -> list[float]:
    """Parse the argument of --ic."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise RecipeError(f"--ic {text}: write numbers joined by commas, such as 0.01,0.02") from None


def _show_power(found: "list[Power]") -> None:
    """Print the results as a table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    headings = ("IC of each", "share of the set", "of the best formula", "expected", "validation", "formulas")
    for heading in (*headings, "seconds"):
        table.add_column(heading, justify="right")
    for each in found:
        table.add_row(
            f"{each.ic:g}", figure(each.share), figure(each.share_of_best),
            f"{figure(each.expected)} ({figure(each.expected_low)} to {figure(each.expected_high)})",
            figure(each.validation), f"{each.evaluations:,}", f"{each.seconds:.1f}",
        )  # fmt: skip
    screen = console()
    screen.print(f"planted: {'; '.join(found[0].planted)}", markup=False)
    screen.print(table)
    screen.print(
        "share: mean daily correlation of the signal with the planted part of the returns, after training; "
        "1 is all of it"
    )


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
