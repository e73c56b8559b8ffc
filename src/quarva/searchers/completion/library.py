"""Expressions found by their values: a hash table whose keys forgive rounding."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.decode import mix

__all__ = ["NOTHING", "Library", "alike", "find", "project", "remember"]

NOTHING = np.int64(-1)

_NEAR = 2e-5  # difference of two values, relative to the row's largest, that float32 arithmetic may leave
_STEPS = 4096.0  # of a projection, for a row whose largest value is between 1 and 2
_SLACK = 0.25  # of a step that a projection may be off
_LEAST = 1e-30  # rows of smaller values are taken for zeros, which nothing is made of
_BIAS, _FRACTION = np.int64(1023), np.int64(52)  # of a float64's exponent, and the bits behind it


class Library(NamedTuple):
    """Expressions of one alphabet with their values on R rows.

    Attributes:
        table: int32, of a power of two: number of an entry + 1, 0 = free.
        key: uint64[N], N the entries that there is room for.
        values: float32[N, R].
        symbols: int16[N, S], each expression in level order, of at most S nodes.
        length: int64[N], nodes of each.
        weights: float64[R], of the projection that keys are made of.
        used: int64[1], entries that are there.
    """

    table: NDArray[np.int32]
    key: NDArray[np.uint64]
    values: NDArray[np.float32]
    symbols: NDArray[np.int16]
    length: NDArray[np.int64]
    weights: NDArray[np.float64]
    used: NDArray[np.int64]

    @classmethod
    def empty(cls, room: int, rows: int, longest: int) -> "Library":
        """No entry yet, and room for `room` of at most `longest` nodes; memory is taken as it fills."""
        weights = np.random.default_rng(0).uniform(
            -1.0, 1.0, rows
        )  # the same always: no search depends on it
        return cls(
            np.zeros(1 << int(2 * room - 1).bit_length(), np.int32), np.zeros(room, np.uint64),
            np.zeros((room, rows), np.float32), np.zeros((room, longest), np.int16),
            np.zeros(room, np.int64), weights, np.zeros(1, np.int64),
        )  # fmt: skip

    def __len__(self) -> int:
        return int(self.used[0])

    def state(self) -> dict[str, NDArray[Any]]:
        """The entries, as arrays."""
        n = len(self)
        return {"values": self.values[:n], "symbols": self.symbols[:n], "length": self.length[:n]}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take up a `state`; the library must be empty."""
        n = len(state["values"])
        self.values[:n], self.symbols[:n], self.length[:n] = (
            state[name] for name in ("values", "symbols", "length")
        )
        self.used[0] = n
        index(self)


@compiled
def project(values, weights):
    """Weighted sum and largest magnitude of a row; the latter is 0 where a value is not finite."""
    total, largest = 0.0, 0.0
    for j in range(values.size):
        value = np.float64(values[j])
        total += weights[j] * value
        largest = max(largest, abs(value))
    return total, largest if np.isfinite(total) else 0.0


@compiled
def step_of(total, largest):
    """Exponent of the largest value, and the projection in steps of that size."""
    exponent = (np.float64(largest).view(np.int64) >> _FRACTION) - _BIAS
    scale = np.int64((_BIAS - exponent) << _FRACTION).view(np.float64)  # two to the power −exponent
    return exponent, total * scale * _STEPS


@compiled
def key_at(exponent, step):
    """Key of the step that a projection falls into."""
    return mix(np.uint64(exponent + _BIAS)) ^ mix(np.uint64(np.int64(np.floor(step))))


@compiled
def alike(a, b, largest):
    """Whether two rows, the largest magnitude of which is given, are one but for rounding."""
    allowed = _NEAR * largest
    j = 0
    while j < a.size and abs(np.float64(a[j]) - np.float64(b[j])) <= allowed:
        j += 1
    return j == a.size


@compiled
def entry_with(library, key, values, largest):
    """Entry with this key and these values, or −1 − the free place where it would stand."""
    mask = np.uint64(library.table.size - 1)
    k = key & mask
    while library.table[k] != 0:
        entry = np.int64(library.table[k]) - 1
        if library.key[entry] == key and alike(library.values[entry], values, largest):
            return entry
        k = (k + np.uint64(1)) & mask
    return -1 - np.int64(k)


@compiled
def find(library, values):
    """Number of the entry that has these values, float of shape (R,), or NOTHING."""
    total, largest = project(values, library.weights)
    if not largest > _LEAST:
        return NOTHING
    exponent, step = step_of(total, largest)
    entry = entry_with(library, key_at(exponent, step - _SLACK), values, largest)
    if entry < 0 and np.floor(step - _SLACK) != np.floor(step + _SLACK):
        entry = entry_with(library, key_at(exponent, step + _SLACK), values, largest)
    return max(entry, NOTHING)


@compiled
def free_place(library, values):
    """Key of a row that the library does not have, and where in the table it would stand; −1 for zeros."""
    total, largest = project(values, library.weights)
    if not largest > _LEAST:
        return np.uint64(0), NOTHING
    exponent, step = step_of(total, largest)
    key = key_at(exponent, step)
    return key, -1 - entry_with(library, key, values, largest)


@compiled
def remember(library, values, symbols):
    """Take an expression in, unless it is too long, or one as short has these values, or there is no room."""
    if symbols.size > library.symbols.shape[1]:
        return
    entry = find(library, values)
    if entry >= 0 and library.length[entry] <= symbols.size:
        return
    if entry < 0:
        entry = library.used[0]
        key, place = free_place(library, values)
        if entry == library.key.size or place < 0:
            return
        library.table[place] = entry + 1
        library.key[entry] = key
        library.used[0] += 1
        for j in range(values.size):
            library.values[entry, j] = values[j]
    library.length[entry] = symbols.size
    for j in range(symbols.size):
        library.symbols[entry, j] = symbols[j]


@compiled
def index(library):
    """Write keys and table of the entries that are there, in the order in which they came."""
    for entry in range(library.used[0]):
        key, place = free_place(library, library.values[entry])
        library.table[place] = entry + 1
        library.key[entry] = key
