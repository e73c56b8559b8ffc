"""Tables for symbolic regression are laid out in blocks of rows."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from quarva.errors import PanelError
from quarva.panel import Table


@pytest.mark.parametrize(
    ("rows", "shape"), [(5, (1, 5)), (1024, (1, 1024)), (1025, (2, 513)), (10_000, (10, 1000))]
)
def test_rows_fill_blocks_and_the_last_is_padded(rows, shape):
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, 2)).astype(np.float32)
    table = Table.read(pd.DataFrame({"X 1": x[:, 0], "X 2": x[:, 1], "y": x.sum(axis=1)}))
    assert table.columns == table.panel.fields == ("x_1", "x_2")
    assert table.rows == rows
    assert table.panel.shape == table.target.shape == shape
    np.testing.assert_array_equal(table.panel.field("x_1").reshape(-1)[:rows], x[:, 0])
    np.testing.assert_array_equal(table.target.reshape(-1)[:rows], x.sum(axis=1))
    assert np.isnan(table.target.reshape(-1)[rows:]).all()
    assert np.isnan(table.panel.values.reshape(2, -1)[:, rows:]).all()


def test_the_target_and_the_variables_can_be_named(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(",a,b,Label\n0,1,2,3\n1,2,,5\n2,3,1,4\n")
    table = Table.read(path, target="label")
    assert table.columns == ("a", "b")
    assert table.panel.name == "data.csv"
    np.testing.assert_array_equal(table.panel.field("b"), [[2, np.nan, 1]])
    assert Table.read(path, target="Label", columns=["b"]).columns == ("b",)
    with pytest.raises(PanelError, match="no column 'c'; there is a, b, label"):
        Table.read(path, target="label", columns=["c"])


def test_parquet_reads_like_csv(tmp_path):
    frame = pl.DataFrame({"x": [1.0, 2.0, 4.0], "y": [1, 2, 3]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_csv(tmp_path / "t.csv")
    prints = {Table.read(tmp_path / name).panel.fingerprint() for name in ("t.parquet", "t.csv")}
    assert len(prints) == 1
