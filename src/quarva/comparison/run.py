"""What one run of a comparison gave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reached", "Run"]

Floats = NDArray[np.float64]


class Reached(NamedTuple):
    """What it took to come to a level, ∞ where the run never did.

    Attributes
    ----------
    evaluations : float
        Evaluations up to and including the formula that came to it.
    seconds : float
    candidates : float
        Candidates that a surrogate had looked at by then; 0 for searchers without one.
    """

    evaluations: float = np.inf
    seconds: float = np.inf
    candidates: float = np.inf


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
        candidates: formulas that a surrogate looked at, 0 without one.
        proposed: all that the searcher proposed.
        invalid: proposed chromosomes that break a rule of the language.
        seconds: wall time; of it seconds_proposing by the searcher, seconds_scoring by the engine.
        stopped: why it ended, as `Findings.stopped`.
        after, at, looked: evaluations, seconds and candidates at which each formula became the best so far,
            float64 [incumbents], see `Findings.incumbents`.
        trained, validated: train and validation figure of these formulas, float64 [incumbents].
        exact: bool [incumbents], whether they give a table's target exactly.
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
    candidates: int
    proposed: int
    invalid: int
    seconds: float
    seconds_proposing: float
    seconds_scoring: float
    stopped: str
    after: Floats = field(repr=False)
    at: Floats = field(repr=False)
    looked: Floats = field(repr=False)
    trained: Floats = field(repr=False)
    validated: Floats = field(repr=False)
    exact: NDArray[np.bool_] = field(repr=False)

    @classmethod
    def of(
        cls, record: Mapping[str, Any], incumbents: Mapping[str, Any], searcher: str, figure: str
    ) -> "Run":
        """From findings as plain data and their incumbents; `figure` names the one that counts.

        Raises:
            KeyError, TypeError, ValueError: the record or the incumbents lack something.
        """
        best = record["best"]
        train, validation = (_number(best and best[name]) for name in ("train", "validation"))
        counted: dict[str, Any] = {
            name: int(record[name])
            for name in ("evaluations", "tuning_steps", "candidates", "proposed", "invalid")
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
            after=np.asarray(incumbents["evaluations"], np.float64),
            at=np.asarray(incumbents["seconds"], np.float64),
            looked=np.asarray(incumbents["candidates"], np.float64),
            trained=np.asarray(incumbents["train"], np.float64),
            validated=np.asarray(incumbents["validation"], np.float64),
            exact=np.asarray(incumbents["exact"], np.bool_),
        )

    @classmethod
    def of_learner(cls, record: Mapping[str, Any], name: str, seed: int, figure: str) -> "Run":
        """Return the run of a network or trader, which counts as one evaluation: one function is scored.

        Parameters
        ----------
        record : mapping
            What was learned, see `runner._record_of`.
        name, seed : str, int
            Name of the entry, and its seed.
        figure : str
            The figure that counts: train or validation.

        Raises
        ------
        KeyError, TypeError, ValueError
            The record lacks something.
        """
        train, validation = (_number(record["best"][each]) for each in ("train", "validation"))
        best, seconds = record["best"], float(record["seconds"])
        return cls(
            searcher=name,
            seed=seed,
            best=validation if figure == "validation" else train,
            train=train,
            validation=validation,
            formula=str(best["network"] if "network" in best else best["trader"]),
            size=int(record["parameters"]),
            evaluations=1,
            tuning_steps=0,
            candidates=0,
            proposed=1,
            invalid=0,
            seconds=seconds,
            seconds_proposing=seconds,
            seconds_scoring=0.0,
            stopped=str(record["ended"]),
            after=np.ones(1),
            at=np.array([seconds]),
            looked=np.zeros(1),
            trained=np.array([train]),
            validated=np.array([validation]),
            exact=np.zeros(1, np.bool_),
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

    def reached(self, level: float | None, minimised: bool) -> Reached:
        """Return what the run took to come to a level.

        Parameters
        ----------
        level : float or None
            Train figure. None asks for the first exact formula of a run that was solved.
        minimised : bool
            Whether a smaller figure is better.

        Returns
        -------
        Reached
        """
        if level is None:
            there = np.flatnonzero(self.exact & self.solved)
        else:
            there = np.flatnonzero(self.trained <= level if minimised else self.trained >= level)
        if not there.size:
            return Reached()
        first = there[0]
        return Reached(float(self.after[first]), float(self.at[first]), float(self.looked[first]))


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
