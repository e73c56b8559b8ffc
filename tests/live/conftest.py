"""Small markets with missing values, and random formulas over all operators."""

from collections.abc import Callable

import numpy as np
import pytest

from quarva.karva import OPERATORS, Alphabet, Expression, GeneShape, Population
from quarva.panel import Panel


def market(days: int, assets: int = 3, seed: int = 0, universe: bool = False) -> Panel:
    """Prices, volumes and noise with missing values, sectors, a late first asset and an early last one."""
    rng = np.random.default_rng(seed)
    shape = (days, assets)
    fields = {
        "close": 100 * np.exp(np.cumsum(0.02 * rng.normal(size=shape), axis=0)),
        "volume": np.exp(10 + rng.normal(size=shape)),
        "x": rng.normal(size=shape).round(1),
    }
    for values in fields.values():
        values[rng.random(shape) < 0.02] = np.nan
        values[: days // 3, 0] = np.nan
        values[days - days // 4 :, -1] = np.nan
    listed = np.ones(shape, bool)
    listed[: days // 3, 0] = listed[days - days // 4 :, -1] = False
    fields["close"][listed & np.isnan(list(fields.values())).all(axis=0)] = 100  # no day without any value
    return Panel.from_arrays(
        fields,
        np.datetime64("2000-01-03") + np.arange(days),
        [f"A{n}" for n in range(assets)],
        groups={"sector": ["ab"[n % 2] for n in range(assets)]},
        universe=rng.random(shape) < 0.8 if universe else None,
    )


def expressions(n: int, seed: int = 0, windows: tuple[int, ...] = (2, 3, 5, 20)) -> list[Expression]:
    """Random formulas over all operators."""
    alphabet = Alphabet.build(
        ["close", "volume", "x"], [op.name for op in OPERATORS], windows, groups=["sector"], assets=["A1"],
        constants=True,
    )  # fmt: skip
    return Population.random(alphabet, GeneShape(head=6), n, np.random.default_rng(seed)).expressions()


@pytest.fixture(scope="session", name="market")
def _market() -> Callable[..., Panel]:
    return market


@pytest.fixture(scope="session", name="expressions")
def _expressions() -> Callable[..., list[Expression]]:
    return expressions
