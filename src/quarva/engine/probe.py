"""Measured peak rates of a machine, in arithmetic and in memory, to which other rates are compared."""

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

_LANES = 1024  # numbers in the first-level cache, many more than the multipliers process at once
_CHAIN = 16  # multiplications and additions between a load and a store, whose cost then is small
_SECONDS = 0.05  # duration of a timing
_TRIES = 6  # number of timings, of which the best counts
_MEMORY_KIB = 96 * 1024  # larger than any second-level cache


@compiled(fastmath={"contract"})
def multiply_add(x, scale, shift, rounds):
    """x ← x · scale + shift, `_CHAIN` times per round; contraction makes this one instruction."""
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
    """Measure the peak rate of float32 arithmetic.

    The threads run independent chains of fused multiply-adds on numbers in the first-level cache, with the
    vectors that Numba uses. The best of several timings of about 50 ms counts.

    Parameters
    ----------
    threads : int, optional
        Number of threads. Defaults to all cores.

    Returns
    -------
    float
        Operations per second of all threads. A fused multiply-add counts as two.
    """
    scale, shift = np.float32(0.5), np.float32(0.25)

    def work_of(_: int) -> Callable[[int], None]:
        x = np.ones(_LANES, np.float32)
        return lambda rounds: multiply_add(x, scale, shift, rounds)

    return _best_rate([work_of(k) for k in range(threads_to_use(threads))], 2.0 * _LANES * _CHAIN)


def stream_peak(threads: int | None = None, kib: int = _MEMORY_KIB) -> float:
    """Measure the peak rate of memory by McCalpin's triad a ← b + s · c in float32.

    Parameters
    ----------
    threads : int, optional
        Number of threads, each with its own arrays. Defaults to all cores.
    kib : int
        Size of the three arrays together, in KiB. With a small size the rate is that of a cache, for example
        1024 for the second level.

    Returns
    -------
    float
        Bytes read and written per second by all threads.
    """
    size = max(kib * 1024 // 12, 16)

    def work_of(_: int) -> Callable[[int], None]:
        a, b, c = (np.ones(size, np.float32) for _ in range(3))
        return lambda rounds: triad(a, b, c, np.float32(0.5), rounds)

    return _best_rate([work_of(k) for k in range(threads_to_use(threads))], 12.0 * size)


def _best_rate(works: Sequence[Callable[[int], None]], each: float) -> float:
    """Return the best rate of all works together, each in its own thread with `each` units per round."""
    works[0](1)  # compile
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
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
