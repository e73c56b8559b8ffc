"""What was scored before: a table from canonical keys to fitness."""

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled

__all__ = ["Memory", "knows"]

_FIRST_SIZE = 1 << 12
_ABSENT = np.uint64(0)


@compiled
def home_of(table, key):
    """Place where the search for a key begins."""
    return np.int64(key & np.uint64(table.size - 1))


@compiled
def slot_of(table, key):
    """Place of a key in an open-addressed table of a power of two, or of the free place where it would go."""
    mask = np.uint64(table.size - 1)
    k = key & mask
    while table[k] != key and table[k] != _ABSENT:
        k = (k + np.uint64(1)) & mask
    return np.int64(k)


@compiled
def knows(table, key):
    """Whether the key stands in the table."""
    return table[slot_of(table, key)] == key


@compiled
def know(table, keys, out):
    """Set out[i] to whether keys[i] stands in the table."""
    for i in range(keys.size):
        out[i] = knows(table, keys[i])


@compiled
def look_up(table, fitness, keys, local, out, new):
    """Fitness of each key, NaN if none, and which is neither in the table nor earlier among the keys.

    local: uint64 (a power of two above the number of keys), to write to.
    """
    local[:] = _ABSENT
    for i in range(keys.size):
        k = slot_of(table, keys[i])
        known = table[k] == keys[i]
        out[i], new[i] = fitness[k] if known else np.nan, False
        if not known:
            j = slot_of(local, keys[i])
            new[i] = local[j] != keys[i]
            local[j] = keys[i]


@compiled
def rehash(table, fitness, larger, larger_fitness):
    """Write all that a table holds into a larger, empty one."""
    for i in range(table.size):
        if table[i] != _ABSENT:
            k = slot_of(larger, table[i])
            larger[k] = table[i]
            larger_fitness[k] = fitness[i]


@compiled
def put(table, fitness, keys, values):
    """Write keys and their fitness; the table must have room. Returns how many keys were not there."""
    new = 0
    for i in range(keys.size):
        k = slot_of(table, keys[i])
        new += table[k] != keys[i]
        table[k] = keys[i]
        fitness[k] = values[i]
    return new


class Memory:
    """Fitness of every formula scored so far, by canonical key.

    Attributes:
        table: uint64 of shape (a power of two,), 0 = free; what compiled searchers ask with `knows`.
        fitness: float64 of the same shape.
    """

    def __init__(self) -> None:
        self.table: NDArray[np.uint64] = np.zeros(_FIRST_SIZE, np.uint64)
        self.fitness: NDArray[np.float64] = np.zeros(_FIRST_SIZE)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def look_up(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Remembered fitness of each key, and which keys are new (a key given twice is new once)."""
        out, new = np.empty(keys.size), np.empty(keys.size, np.bool_)
        local = np.empty(1 << max(4, (2 * keys.size - 1).bit_length()), np.uint64)
        look_up(self.table, self.fitness, keys, local, out, new)
        return out, new

    def put(self, keys: NDArray[np.uint64], fitness: NDArray[np.float64]) -> None:
        """Remember keys and their fitness."""
        while 2 * (self._used + keys.size) > self.table.size:
            self._grow()
        self._used += int(put(self.table, self.fitness, keys, fitness))

    def contains(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which keys were scored before, bool of the shape of `keys`."""
        out = np.empty(len(keys), np.bool_)
        know(self.table, np.ascontiguousarray(keys), out)
        return out

    def _grow(self) -> None:
        larger, larger_fitness = np.zeros(2 * self.table.size, np.uint64), np.zeros(2 * self.table.size)
        rehash(self.table, self.fitness, larger, larger_fitness)
        self.table, self.fitness = larger, larger_fitness

    def state(self) -> dict[str, NDArray]:
        """Everything needed to go on, as arrays."""
        used = self.table != _ABSENT
        return {"keys": self.table[used], "fitness": self.fitness[used], "size": np.array(self.table.size)}

    def restore(self, state: dict[str, NDArray]) -> None:
        """Take up a `state`."""
        size = int(state["size"])
        self.table, self.fitness = np.zeros(size, np.uint64), np.zeros(size)
        put(self.table, self.fitness, state["keys"], state["fitness"])
        self._used = len(state["keys"])
