"""Running a program on a panel: scores without signals, or the signals."""

import os
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quarva.compiled import is_cached
from quarva.engine.kernel import batch
from quarva.engine.kernel.score import CORRELATION, IC, RANK_IC, SSE
from quarva.engine.program import Program
from quarva.errors import FormulaError
from quarva.panel import Panel

__all__ = ["Statistic", "Target", "evaluate", "is_compiled", "share", "signals", "threads_to_use"]

Statistic = Literal["ic", "rank_ic", "sse", "corr"]

_STATISTICS = {"ic": IC, "rank_ic": RANK_IC, "sse": SSE, "corr": CORRELATION}
_LANES = 16  # float32 numbers in the widest vector register
_BLOCK = 2048  # numbers that one dispatch works on: four rows of them stay in a 32 KiB first-level cache
_LEAST_ASSETS = 3  # a correlation of fewer pairs says nothing
_PIECES = 8  # pieces of work for each thread: formulas differ in cost
_PIECE_CELLS = 100_000  # cells of one node that make a piece worth handing over: about a millisecond of work


def is_compiled() -> bool:
    """Whether the kernels were compiled before on this machine; if not, that takes about half a minute."""
    return is_cached(batch.score)


def width_of(n_assets: int) -> int:
    """Assets padded to whole vectors."""
    return -(-n_assets // _LANES) * _LANES


def block_of(width: int) -> int:
    """Days that one step takes."""
    return max(1, _BLOCK // width)


def threads_to_use(threads: int | None) -> int:
    """The number asked for, else as many as this process may use."""
    if threads is not None:
        return max(1, int(threads))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pad(values: NDArray, width: int) -> NDArray[np.float32]:
    """float32 copy with the last axis padded by NaN."""
    out = np.full((*values.shape[:-1], width), np.nan, np.float32)
    out[..., : values.shape[-1]] = values
    return out


_padded: "weakref.WeakKeyDictionary[Panel, NDArray[np.float32]]" = weakref.WeakKeyDictionary()


def padded_values(panel: Panel) -> NDArray[np.float32]:
    """The panel's fields as the kernel reads them, float32 of shape (F, T, width); made once for a panel."""
    if panel not in _padded:
        values = pad(panel.values, width_of(panel.values.shape[2]))
        values[np.isinf(values)] = np.nan
        _padded[panel] = values
    return _padded[panel]


@dataclass(frozen=True, eq=False)
class Target:
    """What signals are scored against, as the kernel reads it.

    Attributes:
        values: float32 of shape (M, T, width).
        least: float64 of shape (M, T): fewest cells with which a day counts, or the number of its cells
            for a pooled statistic; −1 where too few cells are there.
        segments: int8 of shape (T,).
        days: days that have to be walked.
    """

    values: NDArray[np.float32]
    least: NDArray[np.float64]
    segments: NDArray[np.int8]
    days: int

    @classmethod
    def prepare(
        cls, targets: NDArray, segments: NDArray[np.integer], n_segments: int, statistic: Statistic
    ) -> "Target":
        """Pad the targets, count their cells; targets of shape (M, T, N), segments of shape (T,)."""
        cells = np.isfinite(targets).sum(axis=2).astype(np.float64)
        if statistic in ("ic", "rank_ic"):
            least = np.where(cells >= _LEAST_ASSETS, np.maximum(_LEAST_ASSETS, np.ceil(cells / 2)), -1.0)
        else:
            least = np.where(cells > 0, cells, -1.0)
        counted = np.flatnonzero((segments >= 0) & (segments < n_segments))
        days = int(counted[-1]) + 1 if counted.size else 0
        values = pad(np.where(np.isfinite(targets), targets, np.nan), width_of(targets.shape[2]))
        return cls(values, least, np.ascontiguousarray(segments, np.int8), days)


def evaluate(
    program: Program,
    panel: Panel,
    targets: NDArray | Target,
    statistic: Statistic,
    segments: NDArray[np.integer] | None = None,
    n_segments: int = 1,
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Score every formula, day by day, against every target; no signal is stored.

    Args:
        program: P formulas.
        panel: T days × N assets.
        targets: (M, T, N), NaN = not there; or `Target.prepare` of it, to save the copy.
        statistic: `ic` or `rank_ic`: correlation over a day's assets, by value or by average rank, on days
            when signal and target share at least half of the target's cells and 3; `sse`: squared error;
            `corr`: correlation pooled over days and assets. What varies by less than about five units in the
            last place of float32, relative to its mean, is a constant and has no correlation.
        segments: (T,), the segment that each day counts for; days outside 0 … n_segments − 1 count nowhere.
            All days count for segment 0 by default.
        n_segments: S.
        threads: how many; all by default. The result does not depend on it.

    Returns:
        float64 of shape (P, S, M, 4). `ic`, `rank_ic`: days counted, Σ IC, Σ IC², days with a target.
        `sse`: cells counted, Σ (signal − target)², 0, cells with a target.
        `corr`: cells counted, correlation, 0, cells with a target.

    Raises:
        FormulaError: the program reads a field or group that the panel lacks.
    """
    if not isinstance(targets, Target):
        all_days = np.zeros(panel.values.shape[1], np.int8)
        targets = Target.prepare(targets, all_days if segments is None else segments, n_segments, statistic)
    out = np.zeros((len(program), n_segments, len(targets.values), 4))
    operands = _operands(program, panel)
    code = _STATISTICS[statistic]

    def work(first: int, last: int) -> None:
        batch.score(
            first, last, *operands, targets.values, targets.least, targets.segments, targets.days, code, out
        )  # fmt: skip

    grain = -(-_PIECE_CELLS // max(targets.days * targets.values.shape[2], 1))
    share(work, len(program), threads_to_use(threads), grain)
    return out


def signals(program: Program, panel: Panel, threads: int | None = None) -> NDArray[np.float32]:
    """The signals themselves, float32 of shape (P, T, N), NaN = no opinion.

    Raises:
        FormulaError: the program reads a field or group that the panel lacks.
    """
    _, n_days, n_assets = panel.values.shape
    out = np.empty((len(program), n_days, n_assets), np.float32)
    operands = _operands(program, panel)
    share(
        lambda first, last: batch.write(first, last, *operands, n_days, out),
        len(program),
        threads_to_use(threads),
    )
    return out


def _operands(program: Program, panel: Panel) -> tuple:
    """What both kernels read, with the program's field and group numbers turned into the panel's."""
    n_assets = panel.values.shape[2]
    width = width_of(n_assets)
    param = place_params(program, panel.fields, tuple(panel.groups))
    groups, n_groups = group_codes(panel)
    universe = np.empty((0, 0), np.bool_) if panel.universe is None else np.ascontiguousarray(panel.universe)
    return (
        program.offset, program.code, program.left, program.right, param, program.number,
        padded_values(panel).reshape(-1), groups, universe, n_assets, n_groups, width, block_of(width),
    )  # fmt: skip


def group_codes(panel: Panel) -> tuple[NDArray[np.int32], int]:
    """Codes of all groups, int32 of shape (G, N), and the largest number of groups in one of them."""
    groups = list(panel.groups.values())
    codes = [np.asarray(group.codes, np.int32) for group in groups]
    n_assets = panel.values.shape[2]
    stacked = np.stack(codes) if codes else np.empty((0, n_assets), np.int32)
    return np.ascontiguousarray(stacked), max((len(group.labels) for group in groups), default=0)


def place_params(program: Program, fields: tuple[str, ...], groups: tuple[str, ...]) -> NDArray[np.int32]:
    """The program's `param` with fields and groups numbered as the panel has them."""
    from quarva.karva.alphabet import FIELD
    from quarva.karva.operators import OPERATORS

    for kind, wanted, there in (("field", program.fields, fields), ("group", program.groups, groups)):
        missing = [name for name in wanted if name not in there]
        if missing:
            known = ", ".join(there) or "none"
            raise FormulaError(f"the panel has no {kind} '{missing[0]}'; it has {known}")
    if program.fields == fields and program.groups == groups:
        return program.param
    param = program.param.copy()
    is_field = program.code == FIELD
    first_group = [op.kind for op in OPERATORS].index("group")
    is_group = (program.code >= first_group) & (program.code < FIELD)
    for chosen, wanted, there in ((is_field, program.fields, fields), (is_group, program.groups, groups)):
        if chosen.any():
            param[chosen] = np.array([there.index(name) for name in wanted], np.int32)[param[chosen]]
    return param


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="quarva")


def share(work: Callable[[int, int], None], n: int, threads: int, grain: int = 1) -> None:
    """Call work(first, last) for pieces of 0 … n − 1 on so many threads; no item may depend on another.

    Pieces hold at least `grain` items, as long as there is one for each thread: handing a piece over costs
    some 20 µs. The calling thread works too, and each thread takes the next piece when it is done with one.
    """
    if threads == 1 or n < 2:
        work(0, n)
        return
    pieces = min(n, threads * _PIECES, max(threads, n // grain))
    cuts = np.linspace(0, n, pieces + 1).astype(int).tolist()
    left = iter(list(pairwise(cuts)))  # `next` on it is one step for the interpreter: no lock is needed

    def drain() -> None:
        for first, last in left:
            work(first, last)

    others: list[Future[None]] = [_pool(threads).submit(drain) for _ in range(threads - 1)]
    drain()
    for other in others:
        other.result()
