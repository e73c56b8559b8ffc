"""Completion: combines two scored formulas into one that reproduces the target.

Replacing a part u of a formula f(u) makes the formula reproduce the target if u has the desired semantics:
the values obtained by inverting f from the root down to u, which is semantic backpropagation (Pawlak, Wieloch
and Krawiec 2015, IEEE Transactions on Evolutionary Computation 19). All parts of the formulas scored so far
are stored by their values, so one look-up finds a part with the desired semantics. In this way n formulas
cover the n² combinations of two of them. Only exact matches, up to rounding, count, so completion finds
nothing in noise.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.karva.alphabet import FIELD, Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.loop.probe_rows import ProbeRows
from quarva.searchers.completion.library import Library, add_expression
from quarva.searchers.completion.reader import ReadingBuffers, SymbolSemantics, read

__all__ = ["Completion"]

_MAX_COMPLETED = 4  # completed formulas per call of `read`
_CAPACITY = 1 << 20  # expressions; about 120 MB with 20 values each, allocated as the library fills
_MAX_NODES = 12  # of an expression in the library


class Completion:
    """Completes formulas of one alphabet for one target.

    Parameters
    ----------
    alphabet : Alphabet
        The alphabet.
    shape : GeneShape
        Shape of the chromosomes.
    points : ProbeRows
        The rows on which values are compared, with the target.

    Attributes
    ----------
    library : Library
        The known expressions.
    lookups : int
        Number of look-ups so far. A look-up evaluates no new formula, so it is not an evaluation of the
        budget.
    """

    def __init__(self, alphabet: Alphabet, shape: GeneShape, points: ProbeRows) -> None:
        self._alphabet, self._shape = alphabet, shape
        self._target = points.target
        n_rows, tail = points.target.size, alphabet.tail(shape.head)
        self._semantics = SymbolSemantics(
            alphabet.code.astype(np.int64),
            alphabet.arity.astype(np.int64),
            _terminal_values(alphabet, points),
        )
        self._buffers, self._trial = (
            ReadingBuffers.empty(shape.head + tail, n_rows, _MAX_NODES) for _ in range(2)
        )
        self.library = Library.empty(_CAPACITY, n_rows, _MAX_NODES)
        self.lookups = 0
        for symbol in range(alphabet.n_functions, len(alphabet)):
            add_expression(self.library, self._semantics.values[symbol], np.array([symbol], np.int16))

    @staticmethod
    def supports(alphabet: Alphabet, shape: GeneShape) -> bool:
        """Return whether formulas can be completed: elementwise, of one gene, and without `?`."""
        elementwise = all(s.operator is None or s.operator.kind == "elementwise" for s in alphabet.symbols)
        return elementwise and shape.genes == 1 and not alphabet.has_constants

    def is_full(self) -> bool:
        """Return whether the library has no room left."""
        return len(self.library) == len(self.library.key)

    def read(self, population: Population) -> Population | None:
        """Add the parts of formulas to the library, and complete formulas.

        Parameters
        ----------
        population : Population
            Formulas that have been scored.

        Returns
        -------
        Population or None
            Completed formulas, at most 4; None if there are none.
        """
        out = np.full((_MAX_COMPLETED, population.symbols.shape[2]), self._alphabet.n_functions, np.int16)
        n_completed, lookups = read(
            population.symbols[:, 0], population.lengths()[:, 0], self._semantics, self._target,
            self._shape.head, self.library, self._buffers, self._trial, out,
        )  # fmt: skip
        self.lookups += lookups
        if n_completed == 0:
            return None
        completed = Population.empty(self._alphabet, self._shape, n_completed)
        completed.symbols[:, 0] = out[:n_completed]
        return completed

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the state as arrays."""
        return self.library.state() | {"lookups": np.array(self.lookups)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore a state that `state` returned; nothing may have been read before."""
        self.library.table[:], self.library.used[0] = 0, 0
        self.library.restore(state)
        self.lookups = int(state["lookups"])


def _terminal_values(alphabet: Alphabet, points: ProbeRows) -> NDArray[np.float32]:
    """Return the values of each terminal on the rows, float32 of shape (V, R), and 0 for functions."""
    values = np.zeros((len(alphabet), points.target.size), np.float32)
    for v in range(alphabet.n_functions, len(alphabet)):
        symbol = alphabet.symbols[v]
        if alphabet.code[v] == FIELD:
            values[v] = points.columns[points.fields.index(symbol.field)]
        else:
            values[v] = alphabet.number[v]
    return values
