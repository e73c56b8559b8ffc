"""One more day: the same machine fed live."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quarva.engine.evaluate import block_of, group_codes, place_params, width_of
from quarva.engine.kernel.batch import root_row
from quarva.engine.kernel.machine import cross_scratch, fill_numbers, plan, step
from quarva.engine.program import Program
from quarva.panel import Panel

__all__ = ["Stream"]


class Stream:
    """Formulas that are handed one day after the other, and answer with that day's signals.

    The numbers are, bit for bit, those of `signals` on the whole panel. A day costs O(nodes × assets).

    Args:
        program: P formulas.
        like: a panel with the same assets (and groups); its days are not read.
        fields: names of the fields that each day brings, in this order; the panel's by default.
    """

    def __init__(self, program: Program, like: Panel, fields: Sequence[str] | None = None) -> None:
        self.fields = tuple(like.fields if fields is None else fields)
        self._n_assets = like.values.shape[2]
        self._width = width_of(self._n_assets)
        self._program = program
        self._param = place_params(program, self.fields, tuple(like.groups))
        self._groups, n_groups = group_codes(like)
        self._scratch = cross_scratch(self._width, n_groups)
        block = block_of(self._width)
        self._history = (int(program.param.max(initial=0)) // block + 2) * block
        self._days = np.full((len(self.fields), self._history, self._width), np.nan, np.float32)
        self._formulas = [self._plan(p, block) for p in range(len(program))]
        self.day = 0

    def _plan(self, p: int, block: int) -> tuple:
        first, last = self._program.offset[p], self._program.offset[p + 1]
        one = self._program
        nodes = tuple(a[first:last] for a in (one.code, one.left, one.right, self._param))
        base, rows, state_at = (np.empty(last - first, np.int64) for _ in range(3))
        sizes = plan(*nodes, self._width, block, self._history, base, rows, state_at)
        ring, state = np.empty(max(sizes[0], 1), np.float32), np.empty(max(sizes[1], 1), np.float64)
        fill_numbers(nodes[0], one.number[first:last], self._width, base, rows, ring)
        return nodes, base, rows, state_at, ring, state

    def step(self, values: NDArray, universe: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Take one more day.

        Args:
            values: (F, N), the day's fields in the order of `fields`, NaN = not there.
            universe: (N,), which assets belong; all by default. Give it on all days or on none.

        Returns:
            float32 of shape (P, N), the day's signals.
        """
        t, n = self.day, self._n_assets
        today = self._days[:, t % self._history, :n]
        with np.errstate(over="ignore"):
            today[:] = values
        today[np.isinf(today)] = np.nan
        inside = np.empty((0, 0), np.bool_) if universe is None else np.asarray(universe, np.bool_)[None, :]
        flat = self._days.reshape(-1)
        out = np.empty((len(self._formulas), n), np.float32)
        for p, (nodes, base, rows, state_at, ring, state) in enumerate(self._formulas):
            step(
                *nodes, base, rows, state_at, flat, self._groups, inside, n, self._width, t, 1,
                ring, state, self._scratch,
            )  # fmt: skip
            # The plain function: a compiled one without reference counts can not hand a view to Python.
            out[p] = root_row.py_func(len(base) - 1, nodes[0], base, rows, flat, ring, self._width, t)[:n]
        if universe is not None:
            out[:, ~inside[0]] = np.nan
        self.day += 1
        return out
