"""Simulated daily bars without gaps, as a panel with a forward return as the target."""

import numpy as np

from quarva import Panel, engine

__all__ = ["FIELDS", "HORIZON", "forward_target", "panel_of", "simulated_bars"]

FIELDS = ("open", "close", "high", "low", "volume", "vwap")
HORIZON = 5  # days of the forward return


def simulated_bars(days: int, assets: int, seed: int) -> dict[str, np.ndarray]:
    """Return bars, float32[days, assets] for each field: fat tails, a common factor, clustered volatility."""
    rng = np.random.default_rng(seed)

    def persistent(shape: tuple[int, ...], memory: float, spread: float) -> np.ndarray:
        path = rng.normal(0, spread, shape)
        for day in range(1, shape[0]):
            path[day] = memory * path[day - 1] + np.sqrt(1 - memory**2) * path[day]
        return path

    market = 0.01 * np.exp(persistent((days, 1), 0.97, 0.4)) * rng.standard_t(5, (days, 1))
    own = 0.015 * np.exp(persistent((days, assets), 0.95, 0.3)) * rng.standard_t(4, (days, assets))
    moves = market * rng.uniform(0.5, 1.5, assets) + own
    close = rng.uniform(10, 200, assets) * np.exp(np.cumsum(moves - moves.mean(axis=0), axis=0))
    opened = np.vstack([close[:1], close[:-1]]) * np.exp(0.4 * own)
    high = np.maximum(opened, close) * np.exp(0.006 * np.abs(rng.normal(size=close.shape)) + 1e-4)
    low = np.minimum(opened, close) * np.exp(-0.006 * np.abs(rng.normal(size=close.shape)) - 1e-4)
    volume = np.exp(rng.uniform(12, 16, assets) + persistent(close.shape, 0.8, 0.4) + 8 * np.abs(moves))
    bars = {"open": opened, "close": close, "high": high, "low": low, "volume": volume}
    bars["vwap"] = (opened + close + high + low) / 4
    return {name: bars[name].astype(np.float32) for name in FIELDS}


def panel_of(bars: dict[str, np.ndarray], groups: dict[str, list[str]] | None = None) -> Panel:
    """Return the bars as a panel of consecutive days and numbered assets; `groups` are labels of assets."""
    days, assets = bars["close"].shape
    dates = np.datetime64("2010-01-04") + np.arange(days)
    return Panel.from_arrays(bars, dates, [f"A{number:05d}" for number in range(assets)], groups=groups)


def forward_target(
    panel: Panel, warm_up: int, statistic: engine.Statistic
) -> tuple[engine.Target, np.ndarray]:
    """Return the forward return over HORIZON days, and bool[days], the days that are scored."""
    close = panel.field("close")
    days = len(close)
    returns = np.full((1, *close.shape), np.nan, np.float32)
    returns[0, :-HORIZON] = close[HORIZON:] / close[:-HORIZON] - 1
    segments = np.zeros(days, np.int8)
    segments[:warm_up] = segments[days - HORIZON :] = -1
    return engine.Target.prepare(panel, returns, segments, 1, statistic), segments == 0
