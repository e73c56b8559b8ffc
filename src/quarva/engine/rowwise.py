"""Formulas of elementwise operators alone: threads share the rows of one graph; of few rows, the formulas."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.threads import share
from quarva.engine.kernel.run import rowwise
from quarva.engine.kernel.run.outputs import WRITE
from quarva.engine.kernel.run.score import CORRELATION, SUMS
from quarva.engine.layout import Laid
from quarva.engine.target import Target

__all__ = ["Rows", "run_rowwise"]

_BLOCKS = 1  # of rows for each thread, under which threads share formulas instead
_TURNS = 8  # of a thread, or more where it takes turns of one block
_PIECES = 2  # pieces of formulas for each thread
_FORMULAS = 4096  # of one graph: more of them have more results at a time than the second cache holds
_SUMS_BYTES = 32 * 2**20  # for days' sums that are not added up yet


@dataclass(frozen=True, eq=False)
class Rows:
    """What is asked: formulas (`nodes`, as `kernel.batch.run` takes them) on the first `days` days.

    mode: a statistic or `WRITE`; acc, out: where the answer goes, as there.
    """

    nodes: tuple
    laid: Laid
    target: Target
    days: int
    mode: int
    acc: NDArray[np.float64]
    out: NDArray[np.float32]

    def run(self, order: NDArray[np.int64], threads: int) -> None:
        """Run the formulas order[0], order[1], … as one graph, whose days threads share."""
        rows, n_slots, which, owner = rowwise.plan(order, *self.nodes)
        values, known, totals, least, centre, segments = self.target.arrays
        scored = 0 if self.mode == WRITE else len(owner)
        chunk = max(1, min(self.days, _SUMS_BYTES // (8 * SUMS * max(1, scored * len(values)))))
        sums = np.empty((scored, len(values), chunk, SUMS))
        pooled = scored if self.mode == CORRELATION else 0
        moments = np.zeros((pooled, self.acc.shape[1], self.acc.shape[2], 6))

        def work(first: int, last: int) -> None:
            rowwise.run_rows(
                rows, n_slots, first, last, self.laid.fields, self.laid.tiles.lanes, self.mode,
                values, known, least, centre, segments, self.laid.universe, owner, self.out, t, sums,
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
        """Call work(day, day) for whole blocks of days; of ten blocks two threads take five each."""
        days = rowwise.days_of(self.laid.tiles.lanes)
        step = days * max(1, (last - first) // (days * threads * _TURNS)) if threads > 1 else last - first
        begins = iter(range(first, last, step))  # `next` on it is one step for the interpreter

        def turns(_first: int, _last: int) -> None:
            for begin in begins:
                work(begin, min(begin + step, last))

        share(turns, threads, threads)


def run_rowwise(
    rows: Rows, threads: int, cut: Callable[[int, int], tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> None:
    """Run all formulas; cut(pieces, most) orders them, and says where pieces of at most so many begin."""
    many = len(rows.nodes[0]) - 1
    blocks = rows.days // rowwise.days_of(rows.laid.tiles.lanes)
    by_rows = threads == 1 or blocks >= threads * _BLOCKS
    if by_rows and many <= _FORMULAS:
        rows.run(np.arange(many), threads)
        return
    order, cuts = cut(1 if by_rows else threads * _PIECES, _FORMULAS)

    def work(first: int, last: int) -> None:
        for piece in range(first, last):
            rows.run(order[cuts[piece] : cuts[piece + 1]], threads if by_rows else 1)

    share(work, len(cuts) - 1, 1 if by_rows else threads)
