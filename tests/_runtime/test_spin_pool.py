"""A spin pool runs every item of a job exactly once, whichever workers join."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from quarva._runtime.compiled import compiled
from quarva._runtime.spin_pool import SpinPool, _idle, _read, run_submitted, submit

from .forked import succeeds_in_a_child


@compiled
def add_item(i, rows, sums):
    for k in range(rows.shape[1]):
        sums[i] += rows[i, k]


@compiled
def add_all(pool, n_items, rows, sums):
    submit(pool, add_item, n_items, (rows, sums))
    run_submitted(pool)


_SPINS = 3_000_000  # bounds the wait for a worker that may not join


@compiled
def wait_for_all(i, arrived, met):
    """Set met[i] if all items are in work at the same time."""
    arrived[i] = 1
    for _ in range(_SPINS):
        count = 0
        for k in range(arrived.size):
            count += _read(arrived, k)
        if count == arrived.size:
            met[i] = True
            return


@compiled
def meet(pool, arrived, met):
    submit(pool, wait_for_all, arrived.size, (arrived, met))
    run_submitted(pool)


def runs_each_once(threads, n_items):
    """True if a job of `n_items` items runs each of them once."""
    rows = np.arange(3.0 * n_items).reshape(n_items, 3)
    sums = np.zeros(n_items)
    with SpinPool(threads) as pool:
        add_all(pool, n_items, rows, sums)
    return np.array_equal(sums, rows.sum(axis=1))


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("n_items", [0, 1, 2, 5, 1000])
def test_every_item_runs_once(threads, n_items):
    assert all(runs_each_once(threads, n_items) for _ in range(50))


def test_threads_work_at_the_same_time():
    """One success in many attempts is enough, because a worker that falls asleep misses a job."""

    def meets():
        met = np.zeros(2, bool)
        with SpinPool(2) as pool:
            meet(pool, np.zeros(2, np.int64), met)
        return met.all()

    assert any(meets() for _ in range(100))


def test_every_item_runs_once_after_the_workers_fell_asleep():
    assert runs_each_once(2, 100)
    deadline = time.monotonic() + 20
    while any(workers.awake for workers in _idle[2]):
        assert time.monotonic() < deadline
    assert runs_each_once(2, 100)


def test_several_threads_can_use_a_pool_each():
    success = []
    others = [
        threading.Thread(target=lambda: success.append(all(runs_each_once(2, 300) for _ in range(200))))
        for _ in range(3)
    ]
    for other in others:
        other.start()
    for other in others:
        other.join(60)
    assert success == [True] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_its_own_pool():
    assert runs_each_once(2, 50)
    assert succeeds_in_a_child(lambda: runs_each_once(2, 50))


def test_workers_are_the_helper_threads_of_shared_work_and_end_with_the_process():
    code = (
        "import atexit, threading\n"
        "def look(): print([t.name for t in threading.enumerate() if t.name == 'quarva'])\n"
        "atexit.register(look)\n"  # registered first, called last
        "from quarva._runtime import spin_pool, threads\n"
        "threads.share(lambda a, b: None, 8, 2)\n"
        "with spin_pool.SpinPool(3): print(sum(t.name == 'quarva' for t in threading.enumerate()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split("\n")[:2] == ["2", "[]"], done
