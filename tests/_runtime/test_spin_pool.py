"""What is offered to a crew is done once and to the end, whoever comes to help."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from quarva._runtime.compiled import compiled
from quarva._runtime.spin_pool import _idle, _read, crew, run_submitted, submit

from .forked import succeeds_in_a_child


@compiled
def note_item(i, rows, done):
    for k in range(rows.shape[1]):
        done[i] += rows[i, k]


@compiled
def note_all(crew, many, rows, done):
    submit(crew, note_item, many, (rows, done))
    run_submitted(crew)


_LOOKS = 3_000_000  # for somebody who may not come, and must not be waited for without end


@compiled
def look_for_all(i, arrived, met):
    """Whether as many threads take part as there are items, at some time before patience ends."""
    arrived[i] = 1
    for _ in range(_LOOKS):
        here = 0
        for k in range(arrived.size):
            here += _read(arrived, k)
        if here == arrived.size:
            met[i] = True
            return


@compiled
def meet(crew, arrived, met):
    submit(crew, look_for_all, arrived.size, (arrived, met))
    run_submitted(crew)


def everything(threads, many):
    """Whether each of so many items is done once."""
    rows = np.arange(3.0 * many).reshape(many, 3)
    done = np.zeros(many)
    with crew(threads) as words:
        note_all(words, many, rows, done)
    return np.array_equal(done, rows.sum(axis=1))


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("many", [0, 1, 2, 5, 1000])
def test_every_item_is_done_once(threads, many):
    assert all(everything(threads, many) for _ in range(50))


def test_threads_work_at_the_same_time():
    """A helper that is about to fall asleep is missed now and then: some of many meetings take place."""
    met = np.zeros((100, 2), bool)
    for one in met:
        with crew(2) as words:
            meet(words, np.zeros(2, np.int64), one)
        if one.all():
            return
    raise AssertionError("no helper ever came")


def test_items_are_done_once_after_the_helpers_fell_asleep():
    assert everything(2, 100)
    deadline = time.monotonic() + 20
    while not all(helper.asleep for one in _idle[2] for helper in one.helpers):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert everything(2, 100)


def test_several_threads_may_each_have_a_crew():
    fine = []
    others = [
        threading.Thread(target=lambda: fine.append(all(everything(2, 300) for _ in range(200))))
        for _ in range(3)
    ]
    for other in others:
        other.start()
    for other in others:
        other.join(60)
    assert fine == [True] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_a_crew_of_its_own():
    assert everything(2, 50)
    assert succeeds_in_a_child(lambda: everything(2, 50))


def test_the_end_of_a_process_ends_its_helpers():
    code = (
        "import atexit, threading\n"
        "def look(): print([t.name for t in threading.enumerate() if t.name == 'quarva'])\n"
        "atexit.register(look)\n"  # registered first, called last
        "from quarva._runtime import spin_pool, threads\n"
        "threads.share(lambda a, b: None, 8, 2)\n"
        "with spin_pool.crew(3): print(sum(t.name == 'quarva' for t in threading.enumerate()))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert said.stdout.split("\n")[:2] == ["3", "[]"], said
