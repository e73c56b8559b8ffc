"""Which device runs a job: the one asked for, or the one that was measured to be faster.

`auto` measures: the first job of its kind runs a batch of formulas on the GPU and on the CPU, and what came
out is kept in the cache folder, by GPU, kernels, threads and kind of job. Kinds are sizes by powers of four:
a GPU wins with many assets and many formulas, and loses with few.
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
"""What may be asked for."""

_SMALL = 10_000_000  # cells of all formulas: less takes a CPU milliseconds, and is not worth measuring
_MANY = 1024  # formulas that a large GPU runs at a time; more do not change which device is faster

Seconds = dict[str, dict[str, float]]
"""Seconds on `cuda` and on `cpu`, by kind of job."""

_known: dict[str, Seconds] = {}


def check_device(device: str) -> None:
    """Raise DeviceError unless `device` is one of `DEVICES`."""
    if device not in DEVICES:
        raise DeviceError(f"no device '{device}'; name one of {', '.join(DEVICES)}")


def kind_of(mode: int, assets: int, days: int, formulas: int) -> str:
    """The kind of a job: what is done with the signals, and sizes by powers of four."""
    sizes = (assets, days, min(formulas, _MANY))
    return f"{mode}:" + ":".join(str((size.bit_length() + 1) // 2) for size in sizes)


def choose(
    kind: str, cells: int, threads: int, on_gpu: Callable[[], None], on_cpu: Callable[[], None]
) -> Device:
    """`cuda` where it is faster for this kind of job, else `cpu`.

    Args:
        kind: see `kind_of`.
        cells: of all formulas of the job.
        threads: of the CPU.
        on_gpu, on_cpu: run a batch of the job's formulas.
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
    """The faster device, from memory or by a measurement that is then remembered.

    where: GPU, threads and kernels. clock: seconds.
    """
    seconds = _known.setdefault(where, _read().get(where, {}))
    if kind not in seconds:
        taken = {}
        for device, work in (("cuda", on_gpu), ("cpu", on_cpu)):
            work()  # compiles, uploads
            begun = clock()
            work()
            taken[device] = clock() - begun
        seconds[kind] = taken
        _write(_read() | {where: seconds})
    return "cuda" if seconds[kind]["cuda"] < seconds[kind]["cpu"] else "cpu"


def _file() -> Path:
    return cache_home() / "devices.json"


def _read() -> dict[str, Seconds]:
    """What was measured before; nothing where the file is not there or not to be understood."""
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
    """Keep the measurements; where there is no folder for them, they last as long as the process."""
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_file(), json.dumps(content, indent=1).encode())
    except (OSError, RunError):
        return
