"""Shared work runs exactly once, also with nested calls, errors and forks."""

import os
import threading

import pytest

from quarva._runtime.threads import share

from .forked import succeeds_in_a_child


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 1000])
@pytest.mark.parametrize("grain", [1, 300])
def test_every_item_is_done_once(threads, n, grain):
    done, pieces = [0] * n, []

    def work(first, last):
        pieces.append(last - first)
        for i in range(first, last):
            done[i] += 1

    share(work, n, threads, grain)
    assert done == [1] * n
    if threads > 1 and n == 1000:
        assert min(pieces) >= min(grain, n // threads)


def test_threads_work_at_the_same_time():
    together = threading.Barrier(3)
    names = set()

    def work(first, last):
        together.wait(timeout=20)
        names.add(threading.get_ident())

    share(work, 3, 3)
    assert len(names) == 3
    assert threading.get_ident() in names


def test_share_can_be_nested_and_called_from_several_threads():
    done = []

    def outer(first, last):
        for i in range(first, last):
            share(lambda a, b, i=i: done.extend((i, k) for k in range(a, b)), 10, 2)

    others = [threading.Thread(target=share, args=(outer, 6, 2)) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join(20)
    assert sorted(done) == sorted((i, k) for i in range(6) for k in range(10) for _ in range(3))


def test_an_error_in_any_thread_is_raised_and_the_next_work_runs():
    here = threading.get_ident()
    for fails_here in (True, False):
        together = threading.Barrier(2)

        def work(first, last, fails_here=fails_here, together=together):
            together.wait(timeout=20)
            if (threading.get_ident() == here) == fails_here:
                raise ValueError("a failed piece")

        with pytest.raises(ValueError, match="a failed piece"):
            share(work, 2, 2)
    done = []
    share(lambda first, last: done.extend(range(first, last)), 9, 2)
    assert sorted(done) == list(range(9))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_its_own_threads():
    together = threading.Barrier(2)
    share(lambda first, last: together.wait(timeout=20), 2, 2)

    def work():
        done = []
        share(lambda first, last: done.extend(range(first, last)), 50, 2)
        return sorted(done) == list(range(50))

    assert succeeds_in_a_child(work)
