"""quarva report: write the page of a search, a fit or a comparison from its folder."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from quarva.cli.options import AsJson, option
from quarva.cli.output import console, print_json
from quarva.errors import RecipeError

__all__ = ["report"]

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="Folder of a run, a fit or a comparison.", show_default=False)
]
Out = Annotated[str | None, option("--out", "FILE", "Where to write the page (RUN/report.html).")]
ReadTest = Annotated[
    bool,
    option(
        "--read-test",
        None,
        "Read the sealed test for the best formula or the network; the reading is counted.",
    ),
]


def report(run: Run, *, out: Out = None, read_test: ReadTest = False, as_json: AsJson = False) -> None:
    """Write the page of a run, a fit or a comparison again."""
    from quarva.comparison.folder import ComparisonFolder

    comparison = ComparisonFolder(run)
    if comparison.is_one():
        if read_test:
            raise RecipeError("--read-test does not apply to a comparison; name one of its runs")
        found = comparison.read()
        page, record = found.save(out or comparison.page), {"comparison": run}
    else:
        page, record = _page(run, out, read_test)
    if as_json:
        print_json({**record, "report": os.fspath(page)})
    else:
        console().print(f"page: {page}", soft_wrap=True)


def _page(run: str, out: str | None, read_test: bool) -> tuple[Path, dict[str, Any]]:
    """Write the page of a search or a fit; return its path and the record that `--json` prints."""
    from quarva.report import write
    from quarva.runs.report import from_run_folder, read_sealed_test
    from quarva.runs.run_folder import PAGE, RunFolder

    folder = RunFolder.open(run)
    if read_test:
        read_sealed_test(folder)
    page = write(from_run_folder(folder.path), out or folder.path / PAGE)
    return page, {"run": run, "best": folder.findings()["best"]}
