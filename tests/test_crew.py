"""What is offered to a crew is done once and to the end, whoever comes to help."""

import os
import threading
import time

import numpy as np
import pytest

from quarva.compiled import compiled
from quarva.crew import _idle, _read, carry_out, crew, offer


@compiled
def note_item(i, rows, done):
    for k in range(rows.shape[1]):
        done[i] += rows[i, k]


@compiled
def note_all(crew, many, rows, done):
    offer(crew, note_item, many, (rows, done))
    carry_out(crew)


@compiled
def wait_for_all(i, arrived):
    """Ends when as many threads take part as there are items."""
    arrived[i] = 1
    here = 0
    while here < arrived.size:
        here = 0
        for k in range(arrived.size):
            here += _read(arrived, k)


@compiled
def meet(crew, arrived):
    offer(crew, wait_for_all, arrived.size, (arrived,))
    carry_out(crew)


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
    for _ in range(20):
        with crew(2) as words:
            meet(words, np.zeros(2, np.int64))


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
    child = os.fork()
    if child == 0:
        os._exit(0 if everything(2, 50) else 1)
    assert os.waitpid(child, 0)[1] == 0
