"""A run is a folder: the recipe that repeats it, what was found, the signals, the history, the report.

    recipe.toml       every setting                    findings.json     what was found, with its figures
    signals.parquet   the pool's signals               history.parquet   a row a batch
    incumbents.parquet  a row for each formula that became the best so far, at its evaluation
    report.html       the page                         checkpoint.npz    what --resume goes on from
    panel.parquet     the data, of a search from Python; table.parquet of rows
    learner.json      of a fit: how its network is made

Each file is written whole or not at all.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarva._runtime.files import make_folder, write_atomically
from quarva._runtime.plain import plain
from quarva.errors import RunError
from quarva.loop.checkpoint import evaluations
from quarva.runs.recipe import Recipe
from quarva.runs.signals import write_table

if TYPE_CHECKING:
    import polars

__all__ = ["FINDINGS_VERSION", "LEARNER", "RunFolder"]

FINDINGS_VERSION = 1
CHECKPOINT, LEARNER = "checkpoint.npz", "learner.json"
DATA = {"panel": "panel.parquet", "table": "table.parquet"}


class RunFolder:
    """The folder of one run. `create` makes a new one, `open` finds an old one.

    Every `write_…` raises RunError where the disk is full or the place not writable, and leaves what was
    there before.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: str | os.PathLike[str] | None, recipe: Recipe) -> "RunFolder":
        """A new run folder that holds its recipe.

        `path` may be an empty folder or none yet; None is `runs/<date-time>-<searcher>-<seed>` below the
        working directory. Raises RunError where it holds something already, or can not be written.
        """
        folder = cls(path if path is not None else _free_name(recipe))
        is_new = make_folder(folder.path)
        if not is_new and any(folder.path.iterdir()):
            raise RunError(
                f"{folder.path} is not empty: name another folder for the run, or go on with it by "
                f"--resume {folder.path}"
            )
        try:
            folder.write("recipe.toml", recipe.to_toml().encode())
        except RunError:
            if is_new:
                folder.path.rmdir()
            raise
        return folder

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "RunFolder":
        """The run folder at `path`; RunError where there is none, or one of another version."""
        folder = cls(path)
        if not folder.path.is_dir():
            raise RunError(f"there is no run folder {folder.path}")
        if not (folder.path / "recipe.toml").is_file():
            raise RunError(f"{folder.path} is not a run folder: it has no recipe.toml")
        if (folder.path / "findings.json").exists():
            folder.findings()
        return folder

    @classmethod
    def open_search(cls, path: str | os.PathLike[str]) -> "RunFolder":
        """The run folder of a search; RunError as `open`, and where a network was fitted in it."""
        folder = cls.open(path)
        if (folder.path / LEARNER).exists():
            raise RunError(f"{path} is the folder of a fit: go on with it by quarva fit --resume {path}")
        return folder

    def discard(self) -> None:
        """Remove the folder of a run that never began: recipe, data and an empty checkpoint at most."""
        names = {"recipe.toml", CHECKPOINT, *DATA.values()}
        if {path.name for path in self.path.iterdir()} <= names and not evaluations(self.checkpoint):
            for name in names:
                (self.path / name).unlink(missing_ok=True)
            self.path.rmdir()

    @property
    def checkpoint(self) -> Path:
        """The file that keeps the state of the search."""
        return self.path / CHECKPOINT

    def recipe(self) -> Recipe:
        """The recipe of the run. Raises RecipeError, or RunError where it is of another version."""
        return Recipe.read(self.path / "recipe.toml")

    def change_recipe(self, **changes: Any) -> None:
        """Write the recipe anew with these keys changed, the paths in it as they stand."""
        path = self.path / "recipe.toml"
        settings = tomllib.loads(path.read_text(encoding="utf-8")) | changes
        self.write(path.name, Recipe.of(settings, source=f"recipe {path}").to_toml().encode())

    def findings(self) -> dict[str, Any]:
        """What findings.json holds. Raises RunError where it is missing, damaged or of another version."""
        path = self.path / "findings.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunError(f"{path} can not be read: {error.strerror}; did the run end?") from None
        except ValueError as error:
            raise RunError(f"{path} is damaged ({error}): --resume the run to write it anew") from None
        version = record.get("version") if isinstance(record, dict) else None
        if version != FINDINGS_VERSION:
            wrote = f" (Quarva {record['quarva']})" if isinstance(record, dict) and "quarva" in record else ""
            raise RunError(
                f"{path} is of version {version}, and this Quarva reads version {FINDINGS_VERSION}: "
                f"use the Quarva that wrote it{wrote}"
            )
        return record

    def test_readings(self) -> int:
        """How often the sealed test of this run has been read."""
        return int(self.findings().get("test_readings", 0)) if (self.path / "findings.json").exists() else 0

    def write(self, name: str, content: bytes) -> None:
        """Write the file `name`."""
        write_atomically(self.path / name, content)

    def write_findings(self, record: Mapping[str, Any]) -> None:
        """Write findings.json; NaN and infinities become null, for JSON has none."""
        text = json.dumps(plain(record), ensure_ascii=False, indent=1, allow_nan=False)
        self.write("findings.json", text.encode())

    def write_table(self, name: str, table: "polars.DataFrame") -> None:
        """Write one of the tables, a .parquet file."""
        write_table(table, self.path / name)


def _free_name(recipe: Recipe) -> Path:
    """runs/<date-time>-<searcher>-<seed>, with -2, -3, … where two runs start in the same second."""
    base = Path("runs") / f"{datetime.now():%Y-%m-%d-%H%M%S}-{recipe.searcher}-{recipe.seed}"
    path, count = base, 1
    while path.exists():
        count += 1
        path = base.with_name(f"{base.name}-{count}")
    return path
