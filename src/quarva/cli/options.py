"""Flags that several commands take, under one name and with one meaning.

A flag that is not given is None, so that a recipe's setting stands, or the default, which the help says.
"""

from typing import Annotated, Any

import typer

_DATA, _QUESTION, _SEARCH = "Data", "Question", "Search"


def option(name: str, metavar: str | None, text: str, panel: str | None = None) -> Any:
    """A flag with its help text, in one of the help's panels."""
    return typer.Option(name, metavar=metavar, help=text, rich_help_panel=panel, show_default=False)


_PANEL = (
    "Daily bars, CSV or Parquet: long (date, asset, fields …) or wide (dates × assets). "
    "Without it: closes of 20 S&P 500 stocks, 1990 to 2022."
)
_OBJECTIVE = (
    "ic, rank_ic, icir, rank_icir, ts_corr, sharpe or timing_sharpe; of a table r2 or nrmse "
    "(ic, with fewer than 3 assets ts_corr; r2)."
)
_TARGET = (
    "forward_return_DAYS, forward_volatility_DAYS, forward_range_DAYS, volume_surprise_DAYS, direction_DAYS, "
    "quintile_DAYS, triple_barrier_DAYS, or a field (forward_return_5)."
)
_SPLIT = "First day of validation and of the sealed test: 2017-01-01,2018-01-01 (60/20/20 % of the days)."
_DEVICE = "What evaluates formulas: cpu, cuda (a GPU), or auto, whichever is faster here (cpu)."

PanelFile = Annotated[str | None, option("--panel", "FILE", _PANEL, _DATA)]
Field = Annotated[str | None, option("--field", "NAME", "Name of the field in a wide file (close).", _DATA)]
Fields = Annotated[
    str | None, option("--fields", "NAME,…", "Fields to read (all); of a table, columns.", _DATA)
]
AllowJumps = Annotated[
    bool | None, option("--allow-jumps", None, "Accept prices that jump by more than 300 %.", _DATA)
]
AssetColumn = Annotated[
    str | None, option("--asset-column", "NAME", "Column of assets, where its header does not say so.", _DATA)
]
DateColumn = Annotated[
    str | None, option("--date-column", "NAME", "Column of dates, where its header does not say so.", _DATA)
]
Rename = Annotated[
    str | None, option("--rename", "OLD=NEW,…", "Other names for columns, before anything else.", _DATA)
]
_ZONE = "Zone of the market (America/New_York): dates without a zone are its local times."
TimeZone = Annotated[str | None, option("--time-zone", "ZONE", _ZONE, _DATA)]
_CONVENTIONS = (
    "How windows are read before they are full and around NaN: quarva, or qlib as Qlib does (quarva)."
)
Conventions = Annotated[str | None, option("--conventions", "NAME", _CONVENTIONS, _DATA)]
TableFile = Annotated[
    str | None, option("--table", "FILE", "A plain table instead: symbolic regression.", _DATA)
]
TargetColumn = Annotated[
    str | None, option("--target-column", "NAME", "Column of the table to explain (y).", _DATA)
]
Target = Annotated[str | None, option("--target", "NAME", _TARGET, _QUESTION)]
Delay = Annotated[
    int | None, option("--delay", "DAYS", "Days between a signal and its trade (1).", _QUESTION)
]
Objective = Annotated[str | None, option("--objective", "NAME", _OBJECTIVE, _QUESTION)]
Split = Annotated[str | None, option("--split", "DAY,DAY", _SPLIT, _QUESTION)]
Embargo = Annotated[
    int | None,
    option("--embargo", "DAYS", "Days left out after each split, besides purging (0).", _QUESTION),
]
CostBps = Annotated[
    float | None,
    option("--cost-bps", "BPS", "Cost in basis points of what is traded (5).", _QUESTION),
]
_PERIODS = "Bars a year, to annualise with (from the dates: 252 daily, 365 around the clock, 52 weekly, …)."
PeriodsPerYear = Annotated[float | None, option("--periods-per-year", "N", _PERIODS, _QUESTION)]
_DELISTING = "Return of a held asset on the day after its last price, -0.3 for -30 % (0)."
DelistingReturn = Annotated[float | None, option("--delisting-return", "R", _DELISTING, _QUESTION)]
Seed = Annotated[int | None, option("--seed", "N", "The same seed gives the same findings (0).")]
Threads = Annotated[int | None, option("--threads", "N", "Threads to use (one a core).")]
Device = Annotated[str | None, option("--device", "NAME", _DEVICE)]
RecipeFile = Annotated[str | None, option("--recipe", "FILE", "TOML file of settings; flags win over it.")]
AsJson = Annotated[
    bool, option("--json", None, "One JSON object on standard output, progress on standard error.")
]
