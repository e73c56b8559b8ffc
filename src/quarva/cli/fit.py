"""quarva fit: a small network on a panel or a table; a folder with weights and figures."""

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarva.cli import options
from quarva.cli.naming import free_name
from quarva.cli.output import INTERRUPTED, console, print_json, tell
from quarva.errors import RecipeError, RunError

if TYPE_CHECKING:
    from quarva.networks import Epoch, Fitted, Learner
    from quarva.runs.run_folder import RunFolder
    from quarva.tasks import Task

__all__ = ["fit"]

_CHECKPOINT = "training.safetensors"
_ENDED = {
    "patience": "until patience ended", "epochs": "all that were asked for",
    "diverged": "until a loss was no number", "interrupted": "until Ctrl-C",
}  # fmt: skip


def _flag(name: str, metavar: str | None, text: str) -> Any:
    return options.option(name, metavar, text, "Network")


_FEATURE = "A formula that the network is shown; once for each (of bars five, of a table its columns)."
_LOSS = "mse, huber, cross_entropy, ic or rank_ic (mse; of classes cross_entropy)."
_HOLDOUT = "Last share of the training days that stops training (0.2); 0 takes the validation."
_BATCH = "Windows of a step (1024; of a table a sixteenth of its rows)."
_SETTING = "A setting of the network, width=64; once for each."
_THREADS = "Threads of torch; more help large networks, and hold up small ones (1)."
_RESUME = "Go on with the fit in this folder; of the other flags --epochs and --threads alone may be given."
Network = Annotated[
    str | None, _flag("--network", "NAME", "dense, conv1d, tcn, gru, lstm or transformer (dense).")
]
FeatureFlag = Annotated[list[str] | None, _flag("--feature", "FORMULA", _FEATURE)]
SettingFlag = Annotated[list[str] | None, _flag("--setting", "NAME=VALUE", _SETTING)]
Length = Annotated[int | None, _flag("--length", "DAYS", "Days of a window (20; a row of a table is one).")]
Missing = Annotated[str | None, _flag("--missing", "RULE", "Windows with gaps: drop, or mean fills (drop).")]
Loss = Annotated[str | None, _flag("--loss", "NAME", _LOSS)]
Members = Annotated[int | None, _flag("--members", "N", "Networks that differ in their seed (1).")]
Epochs = Annotated[int | None, _flag("--epochs", "N", "Times that all windows are seen, at most (30).")]
Batch = Annotated[int | None, _flag("--batch", "N", _BATCH)]
Rate = Annotated[float | None, _flag("--rate", "X", "Learning rate of AdamW (0.001).")]
Patience = Annotated[int | None, _flag("--patience", "N", "Epochs without gain that end training (5).")]
Holdout = Annotated[float | None, _flag("--holdout", "SHARE", _HOLDOUT)]
Threads = Annotated[int | None, options.option("--threads", "N", _THREADS)]
Device = Annotated[str | None, options.option("--device", "NAME", "cpu, cuda, mps or auto (cpu).")]
Out = Annotated[str | None, options.option("--out", "FOLDER", "Folder for the fit (runs/<date-time>-fit).")]
Resume = Annotated[str | None, options.option("--resume", "FOLDER", _RESUME)]


def fit(
    panel: options.PanelFile = None,
    field: options.Field = None,
    fields: options.Fields = None,
    allow_jumps: options.AllowJumps = None,
    asset_column: options.AssetColumn = None,
    date_column: options.DateColumn = None,
    rename: options.Rename = None,
    time_zone: options.TimeZone = None,
    table: options.TableFile = None,
    target_column: options.TargetColumn = None,
    target: options.Target = None,
    delay: options.Delay = None,
    objective: options.Objective = None,
    split: options.Split = None,
    embargo: options.Embargo = None,
    cost_bps: options.CostBps = None,
    periods_per_year: options.PeriodsPerYear = None,
    delisting_return: options.DelistingReturn = None,
    network: Network = None,
    setting: SettingFlag = None,
    feature: FeatureFlag = None,
    length: Length = None,
    missing: Missing = None,
    loss: Loss = None,
    members: Members = None,
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    patience: Patience = None,
    holdout: Holdout = None,
    seed: options.Seed = None,
    threads: Threads = None,
    device: Device = None,
    out: Out = None,
    resume: Resume = None,
    as_json: options.AsJson = False,
) -> None:
    """Fit a small network. Without flags: two dense layers on the sample panel, the return of five days."""
    question = {
        "panel": panel, "field": field, "fields": fields, "allow_jumps": allow_jumps,
        "asset_column": asset_column, "date_column": date_column, "rename": rename, "time_zone": time_zone,
        "table": table,
        "target_column": target_column, "target": target, "delay": delay, "objective": objective,
        "split": split, "embargo": embargo, "cost_bps": cost_bps, "seed": seed,
        "periods_per_year": periods_per_year, "delisting_return": delisting_return,
    }  # fmt: skip
    made = {
        "network": network, "settings": _settings(setting), "features": feature or None, "length": length,
        "missing": missing, "loss": loss, "members": members, "epochs": epochs, "batch": batch, "rate": rate,
        "patience": patience, "holdout": holdout, "seed": seed, "threads": threads, "device": device,
    }  # fmt: skip
    if resume is not None:
        kept = {"epochs", "threads"}
        flags = {**question, **{name: flag for name, flag in made.items() if name not in kept}, "out": out}
        refused = [name for name, flag in flags.items() if flag is not None]
        if refused:
            flag = "--" + refused[0].removesuffix("s").replace("_", "-")
            raise RecipeError(f"{flag}: a resumed fit keeps what it began with; leave it out, or fit anew")
        folder, task, fitted = _go_on(resume, {name: made[name] for name in kept})
    else:
        folder, task, fitted = _begin(
            question, {name: flag for name, flag in made.items() if flag is not None}, out
        )
    record = _keep(fitted, folder)
    if as_json:
        print_json(record)
    else:
        told = replace(fitted, notes=fitted.notes[len(task.notes) :])  # those of the task before training
        console().print(f"{told}\n{record['epochs']} epochs, {_ENDED[fitted.ended]}", markup=False)
        console().print(f"fit: {folder.path}", soft_wrap=True)
        console().print(f"page: {folder.path / 'report.html'}", soft_wrap=True)
    if fitted.ended == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _settings(given: list[str] | None) -> dict[str, Any] | None:
    """`width=64` as {"width": 64}."""
    if not given:
        return None
    out: dict[str, Any] = {}
    for each in given:
        name, _, value = each.partition("=")
        try:
            out[name.strip()] = int(value)
        except ValueError:
            raise RecipeError(f"--setting {each}: give a name and a whole number, width=64") from None
    return out


