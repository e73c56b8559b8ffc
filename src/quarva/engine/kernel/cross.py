"""Cross-sectional operators: one day, all assets. Cells that are NaN are skipped and stay NaN."""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import NAN, bits_of, keep
from quarva.karva.operators import CODE

RANK, ZSCORE, DEMEAN, SCALE = CODE["rank"], CODE["zscore"], CODE["demean"], CODE["scale"]

REASSOCIATE = {"reassoc", "contract", "nsz"}  # lets LLVM sum in several lanes; NaN keeps its meaning
SIGN_BIT, ALL_BITS, BYTE = np.uint32(0x80000000), np.uint32(0xFFFFFFFF), np.uint64(0xFF)
ZERO, ONE = np.float32(0), np.uint64(1)
EIGHT, SHORT, HIGH = np.uint64(8), np.uint64(16), np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
MANY = 512  # from here on an insertion sort over equal short keys could cost more than two more passes


@compiled
def sortable(v):
    """uint32 in the order of float32, NaN last; −0 and 0 are one."""
    bits = np.uint32(bits_of(v + ZERO))
    ordered = bits ^ (ALL_BITS if bits & SIGN_BIT else SIGN_BIT)
    return ordered if v == v else ALL_BITS


@compiled
def distribute(word, n, shift, word_to, count):
    """One stable pass of a radix sort over the eight bits from `shift` on."""
    count[:] = 0
    for i in range(n):
        count[(word[i] >> shift) & BYTE] += 1
    total = 0
    for b in range(256):
        here = count[b]
        count[b] = total
        total += here
    for i in range(n):
        b = (word[i] >> shift) & BYTE
        k = count[b]
        count[b] = k + 1
        word_to[k] = word[i]


@compiled
def sort_row(x, n, key, word, spare, count):
    """Sort the cells of x[:n] that are not NaN into `word`: (key − least) · 2³² + column; returns how many.

    A radix sort on the 16 leading bits that differ, finished by insertion (few keys agree in 16 bits); all
    four bytes where the row is long.
    """
    least, most = ALL_BITS, np.uint32(0)
    for i in range(n):
        k = sortable(x[i])
        key[i] = k
        least = min(least, k)
        most = max(most, np.uint32(0) if k == ALL_BITS else k)
    m = 0
    for i in range(n):
        if key[i] != ALL_BITS:
            word[m] = (np.uint64(key[i] - least) << HIGH) | np.uint64(i)
            m += 1
    if m < 2:
        return m
    span, shift = np.uint64(most - least), HIGH
    while (span >> SHORT) > 0:
        span >>= ONE
        shift += ONE
    if shift > HIGH and m > MANY:
        for byte in range(4):
            distribute(word, m, HIGH + EIGHT * np.uint64(byte), spare, count)
            word, spare = spare, word
        return m
    distribute(word, m, shift, spare, count)
    distribute(spare, m, shift + EIGHT, word, count)
    if shift > HIGH:
        for i in range(1, m):
            w = word[i]
            j = i
            while j > 0 and word[j - 1] > w:
                word[j] = word[j - 1]
                j -= 1
            word[j] = w
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
    for i in range(out.size):
        out[i] = keep(np.float32((x[i] - mean) / deviation))


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
        np.empty(256, np.int32),
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
