"""Sortable keys, quantiles and ranks on the device.

A key is an integer that sorts like a float32. A word is group · 2³² + key + 2³¹ as int64, so that words sort
by group and then by value.
"""

import math

import numpy as np

from quarva.engine.gpu.cells import ZERO, cell
from quarva.engine.gpu.jit import on_device

ABSENT = 2**62  # sorts after every word
GROUP_SIZE, SHIFT, LOW, LOW31 = 2**32, 2**31, 2**32 - 1, 2**31 - 1
NAN = np.nan


@on_device
def key_of(v):
    """Integer that sorts like the float32 v, with −0 equal to 0; v must not be NaN."""
    bits = np.int64(np.float32(v + ZERO).view(np.int32))
    return bits ^ LOW31 if bits < 0 else bits


@on_device
def value_of(key):
    """Inverse of `key_of`, float32."""
    bits = key ^ LOW31 if key < 0 else key
    return np.int32(bits).view(np.float32)


@on_device
def word_of(v, group):
    """Word of a value in a group."""
    return group * GROUP_SIZE + key_of(v) + SHIFT


@on_device
def value_of_word(word):
    """Value of a word, float64."""
    return np.float64(value_of((word & LOW) - SHIFT))


@on_device
def exact_share(number):
    """The share that was rounded to a float32; see `kernel.vectors.float32.exact_share`."""
    share = math.floor(np.float64(number) * 1e7 + 0.5) / 1e7
    return share if np.float32(share) == np.float32(number) else np.float64(number)


@on_device
def count_upto(x, day, asset, rows, key):
    """Number of values of a window up to a key, and the smallest key above it (the key itself if none is)."""
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
    """Quantile q of a window, with linear interpolation between two values.

    The lower value is found by bisection of the range of keys, which takes at most 32 passes over the window
    and no memory.
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
def count_smaller(words, at, size, word):
    """Number of the sorted words at … at + size − 1 that are smaller than `word`."""
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
    """Quantile q of the first `many` sorted words, with linear interpolation."""
    where = q * (many - 1.0)
    lower = np.int64(where)
    value = value_of_word(words[at + lower])
    if lower + 1 >= many:
        return value
    return value + (where - lower) * (value_of_word(words[at + lower + 1]) - value)


@on_device
def rank(words, at, size, word, begin, end):
    """Average rank of a word among those of its group, at begin … end − 1, divided by their number."""
    lower, upper = count_smaller(words, at, size, word), count_smaller(words, at, size, word + 1)
    return ((lower + upper + 1) * 0.5 - begin) / (end - begin)
