"""Archive of the best formulas found so far, with a limited number per niche."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.karva.expression import Expression, Symbol
from quarva.karva.genes import Population
from quarva.tasks import Scores

__all__ = ["Archive", "oriented", "rank_in_niche"]


_MERGE_SIZE = 512  # pending candidates that trigger a merge: sorting a few costs as much as sorting many


@dataclass
class _Entries:
    """Chromosomes with their scores, one row each."""

    population: Population
    fitness: NDArray[np.float64]
    train: NDArray[np.float64]
    sign: NDArray[np.int8]

    def __getitem__(self, rows: NDArray[np.integer]) -> "_Entries":
        columns = (self.fitness, self.train, self.sign)
        return _Entries(self.population[rows], *(column[rows] for column in columns))

    def __len__(self) -> int:
        return len(self.fitness)


class Archive:
    """The best chromosomes by fitness, best first, with at most `per_niche` from each niche.

    Parameters
    ----------
    template : Population
        Population whose alphabet and gene shape the archive uses.
    capacity : int
        Largest number of entries.
    per_niche : int
        Largest number of entries per niche.

    Attributes
    ----------
    population : Population of K chromosomes
        The entries, best first.
    fitness, train : float64 arrays of shape (K,)
        Fitness and training score, as in `Scores`.
    sign : int8 array of shape (K,)
        Sign of the correlation with the target, as in `Scores`.

    Notes
    -----
    A niche consists of the formulas that begin with the same two symbols. Without a limit, variants of the
    best formula would fill the archive. Formulas of one niche whose training scores agree to nine digits
    count as one function; the shorter or earlier one is kept. Validation scores are not used.

    The content does not depend on how formulas are divided into chunks, because chunk sizes depend on timing
    and findings must not. Candidates may therefore be pending; they are merged a few hundred at a time and
    before the content is accessed.
    """

    def __init__(self, template: Population, capacity: int, per_niche: int) -> None:
        empty = np.empty(0)
        self._capacity, self._per_niche = capacity, per_niche
        self._entries = _Entries(template[:0], empty, empty.copy(), np.empty(0, np.int8))
        self._pending: list[_Entries] = []
        self._n_pending = 0
        self._top = -np.inf

    def add(self, population: Population, scores: Scores) -> bool:
        """Add formulas that are good enough; formulas without a fitness are ignored.

        Parameters
        ----------
        population : Population of P chromosomes
            The formulas.
        scores : Scores of the P formulas
            Their scores.

        Returns
        -------
        bool
            Whether the best entry changed.
        """
        better = scores.fitness > self._threshold()  # pending entries may raise it: this only saves work
        rows = np.flatnonzero(better)
        if not rows.size:
            return False
        new = _Entries(population, scores.fitness, scores.train, scores.sign)[rows]
        self._pending.append(new)
        self._n_pending += len(new)
        top = float(new.fitness.max())
        changed, self._top = top > self._top, max(top, self._top)
        if changed or self._n_pending >= _MERGE_SIZE:
            self._merge()
        return changed

    def _threshold(self) -> float:
        return float(self._entries.fitness[-1]) if len(self._entries) >= self._capacity else -np.inf

    def _merge(self) -> None:
        """Merge the pending entries."""
        parts = [self._entries, *self._pending]
        self._pending, self._n_pending = [], 0
        merged = _Entries(
            Population.concatenate([part.population for part in parts]),
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("fitness", "train", "sign")
            ),
        )
        order = np.argsort(-merged.fitness, kind="stable")
        niche = _niches(merged.population)
        order = order[_is_first(niche[order], merged.train[order])]
        rows = order[rank_in_niche(niche[order]) < self._per_niche][: self._capacity]
        if rows.max() >= len(self._entries):  # otherwise every pending formula is already in the archive
            self._entries = merged[rows]

    def _merged(self) -> _Entries:
        if self._pending:
            self._merge()
        return self._entries

    @property
    def population(self) -> Population:
        return self._merged().population

    @property
    def fitness(self) -> NDArray[np.float64]:
        return self._merged().fitness

    @property
    def train(self) -> NDArray[np.float64]:
        return self._merged().train

    @property
    def sign(self) -> NDArray[np.int8]:
        return self._merged().sign

    def expression(self, i: int) -> Expression:
        """Formula of entry `i`, oriented so that a larger signal means a larger target."""
        return oriented(self.population[i : i + 1].expressions()[0], int(self.sign[i]))

    def drop_first(self, n: int) -> None:
        """Remove the `n` best entries. Formulas that they displaced from their niche do not return."""
        self._entries = self._merged()[np.arange(n, len(self._merged()))]
        self._top = float(self._entries.fitness[0]) if len(self._entries) else -np.inf

    def state(self) -> dict[str, NDArray]:
        """State for a checkpoint, as arrays."""
        p = self.population
        return {
            **p.arrays(), "fitness": self.fitness,
            "train": self.train, "sign": self.sign,
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray]) -> None:
        """Restore a state that `state` returned."""
        p = self._entries.population
        population = p.with_arrays(state)
        self._entries = _Entries(population, state["fitness"], state["train"], state["sign"])
        self._pending, self._n_pending = [], 0
        self._top = float(self._entries.fitness[0]) if len(self._entries) else -np.inf

    def __len__(self) -> int:
        return len(self._merged())


def oriented(expression: Expression, sign: int) -> Expression:
    """Return the expression, or its negation if `sign` is −1."""
    if sign >= 0:
        return expression
    if expression.symbol == Symbol.function("neg"):
        return expression.args[0]
    return Expression(Symbol.function("neg"), (expression,))


def _niches(population: Population) -> NDArray[np.int64]:
    """Niche of each chromosome as a number: its first two symbols."""
    first = population.symbols[:, 0, 0].astype(np.int64)
    return (
        first * len(population.alphabet) + population.symbols[:, 0, min(1, population.symbols.shape[2] - 1)]
    )


def rank_in_niche(niche: NDArray[np.integer]) -> NDArray[np.int64]:
    """Number of earlier elements with the same niche.

    Parameters
    ----------
    niche : integer array of shape (K,)
        Niche of each element.

    Returns
    -------
    int64 array of shape (K,)
    """
    order = np.argsort(niche, kind="stable")
    starts = np.searchsorted(niche[order], niche[order], side="left")
    rank = np.empty(len(niche), np.int64)
    rank[order] = np.arange(len(niche)) - starts
    return rank


def _is_first(niche: NDArray[np.int64], train: NDArray) -> NDArray[np.bool_]:
    """Mask of the first formula with each niche and training score, rounded to nine digits."""
    odd = np.uint64(0x9E3779B97F4A7C15)  # combines both numbers into one hash
    word = (niche.astype(np.uint64) * odd) ^ _rounded(train).view(np.uint64)
    first = np.zeros(len(train), np.bool_)
    first[np.unique(word, return_index=True)[1]] = True
    return first


def _rounded(values: NDArray) -> NDArray[np.float64]:
    """Round to nine digits; NaN becomes a number that no score has, so that it compares equal."""
    values = np.where(np.isnan(values), 9e99, values)
    scale = 10.0 ** (8 - np.floor(np.log10(np.maximum(np.abs(values), 1e-30))))
    return np.rint(values * scale) / scale
