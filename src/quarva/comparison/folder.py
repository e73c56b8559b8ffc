"""A comparison on disk: its recipe, the data, and a folder for each run.

    recipe.toml      task, entries, seeds and settings of all runs
    panel.parquet, table.parquet      the data, if they were passed from Python
    comparison.json  version, and what all runs have in common
    runs/gep-0/      a run: its recipe, history and findings; incumbents of a search, the network of a fit
    rows.json        one row per run
    comparison.html, comparison.png   page and plots

Files are written atomically. The findings of a run are written last, so a run with findings is complete.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quarva.__version__ import __version__
from quarva._runtime.extras import is_installed
from quarva._runtime.files import make_folder
from quarva._runtime.plain import plain
from quarva.comparison.comparison import Comparison
from quarva.comparison.recipe import CompareRecipe
from quarva.comparison.run import Run
from quarva.errors import RecipeError, RunError
from quarva.loop.identity import digest
from quarva.runs.from_recipe import task_again
from quarva.runs.run_folder import DATA, FINDINGS_VERSION, RunFolder
from quarva.tasks import Task

__all__ = ["INCUMBENTS", "ComparisonFolder"]

VERSION = 3  # 1: scores at the ends of batches; 2: the recipe was that of the first searcher
_QUESTION = "comparison.json"
INCUMBENTS = "incumbents.parquet"
_NAME = re.compile(r"[\w][\w .+=-]*")  # of an entry: it names folders too


class ComparisonFolder:
    """The folder of a comparison. Use `create` for a new one and `open` for an existing one."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._root = RunFolder(path)

    @classmethod
    def create(
        cls, path: str | os.PathLike[str] | None, task: Task, recipe: CompareRecipe
    ) -> "ComparisonFolder":
        """Create a folder with its recipe.

        Raises
        ------
        RunError
            The folder is not empty, or cannot be written.
        RecipeError
            The name of an entry cannot be part of a path.
        """
        check_names(recipe)
        folder = cls(RunFolder.create(path, recipe).path)
        folder.begin(task, recipe)
        return folder

    def begin(self, task: Task, recipe: CompareRecipe) -> None:
        """Write comparison.json to a folder that has a recipe. Raises RunError if it cannot be written."""
        self.write(_QUESTION, {"version": VERSION, "question": _question(task, recipe)})

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "ComparisonFolder":
        """Open an existing folder.

        Raises
        ------
        RunError
            It is not the folder of a comparison, is damaged, or has another version.
        """
        folder = cls(path)
        if not folder.path.is_dir():
            raise RunError(f"{folder.path}: no such folder; name the folder of a comparison")
        if not folder.is_one():
            raise RunError(f"{folder.path} is not the folder of a comparison (no {_QUESTION}); name another")
        folder._record()
        return folder

    def is_one(self) -> bool:
        """Return whether this is the folder of a comparison."""
        return (self.path / _QUESTION).is_file()

    def recipe(self) -> CompareRecipe:
        """Read the recipe. Raises RecipeError if it cannot be read or is invalid."""
        return CompareRecipe.read(self.path / "recipe.toml")

    def extend(self, task: Task, recipe: CompareRecipe) -> None:
        """Add the entries and seeds of a recipe that continues the comparison to that of the folder.

        Raises
        ------
        RunError
            The folder belongs to another task, other settings, or another version of Quarva.
        RecipeError
            The name of an entry cannot be part of a path.
        """
        check_names(recipe)
        before, now = self._record()["question"], _question(task, recipe)
        for name, value in now.items():
            if before.get(name) != value:
                raise RunError(
                    f"{self.path} belongs to another comparison: its {name} was {before.get(name)} and is "
                    f"now {value}; name another folder"
                )
        kept = self.recipe()
        more = {name: getattr(recipe, name) for name in ("searchers", "seeds", "level")}
        if any(getattr(kept, name) != value for name, value in more.items()):
            self._root.change_recipe(CompareRecipe, **more)

    def run_folder(self, recipe: CompareRecipe, name: str, seed: int) -> RunFolder:
        """Return the folder of a run, and create it with its recipe if it does not exist."""
        folder = self._folder_of(name, seed)
        make_folder(folder.path)
        if not (folder.path / "recipe.toml").exists():
            # A relative path remains valid if the comparison is moved.
            data = {
                kind: f"../../{file}"
                for kind, file in DATA.items()
                if getattr(recipe, kind) and (self.path / file).exists()
            }
            mine = recipe.recipe_of_run(name, seed, data)
            if mine is not None:
                folder.write_recipe(mine)
        return folder

    def _folder_of(self, name: str, seed: int) -> RunFolder:
        return RunFolder(self.path / "runs" / f"{name}-{seed}")

    def keep(
        self, record: Mapping[str, Any], tables: Mapping[str, Mapping[str, Any]], folder: RunFolder
    ) -> None:
        """Write the record and the tables, by file name, of a completed run, and delete its checkpoint.

        Raises
        ------
        RunError
            The folder cannot be written.
        """
        import polars as pl

        for file, columns in tables.items():
            folder.write_table(file, pl.DataFrame({name: columns[name] for name in columns}))
        folder.write_findings({"version": FINDINGS_VERSION, "quarva": __version__, **record})
        folder.checkpoint.unlink(missing_ok=True)

    def made(self, recipe: CompareRecipe, name: str, seed: int, figure: str) -> Run | None:
        """Read a completed run; None if it is not complete. Raises RunError if it is damaged."""
        folder = self._folder_of(name, seed)
        path = folder.path / "findings.json"
        if not path.exists():
            return None
        record = folder.findings()
        try:
            if "searcher" not in record:
                return Run.of_learner(record, name, seed, figure)
            if record["budget"] != recipe.budget:
                raise ValueError(f"budget {record['budget']} instead of {recipe.budget}")
            return Run.of(record, _incumbents(folder.path / INCUMBENTS), name, figure)
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(path, error) from None

    @property
    def page(self) -> Path:
        """Path of the page."""
        return self.path / "comparison.html"

    def read(self) -> Comparison:
        """Read the comparison with its completed runs.

        Raises
        ------
        RunError
            A file is damaged, or the data have changed since the runs.
        """
        self._record()
        recipe = self.recipe()
        task = task_again(recipe, self.path, "the runs")
        figure = "validation" if task.has_validation else "train"
        runs = [self.made(recipe, name, seed, figure) for name in recipe.entries for seed in recipe.seeds]
        ended = tuple(run for run in runs if run is not None)
        learners = tuple(
            name for name, entry in recipe.entries.items() if "network" in entry or "trader" in entry
        )
        return Comparison(
            task, tuple(recipe.entries), recipe.seeds, recipe.budget, ended, recipe.level,
            interrupted=len(ended) < len(runs), learners=learners,
        )  # fmt: skip

    def finish(self, found: Comparison) -> None:
        """Write the rows, the page and, if matplotlib is installed, the plots of a comparison."""
        if not found.runs:
            return
        self.write("rows.json", {"rows": found.rows()})
        found.save(self.page)
        if is_installed("matplotlib"):
            found.save(self.path / "comparison.png")

    def discard(self) -> None:
        """Remove the folder if no run has started."""
        if not (self.path / "runs").exists():
            (self.path / _QUESTION).unlink(missing_ok=True)
            self._root.discard()

    def write(self, name: str, record: dict[str, Any]) -> None:
        """Write a record to the JSON file `name`. Raises RunError if it cannot be written."""
        text = json.dumps(plain(record), ensure_ascii=False, indent=1, allow_nan=False)
        self._root.write(name, text.encode())

    def _record(self) -> dict[str, Any]:
        path = self.path / _QUESTION
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise self._damaged(path, error) from None
        version = record.get("version") if isinstance(record, dict) else None
        if version != VERSION:
            raise RunError(
                f"{path} has version {version}, but this Quarva reads version {VERSION}; "
                "compare again in another folder"
            )
        if not isinstance(record.get("question"), dict):
            raise self._damaged(path, KeyError("question"))
        return dict(record)

    def _damaged(self, path: Path, error: Exception) -> RunError:
        if path.name == _QUESTION:
            mend = "compare again in another folder"
        else:
            mend = f"remove the folder {path.parent} and run it again with --resume {self.path}"
        return RunError(f"{path} is damaged ({type(error).__name__}: {error}); {mend}")


def check_names(recipe: CompareRecipe) -> None:
    """Raise RecipeError for an entry whose name cannot be part of a path."""
    for name in recipe.entries:
        if not _NAME.fullmatch(name):
            raise RecipeError(f"searcher {name!r}: a name may contain only letters, digits and _ . + = -")


def _question(task: Task, recipe: CompareRecipe) -> dict[str, Any]:
    """What all runs have in common, as plain data that survive a round trip through JSON."""
    settings = recipe.settings_of_searches()
    about = {
        "Quarva": __version__,
        "task": task.describe(),
        "data": task.panel.fingerprint(),
        "target": digest(task.targets, task.segments),
    }
    free = ("threads", "device")  # the findings do not depend on them
    common = {name: value for name, value in settings.items() if name not in free}
    return dict(json.loads(json.dumps(plain(about | common))))


def _incumbents(path: Path) -> dict[str, Any]:
    """Read the incumbents of a run, by column. Raises ValueError if they cannot be read."""
    import polars as pl

    names = ["evaluations", "candidates", "seconds", "train", "validation", "exact"]
    try:
        table = pl.read_parquet(path, columns=names)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ValueError(f"{path.name}: {str(error).splitlines()[0]}") from None
    return {name: table[name].to_numpy() for name in names}
