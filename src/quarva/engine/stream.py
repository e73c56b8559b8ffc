"""Evaluation of programs day by day."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import is_cached
from quarva._runtime.threads import share
from quarva.engine.evaluate import threads_to_use
from quarva.engine.kernel.plan import pieces
from quarva.engine.kernel.run.batch import graph_of, rows_for
from quarva.engine.kernel.run.live import LAYOUT_SIZE, answer, begin_days, lay_out, live_step
from quarva.engine.kernel.series.lanes import WIDTH
from quarva.engine.layout import group_codes
from quarva.engine.names import place_params
from quarva.engine.program import Program
from quarva.panel import Panel

__all__ = ["Stream"]

_CELLS = 250_000  # minimal number of cells of all nodes of a day per thread: about 200 µs of work


class Stream:
    """Formulas that take one day at a time and return the signals of that day.

    The signals equal those of `signals` on the whole panel bit for bit. A day costs O(nodes × assets), and
    each subexpression is computed once.

    Parameters
    ----------
    program : Program
        P formulas.
    like : Panel
        A panel with the same assets, groups and conventions. Its days are not read.
    fields : sequence of str, optional
        Names of the fields of a day, in the order in which `step` takes them. Defaults to those of the panel.
    threads : int, optional
        Maximal number of threads. Defaults to all cores. The signals do not depend on it.

    Attributes
    ----------
    day : int
        Number of the next day, counted from the first day of the panel.
    begins : ndarray of float32, shape (width,)
        The day of each asset's first value, infinite before it. With Qlib's conventions the signals depend on
        it, so it must be set for a stream that does not begin on the first day.
    ends : ndarray of float32, shape (width,)
        The day of each asset's last value so far, −1 before the first. With Qlib's conventions an asset has
        no signal after it. A stream only knows the days up to today. For the signals of a whole panel, set it
        to the last days of the panel.

    Raises
    ------
    FormulaError
        The program reads a field, group or asset that does not exist.
    """

    def __init__(
        self, program: Program, like: Panel, fields: Sequence[str] | None = None, threads: int | None = None
    ) -> None:
        self.fields = tuple(like.fields if fields is None else fields)
        self.day = 0
        self._n_formulas, self._n_assets = len(program), len(like.assets)
        self._width = -(-self._n_assets // WIDTH) * WIDTH
        param = place_params(program, self.fields, tuple(like.groups), like.assets)
        self._groups, n_groups = group_codes(like)
        nodes = (
            program.offset, program.code, program.left, program.right, program.third, param, program.number
        )  # fmt: skip
        self._threads = threads_to_use(threads)
        self._parts = [
            _Part(formulas, nodes, self._width, n_groups, like.conventions == "qlib")
            for formulas in _shares(nodes, self._width, self._threads)
        ]
        self.begins = np.full(self._width, np.inf, np.float32)
        self.ends = np.full(self._width, -1.0, np.float32)
        self._today = np.full((len(self.fields), self._width), np.nan, np.float32)
        self.resume(0)

    @staticmethod
    def is_compiled() -> bool:
        """True if the kernel is in the disk cache. If not, the first step takes some seconds longer."""
        return is_cached(live_step)

    @property
    def nbytes(self) -> int:
        """Memory of the stored days, in bytes."""
        return sum(part.rows.nbytes + part.state.nbytes + part.order.nbytes for part in self._parts)

    def begin_for(self, until: int) -> int:
        """Return the day on which a stream must begin so that its signals are valid from day `until` on."""
        return min((part.begin_for(until, np.empty_like(part.begin)) for part in self._parts), default=until)

    def resume(self, until: int) -> int:
        """Restart as late as possible for signals that are valid from day `until` on.

        Returns
        -------
        int
            The number of the next day to take, which is `day`. Signals before day `until` are not valid.
        """
        self.day = min((part.begin_for(until, part.begin) for part in self._parts), default=until)
        for part in self._parts:
            part.rows.fill(np.nan)
        return self.day

    def advance(self, values: NDArray, universe: NDArray[np.bool_] | None = None) -> None:
        """Take a day without returning its signals. The arguments are those of `step`."""
        n = self._n_assets
        with np.errstate(over="ignore"):
            self._today[:, :n] = values
        self._today[np.isinf(self._today)] = np.nan
        there = ~np.isnan(self._today).all(axis=0)
        self.begins[there] = np.minimum(self.begins[there], self.day)
        self.ends[there] = np.maximum(self.ends[there], self.day)
        today, inside = self._today.reshape(-1), _inside(universe)

        def work(first: int, last: int) -> None:
            for part in self._parts[first:last]:
                live_step(
                    part.nodes, len(part.nodes), part.layout, part.begin, today, self._groups, inside, n,
                    self._width, self.day, part.partial, (self.begins, self.ends), part.rows, part.state,
                    part.order, part.crossing,
                )  # fmt: skip

        share(work, len(self._parts), self._threads)
        self.day += 1

    def step(self, values: NDArray, universe: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Take a day and return its signals.

        Parameters
        ----------
        values : array-like of float, shape (F, N)
            The fields of the day in the order of `fields`. NaN marks a missing value.
        universe : ndarray of bool, shape (N,), optional
            The assets that belong to the universe. Defaults to all; it must be given on all days or on none.

        Returns
        -------
        ndarray of float32, shape (P, N)
            The signals of the day.
        """
        self.advance(values, universe)
        out, inside = np.empty((self._n_formulas, self._n_assets), np.float32), _inside(universe)
        for part in self._parts:
            answer(
                part.layout, part.root, part.formulas, self.day - 1, self._width, inside, part.partial,
                self.ends, part.rows, out,
            )  # fmt: skip
        return out


class _Part:
    """Formulas that one thread computes.

    Attributes
    ----------
    formulas : ndarray of int64
        Indices of the formulas.
    root : ndarray of int64
        The node of each formula.
    """

    def __init__(
        self, formulas: NDArray[np.int64], nodes: tuple, width: int, n_groups: int, partial: bool
    ) -> None:
        self.formulas, self.partial = formulas, partial
        graph, n, roots, which = graph_of(formulas, *nodes)
        self.nodes, self.root = np.ascontiguousarray(graph[:n]), roots[which]
        self.begin, self.layout = np.empty(n, np.int64), np.empty((n, LAYOUT_SIZE), np.int64)
        rows, state, order = lay_out(self.nodes, n, width, partial, self.layout)
        self.rows = np.empty(rows, np.float32)
        self.state, self.order = np.empty(max(state, 1)), np.empty(max(order, 1), np.float32)
        self.crossing = rows_for(width, n_groups)

    def begin_for(self, until: int, begin: NDArray[np.int64]) -> int:
        """Write to `begin` the day from which each node must run; return the earliest (see `begin_days`)."""
        return int(begin_days(self.nodes, len(self.nodes), self.root, until, self.partial, begin))


def _shares(nodes: tuple, width: int, threads: int) -> list[NDArray[np.int64]]:
    """Divide the formulas into parts of about equal cost; formulas that share nodes are neighbours."""
    order = np.arange(len(nodes[0]) - 1)
    graph, n, roots, which = graph_of(order, *nodes)
    many = min(threads, len(order), n * width // _CELLS)
    if many < 2:
        return [order]
    order = np.argsort(pieces.anchors(graph, n, roots[which]), kind="stable")
    cuts = pieces.cut(graph, n, roots[which][order], many, len(order))
    return [np.ascontiguousarray(part) for part in np.split(order, cuts[1:-1])]


def _inside(universe: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    return np.empty((0, 0), np.bool_) if universe is None else np.asarray(universe, np.bool_)[None, :]
