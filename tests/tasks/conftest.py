from pathlib import Path

import numpy as np
import pytest

from quarva.panel import Panel, Table, sample_panel

US500 = Path(__file__).parents[3] / "shared" / "data" / "us500.parquet"


@pytest.fixture(scope="session")
def sample() -> Panel:
    """Five years of the 20 stocks that skfolio ships."""
    return sample_panel().between("2005-01-01", "2009-12-31")


@pytest.fixture(scope="session")
def us500() -> Panel:
    """498 stocks, 400 days."""
    if not US500.exists():
        pytest.skip("no us500.parquet beside the repository")
    return Panel.read(US500, fields=["close", "open", "volume"], allow_jumps=True).between(
        "2015-01-01", "2016-08-15"
    )


@pytest.fixture
def table() -> Table:
    x = np.linspace(-1, 1, 40, dtype=np.float32)
    return Table.from_arrays({"x": x, "z": x[::-1].copy() ** 2}, x**2 + x)


def walk(days: int, assets: int, seed: int = 0) -> Panel:
    """Random walks on business days: fields close and other."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal((days, assets)), axis=0))
    dates = np.busday_offset("2015-01-01", np.arange(days), roll="forward")
    other = rng.standard_normal((days, assets))
    return Panel.from_arrays({"close": close, "other": other}, dates, [f"A{i}" for i in range(assets)])


@pytest.fixture(scope="session")
def walks() -> Panel:
    return walk(100, 6)
