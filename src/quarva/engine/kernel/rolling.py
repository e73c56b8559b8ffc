"""Rolling operators of one argument: which function does it, and how much state it keeps.

One day of one operator, all assets at once, at a cost that hardly depends on the window: see `windows`.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import keep
from quarva.engine.kernel.moments import skew, spread
from quarva.engine.kernel.order import extreme, median, place_of_extreme, ts_rank
from quarva.engine.kernel.sums import decay_linear, ema, total
from quarva.engine.kernel.windows import day, nothing
from quarva.karva.operators import CODE

REF, DELTA, PCT_CHANGE = CODE["ref"], CODE["delta"], CODE["pct_change"]
MEAN, SUM, STD, VAR, SKEW = CODE["mean"], CODE["sum"], CODE["std"], CODE["var"], CODE["skew"]
TS_MIN, TS_MAX, TS_ARGMIN, TS_ARGMAX = CODE["ts_min"], CODE["ts_max"], CODE["ts_argmin"], CODE["ts_argmax"]
TS_RANK, MEDIAN, TS_ZSCORE = CODE["ts_rank"], CODE["median"], CODE["ts_zscore"]
EMA, DECAY_LINEAR, CORR, COV = CODE["ema"], CODE["decay_linear"], CODE["corr"], CODE["cov"]


@compiled
def state_size(code, w, width):
    """Float64 numbers of state that a node needs."""
    if code == MEAN or code == SUM or code == TS_MIN or code == TS_MAX or code == EMA:
        return w * width
    if code == STD or code == VAR or code == TS_ZSCORE or code == TS_ARGMIN or code == TS_ARGMAX:
        return 2 * w * width
    if code == SKEW or code == COV:
        return 3 * w * width
    if code == CORR:
        return 5 * w * width
    if code == DECAY_LINEAR or code == MEDIAN:
        return (w + 1) * width
    return 0


@compiled
def lag(code, buf, base, rows, t, w, width, out):
    """ref, delta and pct_change."""
    if t < w:
        nothing(out)
        return
    old = day(buf, base, rows, t - w, width)
    new = day(buf, base, rows, t, width)
    if code == REF:
        for i in range(width):
            out[i] = old[i]
    elif code == DELTA:
        for i in range(width):
            out[i] = keep(new[i] - old[i])
    else:
        for i in range(width):
            before = np.float64(old[i])
            out[i] = keep(np.float32((new[i] - before) / before))  # not new/old − 1, which cancels


@compiled
def rolling(code, buf, base, rows, t, w, width, state, out):
    """The rolling operator `code` of one argument on day t."""
    if code == REF or code == DELTA or code == PCT_CHANGE:
        lag(code, buf, base, rows, t, w, width, out)
    elif code == MEAN:
        total(buf, base, rows, t, w, width, state, 1.0 / w, out)
    elif code == SUM:
        total(buf, base, rows, t, w, width, state, 1.0, out)
    elif code == STD or code == VAR or code == TS_ZSCORE:
        spread(code, buf, base, rows, t, w, width, state, out)
    elif code == SKEW:
        skew(buf, base, rows, t, w, width, state, out)
    elif code == TS_MIN or code == TS_MAX:
        extreme(code, buf, base, rows, t, w, width, state, out)
    elif code == TS_ARGMIN or code == TS_ARGMAX:
        place_of_extreme(code, buf, base, rows, t, w, width, state, out)
    elif code == TS_RANK:
        ts_rank(buf, base, rows, t, w, width, out)
    elif code == MEDIAN:
        median(buf, base, rows, t, w, width, state, out)
    elif code == EMA:
        ema(buf, base, rows, t, w, width, state, out)
    elif code == DECAY_LINEAR:
        decay_linear(buf, base, rows, t, w, width, state, out)
