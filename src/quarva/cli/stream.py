"""quarva stream init | next | show: run formulas day by day, with their state in a file."""

import enum
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarva.cli import options
from quarva.cli.help import Command, plain_app
from quarva.cli.options import option
from quarva.cli.output import console, print_json, tell
from quarva.runs.settings import DataSettings, LimitSettings, ReadingSettings

if TYPE_CHECKING:
    import polars as pl

    from quarva.live import Days, FeedResult, FeedRules, Stream

__all__ = ["stream"]

stream = plain_app()


_COLUMNS = ("asset_column", "date_column", "rename", "time_zone")


class Late(enum.StrEnum):
    """How to treat a day that is already in the state."""

    REFUSE = "refuse"
    REPLAY = "replay"


_BARS = (
    "New days, CSV or Parquet in the layout of --panel; with -, CSV lines are read from standard input and "
    "the signals of each day are written at once."
)
_LATE = (
    "Treatment of a day that is already in the state: refuse it, or replay it, which replaces the bars of "
    "its assets and recomputes the later days (refuse)."
)
_MISSING = "Accept that an asset has no bar although it had one the day before."
_EXTRA = "Ignore assets that are not in the state."
_OUT = "Write the signals to a .parquet or .csv file with the columns date, asset and one per formula."
_NEW_STATE = "File for the new state, usually .npz."

State = Annotated[str, option("--state", "FILE", "State file, created by `quarva stream init`.")]
NewState = Annotated[str, option("--state", "FILE", _NEW_STATE)]
Bars = Annotated[str, option("--bars", "FILE", _BARS)]
OnLate = Annotated[Late, option("--late", "CHOICE", _LATE)]
MissingOk = Annotated[bool, option("--missing-ok", None, _MISSING)]
ExtraOk = Annotated[bool, option("--extra-ok", None, _EXTRA)]
Jumps = Annotated[bool, option("--allow-jumps", None, "Accept prices that jump by more than 300 %.")]
Out = Annotated[str | None, option("--out", "FILE", _OUT)]
Formulas = Annotated[
    list[str] | None,
    typer.Argument(metavar="FORMULA…", help="Such as 'rank(delta(close, 5))'.", show_default=False),
]
File = Annotated[
    str | None,
    option(
        "--formulas",
        "FILE",
        "File with one formula per line, optionally after `name = `; # begins a comment.",
    ),
]
Force = Annotated[bool, option("--force", None, "Replace an existing state.")]


@stream.command(cls=Command)
@options.takes(DataSettings, ReadingSettings, without=("table", "target_column"))
def init(
    formulas: Formulas = None,
    *,
    state: NewState,
    file: File = None,
    notation: options.Notation = "infix",
    force: Force = False,
    as_json: options.AsJson = False,
    **flags: Any,
) -> None:
    """Create a state from formulas and the history up to today."""
    from quarva.cli.sources import read_panel
    from quarva.errors import RunError
    from quarva.live import Stream
    from quarva.sets.formula_list import read_formulas

    if Path(state).exists() and not force:
        raise RunError(f"{state} exists already; name another file, or replace it with --force")
    history = read_panel(flags["panel"], {**flags, "allow_jumps": bool(flags["allow_jumps"])})
    for note in history.notes:
        tell(f"note: {note}")
    history = history.with_conventions(flags["conventions"] or "quarva")
    named = read_formulas(formulas or [], file, notation, history)
    begun = Stream({each.name: each.expression for each in named}, history)
    begun.save(state)
    _show(_about(begun, state), as_json)


