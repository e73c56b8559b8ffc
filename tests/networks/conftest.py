"""A market whose returns a formula predicts, and one of noise; small, for networks that learn in a second."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from quarva.panel import Panel
from quarva.scenarios import simulate
from quarva.tasks import Task

FEATURES = ("pct_change(close, 1)", "(close - low) / (high - low)")
QUICK = {"features": FEATURES, "length": 4, "epochs": 12, "rate": 3e-3, "batch": 256}


class Own(nn.Module):
    layout = "batch_first"

    def __init__(self, features, length, outputs, width=3):
        super().__init__()
        self.enter, self.head = nn.Linear(features, width), nn.Linear(width, outputs)

    def forward(self, windows):
        return self.head(torch.tanh(self.enter(windows)).mean(1))


@pytest.fixture(scope="session")
def market():
    return simulate(12, 400, seed=3, plant="-pct_change(close, 3)", ic=0.3)


@pytest.fixture(scope="session")
def task(market):
    return Task(market, "forward_return_1")


@pytest.fixture(scope="session")
def walk():
    """Random walks of 8 assets over 300 days."""
    rng = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (300, 8)), axis=0))
    return Panel.from_arrays({"close": close}, pd.bdate_range("2020-01-01", periods=300), list("ABCDEFGH"))
