"""Archive of the best formulas found so far, and a choice of them with dissimilar signals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.karva.expression import Expression, Symbol
from quarva.karva.genes import Population
from quarva.loop.probe_panel import ProbePanel
from quarva.tasks import Scores

__all__ = ["Archive", "oriented"]


_SIMILAR = 0.9  # absolute correlation above which two signals count as similar
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
    """The best chromosomes by fitness, best first.

    Parameters
    ----------
    template : Population
        Population whose alphabet and gene shape the archive uses.
    capacity : int
        Largest number of entries.

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
    Formulas whose training scores agree to nine digits count as one function; the shorter or earlier one is
    kept. Validation scores are not used.

    The content does not depend on how formulas are divided into chunks, because chunk sizes depend on timing
    and findings must not. Candidates may therefore be pending; they are merged a few hundred at a time and
    before the content is accessed.
    """

    def __init__(self, template: Population, capacity: int) -> None:
        empty = np.empty(0)
        self._capacity = capacity
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
        rows = order[_is_first(merged.train[order])][: self._capacity]
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

    def expressions(self) -> tuple[Expression, ...]:
        """The oriented formulas of all entries, best first; see `expression`."""
        return tuple(
            oriented(each, int(sign))
            for each, sign in zip(self.population.expressions(), self.sign, strict=True)
        )

    def diverse(self, probe_panel: ProbePanel, threads: int, most: int) -> "Archive":
        """Choose entries whose signals differ, so that variants of the best formula do not fill the choice.

        Parameters
        ----------
        probe_panel : ProbePanel
            The sample on which signals are compared.
        threads : int
            Maximum number of threads. The choice does not depend on it.
        most : int
            Maximum number of entries.

        Returns
        -------
        Archive
            The entries whose correlation with every better chosen one is at most 0.9 in absolute value, best
            first.
        """
        entries = self._merged()
        signatures = probe_panel.signatures(entries.population, threads)
        chosen: list[int] = []
        for k in range(len(entries)):
            if not (np.abs(signatures[chosen] @ signatures[k]) > _SIMILAR).any():
                chosen.append(k)
                if len(chosen) == most:
                    break
        out = Archive(entries.population, most)
        out._entries = entries[np.array(chosen, np.int64)]
        out._top = self._top
        return out

    def drop_first(self, n: int) -> None:
        """Remove the `n` best entries."""
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


def _is_first(train: NDArray) -> NDArray[np.bool_]:
    """Mask of the first formula with each training score, rounded to nine digits."""
    first = np.zeros(len(train), np.bool_)
    first[np.unique(_rounded(train), return_index=True)[1]] = True
    return first


def _rounded(values: NDArray) -> NDArray[np.float64]:
    """Round to nine digits; NaN becomes a number that no score has, so that it compares equal."""
    values = np.where(np.isnan(values), 9e99, values)
    scale = 10.0 ** (8 - np.floor(np.log10(np.maximum(np.abs(values), 1e-30))))
    return np.rint(values * scale) / scale
