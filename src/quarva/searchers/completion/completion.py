"""Completion: two formulas that were scored, put together to one that gives the target.

A part u of a formula f(u) makes the whole give the target where u is what f, undone from the root down to
that place, makes of it: semantic backpropagation (Pawlak, Wieloch and Krawiec 2015, IEEE Transactions on
Evolutionary Computation 19). The parts of all formulas scored so far are known by their values, so that the
wish is looked up at once. n formulas thus stand for the n² that two of them make. A wish that is not met to
rounding is no use: completion finds what is exact, and nothing in noise.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.karva.alphabet import FIELD, Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.loop.probe_rows import ProbeRows
from quarva.searchers.completion.library import Library, remember
from quarva.searchers.completion.reader import Meaning, desk_for, read

__all__ = ["Completion"]

_MOST = 4  # completed formulas handed back at a time
_ROOM = 1 << 20  # expressions known; with 20 values each about 120 MB, taken as they come
_LONGEST = 12  # nodes of an expression that is kept


class Completion:
    """Completes formulas of one alphabet for one target.

    Attributes:
        library: the expressions known.
        asked: how many parts were looked for so far. None of these is an evaluation: a look-up computes no
            formula's values but its own.
    """

    def __init__(self, alphabet: Alphabet, shape: GeneShape, points: ProbeRows) -> None:
        self._alphabet, self._shape = alphabet, shape
        self._target = points.target
        rows, tail = points.target.size, alphabet.tail(shape.head)
        self._meaning = Meaning(
            alphabet.code.astype(np.int64), alphabet.arity.astype(np.int64), _leaves(alphabet, points)
        )
        self._desk, self._trial = (desk_for(shape.head + tail, rows, _LONGEST) for _ in range(2))
        self.library = Library.empty(_ROOM, rows, _LONGEST)
        self.asked = 0
        for letter in range(alphabet.n_functions, len(alphabet)):
            remember(self.library, self._meaning.leaf[letter], np.array([letter], np.int16))

    @staticmethod
    def can(alphabet: Alphabet, shape: GeneShape) -> bool:
        """Whether formulas can be completed: cell by cell, of one gene, without random constants."""
        plain = all(s.operator is None or s.operator.kind == "elementwise" for s in alphabet.symbols)
        return plain and shape.genes == 1 and not alphabet.has_constants

    def is_full(self) -> bool:
        """Whether nothing more is learned by reading."""
        return len(self.library) == len(self.library.key)

    def read(self, population: Population) -> Population | None:
        """Take in the parts of formulas; returns the formulas, at most 4, that a known part completes."""
        out = np.full((_MOST, population.symbols.shape[2]), self._alphabet.n_functions, np.int16)
        many, asked = read(
            population.symbols[:, 0], population.lengths()[:, 0], self._meaning, self._target,
            self._shape.head, self.library, self._desk, self._trial, out,
        )  # fmt: skip
        self.asked += asked
        if many == 0:
            return None
        completed = Population.empty(self._alphabet, self._shape, many)
        completed.symbols[:, 0] = out[:many]
        return completed

    def state(self) -> dict[str, NDArray[Any]]:
        """All that was read, as arrays."""
        return self.library.state() | {"asked": np.array(self.asked)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take up a `state`; nothing may have been read yet."""
        self.library.table[:], self.library.used[0] = 0, 0
        self.library.restore(state)
        self.asked = int(state["asked"])


def _leaves(alphabet: Alphabet, points: ProbeRows) -> NDArray[np.float32]:
    """Values of each terminal on the rows, float32[V, R]; of functions nothing."""
    leaves = np.zeros((len(alphabet), points.target.size), np.float32)
    for letter in range(alphabet.n_functions, len(alphabet)):
        symbol = alphabet.symbols[letter]
        if alphabet.code[letter] == FIELD:
            leaves[letter] = points.columns[points.fields.index(symbol.field)]
        else:
            leaves[letter] = alphabet.number[letter]
    return leaves
