"""Running a program on a panel: scores without signals, or the signals."""

import os
from functools import partial

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import is_cached
from quarva._runtime.threads import share
from quarva.engine import double
from quarva.engine.devices import Device, check_device, choose, kind_of
from quarva.engine.few_rows import FewRows
from quarva.engine.kernel.plan import pieces
from quarva.engine.kernel.run import batch
from quarva.engine.kernel.run.outputs import WRITE
from quarva.engine.kernel.run.score import CORRELATION, IC, RANK_IC, SSE
from quarva.engine.kernel.run.small_tables import is_elementwise
from quarva.engine.kernel.series import CHUNK
from quarva.engine.layout import lay_out
from quarva.engine.names import place_params
from quarva.engine.program import Program
from quarva.engine.rowwise import Rows, run_rowwise
from quarva.engine.target import Statistic, Target
from quarva.karva.genes import Population
from quarva.panel import Panel

__all__ = ["Statistic", "Target", "evaluate", "is_compiled", "share", "signals", "threads_to_use"]


_STATISTICS = {"ic": IC, "rank_ic": RANK_IC, "sse": SSE, "corr": CORRELATION}
_PIECES = 2  # pieces of work for each thread: formulas differ in cost
# For what the formulas of a piece may keep for all tiles and from chunk to chunk, so that a third-level cache
# has room for it: 1,200 evolved formulas on 498 assets took 1.69 ms each in pieces of 256 MiB and 1.44 in
# pieces of 32 MiB, though an eighth more nodes are computed. With fewer formulas too little is shared.
_PIECE_BYTES, _PIECE_LEAST = 32 * 2**20, 24
_TAIL_DAYS = 100
_MEASURED = 512  # formulas that tell which device is faster: about what a large GPU runs at a time


def is_compiled() -> bool:
    """Whether the kernels were compiled before on this machine; if not, that takes some minutes."""
    return is_cached(batch.run)


def threads_to_use(threads: int | None) -> int:
    """The number asked for, else as many as this process may use."""
    if threads is not None:
        return max(1, int(threads))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def evaluate(
    formulas: Program | Population,
    panel: Panel,
    targets: NDArray | Target,
    statistic: Statistic,
    segments: NDArray[np.integer] | None = None,
    n_segments: int = 1,
    threads: int | None = None,
    device: Device = "cpu",
) -> NDArray[np.float64]:
    """Score every formula, day by day, against every target; no signal is stored.

    Args:
        formulas: P of them; a population that is not compiled yet saves time on tables of a few rows.
        panel: T days × N assets.
        targets: (M, T, N), NaN = not there; or `Target.prepare` of it, to save the copy.
        statistic: `ic` or `rank_ic`: correlation over a day's assets, by value or by average rank; `sse`:
            squared error; `corr`: correlation pooled over days and assets. What varies by less than about
            five units in the last place of float32, relative to its mean, is a constant and has no
            correlation.
        segments: (T,), the segment that each day counts for; days outside 0 … n_segments − 1 count nowhere.
            All days count for segment 0 by default.
        n_segments: S.
        threads: how many; all by default. The result does not depend on it.
        device: `cpu`; `cuda`, a GPU, whose figures agree with the CPU's to float32 precision but not bit for
            bit; or `auto`, the one that was measured to be faster on this machine (`engine.devices`).

    Returns:
        float64 of shape (P, S, M, 4). `ic`, `rank_ic`: days counted, Σ IC, Σ IC², days on which the signal
        has enough values (they include those on which it is a constant, which are not counted).
        `sse`: cells counted, Σ (signal − target)², 0, cells with a target.
        `corr`: cells counted, correlation, Σ (target − mean)² over the cells counted, cells with a target.

    Notes:
        A daily correlation is one over all assets that have a target that day. An asset without a signal
        enters as neutral: at the mean of the day's signals, for ranks at their middle. A day counts when at
        least half of these assets, and 3, have a signal, and neither signal nor target is a constant. `sse`
        and `corr` are over the cells that have both.

    Raises:
        FormulaError: a formula reads a field or group that the panel lacks, or one of a panel in float64
            holds an operator that is not elementwise.
        DeviceError: `cuda`, and there is no GPU, or it has not the memory for a formula, or the panel is in
            float64.
    """
    if not isinstance(targets, Target):
        all_days = np.zeros(panel.values.shape[1], np.int8)
        targets = Target.prepare(
            panel, targets, all_days if segments is None else segments, n_segments, statistic
        )
    acc = np.zeros((len(formulas), n_segments, len(targets.values), 4))
    if panel.precision == "float64":
        assert statistic == "sse"  # the only statistic of tables
        double.check_device(device)
        program = (
            Program.from_population(formulas, exact=True) if isinstance(formulas, Population) else formulas
        )
        double.add_errors(program, panel, targets, acc, threads_to_use(threads))
        return acc
    if isinstance(formulas, Population):
        few = FewRows.of(panel, targets, targets.days) if statistic == "sse" and device == "cpu" else None
        if few is not None and few.suit_genes(formulas):
            few.score_genes(formulas, threads_to_use(threads), acc)
            return acc
    program = Program.from_population(formulas) if isinstance(formulas, Population) else formulas
    nothing = np.empty((0, 0, 0), np.float32)
    _run(program, panel, targets, targets.days, _STATISTICS[statistic], acc, nothing, threads, device)
    return acc


