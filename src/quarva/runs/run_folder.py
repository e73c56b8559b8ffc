"""The folder of a run: its recipe, from which it can be repeated, its results and its page.

    recipe.toml                     all settings
    findings.json                   results and scores
    history.parquet                 one row per batch or epoch
    report.html                     the page
    panel.parquet, table.parquet    the data, if they were passed from Python

A search also writes signals.parquet (the signals of the pool), incumbents.parquet (a row for each
incumbent), set.toml (members and weights of the set; see `Set.read`) and checkpoint.npz. A fit also writes
its network and training.safetensors. `--resume` continues from checkpoint.npz or training.safetensors. Files
are written atomically.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from quarva._runtime.files import make_folder, write_atomically
from quarva._runtime.plain import plain
from quarva.errors import RunError
from quarva.loop.checkpoint import evaluations
from quarva.runs.recipe import FitRecipe, Recipe, SearchRecipe, kind_of, read_toml
from quarva.runs.settings import described
from quarva.runs.signals import write_table

if TYPE_CHECKING:
    import polars

__all__ = ["FINDINGS_VERSION", "RunFolder", "free_name"]

FINDINGS_VERSION = 1
CHECKPOINT, TRAINING, PAGE = "checkpoint.npz", "training.safetensors", "report.html"
DATA = {"panel": "panel.parquet", "table": "table.parquet"}
_RECIPE, _FINDINGS = "recipe.toml", "findings.json"
_OLD_LEARNER = "learner.json"  # of a fit by an older version, whose recipe was that of a search

RUNS = Path("runs")  # parent of run folders with a default name
_NAMES = {"search": "a search", "fit": "a fit", "compare": "a comparison"}


class RunFolder:
    """The folder of a run. Use `create` for a new one and `open` for an existing one.

    The methods `write_…` raise RunError if the file cannot be written; the old file is then kept.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: str | os.PathLike[str] | None, recipe: Recipe) -> "RunFolder":
        """Create a run folder with its recipe.

        Parameters
        ----------
        path : path-like or None
            New or empty folder. Defaults to `free_name`.
        recipe : Recipe
            The recipe.

        Returns
        -------
        RunFolder

        Raises
        ------
        RunError
            The folder is not empty, or cannot be written.
        """
        folder = cls(path if path is not None else free_name(recipe))
        is_new = make_folder(folder.path)
        if not is_new and any(folder.path.iterdir()):
            raise RunError(
                f"{folder.path} is not empty; name another folder for the run, or continue it with "
                f"--resume {folder.path}"
            )
        try:
            folder.write_recipe(recipe)
        except RunError:
            if is_new:
                folder.path.rmdir()
            raise
        return folder

    @classmethod
    def open(cls, path: str | os.PathLike[str], kind: Literal["search", "fit"] | None = None) -> "RunFolder":
        """Open an existing run folder.

        Parameters
        ----------
        path : path-like
            The folder.
        kind : {"search", "fit"}, optional
            Required kind of the run. Any kind by default.

        Returns
        -------
        RunFolder

        Raises
        ------
        RunError
            The folder is not a run folder, is damaged, or is of another kind or version.
        """
        folder = cls(path)
        if not folder.path.is_dir():
            raise RunError(f"{folder.path}: no such folder; name the folder of a run")
        if not (folder.path / _RECIPE).is_file():
            raise RunError(f"{folder.path} is not a run folder (no {_RECIPE}); name another")
        found = folder.kind
        if kind is not None and found != kind:
            raise RunError(
                f"{path} is the folder of {_NAMES[found]}; continue it with quarva {found} --resume {path}"
            )
        if folder.has_findings:
            folder.findings()
        return folder

    @property
    def kind(self) -> str:
        """The command that wrote the folder: search, fit or compare. Raises RecipeError."""
        if (self.path / _OLD_LEARNER).exists():
            return "fit"
        return kind_of(read_toml(self.path / _RECIPE)) or "search"

    def discard(self) -> None:
        """Remove the folder, unless it contains results or a checkpoint with evaluations."""
        names = {_RECIPE, CHECKPOINT, *DATA.values()}
        if {path.name for path in self.path.iterdir()} <= names and not evaluations(self.checkpoint):
            for name in names:
                (self.path / name).unlink(missing_ok=True)
            self.path.rmdir()
            if self.path.parent == RUNS and not any(RUNS.iterdir()):
                RUNS.rmdir()

    @property
    def has_findings(self) -> bool:
        """Whether the run has ended once, so that findings.json exists."""
        return (self.path / _FINDINGS).exists()

    @property
    def checkpoint(self) -> Path:
        """Path of the checkpoint of a search."""
        return self.path / CHECKPOINT

    @property
    def training(self) -> Path:
        """Path of the checkpoint of a fit."""
        return self.path / TRAINING

    def search_recipe(self) -> SearchRecipe:
        """Read the recipe of a search. Raises RecipeError if it is invalid."""
        return SearchRecipe.read(self.path / _RECIPE)

    def fit_recipe(self) -> FitRecipe:
        """Read the recipe of a fit. Raises RecipeError if it is invalid, and RunError if it is damaged."""
        old = self.path / _OLD_LEARNER
        if not old.exists():
            return FitRecipe.read(self.path / _RECIPE)
        try:
            learner = json.loads(old.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunError(f"{old} is damaged ({error}); fit again in another folder") from None
        asked = SearchRecipe.read(self.path / _RECIPE)
        question = {name: getattr(asked, name) for name in described(Recipe)}
        return FitRecipe.of({**question, **learner}, source=str(old))

    def recipe(self) -> SearchRecipe | FitRecipe:
        """Read the recipe of the run. Raises RecipeError if it is invalid."""
        return self.fit_recipe() if self.kind == "fit" else self.search_recipe()

    def write_recipe(self, recipe: Recipe) -> None:
        """Write recipe.toml."""
        self.write(_RECIPE, recipe.to_toml().encode())

    def change_recipe(self, kind: type[Recipe], **changes: Any) -> None:
        """Change some settings of the recipe; relative paths remain unchanged."""
        recipe = self.fit_recipe() if kind is FitRecipe else kind.read(self.path / _RECIPE)
        paths = {key: path for key, path in read_toml(self.path / _RECIPE).items() if key in DATA}
        self.write_recipe(replace(recipe, **paths, **changes))
        (self.path / _OLD_LEARNER).unlink(missing_ok=True)

    def findings(self) -> dict[str, Any]:
        """Read findings.json. Raises RunError if it is missing, damaged or of another version."""
        path = self.path / _FINDINGS
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunError(
                f"{path} cannot be read ({error.strerror}); --resume a run that did not end"
            ) from None
        except ValueError as error:
            raise RunError(
                f"{path} is damaged ({error}); delete it and --resume the run to write it again"
            ) from None
        version = record.get("version") if isinstance(record, dict) else None
        if version != FINDINGS_VERSION:
            wrote = f" (Quarva {record['quarva']})" if isinstance(record, dict) and "quarva" in record else ""
            raise RunError(
                f"{path} has version {version}, but this Quarva reads version {FINDINGS_VERSION}; "
                f"use the Quarva that wrote it{wrote}"
            )
        return record

    def test_readings(self) -> int:
        """Return how often the sealed test of this run has been read."""
        return int(self.findings().get("test_readings", 0)) if (self.path / _FINDINGS).exists() else 0

    def write(self, name: str, content: bytes) -> None:
        """Write the file `name`."""
        write_atomically(self.path / name, content)

    def write_findings(self, record: Mapping[str, Any]) -> None:
        """Write findings.json; NaN and infinity become null, because JSON has neither."""
        text = json.dumps(plain(record), ensure_ascii=False, indent=1, allow_nan=False)
        self.write(_FINDINGS, text.encode())

    def write_table(self, name: str, table: "polars.DataFrame") -> None:
        """Write a table to the Parquet file `name`."""
        write_table(table, self.path / name)


def free_name(recipe: Recipe) -> Path:
    """Return the path of a folder that does not exist.

    `runs/<date-time>-<searcher>-<seed>` for a search, `runs/<date-time>-<command>` for others, followed by
    -2, -3, … if several runs start in the same second.
    """
    kind = f"{recipe.searcher}-{recipe.seed}" if isinstance(recipe, SearchRecipe) else recipe.kind
    base = path = RUNS / f"{datetime.now():%Y-%m-%d-%H%M%S}-{kind}"
    count = 1
    while path.exists():
        count += 1
        path = base.with_name(f"{base.name}-{count}")
    return path
