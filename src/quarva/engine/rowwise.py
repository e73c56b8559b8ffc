"""Formulas with elementwise operators only: threads share the rows, or the formulas if rows are few."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.threads import share
from quarva.engine.kernel.run import rowwise
from quarva.engine.kernel.run.outputs import WRITE
from quarva.engine.kernel.run.score import CORRELATION, SUMS
from quarva.engine.layout import PanelLayout
from quarva.engine.target import Target

__all__ = ["Rows", "run_rowwise"]

_BLOCKS = 1  # minimal number of blocks of rows per thread; for fewer, threads share the formulas
_TURNS = 8  # number of turns of a thread; more if a turn is a single block
_PIECES = 2  # pieces of formulas per thread
_FORMULAS = 4096  # maximal number of formulas of a graph, whose results fit in the second-level cache
_SUMS_BYTES = 32 * 2**20  # memory for the sums of single days


@dataclass(frozen=True, eq=False)
class Rows:
    """A job: formulas to score or write on the first `days` days.

    Attributes
    ----------
    nodes : tuple of ndarray
        The arrays of a `Program`; see `kernel.run.batch.run`.
    layout : PanelLayout
        The panel.
    target : Target
        The target.
    days : int
        Number of days.
    mode : int
        A statistic, or `WRITE`.
    acc, out : ndarray
        Receive the scores or the signals.
    """

    nodes: tuple
    layout: PanelLayout
    target: Target
    days: int
    mode: int
    acc: NDArray[np.float64]
    out: NDArray[np.float32]

    def run(self, order: NDArray[np.int64], threads: int) -> None:
        """Run formulas order[0], order[1], … as one graph; the threads share its days."""
        rows, n_slots, which, owner = rowwise.plan(order, *self.nodes)
        values, known, totals, least, centre, segments = self.target.arrays
        scored = 0 if self.mode == WRITE else len(owner)
        chunk = max(1, min(self.days, _SUMS_BYTES // (8 * SUMS * max(1, scored * len(values)))))
        sums = np.empty((scored, len(values), chunk, SUMS))
        pooled = scored if self.mode == CORRELATION else 0
        moments = np.zeros((pooled, self.acc.shape[1], self.acc.shape[2], 6))

        def work(first: int, last: int) -> None:
            rowwise.run_rows(
                rows, n_slots, first, last, self.layout.fields, self.layout.tiles.lanes, self.mode,
                values, known, least, centre, segments, self.layout.universe, owner, self.out, t, sums,
            )  # fmt: skip

        for t in range(0, self.days, chunk):
            some = min(chunk, self.days - t)
            self._share(work, t, t + some, threads)
            if scored:
                rowwise.close(
                    self.mode, t, some, owner, totals, least, centre, segments, sums, moments, self.acc
                )
        rowwise.hand_out(self.mode, order, which, owner, moments, self.acc, self.out)

    def _share(self, work: Callable[[int, int], None], first: int, last: int, threads: int) -> None:
        """Divide days first … last − 1 at block boundaries and call work(first, last) for each part."""
        days = rowwise.days_of(self.layout.tiles.lanes)
        step = days * max(1, (last - first) // (days * threads * _TURNS)) if threads > 1 else last - first
        begins = iter(range(first, last, step))  # `next` is atomic in the interpreter

        def turns(_first: int, _last: int) -> None:
            for begin in begins:
                work(begin, min(begin + step, last))

        share(turns, threads, threads)


def run_rowwise(
    rows: Rows, threads: int, cut: Callable[[int, int], tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> None:
    """Run all formulas of a job.

    Parameters
    ----------
    rows : Rows
        The job.
    threads : int
        Number of threads.
    cut : callable
        Maps a number of pieces and a maximal number of formulas of a piece to an order of the formulas and
        the first formula of each piece, followed by the number of formulas.
    """
    many = len(rows.nodes[0]) - 1
    blocks = rows.days // rowwise.days_of(rows.layout.tiles.lanes)
    by_rows = threads == 1 or blocks >= threads * _BLOCKS
    if by_rows and many <= _FORMULAS:
        rows.run(np.arange(many), threads)
        return
    order, cuts = cut(1 if by_rows else threads * _PIECES, _FORMULAS)

    def work(first: int, last: int) -> None:
        for piece in range(first, last):
            rows.run(order[cuts[piece] : cuts[piece + 1]], threads if by_rows else 1)

    share(work, len(cuts) - 1, 1 if by_rows else threads)