def signals(
    program: Program, panel: Panel, threads: int | None = None, device: Device = "cpu"
) -> NDArray[np.floating]:
    """The signals themselves, of shape (P, T, N) and the precision of the panel, NaN = no opinion.

    threads, device: as in `evaluate`.

    Raises:
        FormulaError, DeviceError: as in `evaluate`.
    """
    if panel.precision == "float64":
        double.check_device(device)
        return double.write_signals(program, panel, threads_to_use(threads))
    _, n_days, n_assets = panel.values.shape
    out = np.empty((len(program), n_days, n_assets), np.float32)
    acc = np.empty((len(program), 0, 0, 0))
    _run(program, panel, Target.none(n_days), n_days, WRITE, acc, out, threads, device)
    return out


def _run(
    program: Program, panel: Panel, target: Target, days: int, mode: int, acc: NDArray, out: NDArray,
    threads: int | None, device: Device,
) -> None:  # fmt: skip
    """Share the formulas among the threads, or run them on a GPU; they write to `acc` or `out`."""
    check_device(device)
    n_days, n_assets = panel.values.shape[1:]
    laid = lay_out(panel)
    tiles = laid.tiles
    param = place_params(program, panel.fields, tuple(panel.groups), panel.assets)
    nodes = (program.offset, program.code, program.left, program.right, program.third, param, program.number)
    operands = (
        laid.fields.reshape(-1), laid.groups, laid.universe, n_assets, laid.n_groups, tiles.width,
        tiles.lanes, n_days, panel.conventions == "qlib", laid.listed, *target.arrays, days, mode, acc, out,
    )  # fmt: skip
    threads = threads_to_use(threads)

    def on_gpu(many: int) -> None:
        from quarva.engine.gpu.run import run_on_device

        some = (program.offset[: many + 1], *nodes[1:])
        run_on_device(some, panel, laid.fields, laid.groups, laid.n_groups, target, days, mode, acc, out)

    def on_cpu(many: int) -> None:
        some = (program.offset[: many + 1], *nodes[1:])
        few = FewRows.of(panel, target, days) if mode == SSE else None
        if few is not None and few.suit_nodes(program):
            few.score_nodes(some, threads, acc)
            return
        if mode != RANK_IC and panel.conventions == "quarva" and is_elementwise(program.code):
            rows = Rows(some, laid, target, days, mode, acc, out)
            run_rowwise(rows, threads, lambda pieces, most: _pieces(some, pieces, most))
            return
        most = max(_PIECE_LEAST, _PIECE_BYTES // (4 * tiles.width * (CHUNK + _TAIL_DAYS)))
        order, cuts = _pieces(some, threads * _PIECES if threads > 1 else 1, most)

        def work(first: int, last: int) -> None:
            for piece in range(first, last):
                batch.run(order[cuts[piece] : cuts[piece + 1]], *some, *operands)

        share(work, len(cuts) - 1, threads)

    many = len(program)
    if device == "auto":
        kind, cells = kind_of(mode, n_assets, days, many), many * days * n_assets
        batch_size = min(many, _MEASURED)
        device = choose(kind, cells, threads, partial(on_gpu, batch_size), partial(on_cpu, batch_size))
        acc.fill(0.0)
    (on_gpu if device == "cuda" else on_cpu)(many)


def _pieces(nodes: tuple, many: int, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An order of formulas in which those that share stand together, and where its pieces begin and end.

    many: pieces; most: formulas of a piece.
    """
    graph, size, roots, which = batch.graph_of(np.arange(len(nodes[0]) - 1), *nodes)
    order = np.argsort(pieces.anchors(graph, size, roots[which]), kind="stable")
    return order, pieces.cut(graph, size, roots[which][order], many, most)
