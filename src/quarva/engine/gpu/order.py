"""Order: keys that sort as numbers do, quantiles of windows, places in a sorted row.

A word is group · 2³² + key + 2³¹, int64: sorted words stand group by group, and in each by value.
"""

import numpy as np

from quarva.engine.gpu.cells import ZERO, cell
from quarva.engine.gpu.jit import on_device

ABSENT = 2**62  # behind every word
GROUP_SIZE, SHIFT, LOW, LOW31 = 2**32, 2**31, 2**32 - 1, 2**31 - 1
NAN = np.nan


@on_device
def key_of(v):
    """Integer in the order of float32, −0 and 0 being one; v is not NaN."""
    bits = np.int64(np.float32(v + ZERO).view(np.int32))
    return bits ^ LOW31 if bits < 0 else bits


@on_device
def value_of(key):
    """The float32 of a key."""
    bits = key ^ LOW31 if key < 0 else key
    return np.int32(bits).view(np.float32)


@on_device
def word_of(v, group):
    return group * GROUP_SIZE + key_of(v) + SHIFT


@on_device
def value_of_word(word):
    return np.float64(value_of((word & LOW) - SHIFT))


@on_device
def count_upto(x, day, asset, rows, key):
    """Values of a window up to a key, and the least key above it (the key itself if there is none)."""
    many, above, found = 0, key, False
    for k in range(rows):
        v = cell(x, day - k, asset)
        if v == v:
            own = key_of(v)
            if own <= key:
                many += 1
            elif not found or own < above:
                above, found = own, True
    return many, above


@on_device
def quantile_of_window(x, day, asset, w, rows, q, partial):
    """The quantile q of a window's values, by a straight line between two of them.

    The lower one is found by halving the range of keys: 32 looks at the window at most, whatever its length,
    and no memory of its own.
    """
    many, least, most = 0, np.int64(0), np.int64(0)
    for k in range(rows):
        v = cell(x, day - k, asset)
        if v == v:
            key = key_of(v)
            least = key if many == 0 else min(least, key)
            most = key if many == 0 else max(most, key)
            many += 1
    if many == 0 or (many < w and not partial):
        return NAN
    at = q * (many - 1.0)
    lower = np.int64(at)
    while least < most:
        middle = least + (most - least) // 2
        upto, _ = count_upto(x, day, asset, rows, middle)
        if upto > lower:
            most = middle
        else:
            least = middle + 1
    value = np.float64(value_of(least))
    upto, above = count_upto(x, day, asset, rows, least)
    if upto > lower + 1 or at == lower:
        return value
    return value + (at - lower) * (np.float64(value_of(above)) - value)


@on_device
def place(words, at, size, word):
    """How many of the sorted words at … at + size − 1 are less."""
    low, high = np.int64(0), np.int64(size)
    while low < high:
        middle = (low + high) // 2
        if words[at + middle] < word:
            low = middle + 1
        else:
            high = middle
    return low


@on_device
def quantile_of_row(words, at, many, q):
    """The quantile q of the first `many` sorted words."""
    where = q * (many - 1.0)
    lower = np.int64(where)
    value = value_of_word(words[at + lower])
    if lower + 1 >= many:
        return value
    return value + (where - lower) * (value_of_word(words[at + lower + 1]) - value)


@on_device
def rank(words, at, size, word, begin, end):
    """Average rank of a word among those of its group, which stand at begin … end − 1, over their number."""
    lower, upper = place(words, at, size, word), place(words, at, size, word + 1)
    return ((lower + upper + 1) * 0.5 - begin) / (end - begin)
