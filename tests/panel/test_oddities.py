"""Fields that are left out and suspicious values cause notes."""

import numpy as np
import pandas as pd
import pytest

from quarva.panel import Panel, Table, describe

from .prices import DAYS, bars, long, wide


def test_constant_and_empty_fields_are_left_out_and_named():
    panel = Panel.read(bars().assign(**{"Dividends": 0.0, "Stock Splits": 0.0, "beta": np.nan}))
    assert panel.fields == ("open", "high", "low", "close", "volume")
    for name in ("'dividends'", "'stock_splits'", "'beta'"):
        assert any(name in note and "left out" in note for note in panel.notes)
    assert "Stock Splits" in panel.reading.left_out


def test_an_asset_without_a_bar_is_named(tmp_path):
    frame = wide().assign(DEAD=np.nan)
    frame.to_csv(tmp_path / "wide.csv")
    panel = Panel.read(tmp_path / "wide.csv")
    assert "DEAD" in panel.notes[0]
    assert describe(panel).empty == ("DEAD",)
    assert "DEAD" in str(describe(panel))


def test_an_incomplete_last_day_has_a_note():
    frame = long().sort_values(["date", "symbol"]).iloc[:-2]
    assert "may be truncated" in Panel.read(frame).notes[0]


def test_contradictory_prices_have_a_note():
    frame = long().rename(columns={"high": "low", "low": "high"})
    assert "columns mixed up" in Panel.read(frame).notes[0]


@pytest.mark.parametrize("factor", [100, 0.001])
def test_a_volume_whose_unit_changes_has_a_note(factor):
    frame = bars()
    frame["volume"] = np.where(np.arange(40) < 25, frame["volume"], frame["volume"] * factor)
    (note,) = Panel.read(frame).notes
    assert "'volume'" in note
    assert str(DAYS[25].date()) in note
    assert Panel.read(bars()).notes == ()


def test_a_change_of_the_unit_of_volume_on_an_extreme_day_has_a_note():
    frame = bars()
    frame["volume"] = np.random.default_rng(0).integers(100_000, 1_000_000, 40).astype(float)
    frame.loc[24, "volume"], frame.loc[25, "volume"] = 100_000, 999_999  # a tenth of the change is hidden
    frame.loc[25:, "volume"] /= 100
    (note,) = Panel.read(frame).notes
    assert str(DAYS[25].date()) in note


def test_an_asset_with_a_single_bar_has_a_note():
    frame = pd.concat([long(), bars().iloc[:1].assign(symbol="AA#A")])
    assert Panel.read(frame).notes == ("assets with a bar on one date only: AA#A",)


def test_row_labels_are_not_variables_of_a_table(tmp_path):
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=50), "y": np.arange(50.0)})
    frame.loc[::7, "a"] = np.nan
    left = frame.dropna()
    left.to_parquet(tmp_path / "t.parquet")
    left.to_csv(tmp_path / "t.csv")
    left.reset_index().to_csv(tmp_path / "i.csv", index=False)
    dated = left.set_axis(pd.date_range("2022-01-03", periods=len(left)), axis=0)
    dated.to_csv(tmp_path / "d.csv")
    for source in (left, dated, *(tmp_path / name for name in ("t.parquet", "t.csv", "i.csv", "d.csv"))):
        assert Table.read(source).columns == ("a",)


def test_a_column_of_row_numbers_is_left_out_of_a_table_with_a_note():
    frame = pd.DataFrame(
        {"id": np.arange(1, 21), "a": np.random.default_rng(0).normal(size=20), "y": np.arange(20.0)}
    )
    table = Table.read(frame)
    assert table.columns == ("a",)
    assert "'id' left out" in table.panel.notes[0]
    assert Table.read(frame.rename(columns={"id": "t"})).columns == ("t", "a")
