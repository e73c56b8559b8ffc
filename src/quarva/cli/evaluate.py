"""quarva evaluate: metrics and signals of given formulas."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarva.cli import options
from quarva.cli.output import console, figure, print_json, tell
from quarva.cli.sources import make_recipe
from quarva.runs.settings import DataSettings, LimitSettings, ReadingSettings, TaskSettings
from quarva.sets.formula_list import Named, read_formulas

if TYPE_CHECKING:
    import numpy as np

    from quarva.panel import Panel, Table
    from quarva.runs.recipe import SearchRecipe
    from quarva.tasks.targets import Target

    Parts = dict[str, np.ndarray[Any, np.dtype[np.bool_]]]

__all__ = ["evaluate"]


_FILE = "File with one formula per line, optionally after `name = `; # begins a comment."
_OUT = "Write the signals to a .parquet or .csv file with the columns date, asset and one per formula."

Formulas = Annotated[
    list[str] | None,
    typer.Argument(metavar="FORMULA…", help="Such as 'rank(delta(close, 5))'.", show_default=False),
]
File = Annotated[str | None, options.option("--formulas", "FILE", _FILE)]
ReadTest = Annotated[bool, options.option("--read-test", None, "Read the sealed test of the split as well.")]
Out = Annotated[str | None, options.option("--out", "FILE", _OUT)]
_UNUSED = ("objective", "parsimony", "budget", "seconds", "memory_mb")  # settings of a search


@options.takes(DataSettings, ReadingSettings, TaskSettings, LimitSettings, without=_UNUSED)
def evaluate(
    formulas: Formulas = None,
    *,
    file: File = None,
    notation: options.Notation = "infix",
    read_test: ReadTest = False,
    out: Out = None,
    recipe: options.RecipeFile = None,
    as_json: options.AsJson = False,
    **flags: Any,
) -> None:
    """Score formulas and write their signals."""
    from quarva.panel import Panel
    from quarva.runs.from_recipe import data_of
    from quarva.runs.recipe import SearchRecipe
    from quarva.runs.signals import check_table_path, signals_table, write_table

    settings = make_recipe(SearchRecipe, recipe, flags)
    if out is not None:
        check_table_path(out)
    source = data_of(settings)
    known = source if isinstance(source, Panel) else source.panel
    named = read_formulas(formulas or [], file, notation, known)
    if isinstance(source, Panel):
        _check_history(named, source)
    record = _record(named, source, settings, read_test)
    for note in known.notes:
        tell(f"note: {note}")
    for warning in record["warnings"]:
        tell(f"warning: {warning}")
    if known.notes:
        record["notes"] = list(known.notes)
    if known.reading is not None:
        record["reading"] = known.reading.as_dict()
    if out is not None:
        names, expressions = [each.name for each in named], [each.expression for each in named]
        write_table(signals_table(names, expressions, source, settings.threads, settings.device), out)
        record["out"] = out
    if as_json:
        print_json(record)
        return
    _show(record)
    if out is not None:
        tell(f"signals: {out}")


def _check_history(named: Sequence[Named], panel: "Panel") -> None:
    """Raise FormulaError if a formula has no full window on any day; Qlib's windows need not be full."""
    from quarva.errors import FormulaError

    days = panel.shape[0]
    for each in named:
        back = each.expression.lookback()
        if panel.conventions == "quarva" and back >= days:
            raise FormulaError(
                f"{each.name} looks back {back} days, but the panel has only {days}; shorten its windows, or "
                "add days"
            )


def _record(
    named: Sequence[Named], source: "Panel | Table", settings: "SearchRecipe", read_test: bool
) -> dict[str, Any]:
    """Return the record that `--json` prints."""
    from quarva.karva.notation import render
    from quarva.panel import Table

    expressions = [each.expression for each in named]
    about: list[dict[str, Any]] = [
        {"name": each.name, "formula": render(each.expression), "size": len(each.expression)}
        for each in named
    ]
    if isinstance(source, Table):
        return _table_record(about, expressions, source, settings, read_test)
    return _panel_record(about, expressions, source, settings, read_test)


