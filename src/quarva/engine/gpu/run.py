"""Running programs on a GPU: uploading their input, launching the kernel, and fetching the results."""

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
from quarva.engine.target import Target
from quarva.errors import DeviceError
from quarva.karva.operators import CODE
from quarva.panel import Panel
from quarva.panel.conventions import first_rows, last_rows

__all__ = ["run_on_device"]

_JOBS = 4096  # maximal number of formulas of a launch; interrupts are handled between two launches
_SORTED = [CODE[name] for name in ("rank", "winsorise", "bucket", "group_rank")]


@dataclass(frozen=True, eq=False)
class _DevicePanel:
    """A panel on the device, in the form that `kernel.run` takes."""

    fields: Any
    first: Any
    last: Any
    groups: Any
    members: Any
    starts: Any
    universe: Any

    def args(self, partial: int) -> tuple:
        """The arguments of the kernel, in order."""
        return (
            self.fields,
            self.first,
            self.last,
            partial,
            self.groups,
            self.members,
            self.starts,
            self.universe,
        )


_panels: "weakref.WeakKeyDictionary[Panel, _DevicePanel]" = weakref.WeakKeyDictionary()
_targets: "weakref.WeakKeyDictionary[Target, tuple]" = weakref.WeakKeyDictionary()


def _upload_panel(
    panel: Panel, fields: NDArray[np.float32], groups: NDArray[np.int32], n_groups: int
) -> _DevicePanel:
    """Upload a panel, once during its lifetime."""
    if panel not in _panels:
        n_assets = panel.values.shape[2]
        partial = panel.conventions == "qlib"
        if not len(groups):  # the kernel takes a view of a row even if it does not need one
            groups = np.full((1, n_assets), -1, np.int32)
        first, last = np.zeros(n_assets, np.int64), np.full(n_assets, panel.values.shape[1], np.int64)
        if partial:
            first, last = first_rows(panel.values), last_rows(panel.values)
        members = np.argsort(groups, axis=1, kind="stable").astype(np.int32)
        starts = np.array(
            [np.searchsorted(np.sort(codes), np.arange(n_groups + 1)) for codes in groups], np.int32
        ).reshape(len(groups), n_groups + 1)
        universe = np.empty((0, 0)) if panel.universe is None else panel.universe
        arrays = fields.reshape(-1), first, last, groups, members, starts, universe.astype(np.uint8)
        _panels[panel] = _DevicePanel(*(cuda.to_device(np.ascontiguousarray(array)) for array in arrays))
    return _panels[panel]


def _upload_target(target: Target) -> tuple:
    """Upload the arrays of a target, once during its lifetime; the values are flat."""
    if target not in _targets:
        arrays = target.values.reshape(-1), target.totals, target.least, target.centre, target.segments
        _targets[target] = tuple(cuda.to_device(np.ascontiguousarray(array)) for array in arrays)
    return _targets[target]


