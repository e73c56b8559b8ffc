"""The best formulas so far, one of each behaviour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.karva.expression import Expression, Symbol
from quarva.karva.genes import Population
from quarva.tasks import Scores

__all__ = ["Archive", "oriented", "place_in_kind"]


_WAITING = 512  # candidates that are worth a merge: sorting a few costs as much as sorting many


@dataclass
class _Kept:
    """Chromosomes with their figures, a row each."""

    population: Population
    fitness: NDArray[np.float64]
    train: NDArray[np.float64]
    sign: NDArray[np.int8]

    def __getitem__(self, chosen: NDArray[np.integer]) -> "_Kept":
        figures = (self.fitness, self.train, self.sign)
        return _Kept(self.population[chosen], *(column[chosen] for column in figures))

    def __len__(self) -> int:
        return len(self.fitness)


class Archive:
    """At most `room` chromosomes by fitness, best first, no more than `alike` of a kind.

    Of a kind are formulas that begin with the same two letters; without a limit on those, variants of the
    best one fill all the room. Formulas of a kind whose training figures agree to nine digits are one
    function written twice: the shorter, or the one met first, is kept. Validation plays no part in that, nor
    is it known here. What is kept does not depend on the pieces in which formulas come: their size follows
    the clock, and findings must not. So candidates may wait, and are merged some hundreds at a time, or when
    somebody looks.

    Attributes:
        population, fitness, train, sign: what is kept, as in `Scores`.
    """

    def __init__(self, like: Population, room: int, alike: int) -> None:
        none = np.empty(0)
        self._room, self._alike = room, alike
        self._kept = _Kept(like[:0], none, none.copy(), np.empty(0, np.int8))
        self._waiting: list[_Kept] = []
        self._many_wait = 0
        self._top = -np.inf

    def add(self, population: Population, scores: Scores) -> bool:
        """Consider new formulas, but those given up half-way; returns whether the best one changed."""
        better = scores.fitness > self._threshold()  # some that wait may raise it: it only saves work
        chosen = np.flatnonzero(better)
        if not chosen.size:
            return False
        new = _Kept(population, scores.fitness, scores.train, scores.sign)[chosen]
        self._waiting.append(new)
        self._many_wait += len(new)
        top = float(new.fitness.max())
        changed, self._top = top > self._top, max(top, self._top)
        if changed or self._many_wait >= _WAITING:
            self._merge()
        return changed

    def _threshold(self) -> float:
        return float(self._kept.fitness[-1]) if len(self._kept) >= self._room else -np.inf

    def _merge(self) -> None:
        """Bring those that wait to those that are kept."""
        parts = [self._kept, *self._waiting]
        self._waiting, self._many_wait = [], 0
        both = _Kept(
            Population.concatenate([part.population for part in parts]),
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("fitness", "train", "sign")
            ),
        )
        order = np.argsort(-both.fitness, kind="stable")
        kind = _kinds(both.population)
        order = order[_first_of_each(kind[order], both.train[order])]
        keep = order[place_in_kind(kind[order]) < self._alike][: self._room]
        if keep.max() >= len(self._kept):  # else what waited is there already, written otherwise
            self._kept = both[keep]

    def _settled(self) -> _Kept:
        if self._waiting:
            self._merge()
        return self._kept

    @property
    def population(self) -> Population:
        return self._settled().population

    @property
    def fitness(self) -> NDArray[np.float64]:
        return self._settled().fitness

    @property
    def train(self) -> NDArray[np.float64]:
        return self._settled().train

    @property
    def sign(self) -> NDArray[np.int8]:
        return self._settled().sign

    def expression(self, i: int) -> Expression:
        """Formula i, turned so that a larger signal means a larger target."""
        return oriented(self.population[i : i + 1].expressions()[0], int(self.sign[i]))

    def forget(self, first: int) -> None:
        """Drop the first so many, for whatever is alike to them had to stand back."""
        self._kept = self._settled()[np.arange(first, len(self._settled()))]
        self._top = float(self._kept.fitness[0]) if len(self._kept) else -np.inf

    def state(self) -> dict[str, NDArray]:
        """Everything needed to go on, as arrays."""
        p = self.population
        return {
            **p.arrays(), "fitness": self.fitness,
            "train": self.train, "sign": self.sign,
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray]) -> None:
        """Take up a `state`."""
        p = self._kept.population
        population = p.with_arrays(state)
        self._kept = _Kept(population, state["fitness"], state["train"], state["sign"])
        self._waiting, self._many_wait = [], 0
        self._top = float(self._kept.fitness[0]) if len(self._kept) else -np.inf

    def __len__(self) -> int:
        return len(self._settled())


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


def place_in_kind(kind: NDArray[np.integer]) -> NDArray[np.int64]:
    """How many of the same kind stand before each, int64 of the shape of `kind`."""
    order = np.argsort(kind, kind="stable")
    starts = np.searchsorted(kind[order], kind[order], side="left")
    place = np.empty(len(kind), np.int64)
    place[order] = np.arange(len(kind)) - starts
    return place


def _first_of_each(kind: NDArray[np.int64], train: NDArray) -> NDArray[np.bool_]:
    """Marks the first of each kind and training figure, rounded to nine digits."""
    odd = np.uint64(0x9E3779B97F4A7C15)  # spreads both numbers over one word
    word = (kind.astype(np.uint64) * odd) ^ _rounded(train).view(np.uint64)
    first = np.zeros(len(train), np.bool_)
    first[np.unique(word, return_index=True)[1]] = True
    return first


def _rounded(figures: NDArray) -> NDArray[np.float64]:
    """Nine digits of each figure; NaN, which would equal nothing, as a number that no figure has."""
    figures = np.where(np.isnan(figures), 9e99, figures)
    scale = 10.0 ** (8 - np.floor(np.log10(np.maximum(np.abs(figures), 1e-30))))
    return np.rint(figures * scale) / scale
