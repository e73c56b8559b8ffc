"""The assets of a day in the order of their values: words that hold a value's key and its column, sorted."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.vectors.float32 import bits_of

SIGN_BIT, ALL_BITS = np.uint32(0x80000000), np.uint32(0xFFFFFFFF)
HIGH, LOW, ONE, ZERO = np.uint64(32), np.uint64(0xFFFFFFFF), np.uint64(1), np.float32(0)
FEW = 24  # up to here insertion alone is as fast as the radix sort
# As many buckets as cells is about best. Measured, ns a cell, with digits of 8, 9, 10, 11 bits: 300 normal
# numbers 5.5, 5.9, 7.3, 9.9; 1,000 of them 6.4, 5.4, 5.6, 5.3; 1,000, most of them close, 22, 15, 13, 9.
SMALLEST_DIGIT, LARGEST_DIGIT = 6, 11


@compiled(allocates=True)
def sort_scratch(width):
    """What `sort_row` needs besides: keys, two rows of words, counts."""
    return (
        np.empty(width, np.uint32),
        np.empty(width, np.uint64),
        np.empty(width, np.uint64),
        np.empty(2 << LARGEST_DIGIT, np.int32),
    )


@compiled
def sortable(v):
    """uint32 in the order of float32, NaN last; −0 and 0 are one."""
    bits = np.uint32(bits_of(v + ZERO))
    ordered = bits ^ (ALL_BITS if bits & SIGN_BIT else SIGN_BIT)
    return ordered if v == v else ALL_BITS


@compiled
def to_keys(x, n, key):
    """Sortable keys of x[:n]; returns the least and the largest that is no NaN."""
    least, most = ALL_BITS, np.uint32(0)
    for i in range(n):
        k = sortable(x[i])
        key[i] = k
        least = min(least, k)
        most = max(most, np.uint32(0) if k == ALL_BITS else k)
    return least, most


@compiled
def to_words(key, n, least, word):
    """(key − least) · 2³² + column of every cell that is no NaN; returns how many."""
    m = 0
    for i in range(n):
        if key[i] != ALL_BITS:
            word[m] = (np.uint64(key[i] - least) << HIGH) | np.uint64(i)
            m += 1
    return m


@compiled
def insertion_sort(word, m):
    for i in range(1, m):
        w = word[i]
        j = i
        while j > 0 and word[j - 1] > w:
            word[j] = word[j - 1]
            j -= 1
        word[j] = w


@compiled
def radix_sort(word, m, shift, digit, spare, count):
    """Stable sort by two digits of `digit` bits from bit `shift` on."""
    buckets, mask = 1 << np.int64(digit), (ONE << digit) - ONE
    low, high = count[:buckets], count[buckets : 2 * buckets]
    for b in range(buckets):
        low[b], high[b] = 0, 0
    for i in range(m):
        short = word[i] >> shift
        low[short & mask] += 1
        high[short >> digit] += 1
    before_low = before_high = 0
    for b in range(buckets):
        here_low, here_high = low[b], high[b]
        low[b], high[b] = before_low, before_high
        before_low += here_low
        before_high += here_high
    for i in range(m):
        b = (word[i] >> shift) & mask
        k = low[b]
        low[b] = k + 1
        spare[k] = word[i]
    for i in range(m):
        b = spare[i] >> (shift + digit)
        k = high[b]
        high[b] = k + 1
        word[k] = spare[i]


@compiled
def sort_row(x, n, scratch):
    """Sort the cells of x[:n] that are not NaN; returns words, (key − least) · 2³² + column, and how many.

    A radix sort on the leading bits that differ, finished by insertion: few keys agree in all of those.
    """
    key, word, spare, count = scratch
    least, most = to_keys(x, n, key)
    m = to_words(key, n, least, word)
    if m > FEW:
        bits = SMALLEST_DIGIT
        while (1 << bits) < m and bits < LARGEST_DIGIT:
            bits += 1
        digit = np.uint64(bits)
        span, shift = np.uint64(most - least), HIGH
        while (span >> (digit + digit)) > 0:
            span >>= ONE
            shift += ONE
        radix_sort(word, m, shift, digit, spare, count)
        if shift == HIGH:
            return word, m
    insertion_sort(word, m)
    return word, m
