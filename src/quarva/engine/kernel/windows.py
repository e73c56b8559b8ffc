"""How rolling operators keep their windows: statistics of prefixes and suffixes, nothing ever subtracted.

Time is cut into blocks of w days; a window that ends at place q of its block is the block's prefix (days
0 … q) and the former block's suffix (days q+1 … w−1). Suffixes are laid down once per block, prefixes grow by
a day, and a window costs one combination (van Herk 1992; Gil and Werman 1993, for minima). So nothing drifts,
a spike that left the window leaves no trace, and NaN needs no counting: it stays in the prefix or suffix that
it entered.

A rolling operator has the arguments
    buf, base, rows: the operand's history: day t stands at buf[base + (t mod rows)·width …], float32;
    t, w, width: the day, the window, the padded number of assets;
    state: float64 scratch of this node, kept from day to day; `rolling.state_size` says how much;
    out: float32 of shape (width,), the result of day t.
In `state`, a suffix statistic takes w rows; the row of suffix 0, which no window needs, holds the prefix.
"""

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import NAN


@compiled(inline="always")  # a view can not be returned without reference counts
def day(buf, base, rows, t, width):
    """The operand's row of day t."""
    start = base + (t % rows) * width
    return buf[start : start + width]


@compiled(inline="always")  # a view can not be returned without reference counts
def part(state, statistic, j, w, width):
    """Row j of a statistic: its suffix j, or (j = 0) its prefix."""
    start = (statistic * w + j) * width
    return state[start : start + width]


@compiled
def carry(state, statistics, j, w, width):
    """Copy suffix j + 1 of every statistic to suffix j, where it is then updated in place.

    Reading one row and writing another in the same loop would make LLVM ask whether they overlap, and where
    an update is in place they do: it would then run the scalar loop.
    """
    if j == w - 1:
        return
    for s in range(statistics):
        here, later = part(state, s, j, w, width), part(state, s, j + 1, w, width)
        for i in range(width):
            here[i] = later[i]


@compiled
def nothing(out):
    for i in range(out.size):
        out[i] = NAN
