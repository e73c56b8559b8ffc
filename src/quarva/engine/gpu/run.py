"""Programs on a GPU: what they read is uploaded, the kernel launched, what it found is fetched."""

import warnings
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import cuda
from numba.core.errors import NumbaPerformanceWarning
from numpy.typing import NDArray

from quarva.engine.gpu.device import Device, find_device
from quarva.engine.gpu.kernel import run
from quarva.engine.gpu.places import Places, chunk_of
from quarva.engine.gpu.score import MOMENTS, RANK_IC, SUMS, WRITE
from quarva.engine.gpu.windows import EMA_REACH
from quarva.engine.target import Target
from quarva.errors import DeviceError
from quarva.karva.operators import CODE
from quarva.panel import Panel
from quarva.panel.conventions import first_rows

__all__ = ["run_on_device"]

_JOBS = 4096  # formulas of a launch: an interrupt is heard between two launches
_SORTED = [CODE[name] for name in ("rank", "winsorise", "bucket", "group_rank")]


@dataclass(frozen=True, eq=False)
class _Board:
    """A panel on the device, as `kernel.run` takes it; the fields flat."""

    fields: Any
    first: Any
    groups: Any
    members: Any
    starts: Any
    universe: Any

    def args(self, partial: int) -> tuple:
        """What the kernel takes, in its order."""
        return self.fields, self.first, partial, self.groups, self.members, self.starts, self.universe


_boards: "weakref.WeakKeyDictionary[Panel, _Board]" = weakref.WeakKeyDictionary()
_targets: "weakref.WeakKeyDictionary[Target, tuple]" = weakref.WeakKeyDictionary()


def _board(panel: Panel, fields: NDArray[np.float32], groups: NDArray[np.int32], n_groups: int) -> _Board:
    """The panel uploaded; once, as long as it lives."""
    if panel not in _boards:
        n_assets = panel.values.shape[2]
        partial = panel.conventions == "qlib"
        if not len(groups):  # the kernel takes a view of a row even where it asks for none
            groups = np.full((1, n_assets), -1, np.int32)
        first = first_rows(panel.values) if partial else np.zeros(n_assets, np.int64)
        members = np.argsort(groups, axis=1, kind="stable").astype(np.int32)
        starts = np.array(
            [np.searchsorted(np.sort(codes), np.arange(n_groups + 1)) for codes in groups], np.int32
        ).reshape(len(groups), n_groups + 1)
        universe = np.empty((0, 0)) if panel.universe is None else panel.universe
        arrays = fields.reshape(-1), first, groups, members, starts, universe.astype(np.uint8)
        _boards[panel] = _Board(*(cuda.to_device(np.ascontiguousarray(array)) for array in arrays))
    return _boards[panel]


def _target(target: Target) -> tuple:
    """Values flat, totals, least, centre, segments on the device; uploaded once."""
    if target not in _targets:
        arrays = target.values.reshape(-1), target.totals, target.least, target.centre, target.segments
        _targets[target] = tuple(cuda.to_device(np.ascontiguousarray(array)) for array in arrays)
    return _targets[target]


