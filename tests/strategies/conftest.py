from pathlib import Path

import numpy as np
import pandas as pd
import pytest

US500 = Path(__file__).parents[3] / "shared" / "data" / "us500.parquet"


@pytest.fixture(scope="session")
def sp500_closes() -> pd.DataFrame:
    """Daily closes of the 20 stocks that skfolio ships, dates × assets, some cells taken out."""
    prices = pytest.importorskip("skfolio.datasets").load_sp500_dataset()
    holes = np.random.default_rng(0).random(prices.shape) < 0.002
    return prices.astype(np.float32).mask(holes)


@pytest.fixture(scope="session")
def us500_closes() -> pd.DataFrame:
    """Daily closes of 498 stocks, dates × assets."""
    if not US500.exists():
        pytest.skip("no us500.parquet beside the repository")
    bars = pd.read_parquet(US500, columns=["date", "asset", "close"])
    return bars.pivot(index="date", columns="asset", values="close")
