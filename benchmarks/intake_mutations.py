"""Mutated files of prices: none may give a panel that differs from the original without a word.

    python benchmarks/intake_mutations.py --out benchmarks/results/intake_mutations.md

Files in fifteen layouts are changed in sixty-three ways, seeded: cut off, written in another encoding, with
other separators, decimal commas, shuffled columns, renamed headers, mixed units, doubled levels, and so on.
What a file holds is computed from its cells, without Quarva's reader.
"""

import argparse
import platform
import random
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
from intake_changes import GRID_CHANGES
from intake_files import FRAMES, GRIDS, Changed, same
from intake_frames import FRAME_CHANGES, changed_frame

import quarva as qv

__all__ = ["REFUSED", "RIGHT", "SILENT", "TRACEBACK", "Outcome", "outcomes"]

STEM = "prices"
RIGHT, NOTED, REFUSED, SILENT, TRACEBACK = "right", "noted", "refused", "silently wrong", "traceback"
MEANINGS = (
    "Right: the panel is that of the file's cells. Noted: it differs or may differ from the clean file's, and"
    " a note says so. Refused: one line that says what to mend. Silently wrong and tracebacks must be none."
)
VERDICTS = (RIGHT, NOTED, REFUSED, SILENT, TRACEBACK)


@dataclass(frozen=True)
class Outcome:
    """What became of one changed file.

    Attributes:
        base: the layout.
        change: what was done to it.
        verdict: one of `VERDICTS`; "noted" is a panel that differs, or may, and says so in a note that the
            clean file does not have.
        said: the refusal, the notes or the traceback.
        number: of the file, which `--only` repeats.
    """

    base: str
    change: str
    verdict: str
    said: str
    number: int


def outcomes(count: int, seed: int, folder: Path, first: int = 0) -> Iterator[Outcome]:
    """Verdicts of so many changed files; number n is the same file whatever `count` is."""
    clean = {grid.name: _read(grid.text().encode(), ".csv", folder) for grid in GRIDS}
    for grid in GRIDS:
        truth = grid.panel(STEM)
        if truth is None or not same(clean[grid.name], truth):
            raise AssertionError(f"the clean file {grid.name!r} is not read right: {clean[grid.name]!r}")
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
    except (Exception, pl.exceptions.PanicException):  # noqa: BLE001  what is looked for
        return TRACEBACK, traceback.format_exc()
    if any(same(panel, right) for right in rights):
        return RIGHT, ""
    notes = [note for note in panel.notes if note not in known]
    return (NOTED if notes else SILENT), "; ".join(notes) or repr(panel)


def page(found: list[Outcome], command: str) -> str:
    """The table of a run, in Markdown."""
    totals = Counter(outcome.verdict for outcome in found)
    versions = f"Python {platform.python_version()}, polars {pl.__version__}, pandas {pd.__version__}"
    lines = [
        "# Mutated files",
        "",
        f"`{command}`, {date.today()}, {platform.machine()}, {versions}.",
        "",
        f"{len(found):,} files. {MEANINGS}",
        "",
        "| " + " | ".join(VERDICTS) + " |",
        "| " + " | ".join("---" for _ in VERDICTS) + " |",
        "| " + " | ".join(f"{totals[verdict]:,}" for verdict in VERDICTS) + " |",
        "",
        "| change | " + " | ".join(VERDICTS) + " |",
        "| --- | " + " | ".join("---" for _ in VERDICTS) + " |",
    ]
    for change in sorted({outcome.change for outcome in found}):
        counts = Counter(outcome.verdict for outcome in found if outcome.change == change)
        lines.append(f"| {change} | " + " | ".join(str(counts[verdict] or "") for verdict in VERDICTS) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="number of files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="number of one file, shown with what was said")
    parser.add_argument("--show", default="", help="verdicts whose files are listed, comma-separated")
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
    command = f"python benchmarks/intake_mutations.py --count {asked.count} --seed {asked.seed}"
    text = page(found, command)
    print(text if asked.out is None else text.split("| change")[0])
    if asked.out is not None:
        asked.out.write_text(text, encoding="utf-8")
    if any(outcome.verdict in (SILENT, TRACEBACK) for outcome in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
