"""Choice of the device that runs a job.

The device `auto` is the faster one by measurement. The first job of a kind runs a batch of formulas on the
GPU and on the CPU. The seconds are stored in the cache folder by GPU, kernels, number of threads and kind of
job. The kind of a job is its size in powers of four, because a GPU is faster with many assets and formulas
and slower with few.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from quarva._runtime.compiled import DIGEST, cache_home
from quarva._runtime.files import write_atomically
from quarva.errors import DeviceError, RunError

__all__ = ["DEVICES", "Device", "check_device", "choose", "kind_of", "measured"]

Device = Literal["auto", "cpu", "cuda"]

DEVICES: tuple[Device, ...] = get_args(Device)
"""The names of the devices."""

_SMALL = 10_000_000  # cells of all formulas; a smaller job takes a CPU milliseconds and is not measured
_MANY = 1024  # formulas that a large GPU runs at once; more do not change which device is faster

Seconds = dict[str, dict[str, float]]
"""Seconds on `cuda` and on `cpu`, by kind of job."""

_known: dict[str, Seconds] = {}


def check_device(device: str) -> None:
    """Raise DeviceError unless `device` is one of `DEVICES`."""
    if device not in DEVICES:
        raise DeviceError(f"no device '{device}'; name one of {', '.join(DEVICES)}")


def kind_of(mode: int, assets: int, days: int, formulas: int) -> str:
    """Return the kind of a job: its mode, and its sizes in powers of four."""
    sizes = (assets, days, min(formulas, _MANY))
    return f"{mode}:" + ":".join(str((size.bit_length() + 1) // 2) for size in sizes)


def choose(
    kind: str, cells: int, threads: int, on_gpu: Callable[[], None], on_cpu: Callable[[], None]
) -> Device:
    """Return the faster device for a kind of job.

    Parameters
    ----------
    kind : str
        See `kind_of`.
    cells : int
        Number of cells of all formulas of the job.
    threads : int
        Number of CPU threads.
    on_gpu, on_cpu : callable
        Run a batch of the job's formulas.

    Returns
    -------
    str
        "cuda" or "cpu"; "cpu" if there is no GPU, if the job is small, or if a formula does not fit in the
        memory of the GPU.
    """
    from quarva.engine.gpu.device import find_device, is_installed, why_no_device

    if cells < _SMALL or not is_installed() or why_no_device():
        return "cpu"
    from quarva.engine.gpu.kernel import run
    from quarva.engine.kernel.run import batch

    where = f"{find_device().name}, {threads} threads, {getattr(run, DIGEST)}, {getattr(batch.run, DIGEST)}"
    try:
        return measured(where, kind, on_gpu, on_cpu)
    except DeviceError:  # a formula needs more memory than the GPU has
        return "cpu"


def measured(
    where: str, kind: str, on_gpu: Callable[[], None], on_cpu: Callable[[], None],
    clock: Callable[[], float] = time.perf_counter,
) -> Device:  # fmt: skip
    """Return the faster device. A measurement is stored, so that each kind of job is measured once.

    Parameters
    ----------
    where : str
        GPU, threads and kernels.
    kind : str
        See `kind_of`.
    on_gpu, on_cpu : callable
        Run a batch of the job's formulas.
    clock : callable
        The current time in seconds.
    """
    seconds = _known.setdefault(where, _read().get(where, {}))
    if kind not in seconds:
        taken = {}
        for device, work in (("cuda", on_gpu), ("cpu", on_cpu)):
            work()  # compile and upload
            begun = clock()
            work()
            taken[device] = clock() - begun
        seconds[kind] = taken
        _write(_read() | {where: seconds})
    return "cuda" if seconds[kind]["cuda"] < seconds[kind]["cpu"] else "cpu"


def _file() -> Path:
    return cache_home() / "devices.json"


def _read() -> dict[str, Seconds]:
    """Read the stored measurements; empty if the file does not exist or is damaged."""
    try:
        content = json.loads(_file().read_text(encoding="utf-8"))
        return {
            str(where): {
                str(kind): {device: float(taken[device]) for device in ("cuda", "cpu")}
                for kind, taken in kinds.items()
            }
            for where, kinds in content.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _write(content: dict[str, Seconds]) -> None:
    """Store the measurements. If the folder is not writable, they are only kept in memory."""
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_file(), json.dumps(content, indent=1).encode())
    except (OSError, RunError):
        return