@dataclass(frozen=True)
class _Sizes:
    """Sizes of the panel, the target and the kernel's scratch space; see `kernel.run`."""

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
        """Memory of a block whose formulas take `rows` rows of scratch, in bytes."""
        team = 8 * self.room + 32 * self.groups
        sums = 8 * self.targets * (self.chunk * SUMS + self.segments * MOMENTS)
        return 4 * rows * self.width + self.teams * team + sums

    def formula_bytes(self, mode: int) -> int:
        """Memory of the result of a formula, in bytes."""
        return 4 * self.days * self.assets if mode == WRITE else 32 * self.segments * self.targets

    def launch(self, device: Device, rows: int, mode: int, left: int) -> tuple[int, int]:
        """Number of blocks and formulas of the next launch. Results take at most half of the memory.

        Raises DeviceError if there is no memory for a single block.
        """
        free, block, formula = device.room(), self.block_bytes(rows), self.formula_bytes(mode)
        many = min(left, _JOBS, max(1, free // 2 // max(formula, 1)))
        blocks = min(many, device.blocks, (free - many * formula) // block)
        if blocks < 1:
            raise DeviceError(
                f"device 'cuda': a formula needs {(block + formula) / 2**20:,.0f} MiB, but {device.name} has "
                f"{free / 2**20:,.0f} MiB available; shorten its windows, or use the device 'cpu'"
            )
        return blocks, many


def run_on_device(
    nodes: tuple, panel: Panel, fields: NDArray[np.float32], groups: NDArray[np.int32], n_groups: int,
    target: Target, days: int, mode: int, acc: NDArray[np.float64], out: NDArray[np.float32],
) -> None:  # fmt: skip
    """Score or write formulas on a GPU, like `engine.kernel.run.batch.run` on the CPU.

    Parameters
    ----------
    nodes : tuple of ndarray
        The arrays offset, code, left, right, third, param and number of P formulas. `param` refers to the
        fields, groups and assets of the panel.
    panel : Panel
        The panel of T days and N assets.
    fields : ndarray of float32, shape (F, T, width)
        Its fields.
    groups : ndarray of int32, shape (G, N)
        Its group codes.
    n_groups : int
        Maximal number of groups in a row of `groups`.
    target : Target
        The target.
    days : int
        Number of days to compute.
    mode : int
        A statistic, or WRITE.
    acc : ndarray of float64, shape (P, S, M, 4)
        Receives the scores.
    out : ndarray of float32, shape (P, T, N)
        Receives the signals in the mode WRITE.

    Raises
    ------
    DeviceError
        No GPU is available, or it does not have enough memory for a formula.
    """
    device, partial = find_device(), panel.conventions == "qlib"
    offset, code, left, right, third, param, _ = nodes
    if days == 0 or len(offset) == 1:
        return
    _, n_days, width = fields.shape
    n_assets, chunk = panel.values.shape[2], chunk_of(days, width)
    teams = max(1, min(chunk, device.threads // device.team))
    sorts = mode == RANK_IC or bool(np.isin(code, _SORTED).any())
    room = 1 << (n_assets - 1).bit_length() if sorts else 1
    sizes = _Sizes(chunk, teams, room, n_days, n_assets, width, n_groups, acc.shape[2], acc.shape[1])
    places = Places.of(offset, code, (left, right, third), param, n_days, chunk, partial)
    program = [cuda.to_device(array) for array in (*nodes, places.base, places.mask)]
    device_panel, on_target = _upload_panel(panel, fields, groups, n_groups), _upload_target(target)
    order = np.argsort(-places.rows, kind="stable").astype(np.int32)
    at, result = 0, out if mode == WRITE else acc
    while at < len(order):
        rows = int(places.rows[order[at]])
        blocks, many = sizes.launch(device, rows, mode, len(order) - at)
        jobs = order[at : at + many]
        read = device_panel.args(int(partial)), (mode, *on_target, days)
        result[jobs] = _launch(blocks, device.threads, jobs, program, rows, read, sizes, mode)
        at += many


def _launch(
    blocks: int, threads: int, jobs: NDArray[np.int32], program: list, rows: int, read: tuple, sizes: _Sizes,
    mode: int,
) -> NDArray:  # fmt: skip
    """Launch the kernel; return the scores (jobs, S, M, 4) or signals (jobs, T, N) of the formulas `jobs`.

    `program` holds the nodes and their locations, `rows` is the number of rows of scratch, and `read` holds
    the kernel's arguments for the panel and the target.
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
        warnings.simplefilter("ignore", NumbaPerformanceWarning)  # few formulas need few blocks
        run[blocks, threads](
            cuda.to_device(np.zeros(1, np.int32)), cuda.to_device(jobs), *program, rows, panel[0], scratch,
            s.width, s.days, s.assets, *panel[1:], s.chunk, s.teams, words, s.room, found, *target, sums,
            moments, acc, out,
        )  # fmt: skip
    return out.copy_to_host() if mode == WRITE else acc.copy_to_host()
