"""Difficult panels, random formulas, and signals by the kernel and by the reference."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from quarva.engine import Program, signals
from quarva.engine.reference import signals as reference
from quarva.karva import OPERATORS, Alphabet, Expression, GeneShape, Operator, Population, Symbol
from quarva.panel import Panel

torch.set_num_threads(1)


def panel_of(fields: dict[str, NDArray], universe: NDArray | None = None) -> Panel:
    days, assets = next(iter(fields.values())).shape
    return Panel.from_arrays(
        fields,
        np.datetime64("2000-01-03") + np.arange(days),
        [f"a{i}" for i in range(assets)],
        groups={"sector": [None if i % 7 == 3 else "abc"[i % 3] for i in range(assets)]},
        universe=universe,
    )


def market(days: int, assets: int, seed: int = 0, missing: float = 0.02, universe: bool = False) -> Panel:
    """Prices, volumes, noise x and rounded noise y with ties and a constant stretch; some values missing."""
    rng = np.random.default_rng(seed)
    shape = (days, assets)
    y = rng.normal(size=shape).round(1)
    y[days // 3 : days // 2, : assets // 2 + 1] = 0.1
    fields = {
        "close": 100 * np.exp(np.cumsum(0.02 * rng.normal(size=shape), axis=0)),
        "volume": np.exp(10 + rng.normal(size=shape)),
        "x": rng.normal(size=shape),
        "y": y,
    }
    for values in fields.values():
        values[rng.random(shape) < missing] = np.nan
    return panel_of(fields, rng.random(shape) < 0.8 if universe else None)


def population(n: int, seed: int = 0, head: int = 6, genes: int = 1, **alphabet) -> Population:
    """Random formulas over most operators of the table."""
    given = {
        "fields": ["close", "volume", "x", "y"],
        "functions": [
            op.name
            for op in OPERATORS
            if op.name
            not in (
                "power",
                "lt",
                "le",
                "gt",
                "ge",
                "eq",
                "ne",
                "and",
                "or",
                "not",
                "if_else",
                "signed_power",
                "winsorise",
                "bucket",
                "residual",
                "of_asset",
                "group_rank",
                "group_zscore",
            )
        ],
        "windows": (2, 3, 5, 10, 20, 60),
        "groups": ["sector"],
        "numbers": [2.5, -1.0],
        "constants": True,
    }
    shape = GeneShape(head=head, genes=genes)
    return Population.random(Alphabet.build(**(given | alphabet)), shape, n, np.random.default_rng(seed))


def call(operator: Operator, *args: Expression, window: int | None = None) -> Expression:
    given = {"window": window, "group": "sector", "share": 0.2, "count": 5, "asset": "a0"}
    symbol = Symbol(operator, **{name: given[name] for name in operator.parameters})
    args = (*args, *args)  # an operator of three arguments gets the first one again
    return Expression(symbol, args[: operator.arity])


def kernel(expressions: list[Expression], panel: Panel) -> NDArray[np.float32]:
    return signals(Program.from_expressions(expressions), panel, threads=1)


def define(expression: Expression, panel: Panel, storage: torch.dtype | None = None) -> NDArray[np.float64]:
    return reference(expression, panel, storage=storage).numpy()


@pytest.fixture(scope="session", name="market")
def _market() -> Callable[..., Panel]:
    return market


@pytest.fixture(scope="session", name="panel_of")
def _panel_of() -> Callable[..., Panel]:
    return panel_of


@pytest.fixture(scope="session", name="population")
def _population() -> Callable[..., Population]:
    return population


@pytest.fixture(scope="session", name="call")
def _call() -> Callable[..., Expression]:
    return call


@pytest.fixture(scope="session", name="kernel")
def _kernel() -> Callable[..., NDArray[np.float32]]:
    return kernel


@pytest.fixture(scope="session", name="define")
def _define() -> Callable[..., NDArray[np.float64]]:
    return define
