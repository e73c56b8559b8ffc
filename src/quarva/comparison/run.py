"""What one run of a comparison gave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Run"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """One searcher with one seed.

    Attributes:
        searcher, seed: who searched.
        best: figure of the formula with the best fitness in training: on validation, of a table without a
            split on its rows; NaN where no formula was valid. train, validation: both figures of the same
            formula.
        formula, size: that formula in infix, and its nodes; "" and 0 where there is none.
        evaluations: distinct formulas scored; of them tuning_steps, steps of fitting constants.
        proposed: all that the searcher proposed.
        invalid: proposed chromosomes that break a rule of the language.
        seconds: wall time; of it seconds_proposing by the searcher, seconds_scoring by the engine.
        stopped: why it ended, as `Findings.stopped`.
        after, at: evaluations and seconds behind each batch, float64 [batches].
        trained, validated: train and validation figure of the best formula then, float64 [batches].
    """

    searcher: str
    seed: int
    best: float
    train: float
    validation: float
    formula: str
    size: int
    evaluations: int
    tuning_steps: int
    proposed: int
    invalid: int
    seconds: float
    seconds_proposing: float
    seconds_scoring: float
    stopped: str
    after: Floats = field(repr=False)
    at: Floats = field(repr=False)
    trained: Floats = field(repr=False)
    validated: Floats = field(repr=False)

    @classmethod
    def of(cls, record: Mapping[str, Any], history: Mapping[str, Any], searcher: str, figure: str) -> "Run":
        """From findings as plain data and their history; `figure` names the one that counts.

        Raises:
            KeyError, TypeError, ValueError: the record or the history lacks something.
        """
        best = record["best"]
        train, validation = (_number(best and best[name]) for name in ("train", "validation"))
        counted: dict[str, Any] = {
            name: int(record[name]) for name in ("evaluations", "tuning_steps", "proposed", "invalid")
        }
        timed: dict[str, Any] = {
            name: float(record[name]) for name in ("seconds", "seconds_proposing", "seconds_scoring")
        }
        return cls(
            searcher=searcher,
            seed=int(record["seed"]),
            best=validation if figure == "validation" else train,
            train=train,
            validation=validation,
            formula=best["formula"] if best else "",
            size=int(best["size"]) if best else 0,
            **counted,
            **timed,
            stopped=str(record["stopped"]),
            after=np.asarray(history["evaluations"], np.float64),
            at=np.asarray(history["seconds"], np.float64),
            trained=np.asarray(history["best"], np.float64),
            validated=np.asarray(history["validation"], np.float64),
        )

    @property
    def solved(self) -> bool:
        """Whether a table was explained to the last digit, which ends a run."""
        return self.stopped == "solved"

    @property
    def distinct_share(self) -> float:
        """Of what was proposed, the share that had not been proposed before."""
        new = self.evaluations - self.tuning_steps
        return new / self.proposed if self.proposed else float("nan")

    @property
    def invalid_share(self) -> float:
        """Of what was proposed, the share that was no formula."""
        return self.invalid / self.proposed if self.proposed else float("nan")

    def reached(self, level: float | None, minimised: bool) -> tuple[float, float]:
        """Evaluations and seconds after which the train figure was at the level, ∞ where it never was.

        Without a level: after which the run was solved.
        """
        if level is None:
            return (float(self.evaluations), self.seconds) if self.solved else (np.inf, np.inf)
        there = np.flatnonzero(self.trained <= level if minimised else self.trained >= level)
        return (float(self.after[there[0]]), float(self.at[there[0]])) if there.size else (np.inf, np.inf)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
