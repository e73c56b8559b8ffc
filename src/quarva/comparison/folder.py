"""A comparison on disk: what was asked, the data, and a folder a run.

    comparison.json   searchers, seeds, level, the version and the question that the runs belong to
    recipe.toml       the question and the settings of all runs         panel.parquet, table.parquet  its data
    runs/gep-0/       a run: its recipe, history, incumbents, findings; while it runs, its checkpoint
    rows.json         a row a run, when all are made                     comparison.html, comparison.png

Each file is written whole or not at all. A run is made when its findings are there, the last of its files.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarva.__version__ import __version__
from quarva._runtime.files import make_folder
from quarva._runtime.plain import plain
from quarva.comparison.run import Run
from quarva.errors import RecipeError, RunError
from quarva.loop.identity import digest
from quarva.runs.run_folder import DATA, FINDINGS_VERSION, RunFolder
from quarva.tasks import Task

if TYPE_CHECKING:
    from quarva.runs.recipe import Recipe

__all__ = ["INCUMBENTS", "ComparisonFolder", "Plan"]

VERSION = 2  # 1: figures at the ends of batches
_PLAN = "comparison.json"
INCUMBENTS = "incumbents.parquet"
_NAME = re.compile(r"[\w][\w .+=-]*")  # of a searcher: it names folders too


@dataclass(frozen=True)
class Plan:
    """Which runs there will be: searchers by name, each described by its settings, and seeds."""

    searchers: dict[str, str]
    seeds: tuple[int, ...]
    level: float | None

    def __post_init__(self) -> None:
        for name in self.searchers:
            if not _NAME.fullmatch(name):
                raise RecipeError(f"searcher {name!r}: a name is made of letters, digits and _ . + = -")


class ComparisonFolder:
    """The folder of one comparison; `made` names those that have been made in it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._root = RunFolder(path)

    def begin(self, task: Task, plan: Plan) -> None:
        """Note what the folder, which holds its recipe already, is for. Raises RunError."""
        self._write_plan(plan, self._question(task))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "ComparisonFolder":
        """The comparison at `path`; RunError where there is none."""
        folder = cls(path)
        if not folder.path.is_dir():
            raise RunError(f"there is no folder {folder.path}")
        if not (folder.path / _PLAN).is_file() and (folder.path / "recipe.toml").is_file():
            raise RunError(f"{folder.path} has no {_PLAN}: nothing was compared in it; compare anew")
        if not (folder.path / _PLAN).is_file():
            raise RunError(f"{folder.path} is not the folder of a comparison: it has no {_PLAN}")
        return folder

    def recipe(self) -> "Recipe":
        """Question and settings of all runs. Raises RecipeError."""
        return self._root.recipe()

    def plan(self) -> Plan:
        """What was asked. Raises RunError where it is damaged or of another version."""
        record = self._record()
        try:
            searchers = {str(name): str(text) for name, text in record["searchers"].items()}
            level = record["level"]
            return Plan(searchers, tuple(map(int, record["seeds"])), None if level is None else float(level))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._damaged(self.path / _PLAN, error) from None

    def go_on(self, task: Task, plan: Plan) -> Plan:
        """The plan with what `plan` adds to it, noted in the folder.

        Raises:
            RunError: the folder belongs to another question, other settings, or another Quarva.
        """
        record, now = self._record(), self._question(task)
        before = self.plan()
        if not isinstance(record.get("question"), dict):
            raise self._damaged(self.path / _PLAN, KeyError("question"))
        for name, value in now.items():
            if record["question"].get(name) != value:
                was = record["question"].get(name)
                raise RunError(
                    f"{self.path} belongs to another comparison: its {name} was {was}, and is {value} now; "
                    "name another folder"
                )
        for name, text in plan.searchers.items():
            if before.searchers.get(name, text) != text:
                raise RunError(
                    f"{self.path} belongs to another comparison: its searcher '{name}' was "
                    f"{before.searchers[name]}, and is {text} now; give it another name, or another folder"
                )
        seeds = tuple(dict.fromkeys((*before.seeds, *plan.seeds)))
        level = before.level if plan.level is None else plan.level
        whole = Plan({**before.searchers, **plan.searchers}, seeds, level)
        if whole != before:
            self._write_plan(whole, now)
        return whole

    def run_folder(self, searcher: str, seed: int) -> RunFolder:
        """The folder of one run, made anew where there is none."""
        path = self.path / "runs" / f"{searcher}-{seed}"
        make_folder(path)
        folder = RunFolder(path)
        if not (path / "recipe.toml").exists():
            recipe = self.recipe()
            # Data that lie in the comparison's folder are found from the run's by a way that moves with both.
            data = {
                kind: f"../../{name}"
                for kind, name in DATA.items()
                if getattr(recipe, kind) and (self.path / name).exists()
            }
            mine = recipe.model_copy(update={**data, "searcher": searcher, "seed": seed})
            folder.write("recipe.toml", mine.to_toml().encode())
        return folder

    def keep(
        self,
        record: dict[str, Any],
        tables: Mapping[str, Mapping[str, Any]],
        folder: RunFolder,
        searcher: str,
    ) -> None:
        """Write what a run found, its tables by file name; a run that ended needs its checkpoint no more."""
        import polars as pl

        whole = {"version": FINDINGS_VERSION, "quarva": __version__} | record
        for file, columns in tables.items():
            folder.write_table(file, pl.DataFrame({name: columns[name] for name in columns}))
        folder.write_findings(whole | {"run": os.fspath(folder.path), "searcher": searcher})
        folder.checkpoint.unlink(missing_ok=True)

    def made(self, searcher: str, seed: int, budget: int, figure: str) -> Run | None:
        """A run that ended; None where it is missing or half-way. Raises RunError where it is damaged."""
        folder = RunFolder(self.path / "runs" / f"{searcher}-{seed}")
        path = folder.path / "findings.json"
        if not path.exists():
            return None
        record = folder.findings()
        try:
            if record["budget"] != budget:
                raise ValueError(f"its budget is {record['budget']}, not {budget}")
            return Run.of(record, _incumbents(folder.path / INCUMBENTS), searcher, figure)
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(path, error) from None

    def discard(self) -> None:
        """Remove the folder of a comparison that never began."""
        if not (self.path / "runs").exists():
            (self.path / _PLAN).unlink(missing_ok=True)
            self._root.discard()

    def write(self, name: str, record: dict[str, Any]) -> None:
        """Write a record as JSON."""
        text = json.dumps(plain(record), ensure_ascii=False, indent=1, allow_nan=False)
        self._root.write(name, text.encode())

    def _write_plan(self, plan: Plan, question: dict[str, Any]) -> None:
        self.write(_PLAN, {
            "version": VERSION, "searchers": plan.searchers, "seeds": list(plan.seeds), "level": plan.level,
            "question": question,
        })  # fmt: skip

    def _question(self, task: Task) -> dict[str, Any]:
        """What all runs have in common, as JSON gives it back."""
        recipe = self.recipe()
        names = (
            "budget", "functions", "windows", "numbers", "constants", "tuning_steps", "head", "genes", "link",
            "settings", "seconds", "memory_mb",
        )  # fmt: skip
        settings = {name: getattr(recipe, name) for name in names}
        about = {
            "Quarva": __version__,
            "task": task.describe(),
            "data": task.panel.fingerprint(),
            "target": digest(task.targets, task.segments),
        }
        return dict(json.loads(json.dumps(plain(about | settings))))

    def _record(self) -> dict[str, Any]:
        path = self.path / _PLAN
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunError(f"{path} can not be read: {error.strerror}") from None
        except ValueError as error:
            raise self._damaged(path, error) from None
        version = record.get("version") if isinstance(record, dict) else None
        if version != VERSION:
            raise RunError(f"{path} is of version {version}, and this Quarva reads {VERSION}: compare anew")
        return dict(record)

    def _damaged(self, path: Path, error: Exception) -> RunError:
        if path.name == _PLAN:
            mend = "compare anew in another folder"
        else:
            mend = f"remove the folder {path.parent}, and --resume {self.path} runs it again"
        return RunError(f"{path} is damaged ({type(error).__name__}: {error}): {mend}")


def _incumbents(path: Path) -> dict[str, Any]:
    """Columns of a run's incumbents. Raises ValueError where they can not be read."""
    import polars as pl

    names = ["evaluations", "candidates", "seconds", "train", "validation", "exact"]
    try:
        table = pl.read_parquet(path, columns=names)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ValueError(f"{path.name}: {str(error).splitlines()[0]}") from None
    return {name: table[name].to_numpy() for name in names}
