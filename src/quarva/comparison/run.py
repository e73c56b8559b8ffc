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
    candidates : float
        Candidates that a surrogate had examined by then; 0 without one.
    """

    evaluations: float = np.inf
    seconds: float = np.inf
    candidates: float = np.inf


@dataclass(frozen=True)
class Run:
    """One entry with one seed.

    Attributes
    ----------
    searcher, seed : str, int
        Name of the entry, and the seed.
    best : float
        Figure of the formula with the best fitness in training: in validation, or on its rows for a table
        without a split. NaN if no formula was valid.
    train, validation : float
        Both figures of the same formula.
    formula, size : str, int
        That formula in infix, and its number of nodes; empty and 0 if there is none. A network's title and
        parameters.
    evaluations, tuning_steps : int
        Distinct formulas scored, and how many of them were steps of fitting constants.
    candidates : int
        Formulas that a surrogate examined; 0 without one.
    proposed, invalid : int
        Proposed chromosomes, and how many of them break a rule of the language.
    seconds, seconds_proposing, seconds_scoring : float
        Wall time; the searcher's and the engine's part of it.
    stopped : str
        Why the run ended: see `Findings.stopped`, `Fitted.ended`, `TradingPolicy.ended`.
    after, at, looked : float64 array of shape (incumbents,)
        Evaluations, seconds and candidates at which each formula became the best so far.
    trained, validated : float64 array of shape (incumbents,)
        Training and validation figure of these formulas.
    exact : bool array of shape (incumbents,)
        Whether they give a table's target exactly.
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
        """Return the run of a search.

        Parameters
        ----------
        record, incumbents : mapping
            Findings as plain data, and the columns of their incumbents.
        searcher : str
            Name of the entry.
        figure : str
            The figure that counts: train or validation.

        Raises
        ------
        KeyError, TypeError, ValueError
            The record or the incumbents lack something.
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
        """True if a formula gave the target of a table exactly, which ends a run."""
        return self.stopped == "solved"

    @property
    def distinct_share(self) -> float:
        """Share of the proposed chromosomes that had not been proposed before."""
        new = self.evaluations - self.tuning_steps
        return new / self.proposed if self.proposed else float("nan")

    @property
    def invalid_share(self) -> float:
        """Share of the proposed chromosomes that are not formulas."""
        return self.invalid / self.proposed if self.proposed else float("nan")

    def reached(self, level: float | None, minimised: bool) -> Reached:
        """Return the cost of reaching a level.

        Parameters
        ----------
        level : float or None
            Training figure. None means the first exact formula of a solved run.
        minimised : bool
            True if a smaller figure is better.

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
