"""The memory of scores keeps every score at any size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quarva.loop import Memory


def test_the_memory_grows_and_keeps_every_score():
    random = np.random.default_rng(0)
    keys = np.unique(random.integers(1, 2**64 - 1, 100_000, dtype=np.uint64))
    random.shuffle(keys)
    memory, told = Memory(), {}
    for part in np.array_split(keys, 97):
        values = random.standard_normal(len(part))
        assert not memory.contains(part).any()
        memory.put(part, values)
        told.update(zip(part.tolist(), values))
        assert memory.contains(part).all()
        assert 2 * len(memory) <= memory.table.size
    found, new = memory.look_up(keys)
    assert not new.any()
    assert found.tolist() == [told[key] for key in keys.tolist()]
    assert len(memory) == len(keys) == (memory.table != 0).sum()


@given(st.lists(st.integers(1, 40), max_size=60), st.sets(st.integers(1, 40)))
def test_a_key_is_new_once(keys, known):
    memory = Memory()
    memory.put(np.array(sorted(known), np.uint64), np.arange(len(known), dtype=float))
    found, new = memory.look_up(np.array(keys, np.uint64))
    assert memory.contains(np.array(keys, np.uint64)).tolist() == [key in known for key in keys]
    seen = set(known)
    for key, value, is_new in zip(keys, found, new):
        assert is_new == (key not in seen)
        assert np.isnan(value) == (key not in known)
        seen.add(key)


def test_colliding_keys_are_distinguished():
    memory = Memory()
    keys = (np.arange(1, 500, dtype=np.uint64) << np.uint64(20)) + np.uint64(5)  # the same place for all
    memory.put(keys, np.arange(499.0))
    np.testing.assert_array_equal(memory.look_up(keys)[0], np.arange(499.0))
    assert not memory.contains(keys + np.uint64(1 << 40)).any()


def test_a_nan_score_is_remembered_as_known():
    memory = Memory()
    memory.put(np.array([7], np.uint64), np.array([np.nan]))
    assert memory.contains(np.array([7, 8], np.uint64)).tolist() == [True, False]


def test_a_memory_can_be_restored_from_its_state():
    memory, other = Memory(), Memory()
    keys = np.arange(1, 9000, dtype=np.uint64) * np.uint64(2654435761)
    memory.put(keys, np.sqrt(np.arange(8999.0)))
    other.restore(memory.state())
    np.testing.assert_array_equal(other.look_up(keys)[0], memory.look_up(keys)[0])
    assert len(other) == len(memory)
    more = keys + np.uint64(1)
    other.put(more, np.zeros(len(more)))
    assert other.contains(more).all()
