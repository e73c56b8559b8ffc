"""Cross-sectional operators: one day, all assets. Cells that are NaN are skipped and stay NaN."""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import NAN, bits_of, keep
from quarva.karva.operators import CODE

RANK, ZSCORE, DEMEAN, SCALE = CODE["rank"], CODE["zscore"], CODE["demean"], CODE["scale"]

REASSOCIATE = {"reassoc", "contract", "nsz"}  # lets LLVM sum in several lanes; NaN keeps its meaning
SIGN_BIT, ALL_BITS = np.uint32(0x80000000), np.uint32(0xFFFFFFFF)
HIGH, LOW, ONE, ZERO = np.uint64(32), np.uint64(0xFFFFFFFF), np.uint64(1), np.float32(0)
# Rows up to this length are sorted by insertion alone: 11 ns a cell at 20 assets, as much as by radix.
FEW = 24
# As many buckets as cells is about best. Measured, ns a cell, with digits of 8, 9, 10, 11 bits: 300 normal
# numbers 5.5, 5.9, 7.3, 9.9; 1,000 of them 6.4, 5.4, 5.6, 5.3; 1,000, most of them close, 22, 15, 13, 9.
SMALLEST_DIGIT, LARGEST_DIGIT = 6, 11


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
def sort_row(x, n, key, word, spare, count):
    """Sort the cells of x[:n] that are not NaN into `word`: (key − least) · 2³² + column; returns how many.

    A radix sort on the leading bits that differ, finished by insertion: few keys agree in all of those.
    """
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
            return m
    insertion_sort(word, m)
    return m


@compiled
def rank(x, n, out, scratch):
    """Average ranks 1 … m of the m cells of x[:n] that are not NaN, over m."""
    key, word, spare, count = scratch
    m = sort_row(x, n, key, word, spare, count)
    for i in range(out.size):
        out[i] = NAN
    share = 0.5 / max(m, 1)
    i = 0
    while i < m:
        level = word[i] >> HIGH
        j = i + 1
        while j < m and word[j] >> HIGH == level:
            j += 1
        value = np.float32((i + j + 1) * share)
        for k in range(i, j):
            out[np.int64(word[k] & LOW)] = value
        i = j


@compiled(fastmath=REASSOCIATE)
def count_and_sum(x, n):
    many, total = 0, 0.0
    for i in range(n):
        v = x[i]
        if v == v:
            many += 1
            total += v
    return np.float64(many), total


@compiled(fastmath=REASSOCIATE)
def moments_about(x, n, centre):
    """Σ (x − centre) and Σ (x − centre)²."""
    total, squares = 0.0, 0.0
    for i in range(n):
        v = x[i]
        if v == v:
            d = v - centre
            total += d
            squares += d * d
    return total, squares


@compiled(fastmath=REASSOCIATE)
def count_and_size(x, n):
    """Number of cells, and Σ|x|."""
    many, total = 0, 0.0
    for i in range(n):
        v = abs(x[i])
        if v == v:
            many += 1
            total += v
    return many, total


@compiled
def first_value(x, n):
    """The first cell that is not NaN, else 0."""
    for i in range(n):
        if x[i] == x[i]:
            return np.float64(x[i])
    return 0.0


@compiled
def is_constant(x, n):
    """Whether all cells that are not NaN are equal."""
    first, differs = np.float32(first_value(x, n)), False
    for i in range(n):
        differs |= x[i] != first and x[i] == x[i]
    return not differs


@compiled
def zscore(x, n, out):
    many, total = count_and_sum(x, n)
    mean = total / max(many, 1.0)
    deviation = 0.0
    if many > 1.0 and not is_constant(x, n):
        rest, squares = moments_about(x, n, mean)  # the rest is what rounding left of the mean
        deviation = np.sqrt((squares - rest * rest / many) / (many - 1.0))
    share = 1.0 / deviation
    for i in range(out.size):
        out[i] = keep(np.float32((x[i] - mean) * share))


@compiled
def demean(x, n, out):
    many, total = count_and_sum(x, n)
    mean = total / max(many, 1.0)
    for i in range(out.size):
        out[i] = keep(np.float32(x[i] - mean))


@compiled
def scale(x, n, out):
    size = count_and_size(x, n)[1]
    for i in range(out.size):
        out[i] = keep(np.float32(x[i] / size))


@compiled
def cross(code, x, n, out, scratch):
    """The cross-sectional operator `code` over the first n cells of a row."""
    if code == RANK:
        rank(x, n, out, scratch)
    elif code == ZSCORE:
        zscore(x, n, out)
    elif code == DEMEAN:
        demean(x, n, out)
    elif code == SCALE:
        scale(x, n, out)


@compiled(allocates=True)
def rank_scratch(width):
    """What `rank` needs besides: keys, two rows of words, counts."""
    return (
        np.empty(width, np.uint32),
        np.empty(width, np.uint64),
        np.empty(width, np.uint64),
        np.empty(4096, np.int32),
    )


@compiled
def group_demean(x, n, group, sums, counts, out):
    """x minus the mean of its group; `group` holds numbers ≥ 0, −1 for none; sums, counts are scratch."""
    sums[:] = 0.0
    counts[:] = 0.0
    for i in range(n):
        if group[i] >= 0 and x[i] == x[i]:
            sums[group[i]] += x[i]
            counts[group[i]] += 1.0
    for i in range(out.size):
        out[i] = NAN
    for i in range(n):
        g = group[i]
        if g >= 0 and x[i] == x[i]:
            out[i] = keep(np.float32(x[i] - sums[g] / counts[g]))
