"""The incumbents of a search: every formula that became the best so far, and exactly where it did."""

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
_ROUNDS = 3  # validations of the likely incumbents of a piece before all its contenders are validated
_FIRST_BLOCK = 8  # formulas validated at once in search of the first that can be judged; doubled each time


@dataclass(frozen=True)
class Piece:
    """Where the formulas of one call of the engine stand in a search.

    Attributes
    ----------
    batch : int
        Number of their batch, from 0.
    candidates : int
        Formulas that the searcher's surrogate has looked at so far.
    before : int
        Evaluations before the piece.
    size : int
        Evaluations that the piece takes.
    began, ended : float
        Seconds of the search at which the piece began and ended.
    taken : int64 array of shape (P,), optional
        Evaluations of the piece that were spent when each formula was done. By default row k is the
        (k + 1)-th evaluation of the piece.
    """

    batch: int
    candidates: int
    before: int
    size: int
    began: float
    ended: float
    taken: NDArray[np.int64] | None = None


class Incumbents:
    """Every formula that became the best so far, in the order in which the formulas were proposed.

    The incumbent after n evaluations is the formula of largest fitness among the first n, the earlier one of
    two equals, of those that can be judged in validation (see `findings.can_be_judged`); before there is one
    of these, the formula of largest fitness. That is what a loop would record that scores one formula at a
    time, so the record depends neither on the size of the batches nor on the pieces in which a batch is
    scored.

    Seconds are known at both ends of a piece only. Inside it they are interpolated by evaluations, as if all
    its formulas took equally long.

    Parameters
    ----------
    task : Task
        The question that is searched.
    validations : Validations
        Source of validation figures.
    """

    def __init__(self, task: Task, validations: Validations) -> None:
        self._task, self._validations = task, validations
        self._numbers: dict[str, list[Any]] = {name: [] for name in _NUMBERS}
        self._formulas: list[str | tuple[Population, int, int]] = []  # text, or what to render: row and sign
        self._fitness = -np.inf  # of the incumbent
        self._judged = not task.has_validation  # whether the incumbent, if there is one, can be judged

    def __len__(self) -> int:
        return len(self._formulas)

    @property
    def is_exact(self) -> bool:
        """Whether the incumbent explains a table's target exactly (see `solved.is_exact`)."""
        return bool(self._numbers["exact"] and self._numbers["exact"][-1])

    def update(self, population: Population, scores: Scores, piece: Piece) -> None:
        """Consider the formulas of a piece.

        Parameters
        ----------
        population : Population of P chromosomes
            In the order of their evaluations, or in any order where `piece.taken` is given.
        scores : Scores of the P formulas
        piece : Piece
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
        """Rows of the formulas, in the order of their evaluations, that become the incumbent."""
        if self._judged:
            return self._judged_above(population, fitness, self._fitness)
        first = self._first_judged(population, fitness)
        unjudged = _rising(fitness[:first], self._fitness)
        if first == len(fitness):
            return unjudged
        self._judged = True
        later = self._judged_above(population[first + 1 :], fitness[first + 1 :], float(fitness[first]))
        return np.concatenate([unjudged, [first], first + 1 + later])

    def _judged_above(
        self, population: Population, fitness: NDArray[np.float64], level: float
    ) -> NDArray[np.int64]:
        """Rows of the formulas that can be judged and rise above `level` and above all such before them."""
        contenders = np.flatnonzero(fitness > level)
        if not self._task.has_validation:
            return contenders[_rising(fitness[contenders], level)]
        for is_last in (*[False] * _ROUNDS, True):
            rising = contenders[_rising(fitness[contenders], level)]
            asked = contenders if is_last else rising
            can = self._validations.can_judge(population[asked])
            if can.all():
                return rising
            contenders = np.setdiff1d(contenders, asked[~can])
        return contenders[_rising(fitness[contenders], level)]

    def _first_judged(self, population: Population, fitness: NDArray[np.float64]) -> int:
        """Row of the first formula that can be judged, P where there is none."""
        scored = np.flatnonzero(fitness > -np.inf)
        at, size = 0, _FIRST_BLOCK
        while at < len(scored):
            block = scored[at : at + size]
            can = self._validations.can_judge(population[block])
            if can.any():
                return int(block[can.argmax()])
            at, size = at + size, 2 * size
        return len(fitness)

    def frame(self) -> "pd.DataFrame":
        """Return the incumbents as a pandas frame, a row each; see `Findings.incumbents` for the columns."""
        import pandas as pd

        columns = self._arrays() | {"formula": np.array(self._texts(), object)}
        return pd.DataFrame({name: columns[name] for name in _COLUMNS})

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {name: np.array(self._numbers[name], dtype) for name, dtype in _NUMBERS.items()}

    def _texts(self) -> list[str]:
        """The formulas in infix, each rendered once."""
        for k, formula in enumerate(self._formulas):
            if not isinstance(formula, str):
                self._formulas[k] = render(_expression(*formula), "infix")
        return self._formulas  # type: ignore[return-value]  # nothing but text is left

    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything needed to go on, as arrays."""
        last = {"fitness": np.array(self._fitness), "judged": np.array(self._judged)}
        return self._arrays() | last | {"formula": np.array(self._texts(), np.str_)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from a `state`."""
        self._numbers = {name: state[name].tolist() for name in _NUMBERS}
        self._formulas = [str(text) for text in state["formula"]]
        self._fitness, self._judged = float(state["fitness"]), bool(state["judged"])


def _rising(values: NDArray[np.float64], level: float) -> NDArray[np.int64]:
    """Places of the values above `level` and above all values before them; NaN is never one."""
    above = np.flatnonzero(values > level)
    top = np.maximum.accumulate(values[above])
    rises = np.ones(len(above), np.bool_)
    rises[1:] = top[1:] > top[:-1]
    return above[rises]


def _expression(population: Population, row: int, sign: int) -> Expression:
    """The formula in a row, turned so that a larger signal means a larger target."""
    return oriented(population[row : row + 1].expressions()[0], sign)
