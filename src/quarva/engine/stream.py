"""One more day: the same machine fed live."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quarva.compiled import is_cached
from quarva.engine.evaluate import group_codes, place_params
from quarva.engine.kernel.batch import graph_of, rows_for
from quarva.engine.kernel.live import LAYOUT_SIZE, answer, begin_days, lay_out, live_step
from quarva.engine.program import Program
from quarva.panel import Panel

__all__ = ["Stream"]

_VECTOR = 16  # float32 numbers in the widest vector register


class Stream:
    """Formulas that are handed one day after the other, and answer with that day's signals.

    The numbers are, bit for bit, those of `signals` on the whole panel. A day costs O(nodes × assets), each
    subexpression computed once.

    Args:
        program: P formulas.
        like: a panel with the same assets (and groups, and conventions); its days are not read.
        fields: names of the fields that each day brings, in this order; the panel's by default.

    Attributes:
        day: number of the next day, counted from the first of the panel.
        begins: float32 (width,), the day of each asset's first value, infinite as long as there is none. With
            Qlib's conventions signals depend on it, so a stream that begins late has to be told.

    Raises:
        FormulaError: the program reads a field, group or asset that is not there.
    """

    def __init__(self, program: Program, like: Panel, fields: Sequence[str] | None = None) -> None:
        self.fields = tuple(like.fields if fields is None else fields)
        self.day = 0
        self._n_assets = len(like.assets)
        self._width = -(-self._n_assets // _VECTOR) * _VECTOR
        self._partial = like.conventions == "qlib"
        param = place_params(program, self.fields, tuple(like.groups), like.assets)
        self._groups, n_groups = group_codes(like)
        nodes, n, self._roots, self._which = graph_of(
            np.arange(len(program)), program.offset, program.code, program.left, program.right, program.third,
            param, program.number,
        )  # fmt: skip
        self._nodes = np.ascontiguousarray(nodes[:n])
        self._begin = np.empty(n, np.int64)
        self._layout = np.empty((n, LAYOUT_SIZE), np.int64)
        rows, state, order = lay_out(self._nodes, n, self._width, self._partial, self._layout)
        self._rows = np.empty(rows, np.float32)
        self._state, self._order = np.empty(max(state, 1)), np.empty(max(order, 1), np.float32)
        self._crossing = rows_for(self._width, n_groups)
        self.begins = np.full(self._width, np.inf, np.float32)
        self._today = np.full((len(self.fields), self._width), np.nan, np.float32)
        self.resume(0)

    @staticmethod
    def is_compiled() -> bool:
        """Whether a step was compiled before on this machine; if not, the first one takes some seconds."""
        return is_cached(live_step)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the days behind are kept in."""
        return self._rows.nbytes + self._state.nbytes + self._order.nbytes

    def begin_for(self, until: int) -> int:
        """The day on which a stream has to begin that is to answer rightly from day `until` on."""
        begin = np.empty(len(self._nodes), np.int64)
        return int(begin_days(self._nodes, len(self._nodes), self._roots, until, self._partial, begin))

    def resume(self, until: int) -> int:
        """Forget all days, and begin again, as late as will do to answer rightly from day `until` on.

        Returns the number of the day that has to be handed over next, which is `day`; the answers before day
        `until` are not those of the batch.
        """
        self.day = int(
            begin_days(self._nodes, len(self._nodes), self._roots, until, self._partial, self._begin)
        )
        self._rows.fill(np.nan)
        return self.day

    def advance(self, values: NDArray, universe: NDArray[np.bool_] | None = None) -> None:
        """Take one more day, and say nothing; the arguments are those of `step`."""
        n = self._n_assets
        with np.errstate(over="ignore"):
            self._today[:, :n] = values
        self._today[np.isinf(self._today)] = np.nan
        there = ~np.isnan(self._today).all(axis=0)
        self.begins[there] = np.minimum(self.begins[there], self.day)
        live_step(
            self._nodes, len(self._nodes), self._layout, self._begin, self._today.reshape(-1), self._groups,
            _inside(universe), n, self._width, self.day, self._partial, self.begins, self._rows, self._state,
            self._order, self._crossing,
        )  # fmt: skip
        self.day += 1

    def step(self, values: NDArray, universe: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Take one more day.

        Args:
            values: (F, N), the day's fields in the order of `fields`, NaN = not there.
            universe: (N,), which assets belong; all by default. Give it on all days or on none.

        Returns:
            float32 of shape (P, N), the day's signals.
        """
        self.advance(values, universe)
        out = np.empty((len(self._which), self._n_assets), np.float32)
        answer(
            self._layout, self._roots, self._which, self.day - 1, self._width, _inside(universe), self._rows,
            out,
        )  # fmt: skip
        return out


def _inside(universe: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    return np.empty((0, 0), np.bool_) if universe is None else np.asarray(universe, np.bool_)[None, :]
