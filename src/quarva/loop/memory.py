"""Memory of the scored formulas: an open-addressed hash table from canonical keys to fitness."""

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled

__all__ = ["Memory", "contains_key"]

_FIRST_SIZE = 1 << 12
_ABSENT = np.uint64(0)


@compiled
def first_slot(table, key):
    """Slot at which the search for a key begins."""
    return np.int64(key & np.uint64(table.size - 1))


@compiled
def slot_of(table, key):
    """Slot of a key, or the free slot where it would be inserted. The table size is a power of two."""
    mask = np.uint64(table.size - 1)
    k = key & mask
    while table[k] != key and table[k] != _ABSENT:
        k = (k + np.uint64(1)) & mask
    return np.int64(k)


@compiled
def contains_key(table, key):
    """True if the key is in the table."""
    return table[slot_of(table, key)] == key


@compiled
def contains_keys(table, keys, out):
    """Set out[i] to True if keys[i] is in the table."""
    for i in range(keys.size):
        out[i] = contains_key(table, keys[i])


@compiled
def look_up(table, fitness, keys, local, out, new):
    """Look up the fitness of keys and find the keys that are new.

    Parameters
    ----------
    table, fitness : ndarray of uint64 and of float64, shape (size,)
        The table.
    keys : ndarray of uint64, shape (n,)
        The keys.
    local : ndarray of uint64, shape (a power of two above n,)
        Scratch space.
    out : ndarray of float64, shape (n,)
        Receives the fitness of each key, NaN for a key that is not in the table.
    new : ndarray of bool, shape (n,)
        Receives True for a key that is neither in the table nor earlier among the keys.
    """
    local[:] = _ABSENT
    for i in range(keys.size):
        k = slot_of(table, keys[i])
        found = table[k] == keys[i]
        out[i], new[i] = fitness[k] if found else np.nan, False
        if not found:
            j = slot_of(local, keys[i])
            new[i] = local[j] != keys[i]
            local[j] = keys[i]


@compiled
def rehash(table, fitness, larger, larger_fitness):
    """Copy the entries of a table to a larger, empty one."""
    for i in range(table.size):
        if table[i] != _ABSENT:
            k = slot_of(larger, table[i])
            larger[k] = table[i]
            larger_fitness[k] = fitness[i]


@compiled
def put(table, fitness, keys, values):
    """Insert keys and their fitness into a table with enough room; return the number of new keys."""
    new = 0
    for i in range(keys.size):
        k = slot_of(table, keys[i])
        new += table[k] != keys[i]
        table[k] = keys[i]
        fitness[k] = values[i]
    return new


class Memory:
    """Fitness of every formula scored so far, by canonical key.

    Attributes
    ----------
    table : ndarray of uint64, shape (size,)
        The keys; size is a power of two and 0 marks a free slot. Compiled searchers read it with
        `contains_key`.
    fitness : ndarray of float64, shape (size,)
        The fitness of each key.
    """

    def __init__(self) -> None:
        self.table: NDArray[np.uint64] = np.zeros(_FIRST_SIZE, np.uint64)
        self.fitness: NDArray[np.float64] = np.zeros(_FIRST_SIZE)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def look_up(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Look up the fitness of keys and find the keys that are new.

        Parameters
        ----------
        keys : ndarray of uint64, shape (n,)
            The keys.

        Returns
        -------
        fitness : ndarray of float64, shape (n,)
            The fitness of each key, NaN for a key that was not scored.
        new : ndarray of bool, shape (n,)
            True for the first occurrence of each key that was not scored.
        """
        out, new = np.empty(keys.size), np.empty(keys.size, np.bool_)
        local = np.empty(1 << max(4, (2 * keys.size - 1).bit_length()), np.uint64)
        look_up(self.table, self.fitness, keys, local, out, new)
        return out, new

    def put(self, keys: NDArray[np.uint64], fitness: NDArray[np.float64]) -> None:
        """Store the fitness of keys.

        Parameters
        ----------
        keys : ndarray of uint64, shape (n,)
            The keys.
        fitness : ndarray of float64, shape (n,)
            Their fitness.
        """
        while 2 * (self._used + keys.size) > self.table.size:
            self._grow()
        self._used += int(put(self.table, self.fitness, keys, fitness))

    def forget(self) -> None:
        """Set the fitness of all keys to NaN, because it is no longer comparable. The keys remain known."""
        self.fitness[:] = np.nan

    def contains(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Find the keys that were scored.

        Parameters
        ----------
        keys : ndarray of uint64, shape (n,)
            The keys.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        out = np.empty(len(keys), np.bool_)
        contains_keys(self.table, np.ascontiguousarray(keys), out)
        return out

    def _grow(self) -> None:
        larger, larger_fitness = np.zeros(2 * self.table.size, np.uint64), np.zeros(2 * self.table.size)
        rehash(self.table, self.fitness, larger, larger_fitness)
        self.table, self.fitness = larger, larger_fitness

    def state(self) -> dict[str, NDArray]:
        """State for a checkpoint, as arrays."""
        used = self.table != _ABSENT
        return {"keys": self.table[used], "fitness": self.fitness[used], "size": np.array(self.table.size)}

    def restore(self, state: dict[str, NDArray]) -> None:
        """Restore a state that `state` returned."""
        size = int(state["size"])
        self.table, self.fitness = np.zeros(size, np.uint64), np.zeros(size)
        put(self.table, self.fitness, state["keys"], state["fitness"])
        self._used = len(state["keys"])
