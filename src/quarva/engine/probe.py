"""What this machine can do at most: its arithmetic and its memory, measured, so that a rate has a measure."""

import math
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.evaluate import threads_to_use

__all__ = ["fma_peak", "processor", "stream_peak"]

_LANES = 1024  # numbers in the first-level cache, far more than the multipliers have in flight
_CHAIN = 16  # multiplications and additions between a load and a store, so that neither is what is measured
_SECONDS = 0.05  # that one timing should take
_TRIES = 6  # timings, of which the best counts: a peak is what nothing else disturbed
_MEMORY_KIB = 96 * 1024  # beyond any second-level cache


@compiled(fastmath={"contract"})
def multiply_add(x, scale, shift, rounds):
    """x ← x · scale + shift, `_CHAIN` times a round; contraction makes one instruction of the two."""
    for _ in range(rounds):
        for k in range(x.size):
            value = x[k]
            for _ in range(_CHAIN):
                value = value * scale + shift
            x[k] = value


@compiled(fastmath={"contract"})
def triad(a, b, c, scale, rounds):
    """a ← b + scale · c."""
    for _ in range(rounds):
        for k in range(a.size):
            a[k] = b[k] + scale * c[k]


def fma_peak(threads: int | None = None) -> float:
    """Float32 operations a second on so many threads (all by default); a fused multiply-add counts as two.

    Independent chains of fused multiply-adds on numbers in the first-level cache, as wide as Numba's
    vectors are; the best of several timings of about 50 ms.
    """
    scale, shift = np.float32(0.5), np.float32(0.25)

    def work_of(_: int) -> Callable[[int], None]:
        x = np.ones(_LANES, np.float32)
        return lambda rounds: multiply_add(x, scale, shift, rounds)

    return _best_rate([work_of(k) for k in range(threads_to_use(threads))], 2.0 * _LANES * _CHAIN)


def stream_peak(threads: int | None = None, kib: int = _MEMORY_KIB) -> float:
    """Bytes a second between memory and so many threads (all by default), read and written ones counted.

    McCalpin's triad a ← b + s · c in float32 on three arrays of `kib` KiB together, a set for each thread:
    96 MiB by default; fewer ask the caches instead (1024 KiB the second level, say).
    """
    size = max(kib * 1024 // 12, 16)

    def work_of(_: int) -> Callable[[int], None]:
        a, b, c = (np.ones(size, np.float32) for _ in range(3))
        return lambda rounds: triad(a, b, c, np.float32(0.5), rounds)

    return _best_rate([work_of(k) for k in range(threads_to_use(threads))], 12.0 * size)


def _best_rate(works: Sequence[Callable[[int], None]], each: float) -> float:
    """Most units a second of all works together, each on a thread of its own, `each` units a round."""
    works[0](1)  # compiles
    with ThreadPoolExecutor(len(works)) as pool:

        def seconds(rounds: int) -> float:
            start = time.perf_counter()
            list(pool.map(lambda work: work(rounds), works))
            return time.perf_counter() - start

        rounds = 1
        while (took := seconds(rounds)) < _SECONDS / 4:
            rounds *= 2
        rounds = max(1, math.ceil(rounds * _SECONDS / took))
        return len(works) * each * rounds / min(seconds(rounds) for _ in range(_TRIES))


def processor() -> str:
    """The processor's name, as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
