import numpy as np
from quarva.compiled import compiled
from quarva.karva.operators import CODE
REF, MEAN = CODE["ref"], CODE["mean"]
NAN=np.float32(np.nan)
@compiled
def history(code, w, partial):
    return w
@compiled
def state_size(code, w, lanes):
    return 1, 1
@compiled
def rolling(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    for d in range(days):
        for i in range(lanes):
            if code == REF:
                out[to+d*lanes+i] = x[at+(d-w)*lanes+i]
            elif code == MEAN:
                s = 0.0
                for k in range(w):
                    s += x[at+(d-k)*lanes+i]
                out[to+d*lanes+i] = np.float32(s/w)
            else:
                out[to+d*lanes+i] = NAN