@stream.command(name="next", cls=Command)
@options.takes(ReadingSettings, LimitSettings, only=(*_COLUMNS, "threads"))
def next_days(
    *,
    state: State,
    bars: Bars,
    late: OnLate = Late.REFUSE,
    missing_ok: MissingOk = False,
    extra_ok: ExtraOk = False,
    allow_jumps: Jumps = False,
    out: Out = None,
    as_json: options.AsJson = False,
    **flags: Any,
) -> None:
    """Process the days of a file, or lines of standard input, and write their signals."""
    from quarva.cli.sources import reading_of, threads_of
    from quarva.errors import RunError
    from quarva.live import FeedRules, Stream, feed, read_days
    from quarva.runs.signals import check_table_path, write_table

    if out is not None and bars == "-":
        raise RunError("--out: with --bars - signals go to standard output; redirect it to a file instead")
    if out is not None:
        check_table_path(out)
    running = Stream.load(state, threads_of(flags))
    rules = FeedRules(late.value, missing_ok, allow_jumps)
    given = reading_of({name: flags[name] for name in _COLUMNS})
    columns: dict[str, Any] = dict.fromkeys(_COLUMNS) | given
    if bars == "-":
        _follow(running, state, rules, extra_ok, columns, as_json)
        return
    days = read_days(bars, running, extra_ok=extra_ok, **columns)
    answer = feed(running, days, rules, _progress(running))
    record = _record(running, days, answer)
    # Signals before the state: if they cannot be written, the same command may be given again.
    if out is not None:
        write_table(_table(running, answer), out)
        record["out"] = out
    elif as_json:
        record["days"] = [_signals(running, answer, d) for d in range(len(answer.dates))]
    else:
        _print_table(_table(running, answer), header=True)
    running.save(state)
    if as_json:
        print_json({"state": state, **record})
    elif out is not None:
        tell(f"signals: {out}")


@stream.command(cls=Command)
@options.takes(LimitSettings, only=("threads",))
def show(*, state: State, out: Out = None, as_json: options.AsJson = False, **flags: Any) -> None:
    """Show the contents of a state; with --out, write the signals of its last day again."""
    from quarva.cli.sources import threads_of
    from quarva.live import FeedResult, Stream
    from quarva.runs.signals import check_table_path, write_table

    if out is not None:
        check_table_path(out)
    running = Stream.load(state, threads_of(flags))
    record = _about(running, state)
    if out is not None:
        said = running.signals(_progress(running))[None]
        write_table(_table(running, FeedResult(running.dates[-1:], said)), out)
        record["out"] = out
    _show(record, as_json)


def _follow(
    running: "Stream", state: str, rules: "FeedRules", extra_ok: bool, columns: dict[str, Any], as_json: bool
) -> None:
    """Process each day of standard input as soon as it is complete, and write the state after each."""
    from quarva.live import days_in_lines, feed, read_days

    header, progress = True, _progress(running)
    running.catch_up(progress)
    named = {name: columns[name] for name in ("asset_column", "date_column", "rename")}
    for source in days_in_lines(sys.stdin, "standard input", **named):
        days = read_days(source, running, extra_ok=extra_ok, **columns)
        answer = feed(running, days, rules, progress)
        record = _record(running, days, answer)
        if as_json:
            print_json(_signals(running, answer, 0) | record)
        else:
            _print_table(_table(running, answer), header)
            header = False
        sys.stdout.flush()
        running.save(state)


def _progress(running: "Stream") -> Callable[[int, int], None]:
    """Report on standard error, every two seconds, how many of the kept days have been processed."""
    if not running.is_compiled():
        tell("compiling the kernels; the first time this takes some minutes")
    reported = time.monotonic()

    def progress(done: int, days: int) -> None:
        nonlocal reported
        if time.monotonic() - reported > 2:
            reported = time.monotonic()
            tell(f"processing the kept days: {done} of {days}")

    return progress


def _about(running: "Stream", state: str) -> dict[str, Any]:
    """Return the record that `init --json` and `show --json` print."""
    dates = _texts(running.dates)
    return {
        "state": state,
        "bytes": Path(state).stat().st_size,
        "formulas": [
            {"name": name, "formula": formula.text}
            for name, formula in zip(running.names, running.formulas, strict=True)
        ],
        "fields": list(running.fields),
        "groups": list(running.groups),
        "universe": running.has_universe,
        "conventions": running.conventions,
        "assets": len(running.assets),
        "days": running.days,
        "kept": len(dates),
        "first_kept": dates[0] if dates else None,
        "last": dates[-1] if dates else None,
    }