def _begin(
    question: dict[str, Any], made: dict[str, Any], out: str | None
) -> "tuple[RunFolder, Task, Fitted]":
    """A new fit."""
    from quarva.cli.sources import completed, make_recipe
    from quarva.networks import Learner
    from quarva.runs.from_recipe import data_of, task_of
    from quarva.runs.run_folder import LEARNER, RunFolder

    recipe = make_recipe(None, **question)
    learner = Learner(**made)
    task = task_of(recipe, data_of(recipe))
    folder = RunFolder.create(out or free_name("fit"), completed(recipe, task))
    try:
        folder.write(LEARNER, json.dumps(made, indent=1).encode())
        return folder, task, _fit(task, learner, folder, resume=False)
    except BaseException:
        if not (folder.path / _CHECKPOINT).exists():
            (folder.path / LEARNER).unlink(missing_ok=True)
            folder.discard()
        raise


def _go_on(path: str, changed: dict[str, Any]) -> "tuple[RunFolder, Task, Fitted]":
    """A fit that was stopped, or gets more epochs."""
    from quarva.cli.sources import task_again
    from quarva.networks import Learner
    from quarva.runs.run_folder import LEARNER, RunFolder

    folder = RunFolder.open(path)
    changed = {name: value for name, value in changed.items() if value is not None}
    try:
        made = json.loads((folder.path / LEARNER).read_text(encoding="utf-8")) | changed
        learner = Learner(**made)
    except (OSError, ValueError, TypeError, RecipeError) as error:
        raise RunError(f"{path} is no folder of a fit: {LEARNER} can not be read ({error})") from None
    task = task_again(folder.recipe(), path, "the fit")
    fitted = _fit(task, learner, folder, resume=(folder.path / _CHECKPOINT).exists())
    folder.write(LEARNER, json.dumps(made, indent=1).encode())
    return folder, task, fitted


def _fit(task: "Task", learner: "Learner", folder: "RunFolder", *, resume: bool) -> "Fitted":
    for note in task.notes:
        tell(f"note: {note}")
    return learner.fit(
        task, progress=True if sys.stderr.isatty() else _tell_epoch, checkpoint=folder.path / _CHECKPOINT,
        resume=resume,
    )  # fmt: skip


def _tell_epoch(now: "Epoch") -> None:
    if now.number % 10 == 0 or now.number == 1:
        tell(
            f"epoch {now.number} of {now.of}: loss {float(now.train.nanmean()):.5g}, "
            f"held out {float(now.stopping.nanmean()):.5g}"
        )


def _keep(fitted: "Fitted", folder: "RunFolder") -> dict[str, Any]:
    """Write weights, history, figures and page; what `--json` prints."""
    import polars as pl

    from quarva import report
    from quarva.runs.report import from_run_folder

    fitted.save(folder.path)
    if fitted.history is not None:
        folder.write_table("history.parquet", pl.from_pandas(fitted.history))
    record = {
        "fit": str(folder.path), "network": fitted.network, "members": len(fitted.stack),
        "parameters": fitted.parameters, "task": dict(fitted.asked), "train": fitted.train,
        "validation": fitted.validation, "figure": fitted.framing.figure, "value": fitted.figure,
        "baselines": dict(fitted.baselines), "not_better_than": list(fitted.beaten_by),
        "calibration": fitted.calibration, "uncertainty": fitted.uncertainty,
        "epochs": 0 if fitted.history is None else len(fitted.history),
        "ended": fitted.ended, "notes": list(fitted.notes),
    }  # fmt: skip
    folder.write_findings(_findings(fitted, folder) | record)
    page = from_run_folder(folder.path)
    report.write(page, folder.path / "report.html")
    return record | {"coverage": page.pool[0].coverage}


def _findings(fitted: "Fitted", folder: "RunFolder") -> dict[str, Any]:
    """What its page and `quarva report` need to know besides."""
    from quarva.__version__ import __version__
    from quarva.runs.run_folder import FINDINGS_VERSION, LEARNER

    learner = json.loads((folder.path / LEARNER).read_text(encoding="utf-8"))
    return {
        "version": FINDINGS_VERSION, "quarva": __version__,
        "panel": {"fingerprint": folder.recipe().fingerprint}, "kept_out": learner.get("holdout") != 0,
        # What was once read stays read, however often the fit is resumed.
        "test_readings": folder.test_readings(),
        "best": {"network": fitted.title, "train": fitted.train, "validation": fitted.validation},
    }  # fmt: skip
