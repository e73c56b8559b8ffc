"""A comparison: what every run gave, as a table, as a picture, as a page."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from quarva.comparison.aggregation import quartiles
from quarva.comparison.run import Reached, Run
from quarva.errors import RunError
from quarva.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison"]


@dataclass(frozen=True)
class Comparison:
    """Several searchers at one task, the same evaluations for each.

    Attributes:
        task: the question.
        searchers, seeds, budget: as asked.
        runs: those that ended, searcher by searcher.
        asked_level: figure that searchers are timed to, None for the default (see `level`).
        interrupted: whether Ctrl-C ended it before all runs were made.
        learners: those of the searchers that are networks or traders: a run of theirs is one fit.
    """

    task: Task = field(repr=False)
    searchers: tuple[str, ...]
    seeds: tuple[int, ...]
    budget: int
    runs: tuple[Run, ...] = field(repr=False)
    asked_level: float | None = None
    interrupted: bool = False
    learners: tuple[str, ...] = ()

    @property
    def minimised(self) -> bool:
        """Whether less of the figure is better."""
        return self.task.objective.minimised

    @property
    def figure(self) -> str:
        """Which figure of a formula counts: validation, of a table without a split train."""
        return "validation" if self.task.has_validation else "train"

    def runs_of(self, searcher: str) -> list[Run]:
        """Runs of one searcher, by seed."""
        return sorted((run for run in self.runs if run.searcher == searcher), key=lambda run: run.seed)

    @property
    def level(self) -> float | None:
        """Train figure that searchers are timed to; None where a run of a table has to be solved.

        By default the worst of the searchers' medians: all of them get there in half of their runs. It is
        of training, which is what searchers see and climb; validation may be met by luck.
        """
        if self.asked_level is not None or self.task.table is not None:
            return self.asked_level
        worst = float("inf") if self.minimised else -np.inf
        medians = [
            quartiles([run.train for run in self.runs_of(name)], worst)[1]
            for name in self.searchers
            if self.runs_of(name)
        ]
        known = [median for median in medians if np.isfinite(median)]
        return (max(known) if self.minimised else min(known)) if known else None

    def rows(self) -> list[dict[str, Any]]:
        """A row a run, as `quarva compare --json` prints them; figures that do not exist are NaN."""
        level = self.level
        return [_row(run, run.reached(level, self.minimised)) for name in self.searchers
                for run in self.runs_of(name)]  # fmt: skip

    def table(self) -> "pd.DataFrame":
        """A row a searcher, its name the index.

        Columns: runs; best, lower_quartile, upper_quartile (of `Run.best` over seeds); train (median);
        solved (of a table); reached (runs that came to `level`), evaluations_to_level, candidates_to_level,
        seconds_to_level (medians over all seeds, a run that did not come there counts as one that needs
        longer than any; ∞ where half did not); distinct_share, invalid_share (of all that was proposed);
        candidates (that a surrogate looked at, 0 without one), seconds, seconds_proposing, seconds_scoring
        (means of a run).

        Evaluations are counted up to the formula itself, wherever in its batch it was scored. Seconds inside
        a piece of a batch that was scored at once are interpolated by evaluations between the piece's ends.
        """
        import pandas as pd

        lines = [self._line(name) for name in self.searchers if self.runs_of(name)]
        return pd.DataFrame(lines).set_index("searcher") if lines else pd.DataFrame()

    def _line(self, name: str) -> dict[str, Any]:
        runs, level = self.runs_of(name), self.level
        worst = float("inf") if self.minimised else -np.inf
        low, middle, high = quartiles([run.best for run in runs], worst)
        reached = [run.reached(level, self.minimised) for run in runs]
        proposed = max(sum(run.proposed for run in runs), 1)
        return {
            "searcher": name, "runs": len(runs), "best": middle,
            "lower_quartile": low, "upper_quartile": high,
            "train": quartiles([run.train for run in runs], worst)[1],
            "solved": sum(run.solved for run in runs),
            "reached": sum(np.isfinite(each.evaluations) for each in reached),
            "evaluations_to_level": quartiles([each.evaluations for each in reached], np.inf)[1],
            "candidates_to_level": quartiles([each.candidates for each in reached], np.inf)[1],
            "seconds_to_level": quartiles([each.seconds for each in reached], np.inf)[1],
            "distinct_share": sum(run.evaluations - run.tuning_steps for run in runs) / proposed,
            "invalid_share": sum(run.invalid for run in runs) / proposed,
            **{key: float(np.mean([getattr(run, key) for run in runs])) for key in
               ("candidates", "seconds", "seconds_proposing", "seconds_scoring")},
        }  # fmt: skip

    def show(self) -> None:
        """Print the table and the picture, as `quarva compare` does."""
        from quarva.comparison.presentation import show

        show(self)

    def save(self, path: str | os.PathLike[str], *, theme: Literal["light", "dark"] = "light") -> Path:
        """Write the page (.html, light or dark as its reader's screen) or the picture (.png, in a `theme`).

        Raises:
            RunError: another ending, no run yet, or a place that can not be written.
        """
        from quarva.comparison.presentation import compared
        from quarva.report.comparison import write, write_png

        target = Path(path)
        if not self.runs:
            raise RunError(f"{target}: there is nothing to draw: no run ended")
        if target.suffix.lower() == ".html":
            return write(compared(self), target)
        if target.suffix.lower() == ".png":
            return write_png(compared(self), target, theme)
        raise RunError(f"{target}: a comparison is saved as .html or .png; name the file so")

    def _repr_html_(self) -> str:
        return self.table().to_html()

    def __str__(self) -> str:
        return self.table().to_string()


def _row(run: Run, reached: Reached) -> dict[str, Any]:
    return {
        "searcher": run.searcher, "seed": run.seed, "best": run.best, "train": run.train,
        "validation": run.validation, "formula": run.formula, "size": run.size,
        "evaluations": run.evaluations, "candidates": run.candidates, "proposed": run.proposed,
        "invalid": run.invalid,
        "distinct_share": run.distinct_share, "invalid_share": run.invalid_share, "seconds": run.seconds,
        "seconds_proposing": run.seconds_proposing, "seconds_scoring": run.seconds_scoring,
        "evaluations_to_level": reached.evaluations, "candidates_to_level": reached.candidates,
        "seconds_to_level": reached.seconds, "stopped": run.stopped,
    }  # fmt: skip
