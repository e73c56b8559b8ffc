"""quarva report: the page of a run, made anew."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from quarva.cli.options import AsJson, option
from quarva.cli.output import console, print_json

if TYPE_CHECKING:
    from quarva.search.run_folder import RunFolder

__all__ = ["report"]

Run = Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)]
Out = Annotated[str | None, option("--out", "FILE", "Where to write the page (RUN/report.html).")]
ReadTest = Annotated[
    bool, option("--read-test", None, "Read the sealed test for the best formula; the run keeps count of it.")
]


def report(run: Run, out: Out = None, read_test: ReadTest = False, as_json: AsJson = False) -> None:
    """Make the page of a run anew."""
    from quarva.report import from_run_folder, write
    from quarva.search.run_folder import RunFolder

    folder = RunFolder.open(run)
    if read_test:
        _read_test(folder)
    page = write(from_run_folder(folder.path), out or folder.path / "report.html")
    if as_json:
        record = folder.findings()
        print_json({"run": run, "report": os.fspath(page), "best": record["best"]})
    else:
        console().print(f"page: {page}", soft_wrap=True)


def _read_test(folder: "RunFolder") -> None:
    """Score the best formula on the sealed test and note it in findings.json."""
    from quarva.engine import Formula
    from quarva.errors import RunError
    from quarva.search.from_recipe import data_of, task_of

    record, recipe = folder.findings(), folder.recipe()
    if record["best"] is None:
        raise RunError(f"{folder.path}: the run found no formula to read the test for")
    task = task_of(recipe, data_of(recipe))
    if recipe.fingerprint not in (None, task.panel.fingerprint()):
        raise RunError(f"{folder.path}: the data changed since the run; bring the old ones back")
    record["best"]["test"] = task.read_test(Formula.parse(record["best"]["formula"], panel=task.panel))
    record["pool"][0]["test"] = record["best"]["test"]
    record["test_readings"] = folder.test_readings() + task.test_readings
    folder.write_findings(record)