@dataclass(frozen=True)
class _Sizes:
    """Of the panel, the target and the kernel: `chunk`, `teams`, `room` as `kernel.run` has them."""

    chunk: int
    teams: int
    room: int
    days: int
    assets: int
    width: int
    groups: int
    targets: int
    segments: int

    def block_bytes(self, rows: int) -> int:
        """What a block takes of the memory, if its formulas take so many rows of scratch."""
        team = 8 * self.room + 32 * self.groups
        sums = 8 * self.targets * (self.chunk * SUMS + self.segments * MOMENTS)
        return 4 * rows * self.width + self.teams * team + sums

    def formula_bytes(self, mode: int) -> int:
        """What a formula's result takes."""
        return 4 * self.days * self.assets if mode == WRITE else 32 * self.segments * self.targets

    def launch(self, device: Device, rows: int, mode: int, left: int) -> tuple[int, int]:
        """Blocks and formulas of the next launch; results take half of the memory at most.

        Raises:
            DeviceError: there is no room for a single block.
        """
        free, block, formula = device.room(), self.block_bytes(rows), self.formula_bytes(mode)
        many = min(left, _JOBS, max(1, free // 2 // max(formula, 1)))
        blocks = min(many, device.blocks, (free - many * formula) // block)
        if blocks < 1:
            raise DeviceError(
                f"device 'cuda': a formula needs {(block + formula) / 2**20:,.0f} MiB and {device.name} has "
                f"{free / 2**20:,.0f} MiB to spare; shorten its windows, or use the device 'cpu'"
            )
        return blocks, many


def run_on_device(
    nodes: tuple, panel: Panel, fields: NDArray[np.float32], groups: NDArray[np.int32], n_groups: int,
    target: Target, days: int, mode: int, acc: NDArray[np.float64], out: NDArray[np.float32],
) -> None:  # fmt: skip
    """Score or write formulas over the first `days` days, as `engine.kernel.batch.run` does.

    Args:
        nodes: offset, code, left, right, third, param (with the panel's numbers), number of P formulas.
        fields: float32 (F, T, width); groups: int32 (G, N), of at most `n_groups` groups each.
        acc: float64 (P, S, M, 4), to be written, for the scores.
        out: float32 (P, T, N), to be written, for the mode WRITE.

    Raises:
        DeviceError: there is no GPU, or it has not the memory for a formula.
    """
    device = find_device()
    offset, code, left, right, third, param, _ = nodes
    if days == 0 or len(offset) == 1:
        return
    _, n_days, width = fields.shape
    n_assets, chunk = panel.values.shape[2], chunk_of(days, width)
    teams = max(1, min(chunk, device.threads // device.team))
    sorts = mode == RANK_IC or bool(np.isin(code, _SORTED).any())
    room = 1 << (n_assets - 1).bit_length() if sorts else 1
    sizes = _Sizes(chunk, teams, room, n_days, n_assets, width, n_groups, acc.shape[2], acc.shape[1])
    places = Places.of(offset, code, (left, right, third), param, n_days, chunk, EMA_REACH)
    program = [cuda.to_device(array) for array in (*nodes, places.base, places.mask)]
    board, on_target = _board(panel, fields, groups, n_groups), _target(target)
    order = np.argsort(-places.rows, kind="stable").astype(np.int32)
    at, result = 0, out if mode == WRITE else acc
    while at < len(order):
        rows = int(places.rows[order[at]])
        blocks, many = sizes.launch(device, rows, mode, len(order) - at)
        jobs = order[at : at + many]
        read = board.args(int(panel.conventions == "qlib")), (mode, *on_target, days)
        result[jobs] = _launch(blocks, device.threads, jobs, program, rows, read, sizes, mode)
        at += many


def _launch(
    blocks: int, threads: int, jobs: NDArray[np.int32], program: list, rows: int, read: tuple, sizes: _Sizes,
    mode: int,
) -> NDArray:  # fmt: skip
    """The scores (jobs, S, M, 4) or signals (jobs, T, N) of the formulas `jobs`.

    program: the nodes and their places; rows: of scratch; read: the panel's arguments and the target's.
    """
    s, (panel, target) = sizes, read
    teams = blocks * s.teams
    scratch = cuda.device_array(max(1, blocks * rows * s.width), np.float32)
    words = cuda.device_array(teams * s.room, np.int64)
    found = cuda.device_array((teams, 4, s.groups), np.float64)
    sums = cuda.device_array((blocks, s.targets, s.chunk, SUMS), np.float64)
    moments = cuda.device_array((blocks, s.segments, s.targets, MOMENTS), np.float64)
    acc = cuda.to_device(np.zeros((len(jobs), s.segments, s.targets, 4)))
    out = cuda.device_array((len(jobs) if mode == WRITE else 0, s.days, s.assets), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaPerformanceWarning)  # a few formulas are a few blocks
        run[blocks, threads](
            cuda.to_device(np.zeros(1, np.int32)), cuda.to_device(jobs), *program, rows, panel[0], scratch,
            s.width, s.days, s.assets, *panel[1:], s.chunk, s.teams, words, s.room, found, *target, sums,
            moments, acc, out,
        )  # fmt: skip
    return out.copy_to_host() if mode == WRITE else acc.copy_to_host()
