"""`partial`: dispatch of the rolling operators over windows with gaps, with Qlib's conventions.

The arguments are those of `rolling`, and further:

    begins, begins_at  float32, the day of the panel on which the asset of each lane has its first value
    day                the day of the panel of the first result
"""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import slots
from quarva.engine.kernel.series.counts import tally
from quarva.engine.kernel.series.gaps.lines import line
from quarva.engine.kernel.series.gaps.means import decay_linear, ema, product, total
from quarva.engine.kernel.series.gaps.moments import mad, shape, spread
from quarva.engine.kernel.series.gaps.order import (
    extreme,
    place_of_extreme,
    quantile,
    sign_changes,
    ts_rank,
)
from quarva.engine.kernel.series.gaps.pairs import corr, cov
from quarva.engine.kernel.series.lags import lag
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
def partial_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) that a node needs for a tile."""
    if code == MEAN or code == SUM:
        return (slots(w) + 1) * lanes, lanes
    if code == EMA:
        return 2 * lanes, 0
    if code == MEDIAN or code == QUANTILE:
        return 0, (w + 1) * lanes
    if code == COUNT:
        return 0, 2 * lanes
    return 0, 0


@compiled
def carries_forever(code):
    """True if `partial` keeps a state that depends on all days before, so that no chunk can rebuild it."""
    return code == EMA


@compiled
def history(code, w, gaps):
    """Number of days before a chunk that `rolling` reads, or `partial` if `gaps` is true."""
    return 0 if gaps and carries_forever(code) else w


@compiled
def partial(
    code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, order, out, to
):  # fmt: skip
    """Apply the rolling operator `code` to `days` days of a tile of assets, skipping NaN."""
    if code == REF or code == DELTA or code == PCT_CHANGE:
        lag(code, x, at, w, lanes, days, out, to)
    elif code == MEAN or code == SUM:
        total(code, x, at, w, lanes, days, age, state, order, out, to)
    elif code == STD or code == VAR or code == TS_ZSCORE:
        spread(code, x, at, w, lanes, days, out, to)
    elif code == TS_MIN or code == TS_MAX or code == DRAWDOWN:
        extreme(code, x, at, w, lanes, days, out, to)
    elif code == TS_ARGMIN or code == TS_ARGMAX or code == DAYS_SINCE_MIN or code == DAYS_SINCE_MAX:
        place_of_extreme(code, x, at, w, lanes, days, begins, begins_at, day, out, to)
    elif code == CORR:
        corr(x, at, y, y_at, w, lanes, days, out, to)
    elif code == COV:
        cov(x, at, y, y_at, w, lanes, days, out, to)
    elif code == SKEW or code == KURT:
        shape(code, x, at, w, lanes, days, out, to)
    elif code == SLOPE or code == RSQUARE or code == RESI:
        line(code, x, at, w, lanes, days, out, to)
    elif code == EMA:
        ema(x, at, w, lanes, days, day, state, out, to)
    elif code == DECAY_LINEAR:
        decay_linear(x, at, w, lanes, days, begins, begins_at, day, out, to)
    elif code == PRODUCT:
        product(x, at, w, lanes, days, out, to)
    elif code == MAD:
        mad(x, at, w, lanes, days, out, to)
    elif code == TS_RANK:
        ts_rank(x, at, w, lanes, days, out, to)
    elif code == MEDIAN or code == QUANTILE:
        q = 0.5 if code == MEDIAN else exact_share(share)
        quantile(x, at, w, q, lanes, days, age, order, out, to)
    elif code == COUNT:
        tally(code, x, at, w, lanes, days, age, order, out, to)
    elif code == SIGN_CHANGES:
        sign_changes(x, at, w, lanes, days, out, to)
