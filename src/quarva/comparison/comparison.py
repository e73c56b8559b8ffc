"""The result of a comparison, with its table, plots and page."""

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
    """Runs of several searchers, networks and traders on one task.

    Attributes
    ----------
    task : Task
        The task.
    searchers : tuple of str
        Names of the entries: searchers, networks and traders.
    seeds : tuple of int
        Seeds of each entry.
    budget : int
        Number of evaluations of each search.
    runs : tuple of Run
        Completed runs, entry by entry.
    asked_level : float, optional
        Training score at which entries are timed; None for the default; see `level`.
    interrupted : bool
        True if some runs are missing because the comparison was interrupted.
    learners : tuple of str
        Names of the networks and traders, whose runs consist of one fit.
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
        """True if a smaller score is better."""
        return self.task.objective.minimised

    @property
    def figure(self) -> str:
        """The part whose scores are compared: validation, or train for a table without a split."""
        return "validation" if self.task.has_validation else "train"

    def runs_of(self, searcher: str) -> list[Run]:
        """Return the runs of one entry, by seed."""
        return sorted((run for run in self.runs if run.searcher == searcher), key=lambda run: run.seed)

    @property
    def level(self) -> float | None:
        """Training score at which entries are timed; None if a table has to be solved exactly.

        The default is the worst of the entries' medians, which every entry reaches in half of its runs. It is
        a training score because searchers optimise it; a validation score can be reached by chance.
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
        """Return a row for each run, as `quarva compare --json` prints them; missing values are NaN."""
        level = self.level
        return [_row(run, run.reached(level, self.minimised)) for name in self.searchers
                for run in self.runs_of(name)]  # fmt: skip

    def table(self) -> "pd.DataFrame":
        """Return a row for each entry, with its name as the index.

        Returns
        -------
        DataFrame
            Columns runs; best, lower_quartile, upper_quartile (of `Run.best` over seeds, best being the
            median); train (median); solved (number of runs that found the exact formula of a table); reached
            (number of runs that reached `level`); evaluations_to_level, candidates_to_level,
            seconds_to_level (medians over all seeds; ∞ if half of the runs did not reach it);
            distinct_share, invalid_share (of all proposals); candidates (examined by a surrogate, 0
            without one), seconds, seconds_proposing, seconds_scoring (means over runs). Empty without runs.

        Notes
        -----
        Evaluations are counted up to the formula itself, wherever it was in its batch. Among formulas that
        were scored at once, seconds are interpolated by evaluations.
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
        """Print the table and the plots, as `quarva compare` does."""
        from quarva.comparison.presentation import show

        show(self)

    def save(self, path: str | os.PathLike[str], *, theme: Literal["light", "dark"] = "light") -> Path:
        """Write the page, or the plots as an image.

        Parameters
        ----------
        path : path-like
            File ending in .html for the page, which follows the colour scheme of the browser, or in .png for
            the image.
        theme : {"light", "dark"}
            Theme of the image.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        RunError
            The ending is another one, no run has ended, or the file cannot be written.
        """
        from quarva.comparison.presentation import compared
        from quarva.report.comparison import write, write_png

        target = Path(path)
        if not self.runs:
            raise RunError(f"{target}: nothing to draw, because no run is complete; resume the comparison")
        if target.suffix.lower() == ".html":
            return write(compared(self), target)
        if target.suffix.lower() == ".png":
            return write_png(compared(self), target, theme)
        raise RunError(f"{target}: unknown file ending; name a file that ends in .html or .png")

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