def _table_record(
    about: list[dict[str, Any]],
    expressions: list[Any],
    table: "Table",
    settings: "SearchRecipe",
    read_test: bool,
) -> dict[str, Any]:
    from quarva.errors import RecipeError
    from quarva.tasks.evaluation import evaluate_on_rows

    if settings.target is not None:
        raise RecipeError("--target: a table has its own target column; name it with --target-column")
    parts = _row_parts(table, settings, read_test)
    found = evaluate_on_rows(expressions, table, parts, settings.threads, settings.device)
    rows = {name: int(part.sum()) for name, part in parts.items()}
    return {
        "panel": table.panel.name, "target": settings.target_column, "rows": rows.pop("all"),
        "split": rows or None, "warnings": [], "formulas": _told(about, found),
    }  # fmt: skip


def _told(about: list[dict[str, Any]], found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Merge the description of each formula with its metrics, overall and by name of the part."""
    out = []
    for entry, figures in zip(about, found, strict=True):
        by_part = {name: part.as_dict() for name, part in figures.items()}
        out.append(entry | by_part.pop("all") | by_part)
    return out


def _panel_record(
    about: list[dict[str, Any]],
    expressions: list[Any],
    panel: "Panel",
    settings: "SearchRecipe",
    read_test: bool,
) -> dict[str, Any]:
    from quarva.panel import calendar_of
    from quarva.runs.from_recipe import DEFAULT_TARGET
    from quarva.tasks.evaluation import evaluate_formulas
    from quarva.tasks.targets import parse_target

    record: dict[str, Any] = {"panel": panel.name, "target": settings.target, "delay": settings.delay}
    if settings.target is None and "close" not in panel.fields:
        tell(f"no figures: no field 'close' to predict; name a --target of {', '.join(panel.fields)}")
        return record | {"warnings": [], "formulas": about}
    calendar = calendar_of(panel.dates)
    record["calendar"] = str(calendar)
    record["periods_per_year"] = settings.periods_per_year or calendar.periods_per_year
    record["delisting_return"] = settings.delisting_return
    target = parse_target(settings.target or DEFAULT_TARGET, panel, settings.delay)
    record["target"] = target.name
    parts = _parts(panel, settings, target.horizon + settings.delay, read_test)
    values = target.values(panel)
    residual, exposures = _residual(panel, settings, target, values)
    record["exposures"] = exposures
    found = evaluate_formulas(
        expressions, panel, values, parts,
        delay=settings.delay, cost_bps=settings.cost_bps, trades=target.is_return,
        periods_per_year=settings.periods_per_year, delisting_return=settings.delisting_return,
        residual=residual, threads=settings.threads, device=settings.device,
    )  # fmt: skip
    spans = {
        name: [str(panel.dates[days][0])[:10], str(panel.dates[days][-1])[:10]]
        for name, days in parts.items()
    }
    warnings = _warnings(expressions, panel, target, values, parts["all"], settings.delay)
    return record | {
        "days": spans.pop("all"), "split": spans or None, "warnings": warnings,
        "formulas": _told(about, found),
    }  # fmt: skip


def _residual(
    panel: "Panel", settings: "SearchRecipe", target: "Target", values: Any
) -> tuple[Any, list[str]]:
    """The target without the exposures of the risk model, or None, and the names of the exposures."""
    import numpy as np

    from quarva.tasks.question import RISK_UNUSED, residuals
    from quarva.tasks.risk import RiskModel

    if settings.risk is None and len(panel.assets) < 3:
        return None, []
    model = RiskModel.of("default" if settings.risk is None else settings.risk, panel)
    if model is None:
        return None, []
    inside = values if panel.universe is None else np.where(panel.universe, values, np.float32(np.nan))
    found, exposures, notes = residuals(model, panel, [target], inside[None], settings.delay)
    if settings.risk is not None and not exposures:
        notes = [RISK_UNUSED]
    for note in notes:
        tell(f"note: {note}")
    return (found[0] if exposures else None), list(exposures)


def _warnings(
    expressions: list[Any], panel: "Panel", target: "Target", values: Any, days: Any, delay: int
) -> list[str]:
    """Warnings about fields of these formulas that are copies of the target."""
    import numpy as np

    from quarva.panel.names import is_price
    from quarva.tasks.leaks import find_leaks, leak_warnings

    read = sorted({name for each in expressions for name in each.fields()})
    if is_price(target.name):  # all prices of a day are close to it
        read = [name for name in read if name == target.name]
    looked_at = days[:, None] if panel.universe is None else days[:, None] & panel.universe
    leaks = find_leaks(
        read, [panel.field(name) for name in read], np.where(looked_at, values, np.nan),
        horizon=target.horizon, delay=delay,
    )  # fmt: skip
    return list(leak_warnings(leaks, target.name, panel.fields))


def _parts(panel: "Panel", settings: "SearchRecipe", ahead: int, read_test: bool) -> "Parts":
    """Days of each part, bool of shape (T,); `all` is their union, or every day without a split."""
    import numpy as np

    from quarva.tasks.split import split_days

    if settings.split is None:
        _check_unread(read_test)
        return {"all": np.ones(len(panel.dates), np.bool_)}
    segments = split_days(panel.dates, settings.split, ahead=ahead, embargo=settings.embargo).segments
    return _by_part(segments, read_test)


def _row_parts(table: "Table", settings: "SearchRecipe", read_test: bool) -> "Parts":
    """Rows of each part, bool of shape (rows,); `all` is their union, or every row without a split."""
    import numpy as np

    from quarva.tasks.question import rows_by_part

    if settings.split is None:
        _check_unread(read_test)
        return {"all": np.ones(table.rows, np.bool_)}
    return _by_part(rows_by_part(table, settings.split).reshape(-1)[: table.rows], read_test)


def _by_part(segments: Any, read_test: bool) -> "Parts":
    import numpy as np

    from quarva.tasks.split import PARTS, TEST

    shown = [part for part in range(len(PARTS)) if read_test or part != TEST]
    return {"all": np.isin(segments, shown)} | {PARTS[part]: segments == part for part in shown}


def _check_unread(read_test: bool) -> None:
    from quarva.errors import RecipeError

    if read_test:
        raise RecipeError("--read-test: without a split there is no sealed test; add --split DAY,DAY")


def _show(record: dict[str, Any]) -> None:
    """Print the metrics as a table."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    parts = [part for part in ("train", "validation", "test") if part in record["formulas"][0]]
    if "rows" in record:
        keys = ["r2", "nrmse", "rows", "coverage", "size"]
    elif record["target"] is None:
        keys = ["size"]
    else:
        traded = any(entry["turnover"] == entry["turnover"] for entry in record["formulas"])
        keys = ["ic", "rank_ic", *(["residual_ic", "residual_rank_ic"] if record.get("exposures") else [])]
        keys += ["icir", *(["sharpe", "turnover"] if traded else []), "coverage"]
        keys += ["days", "size"]
        # Most panels have neither; a column of zeros is omitted.
        keys += [key for key in ("gaps_bridged", "delistings") if any(e[key] for e in record["formulas"])]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("name")
    table.add_column("formula", overflow="fold")
    main = "r2" if "rows" in record else "ic"
    for heading in [*(f"{main} {part}" for part in parts), *(key.replace("_", " ") for key in keys)]:
        table.add_column(heading, justify="right")
    for entry in record["formulas"]:
        values = [figure(entry[part][main]) for part in parts]
        values += [str(entry[key]) if isinstance(entry[key], int) else figure(entry[key]) for key in keys]
        table.add_row(entry["name"], escape(entry["formula"]), *values)
    console().print(table)
    if record.get("exposures"):
        console().print(f"risk model: {', '.join(record['exposures'])}")
    if "periods_per_year" in record:
        console().print(_terms(record), markup=False, highlight=False)


def _terms(record: dict[str, Any]) -> str:
    """State in one line how results were annualised and how positions without a price were treated."""
    periods = f"{record['periods_per_year']:,.8g} bars per year"
    text = f"annualised with {periods} (by its dates: {record['calendar']})"
    entries = record["formulas"]
    bridged, delisted = (max(entry[key] for entry in entries) for key in ("gaps_bridged", "delistings"))
    if bridged:
        text += "; gaps bridged: positions held through missing prices"
    if delisted:
        text += f"; delistings earned {100 * record['delisting_return']:+g} %"
    return text