def _show(record: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(record)
        return
    from rich.markup import escape
    from rich.table import Table

    named = record["formulas"]
    shown = [f"{each['name']} = {each['formula']}" for each in named[:12]]
    if len(named) > 12:
        shown.append(f"… and {len(named) - 12} more")
    size = f"{record['bytes'] / 1024:,.0f} KiB"
    rows = {
        "state": f"{record['state']}, {size}",
        "formulas": f"{len(named):,}\n" + "\n".join(shown),
        "reads": ", ".join(
            record["fields"] + record["groups"] + (["universe"] if record["universe"] else [])
        ),
        "assets": f"{record['assets']:,}",
        "days": f"{record['days']:,}, the last {record['last']}",
        "kept": f"{record['kept']:,} days, from {record['first_kept']} on",
        "conventions": record["conventions"],
    }
    table = Table.grid(padding=(0, 2))
    for label, text in rows.items():
        table.add_row(f"[bold]{label}", escape(text))
    console().print(table, soft_wrap=False)
    if "out" in record:
        tell(f"signals: {record['out']}")


def _record(running: "Stream", days: "Days", answer: "FeedResult") -> dict[str, Any]:
    """Return the record that `next --json` prints besides the signals; print remarks on standard error."""
    corrected, too_old = _texts(answer.corrected), _texts(answer.too_old)
    missing = {_texts([date])[0]: list(names) for date, names in answer.missing.items()}
    for date in too_old:
        tell(f"{date} is ignored: no later signal depends on a day before {_texts(running.dates[:1])[0]}")
    if corrected:
        tell(f"corrected: {', '.join(corrected)}; later days were recomputed")
    for date, names in missing.items():
        tell(f"{date}: no bar of {', '.join(names[:8])}{', …' if len(names) > 8 else ''}")
    if days.unknown:
        shown = ", ".join(days.unknown[:8])
        tell(f"ignored: {shown}{', …' if len(days.unknown) > 8 else ''}, which the state does not contain")
    return {
        "last": _texts(running.dates[-1:])[0],
        "corrected": corrected,
        "too_old": too_old,
        "missing": missing,
        "unknown": list(days.unknown),
    }


def _texts(dates: Any) -> list[str]:
    from quarva.panel.dates import text_of

    return [text_of(date) for date in dates]


def _signals(running: "Stream", answer: "FeedResult", d: int) -> dict[str, Any]:
    """Signals of a day by name of the formula, then by asset."""
    signals = {
        name: dict(zip(running.assets, row.tolist(), strict=True))
        for name, row in zip(running.names, answer.signals[d], strict=True)
    }
    return {"date": _texts(answer.dates[d : d + 1])[0], "signals": signals}


def _table(running: "Stream", answer: "FeedResult") -> "pl.DataFrame":
    """Signals as a long table: columns date, asset and one per formula, as in `quarva evaluate --out`."""
    import numpy as np
    import polars as pl

    days, assets = len(answer.dates), len(running.assets)
    # Instants also for days: pandas would read Parquet's days as plain Python objects.
    unit = "us" if np.datetime_data(answer.dates.dtype)[0] == "D" else "ns"
    dates: np.ndarray = np.repeat(answer.dates.astype(f"datetime64[{unit}]"), assets)
    columns = {
        "date": pl.Series(dates),
        "asset": pl.Series(np.tile(np.array(running.assets, dtype=object), days), dtype=pl.String),
    }
    for name, signal in zip(running.names, answer.signals.swapaxes(0, 1), strict=True):
        columns[name] = pl.Series(np.ascontiguousarray(signal).reshape(-1), nan_to_null=True)
    return pl.DataFrame(columns)


def _print_table(table: "pl.DataFrame", header: bool) -> None:
    from datetime import time as time_of_day

    days = bool((table["date"].dt.time() == time_of_day(0)).all())
    form = "%Y-%m-%d" if days else "%Y-%m-%dT%H:%M:%S"
    sys.stdout.write(table.write_csv(include_header=header, datetime_format=form))
