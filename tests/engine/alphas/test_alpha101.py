"""The 101 Formulaic Alphas, in the notation of the paper, agree with an implementation in pandas.

Both implementations round the value of every function to float32, so that values that only differ by the
rounding of float64 are equal when they are ranked or compared. Where the paper is ambiguous, the choices are
those in the comments of `examples/alphas/alpha101.txt`: 001 and 084 (signedpower), 029 (min(x, 5) is ts_min),
057, 060, 096, 098 and 100 (positions of extremes are 1 … d, and the oldest of equal values counts), 058 to
100 (a window of 8.93 days is 8), and all comparisons (1 or 0; equality counts as not smaller). Ranks of equal
values are averaged.

Seven alphas rank numbers that are equal or 0 in exact arithmetic, so that rounding decides their order: 013
and 016 (covariances), 015, 075 and 078 (correlations of ranks that are 0), 022 (standard deviations that
differ in the last bit of float32) and 088 (sums of ranks that cancel). For these, up to 5 % of the cells may
have the rank of a neighbour.
"""

from pathlib import Path

import numpy as np
import pytest

from quarva.karva import parse
from quarva.panel import Panel

from .machines import ENGINES
from .pandas_alphas_1_50 import ALPHAS as FIRST
from .pandas_alphas_51_101 import ALPHAS as SECOND
from .pandas_words import Bars, stored

ALPHAS = FIRST | SECOND
TEXTS = Path(__file__).parents[3] / "src" / "quarva" / "sets" / "alpha101.txt"
ROUNDING_DECIDES = tuple(f"alpha{number:03d}" for number in (13, 15, 16, 22, 75, 78, 88))
LETTERS = "abcdefgh"
GROUPS = {
    "sector": [*("abc"[asset // 5] for asset in range(15)), None],
    "industry": [*(LETTERS[asset // 2] for asset in range(15)), None],
    "subindustry": [*(LETTERS[asset // 2] + "xy"[asset == 4] for asset in range(15)), None],
}


def fields(up_and_down: bool = False, days: int = 320, assets: int = 16) -> dict[str, np.ndarray]:
    """Bars, vwap and cap with a late asset, an asset with gaps and a cheap asset.

    With `up_and_down`, price and volume alternate, so that ranks over a few days are not constant.
    """
    rng = np.random.default_rng(101)
    shape, start = (days, assets), rng.uniform(20, 90, assets)
    start[0] = 0.9  # the volume in shares exceeds the volume in money, a case of alpha007
    start = np.linspace(50, 50.1, assets) if up_and_down else start
    loud = 0.02 if up_and_down else 1
    close = start * np.exp(np.cumsum(0.02 * loud * rng.standard_t(4, shape), axis=0))
    volume = np.exp(13 + 0.5 * loud * rng.normal(size=shape)).round()
    if up_and_down:
        turns = (-1.0) ** np.arange(days)[:, None]
        close *= 1 + 0.1 * turns
        volume *= 1 + 0.9 * turns * np.linspace(0, 1, days)[:, None]
    opened = close * np.exp(0.01 * rng.normal(size=shape))
    high = np.maximum(opened, close) * np.exp(0.006 * np.abs(rng.normal(size=shape)) + 1e-4)
    low = np.minimum(opened, close) * np.exp(-0.006 * np.abs(rng.normal(size=shape)) - 1e-4)
    out = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    out["vwap"] = low + (high - low) * rng.uniform(0.2, 0.8, shape)
    out["cap"] = close * rng.uniform(1e6, 1e8, assets)
    for values in out.values():
        values[:40, 14] = np.nan
        values[[100, 170, 171, 200], 13] = np.nan
    return {name: values.astype(np.float32) for name, values in out.items()}


def panel(values: dict[str, np.ndarray]) -> Panel:
    dates = np.datetime64("2020-01-01") + np.arange(len(values["close"]))
    return Panel.from_arrays(values, dates, [f"a{n:02d}" for n in range(16)], groups=GROUPS)


USUAL, TURNING = fields(), fields(up_and_down=True)
PANELS = {"usual": (panel(USUAL), Bars(USUAL, GROUPS)), "turning": (panel(TURNING), Bars(TURNING, GROUPS))}


def of(name: str) -> tuple[Panel, Bars]:
    """The panel for an alpha: 096 and 097 need many consecutive days on which ranks are not constant."""
    return PANELS["turning" if name in ("alpha096", "alpha097") else "usual"]


def texts() -> dict[str, str]:
    lines = [line for line in TEXTS.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split(" = ", 1) for line in lines)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ALPHAS)
def test_an_alpha_agrees_with_pandas(name: str, engine: str) -> None:
    market, bars = of(name)
    got = ENGINES[engine](parse(texts()[name], "worldquant"), market)
    correct = stored(ALPHAS[name](bars)).to_numpy(float)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(correct))
    got, correct = got[~np.isnan(correct)], correct[~np.isnan(correct)]
    assert len(correct) > 300
    assert len(np.unique(correct)) > 1
    far = np.abs(got - correct) > 1e-4 * (np.abs(correct) + 0.1 * np.median(np.abs(correct)))
    assert far.mean() <= (0.05 if name in ROUNDING_DECIDES else 0)


def test_all_alphas_have_an_independent_implementation() -> None:
    assert list(ALPHAS) == list(texts()) == [f"alpha{number:03d}" for number in range(1, 102)]
