"""The best formulas so far, one of each behaviour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.karva.expression import Expression, Symbol
from quarva.karva.genes import Population
from quarva.tasks import Scores

__all__ = ["Best", "oriented"]


@dataclass
class Best:
    """At most `room` chromosomes by fitness, best first, no more than `alike` of a kind.

    Of a kind are formulas that begin with the same two letters; without a limit on those, variants of the
    best one fill all the room. Formulas of a kind whose train and validation figures agree to nine digits are
    one function written twice: the shorter, or the one met first, is kept. What is kept does not depend on
    the pieces in which formulas come: their size follows the clock, and findings must not.
    """

    room: int
    alike: int
    population: Population
    fitness: NDArray[np.float64]
    train: NDArray[np.float64]
    validation: NDArray[np.float64]
    sign: NDArray[np.int8]

    @classmethod
    def empty(cls, like: Population, room: int, alike: int) -> "Best":
        """Nothing yet."""
        none = np.empty(0)
        return cls(room, alike, like[:0], none, none.copy(), none.copy(), np.empty(0, np.int8))

    def add(self, population: Population, scores: Scores) -> bool:
        """Consider new formulas; returns whether the best one changed."""
        floor = self.fitness[-1] if len(self.fitness) >= self.room else -np.inf
        chosen = np.flatnonzero(scores.fitness > floor)
        if not chosen.size:
            return False
        top_before = self.fitness[0] if len(self.fitness) else -np.inf
        columns = [
            np.concatenate([mine, theirs[chosen]])
            for mine, theirs in (
                (self.fitness, scores.fitness),
                (self.train, scores.train),
                (self.validation, scores.validation),
                (self.sign, scores.sign),
            )
        ]
        both = Population.concatenate([self.population, population[chosen]])
        order = np.argsort(-columns[0], kind="stable")
        kind = _kinds(both)
        order = order[_first_of_each(kind[order], columns[1][order], columns[2][order])]
        keep = order[_place_in_kind(kind[order]) < self.alike][: self.room]
        if keep.max() < len(self):
            return False  # nothing but what is there already, written otherwise
        self.population = both[keep]
        self.fitness, self.train, self.validation, self.sign = (column[keep] for column in columns)
        return bool(self.fitness[0] > top_before)

    def expression(self, i: int) -> Expression:
        """Formula i, turned so that a larger signal means a larger target."""
        return oriented(self.population[i : i + 1].expressions()[0], int(self.sign[i]))

    def state(self) -> dict[str, NDArray]:
        """Everything needed to go on, as arrays."""
        p = self.population
        return {
            "symbols": p.symbols, "dc": p.dc, "constants": p.constants, "fitness": self.fitness,
            "train": self.train, "validation": self.validation, "sign": self.sign,
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray]) -> None:
        """Take up a `state`."""
        p = self.population
        self.population = Population(p.alphabet, p.shape, state["symbols"], state["dc"], state["constants"])
        self.fitness, self.train = state["fitness"], state["train"]
        self.validation, self.sign = state["validation"], state["sign"]

    def __len__(self) -> int:
        return len(self.fitness)


def oriented(expression: Expression, sign: int) -> Expression:
    """The expression, or for sign −1 its negative."""
    if sign >= 0:
        return expression
    if expression.symbol == Symbol.function("neg"):
        return expression.args[0]
    return Expression(Symbol.function("neg"), (expression,))


def _kinds(population: Population) -> NDArray[np.int64]:
    """A number for the first two letters of each chromosome."""
    first = population.symbols[:, 0, 0].astype(np.int64)
    return (
        first * len(population.alphabet) + population.symbols[:, 0, min(1, population.symbols.shape[2] - 1)]
    )


def _place_in_kind(kind: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the same kind stand before each."""
    order = np.argsort(kind, kind="stable")
    starts = np.searchsorted(kind[order], kind[order], side="left")
    place = np.empty(len(kind), np.int64)
    place[order] = np.arange(len(kind)) - starts
    return place


def _first_of_each(kind: NDArray[np.int64], train: NDArray, validation: NDArray) -> NDArray[np.bool_]:
    """Marks the first of each kind and pair of figures, rounded to nine digits."""
    odd = np.uint64(0x9E3779B97F4A7C15)  # spreads the three numbers over one word
    word = kind.astype(np.uint64)
    for figures in (train, validation):
        word = (word * odd) ^ _rounded(figures).view(np.uint64)
    first = np.zeros(len(train), np.bool_)
    first[np.unique(word, return_index=True)[1]] = True
    return first


def _rounded(figures: NDArray) -> NDArray[np.float64]:
    """Nine digits of each figure; NaN, which would equal nothing, as a number that no figure has."""
    figures = np.where(np.isnan(figures), 9e99, figures)
    scale = 10.0 ** (8 - np.floor(np.log10(np.maximum(np.abs(figures), 1e-30))))
    return np.rint(figures * scale) / scale
