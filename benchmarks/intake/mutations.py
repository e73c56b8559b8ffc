"""Read mutated price files: no panel may differ from its file without a note.

    python benchmarks/intake/mutations.py --out benchmarks/results/intake_mutations.md

Each file is a clean file in one of fifteen layouts after one change: truncated, re-encoded, with other
separators, decimal commas, shuffled columns, renamed headers, mixed units, duplicated levels, and so on. The
right panel of a file is computed from its cells, without Quarva's reader.
"""

import argparse
import random
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import polars as pl

import quarva as qv

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from intake.cell_changes import CELL_CHANGES
from intake.files import FRAMES, GRIDS, Changed, same
from intake.frames import FRAME_CHANGES, changed_frame
from intake.text_changes import TEXT_CHANGES
from measuring import tables

__all__ = ["REFUSED", "RIGHT", "SILENT", "TRACEBACK", "Outcome", "outcomes"]

GRID_CHANGES = TEXT_CHANGES + CELL_CHANGES
STEM = "prices"
RIGHT, NOTED, REFUSED, SILENT, TRACEBACK = "read right", "read with a note", "refused", "WRONG", "traceback"
HOW = """\
{count:,} files, each one of {layouts} clean layouts after one of {changes} changes. Read right: the panel
equals the cells of the file. Read with a note: the panel differs or may differ, and a note says so that the
clean file does not cause. Refused: an error of one line. WRONG: the panel differs without a note. WRONG and
tracebacks must be 0."""
VERDICTS = (RIGHT, NOTED, REFUSED, SILENT, TRACEBACK)


@dataclass(frozen=True)
class Outcome:
    """Result of reading one changed file.

    Attributes
    ----------
    base, change : str
        The layout and the change.
    verdict : str
        One of `VERDICTS`.
    said : str
        The refusal, the notes or the traceback.
    number : int
        Number of the file; `--only` repeats it.
    """

    base: str
    change: str
    verdict: str
    said: str
    number: int


def outcomes(count: int, seed: int, folder: Path, first: int = 0) -> Iterator[Outcome]:
    """Yield the results of `count` changed files; file n is the same whatever `count` is."""
    clean = {grid.name: _read(grid.text().encode(), ".csv", folder) for grid in GRIDS}
    for grid in GRIDS:
        truth = grid.panel(STEM)
        if truth is None or not same(clean[grid.name], truth):
            raise AssertionError(f"the clean file {grid.name!r} is read wrong: {clean[grid.name]!r}")
    for number in range(first, first + count):
        rng = random.Random(f"{seed}-{number}")
        ways = len(GRIDS) * len(GRID_CHANGES) + len(FRAMES) * len(FRAME_CHANGES)
        if rng.random() < len(GRIDS) * len(GRID_CHANGES) / ways:
            grid, change = rng.choice(GRIDS), rng.choice(GRID_CHANGES)
            changed = change(grid, rng)
            rights = tuple(panel for right in changed.right if (panel := right.panel(STEM)) is not None)
            known = clean[grid.name].notes
            yield Outcome(grid.name, _words(change), *_verdict(changed, rights, known, folder), number)
        else:
            frame, (act, readable) = rng.choice(FRAMES), rng.choice(FRAME_CHANGES)
            changed = changed_frame(frame, act, rng)
            rights = (frame.panel,) if readable else ()
            yield Outcome(frame.name, _words(act), *_verdict(changed, rights, (), folder), number)


def _words(change: object) -> str:
    return str(getattr(change, "__name__", change)).replace("_", " ")


def _read(content: "bytes | pd.DataFrame", suffix: str, folder: Path) -> qv.Panel:
    if isinstance(content, pd.DataFrame):
        return qv.Panel.read(content)
    path = folder / f"{STEM}{suffix}"
    path.write_bytes(content)
    return qv.Panel.read(path)


def _verdict(
    changed: Changed, rights: tuple[qv.Panel, ...], known: tuple[str, ...], folder: Path
) -> tuple[str, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            panel = _read(changed.content, changed.suffix, folder)
    except qv.QuarvaError as error:
        said = str(error)
        return (REFUSED, said) if "\n" not in said else (TRACEBACK, f"a refusal of several lines: {said}")
    except (Exception, pl.exceptions.PanicException):  # noqa: BLE001  any other exception is a fault
        return TRACEBACK, traceback.format_exc()
    if any(same(panel, right) for right in rights):
        return RIGHT, ""
    notes = [note for note in panel.notes if note not in known]
    return (NOTED if notes else SILENT), "; ".join(notes) or repr(panel)


def write_page(found: list[Outcome], out: Path | None) -> None:
    """Write the counts of all files and of each change."""
    totals = Counter(outcome.verdict for outcome in found)
    lines = []
    for change in sorted({outcome.change for outcome in found}):
        counts = Counter(outcome.verdict for outcome in found if outcome.change == change)
        lines.append([change, *(counts[verdict] or "" for verdict in VERDICTS)])
    how = HOW.format(
        count=len(found), layouts=len(GRIDS) + len(FRAMES), changes=len(GRID_CHANGES) + len(FRAME_CHANGES)
    )
    tables.write(
        out,
        "Mutated price files",
        [
            tables.table(VERDICTS, [[f"{totals[verdict]:,}" for verdict in VERDICTS]]),
            tables.prose(how),
            tables.table(["change", *VERDICTS], lines),
        ],
        command=tables.command_line(),
        software=f"{tables.quarva_version()}, {tables.versions('polars', 'pandas')}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="number of files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="number of one file to read and show")
    parser.add_argument("--show", default="", help="verdicts whose files are listed, separated by commas")
    parser.add_argument("--out", type=Path, help="page to write")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.only is not None:
            print(next(outcomes(1, asked.seed, Path(folder), asked.only)))
            path = Path(folder) / f"{STEM}.csv"
            if path.exists():
                print(path.read_bytes()[:600])
            return
        found = list(outcomes(asked.count, asked.seed, Path(folder)))
    listed = {*asked.show.split(","), SILENT, TRACEBACK}
    for outcome in found:
        if outcome.verdict in listed:
            print(f"{outcome.number}: {outcome.base}, {outcome.change}: {outcome.verdict}: {outcome.said}")
    write_page(found, asked.out)
    if any(outcome.verdict in (SILENT, TRACEBACK) for outcome in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
