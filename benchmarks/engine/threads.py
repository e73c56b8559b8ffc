"""Thread pools for short jobs: the spin pool, `share`, and the parallel backends of Numba.

    python benchmarks/engine/threads.py --out benchmarks/results/threads.md

A job is eight items of equal work on two threads. Each pool runs in a process of its own, because Numba
chooses its threading layer once per process. The table also states whether a pool survives calls from two
Python threads at the same time and a fork.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np

from quarva._runtime.compiled import compiled
from quarva._runtime.spin_pool import SpinPool, run_submitted, submit
from quarva._runtime.threads import share

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables
from measuring.stopwatch import best_seconds, median_seconds

ITEMS, THREADS = 8, 2
WORK = (1, 4, 16, 64, 256)  # microseconds of one thread for a whole job, before calibration
PAUSES = {"at once": 0.0, "after 0.1 ms": 1e-4, "after 5 ms": 5e-3}
POOLS = {
    "one thread": {},
    "`share` (Python threads)": {},
    "spin pool": {},
    "numba, workqueue": {"NUMBA_THREADING_LAYER": "workqueue"},
    "numba, omp": {"NUMBA_THREADING_LAYER": "omp"},
    "numba, omp, active wait": {"NUMBA_THREADING_LAYER": "omp", "OMP_WAIT_POLICY": "active"},
    "numba, tbb": {"NUMBA_THREADING_LAYER": "tbb"},
}


@compiled
def one_item(i, sums, steps):
    """A chain of dependent multiplications: its time is proportional to `steps`, whatever the cache."""
    x = 1.0 + i
    for _ in range(steps):
        x = x * 0.999999 + 1e-6
    sums[i] = x


@compiled
def on_one_thread(sums, steps):
    for i in range(sums.size):
        one_item(i, sums, steps)


@compiled
def from_to(first, last, sums, steps):
    for i in range(first, last):
        one_item(i, sums, steps)


@compiled
def in_the_spin_pool(pool, sums, steps):
    submit(pool, one_item, sums.size, (sums, steps))
    run_submitted(pool)


@numba.njit(parallel=True, nogil=True)
def in_numba(sums, steps):
    for i in numba.prange(sums.size):
        one_item(i, sums, steps)


def caller(pool: str) -> Callable[[np.ndarray, int], Any]:
    """Return the function that runs one job in the pool of this name."""
    if pool.startswith("one"):
        return on_one_thread
    if pool.startswith("numba"):
        numba.set_num_threads(THREADS)
        return in_numba
    if pool.startswith("spin"):

        def spin(sums: np.ndarray, steps: int) -> None:
            with SpinPool(THREADS) as state:
                in_the_spin_pool(state, sums, steps)

        return spin
    return lambda sums, steps: share(
        lambda first, last: from_to(first, last, sums, steps), sums.size, THREADS
    )


def steps_of(microseconds: float) -> int:
    """Return the steps per item of a job that takes about `microseconds` on one thread."""
    sums = np.zeros(ITEMS)
    on_one_thread(sums, 10)
    return max(1, round(microseconds / (best_seconds(50, lambda: on_one_thread(sums, 1_000)) * 1e6) * 1_000))


def pause(seconds: float) -> None:
    """Busy-wait for a short pause, sleep for a long one."""
    if seconds >= 1e-3:
        time.sleep(seconds)
        return
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def median_microseconds(call: Callable[[], Any], seconds: float, repeats: int) -> float:
    """Return the median microseconds of a call that starts `seconds` after the previous one."""
    times = []
    for _ in range(repeats):
        pause(seconds)
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e6


def measure(pool: str, repeats: int) -> dict[str, list[float]]:
    """Return median microseconds by pause, one for each amount of work."""
    call, sums = caller(pool), np.zeros(ITEMS)
    call(sums, 1)
    median_seconds(20, lambda: call(sums, 1_000))
    found: dict[str, list[float]] = {}
    for name, seconds in PAUSES.items():
        few = max(20, repeats // 20) if seconds >= 1e-3 else repeats
        found[name] = [
            median_microseconds(partial(call, sums, steps), seconds, few) for steps in map(steps_of, WORK)
        ]
    return found


CHILD = """
import os, sys, threading
sys.path.insert(0, {here!r})
import numpy as np, threads
call = threads.caller({pool!r})
call(np.zeros(8), 10)
if {what!r} == "two callers":
    def many():
        sums = np.zeros(8)
        for _ in range(3000):
            call(sums, 300)
    both = [threading.Thread(target=many) for _ in range(2)]
    [each.start() for each in both]
    [each.join() for each in both]
else:
    child = os.fork()
    if child == 0:
        call(np.zeros(8), 10)
        os._exit(0)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def survives(pool: str, what: str) -> str:
    """Return `yes`, or how the process ended."""
    code = CHILD.format(here=str(Path(__file__).parent), pool=pool, what=what)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | POOLS[pool],
            timeout=60,
            capture_output=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "hangs"
    return "yes" if ended.returncode == 0 else f"ends with {ended.returncode}"


def in_a_process(pool: str, repeats: int) -> dict[str, list[float]] | None:
    """Run `measure` in a process of its own; None if the backend is not installed."""
    words = [sys.executable, __file__, "--pool", pool, "--repeats", str(repeats)]
    ended = subprocess.run(words, env=os.environ | POOLS[pool], capture_output=True, text=True, check=False)
    return json.loads(ended.stdout) if ended.returncode == 0 else None


TEXT = """
Median microseconds of a job of eight equal items on two threads, by the work of the whole job on one thread
(columns) and by the time since the previous job. Half of the row 'one thread' is the limit. 'Two callers':
3,000 jobs each from two Python threads at the same time. 'Fork': a job in a child after a job in its parent.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=4_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--pool", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.pool:
        print(json.dumps(measure(asked.pool, asked.repeats)))
        return
    rows: dict[str, list[list[str]]] = {name: [] for name in PAUSES}
    safe = []
    for pool in POOLS:
        print(f"{pool} …", file=sys.stderr, flush=True)
        found = in_a_process(pool, asked.repeats)
        for name in PAUSES:
            cells = (
                ["not installed"] * len(WORK) if found is None else [f"{each:.1f}" for each in found[name]]
            )
            rows[name].append([pool, *cells])
        if found is not None:
            safe.append([pool, survives(pool, "two callers"), survives(pool, "fork")])
    header = ["pool", *(f"{work} µs" for work in WORK)]
    parts = [tables.prose(TEXT)]
    parts += [f"## {name}\n\n{tables.table(header, rows[name])}" for name in PAUSES]
    parts.append("## Safety\n\n" + tables.table(["pool", "two callers", "fork"], safe))
    software = f"{tables.quarva_version()}, {tables.versions('numba', 'numpy')}"
    tables.write(
        asked.out, "Thread pools for short jobs", parts, command=tables.command_line(), software=software
    )


if __name__ == "__main__":
    main()
