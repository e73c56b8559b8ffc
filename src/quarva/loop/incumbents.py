"""Record of all incumbents of a search: every formula that became the best so far, and when."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quarva.karva.expression import Expression
from quarva.karva.genes import Population
from quarva.karva.notation import render
from quarva.loop.archive import oriented
from quarva.loop.solved import is_exact, may_be_exact
from quarva.loop.validations import Validations
from quarva.tasks import Scores, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Incumbents", "Piece"]

_NUMBERS: dict[str, Any] = {
    "batch": np.int64, "evaluations": np.int64, "candidates": np.int64, "seconds": np.float64,
    "train": np.float64, "validation": np.float64, "exact": np.bool_,
}  # fmt: skip
_COLUMNS = ("batch", "evaluations", "candidates", "seconds", "train", "validation", "formula", "exact")
_ROUNDS = 3  # rounds in which only the likely incumbents of a piece are validated, before all contenders are
_FIRST_BLOCK = 8  # initial number of formulas validated at once to find the first eligible one; doubles


@dataclass(frozen=True)
class Piece:
    """Position of formulas that were scored at once within a search.

    Attributes
    ----------
    batch : int
        Index of their batch, from 0.
    candidates : int
        Number of candidates of the surrogate so far.
    before : int
        Number of evaluations before the piece.
    size : int
        Number of evaluations in the piece.
    began, ended : float
        Time at the start and end of the piece, in seconds of the search.
    taken : int64 array of shape (P,), optional
        Evaluations of the piece up to and including each formula. By default row k is evaluation k + 1 of the
        piece.
    """

    batch: int
    candidates: int
    before: int
    size: int
    began: float
    ended: float
    taken: NDArray[np.int64] | None = None


class Incumbents:
    """Record of every formula that became the incumbent, in the order of evaluation.

    Parameters
    ----------
    task : Task
        Task that is searched.
    validations : Validations
        Source of validation scores.

    Notes
    -----
    The incumbent after n evaluations is the formula with the largest fitness among the eligible ones of the
    first n (see `findings.is_eligible`), the earlier one in case of ties. Before there is an eligible formula
    it is the formula with the largest fitness. A loop that scores one formula at a time would give the same
    record, so it does not depend on batch sizes or on the division of batches into pieces.

    Time is only known at both ends of a piece. Within a piece it is interpolated by evaluations.
    """

    def __init__(self, task: Task, validations: Validations) -> None:
        self._task, self._validations = task, validations
        self._numbers: dict[str, list[Any]] = {name: [] for name in _NUMBERS}
        self._formulas: list[str | tuple[Population, int, int]] = []  # text, or population, row and sign
        self._fitness = -np.inf  # of the incumbent
        self._has_eligible = not task.has_validation  # whether any incumbent so far is eligible

    def __len__(self) -> int:
        return len(self._formulas)

    @property
    def is_exact(self) -> bool:
        """Whether the incumbent reproduces a table's target exactly (see `solved.is_exact`)."""
        return bool(self._numbers["exact"] and self._numbers["exact"][-1])

    def update(self, population: Population, scores: Scores, piece: Piece) -> None:
        """Record the new incumbents among the formulas of a piece.

        Parameters
        ----------
        population : Population of P chromosomes
            In the order of evaluation, or in any order if `piece.taken` is given.
        scores : Scores of the P formulas
            Their scores.
        piece : Piece
            Position of the formulas in the search.
        """
        fitness = scores.fitness
        if piece.taken is None:
            rows = self._successors(population, fitness)
            taken = rows + 1
        else:
            order = np.argsort(piece.taken, kind="stable")
            rows = order[self._successors(population[order], fitness[order])]
            taken = piece.taken[rows]
        if not rows.size:
            return
        better, train, signs = population[rows], scores.train[rows].tolist(), scores.sign[rows].tolist()
        seconds = piece.began + (piece.ended - piece.began) / max(piece.size, 1) * taken
        columns = {
            "batch": [piece.batch] * len(rows), "evaluations": (piece.before + taken).tolist(),
            "candidates": [piece.candidates] * len(rows), "seconds": seconds.tolist(), "train": train,
            "validation": self._validations.of(better).tolist(),
            "exact": [
                may_be_exact(self._task, figure)
                and is_exact(self._task, _expression(better, k, signs[k]), figure)
                for k, figure in enumerate(train)
            ],
        }  # fmt: skip
        for name, values in columns.items():
            self._numbers[name] += values
        self._formulas += [(better, k, sign) for k, sign in enumerate(signs)]
        self._fitness = float(fitness[rows[-1]])

    def _successors(self, population: Population, fitness: NDArray[np.float64]) -> NDArray[np.int64]:
        """Rows of the formulas that become the incumbent, in the order of evaluation."""
        if self._has_eligible:
            return self._eligible_records(population, fitness, self._fitness)
        first = self._first_eligible(population, fitness)
        ineligible = _records(fitness[:first], self._fitness)
        if first == len(fitness):
            return ineligible
        self._has_eligible = True
        later = self._eligible_records(population[first + 1 :], fitness[first + 1 :], float(fitness[first]))
        return np.concatenate([ineligible, [first], first + 1 + later])

    def _eligible_records(
        self, population: Population, fitness: NDArray[np.float64], level: float
    ) -> NDArray[np.int64]:
        """Rows of the eligible formulas that exceed `level` and all eligible formulas before them."""
        contenders = np.flatnonzero(fitness > level)
        if not self._task.has_validation:
            return contenders[_records(fitness[contenders], level)]
        for is_last in (*[False] * _ROUNDS, True):
            records = contenders[_records(fitness[contenders], level)]
            checked = contenders if is_last else records
            eligible = self._validations.is_eligible(population[checked])
            if eligible.all():
                return records
            contenders = np.setdiff1d(contenders, checked[~eligible])
        return contenders[_records(fitness[contenders], level)]

    def _first_eligible(self, population: Population, fitness: NDArray[np.float64]) -> int:
        """Row of the first eligible formula; P if there is none."""
        scored = np.flatnonzero(fitness > -np.inf)
        at, size = 0, _FIRST_BLOCK
        while at < len(scored):
            block = scored[at : at + size]
            eligible = self._validations.is_eligible(population[block])
            if eligible.any():
                return int(block[eligible.argmax()])
            at, size = at + size, 2 * size
        return len(fitness)

    def frame(self) -> "pd.DataFrame":
        """Convert to a pandas frame with one row per incumbent; see `Findings.incumbents` for the columns."""
        import pandas as pd

        columns = self._arrays() | {"formula": np.array(self._texts(), object)}
        return pd.DataFrame({name: columns[name] for name in _COLUMNS})

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {name: np.array(self._numbers[name], dtype) for name, dtype in _NUMBERS.items()}

    def _texts(self) -> list[str]:
        """The formulas in infix notation, each rendered once."""
        for k, formula in enumerate(self._formulas):
            if not isinstance(formula, str):
                self._formulas[k] = render(_expression(*formula), "infix")
        return self._formulas  # type: ignore[return-value]  # all are text now

    def state(self) -> dict[str, NDArray[Any]]:
        """State for a checkpoint, as arrays."""
        last = {"fitness": np.array(self._fitness), "judged": np.array(self._has_eligible)}
        return self._arrays() | last | {"formula": np.array(self._texts(), np.str_)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore a state that `state` returned."""
        self._numbers = {name: state[name].tolist() for name in _NUMBERS}
        self._formulas = [str(text) for text in state["formula"]]
        self._fitness, self._has_eligible = float(state["fitness"]), bool(state["judged"])


def _records(values: NDArray[np.float64], level: float) -> NDArray[np.int64]:
    """Indices of the values that exceed `level` and all values before them; NaN never does."""
    above = np.flatnonzero(values > level)
    top = np.maximum.accumulate(values[above])
    rises = np.ones(len(above), np.bool_)
    rises[1:] = top[1:] > top[:-1]
    return above[rises]


def _expression(population: Population, row: int, sign: int) -> Expression:
    """Formula of a row, oriented so that a larger signal means a larger target."""
    return oriented(population[row : row + 1].expressions()[0], sign)
