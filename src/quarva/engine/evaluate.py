"""Evaluation of programs on panels: scores without storing signals, or the signals."""

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
_PIECES = 2  # pieces of work per thread, because formulas differ in cost
# Memory of what a piece of formulas keeps for all tiles and from chunk to chunk. It should fit in the
# third-level cache: 1,200 evolved formulas on 498 assets took 1.69 ms each in pieces of 256 MiB and 1.44 ms
# in pieces of 32 MiB, although an eighth more nodes are computed. Smaller pieces share too few nodes.
_PIECE_BYTES, _PIECE_LEAST = 32 * 2**20, 24
_TAIL_DAYS = 100
_MEASURED = 512  # formulas with which devices are compared: about what a large GPU runs at once


def is_compiled() -> bool:
    """True if the kernels are in the disk cache. If not, compiling them takes some minutes."""
    return is_cached(batch.run)


def threads_to_use(threads: int | None) -> int:
    """Return the given number of threads, or by default the number of cores that this process may use."""
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
    """Score formulas against targets without storing their signals.

    Parameters
    ----------
    formulas : Program or Population
        P formulas. On tables of a few rows, a population is faster than its program.
    panel : Panel
        The panel of T days and N assets.
    targets : ndarray of float, shape (M, T, N), or Target
        M targets. NaN marks a missing value. For repeated calls, prepare them once with `Target.prepare`.
    statistic : {"ic", "rank_ic", "sse", "corr"}
        Correlation over the assets of a day by value or by average rank, squared error, or correlation pooled
        over days and assets.
    segments : ndarray of int, shape (T,), optional
        The segment of each day. Days outside 0 … n_segments − 1 are not scored. Defaults to 0 for all days.
    n_segments : int, default 1
        Number S of segments.
    threads : int, optional
        Number of threads. Defaults to all cores. The scores do not depend on it.
    device : {"cpu", "cuda", "auto"}, default "cpu"
        The scores of a GPU agree with those of the CPU to float32 precision, but not bit for bit. "auto" is
        the device that is faster by measurement on this machine (see `engine.devices`).

    Returns
    -------
    ndarray of float64, shape (P, S, M, 4)
        "ic" and "rank_ic": number of days counted, Σ IC, Σ IC², number of days on which the signal has enough
        values (including days on which it is constant, which are not counted).
        "sse": number of cells counted, Σ (signal − target)², 0, number of cells with a target.
        "corr": number of cells counted, correlation, Σ (target − mean)² over these cells, number of cells
        with a target.

    Raises
    ------
    FormulaError
        A formula reads a field, group or asset that the panel lacks, or the panel is in float64 and a formula
        has an operator that is not elementwise.
    DeviceError
        The device is "cuda", and there is no GPU, or its memory is too small for a formula, or the panel is
        in float64.

    Notes
    -----
    A daily correlation is taken over all assets with a target on this day. An asset without a signal is
    neutral: its signal is replaced by the day's mean, or its rank by the middle rank. A day counts if at
    least half of these assets, and at least 3, have a signal, and neither signal nor target is constant.
    Values that vary by less than about five units in the last place of float32, relative to their mean, are
    constant.
    "sse" and "corr" are taken over the cells with a signal and a target.
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
    """Compute the signals of formulas.

    Parameters
    ----------
    program : Program
        P formulas.
    panel : Panel
        The panel of T days and N assets.
    threads, device
        As in `evaluate`.

    Returns
    -------
    ndarray of float, shape (P, T, N)
        In the precision of the panel. NaN means no opinion.

    Raises
    ------
    FormulaError, DeviceError
        As in `evaluate`.
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
    """Divide the formulas among threads, or run them on a GPU; the results are written to `acc` or `out`."""
    check_device(device)
    n_days, n_assets = panel.values.shape[1:]
    layout = lay_out(panel)
    tiles = layout.tiles
    param = place_params(program, panel.fields, tuple(panel.groups), panel.assets)
    nodes = (program.offset, program.code, program.left, program.right, program.third, param, program.number)
    operands = (
        layout.fields.reshape(-1), layout.groups, layout.universe, n_assets, layout.n_groups, tiles.width,
        tiles.lanes, n_days, panel.conventions == "qlib", layout.listed, *target.arrays, days, mode, acc, out,
    )  # fmt: skip
    threads = threads_to_use(threads)

    def on_gpu(many: int) -> None:
        from quarva.engine.gpu.run import run_on_device

        some = (program.offset[: many + 1], *nodes[1:])
        run_on_device(
            some, panel, layout.fields, layout.groups, layout.n_groups, target, days, mode, acc, out
        )

    def on_cpu(many: int) -> None:
        some = (program.offset[: many + 1], *nodes[1:])
        few = FewRows.of(panel, target, days) if mode == SSE else None
        if few is not None and few.suit_nodes(program):
            few.score_nodes(some, threads, acc)
            return
        if mode != RANK_IC and panel.conventions == "quarva" and is_elementwise(program.code):
            rows = Rows(some, layout, target, days, mode, acc, out)
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
    """Order formulas so that those that share nodes are neighbours, and cut them into pieces.

    `many` is the number of pieces and `most` the maximal number of formulas of a piece. Returns the order and
    the first formula of each piece, followed by the number of formulas.
    """
    graph, size, roots, which = batch.graph_of(np.arange(len(nodes[0]) - 1), *nodes)
    order = np.argsort(pieces.anchors(graph, size, roots[which]), kind="stable")
    return order, pieces.cut(graph, size, roots[which][order], many, most)
