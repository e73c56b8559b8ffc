"""One more day: the same machine fed live."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quarva.engine.evaluate import group_codes, place_params
from quarva.engine.kernel.batch import graph_of, rows_for
from quarva.engine.kernel.live import LAYOUT_SIZE, lay_out, live_step, row_of
from quarva.engine.program import Program
from quarva.engine.tiles import Tiles
from quarva.panel import Panel

__all__ = ["Stream"]


class Stream:
    """Formulas that are handed one day after the other, and answer with that day's signals.

    The numbers are, bit for bit, those of `signals` on the whole panel. A day costs O(nodes × assets), each
    subexpression computed once.

    Args:
        program: P formulas.
        like: a panel with the same assets (and groups, and conventions); its days are not read.
        fields: names of the fields that each day brings, in this order; the panel's by default.
    """

    def __init__(self, program: Program, like: Panel, fields: Sequence[str] | None = None) -> None:
        self.fields = tuple(like.fields if fields is None else fields)
        self.day = 0
        self._n_assets = like.values.shape[2]
        self._width = Tiles.of(like).width
        self._partial = getattr(like, "conventions", "quarva") == "qlib"
        param = place_params(program, self.fields, tuple(like.groups), like.assets)
        self._groups, n_groups = group_codes(like)
        nodes, n, roots, which = graph_of(
            np.arange(len(program)), program.offset, program.code, program.left, program.right, program.third,
            param, program.number,
        )  # fmt: skip
        self._nodes, self._roots = np.ascontiguousarray(nodes[:n]), roots[which]
        self._layout = np.empty((n, LAYOUT_SIZE), np.int64)
        rows, state, order = lay_out(self._nodes, n, self._width, self._partial, self._layout)
        self._rows = np.full(rows, np.nan, np.float32)
        self._state, self._order = np.zeros(max(state, 1)), np.zeros(max(order, 1), np.float32)
        self._crossing = rows_for(self._width, n_groups)
        self._today = np.full((len(self.fields), self._width), np.nan, np.float32)

    def step(self, values: NDArray, universe: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Take one more day.

        Args:
            values: (F, N), the day's fields in the order of `fields`, NaN = not there.
            universe: (N,), which assets belong; all by default. Give it on all days or on none.

        Returns:
            float32 of shape (P, N), the day's signals.
        """
        n = self._n_assets
        with np.errstate(over="ignore"):
            self._today[:, :n] = values
        self._today[np.isinf(self._today)] = np.nan
        inside = np.empty((0, 0), np.bool_) if universe is None else np.asarray(universe, np.bool_)[None, :]
        live_step(
            self._nodes, len(self._nodes), self._layout, self._today.reshape(-1), self._groups, inside, n,
            self._width, self.day, self._partial, self._rows, self._state, self._order, self._crossing,
        )  # fmt: skip
        places = [row_of(self._layout, root, self.day, self._width) for root in self._roots]
        out = np.stack([self._rows[place : place + n] for place in places])
        if universe is not None:
            out[:, ~inside[0]] = np.nan
        self.day += 1
        return out
