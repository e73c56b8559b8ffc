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
    with pytest.raises(PanelError, match="no column 'c'; available: a, b, label"):
        Table.read(path, target="label", columns=["c"])


def test_parquet_reads_like_csv(tmp_path):
    frame = pl.DataFrame({"x": [1.0, 2.0, 4.0], "y": [1, 2, 3]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_csv(tmp_path / "t.csv")
    prints = {Table.read(tmp_path / name).panel.fingerprint() for name in ("t.parquet", "t.csv")}
    assert len(prints) == 1


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([3, 5, 6, 9]), pd.Index([3, 5, 6, 9], name="id"), pd.Index([0.5, 1.5, 2.5, 3.5], name="x"),
        pd.date_range("2024-01-01", periods=4), pd.date_range("2024-01-01", periods=4, name="date"),
        list("pqrs"), pd.MultiIndex.from_product([[1, 2], [3, 4]]),
    ],
)  # fmt: skip
def test_the_index_of_a_frame_is_not_a_variable(index):
    frame = pd.DataFrame({"a": [1.0, 2, 3, 5], "y": [1.0, 3, 2, 4]}).set_axis(index)
    read = Table.read(frame)
    assert read.columns == ("a",)
    assert read.panel.values.ravel().tolist() == [1, 2, 3, 5]


def test_row_numbers_of_a_filtered_frame_are_not_a_variable():
    frame = pd.DataFrame({"a": [1.0, np.nan, 3, 4, 7], "y": np.arange(5.0) * 3})
    assert Table.read(frame.dropna()).columns == ("a",)


def test_an_index_can_be_requested_by_name():
    frame = pd.DataFrame({"a": [1.0, 2, 3], "y": [1.0, 3, 2]})
    for asked in ({"target": "y", "columns": ["a"]}, {"target": "a"}):
        with pytest.raises(
            PanelError, match=r"'a' is the index of the frame; make it a column with reset_index"
        ):
            Table.read(frame.set_index("a"), **asked)
    with pytest.raises(PanelError, match="no variable besides the target 'y'; make the index a column"):
        Table.read(frame.set_index("a"))


@pytest.mark.parametrize(
    ("variables", "target", "said"),
    [
        ({"x": [1, 2]}, [1, 2, 3], "column 'x' must have 3 values like the target, not 2"),
        ({"x": []}, [], "no rows"),
        ({"x": ["a", "b"]}, [1, 2], "columns must contain only numbers and NaN"),
        ({"x": [[1], [2]]}, [1, 2], "column 'x' must be one-dimensional, not 2-dim"),
    ],
)
def test_arrays_that_do_not_form_a_table_are_refused(variables, target, said):
    with pytest.raises(PanelError, match=said):
        Table.from_arrays(variables, target)
