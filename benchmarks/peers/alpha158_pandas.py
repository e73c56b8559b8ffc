"""Alpha158 in idiomatic pandas: wide frames and rolling windows, no loop over assets or days.

`alpha158.py` imports it; it uses neither Quarva nor pyqlib. Windows start at an asset's first row and skip
missing values; before that row an asset has no value.
"""

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["alpha158"]

WINDOWS = (5, 10, 20, 30, 60)
TINY = 1e-12
FLAT = 2e-5  # Qlib treats a smaller standard deviation as 0

Frames = dict[str, pd.DataFrame]


def alpha158(bars: Frames) -> Frames:
    """Return the 158 columns by name, each [days, assets], from open, high, low, close, volume, vwap."""
    close, volume = bars["close"], bars["volume"]
    begun = pd.concat(bars.values()).notna().groupby(level=0).any().cummax()
    before, volume_before = close.shift(1), volume.shift(1)
    moves = {
        "ret": (close / before).replace([np.inf, -np.inf], np.nan),
        "log_volume": np.log(volume + 1),
        "log_change": np.log(volume / volume_before + 1).replace([np.inf, -np.inf], np.nan),
        "up": (close > before).astype(float).where(begun),
        "down": (close < before).astype(float).where(begun),
        "step": close - before,
        "volume_step": volume - volume_before,
    }
    moves["turnover"] = (moves["ret"] - 1).abs() * volume
    out = _bar_shapes(bars)
    for w in WINDOWS:
        out |= _prices(bars, begun, w) | _line(close, w) | _moves(bars, moves, w)
    return out


def _bar_shapes(bars: Frames) -> Frames:
    opened, high, low, close = (bars[name] for name in ("open", "high", "low", "close"))
    span, top, bottom = high - low + TINY, np.maximum(opened, close), np.minimum(opened, close)
    shift = 2 * close - high - low
    return {
        "KMID": (close - opened) / opened, "KLEN": (high - low) / opened, "KMID2": (close - opened) / span,
        "KUP": (high - top) / opened, "KUP2": (high - top) / span, "KLOW": (bottom - low) / opened,
        "KLOW2": (bottom - low) / span, "KSFT": shift / opened, "KSFT2": shift / span,
        "OPEN0": opened / close, "HIGH0": high / close, "LOW0": low / close, "VWAP0": bars["vwap"] / close,
    }  # fmt: skip


def _prices(bars: Frames, begun: pd.DataFrame, w: int) -> Frames:
    high, low, close = bars["high"], bars["low"], bars["close"]
    window = close.rolling(w, min_periods=1)
    top, bottom = high.rolling(w, min_periods=1).max(), low.rolling(w, min_periods=1).min()
    place_max, place_min = _place(high, begun, w, 1), _place(low, begun, w, -1)
    return {
        f"ROC{w}": close.shift(w) / close, f"MA{w}": window.mean() / close, f"STD{w}": window.std() / close,
        f"MAX{w}": top / close, f"MIN{w}": bottom / close, f"QTLU{w}": window.quantile(0.8) / close,
        f"QTLD{w}": window.quantile(0.2) / close, f"RANK{w}": window.rank(pct=True),
        f"RSV{w}": (close - bottom) / (top - bottom + TINY), f"IMAX{w}": place_max / w,
        f"IMIN{w}": place_min / w, f"IMXD{w}": (place_max - place_min) / w,
    }  # fmt: skip


def _place(frame: pd.DataFrame, begun: pd.DataFrame, w: int, sign: int) -> pd.DataFrame:
    """Place, from 1, of the first largest (sign 1) or smallest (−1) in the rows that an asset has had.

    Like numpy's argmax, return the first NaN if there is one.
    """
    values = np.where(begun, sign * frame.to_numpy(), -np.inf)
    padded = np.vstack([np.full((w - 1, values.shape[1]), -np.inf), values])
    rows = begun.cumsum().clip(upper=w).to_numpy()
    place = sliding_window_view(padded, w, axis=0).argmax(-1) + 1 - (w - rows)
    return pd.DataFrame(place, frame.index, frame.columns).where(frame.rolling(w, min_periods=1).count() > 0)


def _line(close: pd.DataFrame, w: int) -> Frames:
    """Slope, R² and today's residual of least squares over the window's days, from rolling sums."""
    here = close.notna()
    day = pd.DataFrame(np.arange(len(close))[:, None] * here, close.index, close.columns).where(here)

    def total(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.rolling(w, min_periods=1).sum()

    n, days, prices = total(here.astype(float)), total(day), total(close)
    both = n * total(day * close) - days * prices
    of_days, of_prices = n * total(day**2) - days**2, n * total(close**2) - prices**2
    of_days = of_days.where(n > 1)
    slope = both / of_days
    share = (both**2 / (of_days * of_prices)).where(close.rolling(w, min_periods=1).std() > FLAT)
    residual = close - prices / n - slope * (day - days / n)
    return {f"BETA{w}": slope / close, f"RSQR{w}": share, f"RESI{w}": residual / close}


def _corr(x: pd.DataFrame, y: pd.DataFrame, w: int) -> pd.DataFrame:
    still = (x.rolling(w, min_periods=1).std() <= FLAT) | (y.rolling(w, min_periods=1).std() <= FLAT)
    return x.rolling(w, min_periods=1).corr(y, pairwise=False).mask(still)


def _moves(bars: Frames, moves: Frames, w: int) -> Frames:
    close, volume = bars["close"], bars["volume"]

    def mean(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.rolling(w, min_periods=1).mean()

    up, down = mean(moves["up"]), mean(moves["down"])
    turnover, dollars = moves["turnover"].rolling(w, min_periods=1), volume + TINY
    out = {
        f"CORR{w}": _corr(close, moves["log_volume"], w),
        f"CORD{w}": _corr(moves["ret"], moves["log_change"], w),
        f"CNTP{w}": up, f"CNTN{w}": down, f"CNTD{w}": up - down,
        f"VMA{w}": mean(volume) / dollars,
        f"VSTD{w}": volume.rolling(w, min_periods=1).std() / dollars,
        f"WVMA{w}": turnover.std() / (turnover.mean() + TINY),
    }  # fmt: skip
    for name, step in (("", moves["step"]), ("V", moves["volume_step"])):
        gain = step.clip(lower=0).rolling(w, min_periods=1).sum()
        loss = (-step).clip(lower=0).rolling(w, min_periods=1).sum()
        way = step.abs().rolling(w, min_periods=1).sum() + TINY
        out |= {
            f"{name}SUMP{w}": gain / way, f"{name}SUMN{w}": loss / way, f"{name}SUMD{w}": (gain - loss) / way
        }  # fmt: skip
    return out
