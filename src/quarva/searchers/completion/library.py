"""A hash table of expressions by their values, tolerant to rounding."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.decode import mix

__all__ = ["NOT_FOUND", "Library", "add_expression", "almost_equal", "find", "project"]

NOT_FOUND = np.int64(-1)

_TOLERANCE = 2e-5  # relative to the largest value of a row; covers rounding errors of float32 arithmetic
_STEPS = 4096.0  # quantisation steps of the projection of a row whose largest value is between 1 and 2
_SLACK = 0.25  # tolerated error of a projection, in steps
_MIN_VALUE = 1e-30  # rows with smaller values are treated as zeros and not stored
_BIAS, _FRACTION = np.int64(1023), np.int64(52)  # exponent bias and fraction bits of a float64


class Library(NamedTuple):
    """Expressions of one alphabet with their values on R rows.

    Attributes
    ----------
    table : int32 array, shape (a power of two,)
        Index of an entry + 1; 0 marks a free slot.
    key : uint64 array, shape (N,)
        Key of each entry; N is the capacity.
    values : float32 array, shape (N, R)
        Values of each entry.
    symbols : int16 array, shape (N, S)
        Expressions in level order, of at most S nodes.
    length : int64 array, shape (N,)
        Number of nodes.
    weights : float64 array, shape (R,)
        Weights of the projection from which keys are computed.
    used : int64 array, shape (1,)
        Number of entries.
    """

    table: NDArray[np.int32]
    key: NDArray[np.uint64]
    values: NDArray[np.float32]
    symbols: NDArray[np.int16]
    length: NDArray[np.int64]
    weights: NDArray[np.float64]
    used: NDArray[np.int64]

    @classmethod
    def empty(cls, capacity: int, rows: int, max_nodes: int) -> "Library":
        """Return a library without entries; the system allocates its memory as it fills."""
        # The seed is fixed: the weights affect only which bucket a row falls into.
        weights = np.random.default_rng(0).uniform(-1.0, 1.0, rows)
        return cls(
            np.zeros(1 << int(2 * capacity - 1).bit_length(), np.int32), np.zeros(capacity, np.uint64),
            np.zeros((capacity, rows), np.float32), np.zeros((capacity, max_nodes), np.int16),
            np.zeros(capacity, np.int64), weights, np.zeros(1, np.int64),
        )  # fmt: skip

    def __len__(self) -> int:
        return int(self.used[0])

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the entries as arrays."""
        n = len(self)
        return {"values": self.values[:n], "symbols": self.symbols[:n], "length": self.length[:n]}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore a state that `state` returned; the library must be empty."""
        n = len(state["values"])
        self.values[:n], self.symbols[:n], self.length[:n] = (
            state[name] for name in ("values", "symbols", "length")
        )
        self.used[0] = n
        rebuild_index(self)


@compiled
def project(values, weights):
    """Return the weighted sum of a row and its largest magnitude, which is 0 if a value is not finite."""
    total, largest = 0.0, 0.0
    for j in range(values.size):
        value = np.float64(values[j])
        total += weights[j] * value
        largest = max(largest, abs(value))
    return total, largest if np.isfinite(total) else 0.0


@compiled
def quantise(total, largest):
    """Return the exponent of the largest value, and the projection in steps of that magnitude."""
    exponent = (np.float64(largest).view(np.int64) >> _FRACTION) - _BIAS
    scale = np.int64((_BIAS - exponent) << _FRACTION).view(np.float64)  # two to the power −exponent
    return exponent, total * scale * _STEPS


@compiled
def bucket_key(exponent, step):
    """Return the key of the step that a projection falls into."""
    return mix(np.uint64(exponent + _BIAS)) ^ mix(np.uint64(np.int64(np.floor(step))))


@compiled
def almost_equal(a, b, largest):
    """Return whether two rows, whose largest magnitude is given, are equal up to rounding."""
    tolerance = _TOLERANCE * largest
    j = 0
    while j < a.size and abs(np.float64(a[j]) - np.float64(b[j])) <= tolerance:
        j += 1
    return j == a.size


@compiled
def probe(library, key, values, largest):
    """Return the entry with this key and these values, or −1 − the free slot where it would be stored."""
    mask = np.uint64(library.table.size - 1)
    k = key & mask
    while library.table[k] != 0:
        entry = np.int64(library.table[k]) - 1
        if library.key[entry] == key and almost_equal(library.values[entry], values, largest):
            return entry
        k = (k + np.uint64(1)) & mask
    return -1 - np.int64(k)


@compiled
def find(library, values):
    """Return the entry with these values, float of shape (R,), or NOT_FOUND."""
    total, largest = project(values, library.weights)
    if not largest > _MIN_VALUE:
        return NOT_FOUND
    exponent, step = quantise(total, largest)
    entry = probe(library, bucket_key(exponent, step - _SLACK), values, largest)
    if entry < 0 and np.floor(step - _SLACK) != np.floor(step + _SLACK):
        entry = probe(library, bucket_key(exponent, step + _SLACK), values, largest)
    return max(entry, NOT_FOUND)


@compiled
def free_slot(library, values):
    """Return the key of a row that is not in the library, and its slot, or −1 for a row of zeros."""
    total, largest = project(values, library.weights)
    if not largest > _MIN_VALUE:
        return np.uint64(0), NOT_FOUND
    exponent, step = quantise(total, largest)
    key = bucket_key(exponent, step)
    return key, -1 - probe(library, key, values, largest)


@compiled
def add_expression(library, values, symbols):
    """Add an expression, unless it is too long, a shorter one has its values, or the library is full."""
    if symbols.size > library.symbols.shape[1]:
        return
    entry = find(library, values)
    if entry >= 0 and library.length[entry] <= symbols.size:
        return
    if entry < 0:
        entry = library.used[0]
        key, slot = free_slot(library, values)
        if entry == library.key.size or slot < 0:
            return
        library.table[slot] = entry + 1
        library.key[entry] = key
        library.used[0] += 1
        for j in range(values.size):
            library.values[entry, j] = values[j]
    library.length[entry] = symbols.size
    for j in range(symbols.size):
        library.symbols[entry, j] = symbols[j]


@compiled
def rebuild_index(library):
    """Write the keys and the table of all entries, in order of insertion."""
    for entry in range(library.used[0]):
        key, slot = free_slot(library, library.values[entry])
        library.table[slot] = entry + 1
        library.key[entry] = key
