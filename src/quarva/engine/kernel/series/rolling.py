"""`rolling`: dispatch of the rolling operators, and the sizes of their state.

The arguments are those described in `arithmetic`, and further the code of the operator, a second operand y,
y_at (for corr and cov; x otherwise), and the share of a quantile.
"""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.absolute import mad
from quarva.engine.kernel.series.arithmetic import slots
from quarva.engine.kernel.series.counts import tally
from quarva.engine.kernel.series.extremes import extreme, place_of_extreme
from quarva.engine.kernel.series.lags import lag
from quarva.engine.kernel.series.lines import line
from quarva.engine.kernel.series.moments import shape, spread
from quarva.engine.kernel.series.order import quantile, ts_rank
from quarva.engine.kernel.series.pairs import corr, cov
from quarva.engine.kernel.series.sums import decay_linear, ema, product, total
from quarva.engine.kernel.vectors.float32 import exact_share
from quarva.karva.operators import CODE

REF, DELTA, PCT_CHANGE = CODE["ref"], CODE["delta"], CODE["pct_change"]
MEAN, SUM, PRODUCT = CODE["mean"], CODE["sum"], CODE["product"]
EMA, DECAY_LINEAR = CODE["ema"], CODE["decay_linear"]
STD, VAR, TS_ZSCORE, MAD = CODE["std"], CODE["var"], CODE["ts_zscore"], CODE["mad"]
SKEW, KURT, CORR, COV = CODE["skew"], CODE["kurt"], CODE["corr"], CODE["cov"]
SLOPE, RSQUARE, RESI = CODE["slope"], CODE["rsquare"], CODE["resi"]
TS_MIN, TS_MAX, DRAWDOWN = CODE["ts_min"], CODE["ts_max"], CODE["drawdown"]
TS_ARGMIN, TS_ARGMAX = CODE["ts_argmin"], CODE["ts_argmax"]
DAYS_SINCE_MIN, DAYS_SINCE_MAX = CODE["days_since_min"], CODE["days_since_max"]
TS_RANK, MEDIAN, QUANTILE = CODE["ts_rank"], CODE["median"], CODE["quantile"]
COUNT, SIGN_CHANGES = CODE["count"], CODE["sign_changes"]


@compiled
def state_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) that a node needs for a tile."""
    rows = slots(w)
    if code == MEAN or code == SUM:
        return (rows + 1) * lanes, 0
    if code == EMA or code == DECAY_LINEAR:
        return (rows + 2) * lanes, 0
    if code == PRODUCT:
        return 2 * (rows + 1) * lanes, 0
    if code == STD or code == VAR or code == TS_ZSCORE or code == MAD:
        return (2 * rows + 3) * lanes, 0
    if code == SKEW or code == KURT:
        return (4 * rows + 5) * lanes, 0
    if code == COV:
        return (3 * rows + 5) * lanes, 0
    if code == CORR:
        return (5 * rows + 7) * lanes, 0
    if code == SLOPE or code == RSQUARE or code == RESI:
        return (3 * rows + 4) * lanes, 0
    if code == TS_MIN or code == TS_MAX or code == DRAWDOWN:
        return 0, (rows + 1) * lanes
    if code == TS_ARGMIN or code == TS_ARGMAX or code == DAYS_SINCE_MIN or code == DAYS_SINCE_MAX:
        return 0, 2 * (rows + 1) * lanes
    if code == MEDIAN or code == QUANTILE:
        return 0, (w + 1) * lanes
    if code == TS_RANK:
        return 0, lanes
    if code == COUNT or code == SIGN_CHANGES:
        return 0, 2 * lanes
    return 0, 0


@compiled
def rolling(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    """Apply the rolling operator `code` to `days` days of a tile of assets."""
    if code == REF or code == DELTA or code == PCT_CHANGE:
        lag(code, x, at, w, lanes, days, out, to)
    elif code == MEAN or code == SUM:
        total(code, x, at, w, lanes, days, age, state, out, to)
    elif code == STD or code == VAR or code == TS_ZSCORE:
        spread(code, x, at, w, lanes, days, age, state, out, to)
    elif code == TS_MIN or code == TS_MAX or code == DRAWDOWN:
        extreme(code, x, at, w, lanes, days, age, order, out, to)
    elif code == TS_ARGMIN or code == TS_ARGMAX or code == DAYS_SINCE_MIN or code == DAYS_SINCE_MAX:
        place_of_extreme(code, x, at, w, lanes, days, age, order, out, to)
    elif code == CORR:
        corr(x, at, y, y_at, w, lanes, days, age, state, out, to)
    elif code == COV:
        cov(x, at, y, y_at, w, lanes, days, age, state, out, to)
    elif code == SKEW or code == KURT:
        shape(code, x, at, w, lanes, days, age, state, out, to)
    elif code == SLOPE or code == RSQUARE or code == RESI:
        line(code, x, at, w, lanes, days, age, state, out, to)
    elif code == EMA:
        ema(x, at, w, lanes, days, age, state, out, to)
    elif code == DECAY_LINEAR:
        decay_linear(x, at, w, lanes, days, age, state, out, to)
    elif code == PRODUCT:
        product(x, at, w, lanes, days, age, state, out, to)
    elif code == MAD:
        mad(x, at, w, lanes, days, age, state, out, to)
    elif code == TS_RANK:
        ts_rank(x, at, w, lanes, days, age, order, out, to)
    elif code == MEDIAN or code == QUANTILE:
        q = 0.5 if code == MEDIAN else exact_share(share)
        quantile(x, at, w, q, lanes, days, age, order, out, to)
    elif code == COUNT or code == SIGN_CHANGES:
        tally(code, x, at, w, lanes, days, age, order, out, to)
