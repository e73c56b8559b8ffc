"""One run of a comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reached", "Run"]

Floats = NDArray[np.float64]


class Reached(NamedTuple):
    """Cost of reaching a level; ∞ if the run never reached it.

    Attributes
    ----------
    evaluations : float
        Evaluations up to and including the formula that reached it.
    seconds : float
        Wall time.
    candidates : float
        Candidates that a surrogate had examined by then; 0 without one.
    """

    evaluations: float = np.inf
    seconds: float = np.inf
    candidates: float = np.inf


@dataclass(frozen=True)
class Run:
    """Result of one entry with one seed.

    Attributes
    ----------
    searcher, seed : str, int
        Name of the entry, and the seed.
    best : float
        Validation score of the formula with the best training fitness; its training score for a table
        without a split. NaN if no formula was valid.
    train, validation : float
        Training and validation score of this formula.
    formula, size : str, int
        The formula in infix notation and its number of nodes; empty and 0 if there is none. For a network or
        a trader, its title and number of parameters.
    evaluations, tuning_steps : int
        Number of distinct formulas scored, and of those that were steps of tuning constants.
    candidates : int
        Number of formulas that a surrogate examined; 0 without one.
    proposed, invalid : int
        Number of proposed chromosomes, and of those that are not valid formulas.
    seconds, seconds_proposing, seconds_scoring : float
        Wall time, and the time spent in the searcher and in the engine.
    stopped : str
        Why the run ended: see `Findings.stopped`, `Fitted.ended`, `TradingPolicy.ended`.
    after, at, looked : float64 array of shape (incumbents,)
        Evaluations, seconds and candidates at which each formula became the incumbent.
    trained, validated : float64 array of shape (incumbents,)
        Training and validation scores of these formulas.
    exact : bool array of shape (incumbents,)
        Whether they reproduce the target of a table exactly.
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
        """Create the run of a search from its record.

        Parameters
        ----------
        record, incumbents : mapping
            Findings as plain data, and the columns of their incumbents.
        searcher : str
            Name of the entry.
        figure : {"train", "validation"}
            The part whose score is `best`.

        Raises
        ------
        KeyError, TypeError, ValueError
            The record or the incumbents are incomplete.
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
        """Create the run of a network or trader from its record. It counts as one evaluation.

        Parameters
        ----------
        record : mapping
            Record of the fit; see `runner._record_of`.
        name, seed : str, int
            Name of the entry, and its seed.
        figure : {"train", "validation"}
            The part whose score is `best`.

        Raises
        ------
        KeyError, TypeError, ValueError
            The record is incomplete.
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
        """True if a formula reproduced the target of a table exactly, which ends the run."""
        return self.stopped == "solved"

    @property
    def distinct_share(self) -> float:
        """Share of the proposals that were new formulas."""
        new = self.evaluations - self.tuning_steps
        return new / self.proposed if self.proposed else float("nan")

    @property
    def invalid_share(self) -> float:
        """Share of the proposals that were not valid formulas."""
        return self.invalid / self.proposed if self.proposed else float("nan")

    def reached(self, level: float | None, minimised: bool) -> Reached:
        """Return the cost of reaching a level.

        Parameters
        ----------
        level : float or None
            Training score. None means the first exact formula of a solved run.
        minimised : bool
            True if a smaller score is better.

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
