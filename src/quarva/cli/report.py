"""quarva report: the page of a run or a fit, made anew."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from quarva.cli.options import AsJson, option
from quarva.cli.output import console, print_json

if TYPE_CHECKING:
    from quarva.runs.run_folder import RunFolder

__all__ = ["report"]

Run = Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run or a fit.", show_default=False)]
Out = Annotated[str | None, option("--out", "FILE", "Where to write the page (RUN/report.html).")]
ReadTest = Annotated[
    bool,
    option("--read-test", None, "Read the sealed test for the best formula or the network; it is counted."),
]


def report(run: Run, out: Out = None, read_test: ReadTest = False, as_json: AsJson = False) -> None:
    """Make the page of a run or a fit anew."""
    from quarva.report import write
    from quarva.runs.report import from_run_folder
    from quarva.runs.run_folder import RunFolder

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
    """Score the best formula, or the network, on the sealed test and note it in findings.json."""
    from quarva.cli.sources import task_again
    from quarva.errors import RunError
    from quarva.runs.report import NETWORK

    record = folder.findings()
    if record["best"] is None:
        raise RunError(f"{folder.path}: the run found no formula to read the test for")
    task = task_again(folder.recipe(), os.fspath(folder.path), "the run")
    if (folder.path / NETWORK).exists():
        from quarva.networks import Fitted
        from quarva.tasks import lend

        fitted = Fitted.load(folder.path)
        lent, (reader,) = lend(task, fitted.values(task.panel)[None], fitted.inputs.lookback)
        record["best"]["test"] = lent.read_test(reader)
    else:
        from quarva.engine import Formula

        record["best"]["test"] = task.read_test(Formula.parse(record["best"]["formula"], panel=task.panel))
        record["pool"][0]["test"] = record["best"]["test"]
    record["test_readings"] = folder.test_readings() + task.test_readings
    folder.write_findings(record)
