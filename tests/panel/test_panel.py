"""Panels: fields, parts, fingerprints, frames and writing."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from quarva.errors import PanelError
from quarva.panel import GroupCodes, Panel, sample_panel


def small(**options) -> Panel:
    values = np.arange(1.0, 13).reshape(4, 3)
    dates = np.array(["2020-01-30", "2020-01-31", "2020-02-03", "2020-02-04"], dtype="datetime64[D]")
    return Panel.from_arrays({"close": values, "volume": values * 10}, dates, ["A", "B", "C"], **options)


def test_importing_the_package_loads_no_heavy_package():
    heavy = ("polars", "pandas", "torch", "skfolio")
    code = f"import sys, quarva.panel; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_field_is_a_view():
    panel = small()
    assert np.shares_memory(panel.field("volume"), panel.values)
    assert panel.shape == (4, 3)
    assert repr(panel) == "<Panel arrays: 4 dates × 3 assets, close, volume>"


def test_between_includes_both_ends():
    panel = small(universe=np.eye(4, 3, dtype=bool))
    part = panel.between("2020-01-31", "2020-02-03")
    assert [str(date) for date in part.dates] == ["2020-01-31", "2020-02-03"]
    assert part.values.flags.c_contiguous
    np.testing.assert_array_equal(part.field("close"), panel.field("close")[1:3])
    np.testing.assert_array_equal(part.universe, panel.universe[1:3])
    assert panel.between(last="2020-02-01").shape == (2, 3)
    assert panel.between("2020-02-01").shape == (2, 3)
    assert panel.between().fingerprint() == panel.fingerprint()
    with pytest.raises(
        PanelError, match="no dates from 2021-01-01 to the end; the panel runs from 2020-01-30"
    ):
        panel.between("2021-01-01")
    with pytest.raises(PanelError, match="'soon' is not a date"):
        panel.between("soon")


def test_a_day_ends_with_its_last_instant():
    dates = np.datetime64("2020-01-01T00:00", "ns") + np.arange(6) * np.timedelta64(12, "h")
    panel = Panel.from_arrays({"close": np.arange(1.0, 7)[:, None]}, dates, ["A"])
    assert panel.between("2020-01-02", "2020-01-02").shape == (2, 1)
    assert panel.between("2020-01-02T00:00:01", "2020-01-03T11:00").shape == (2, 1)


def test_the_fingerprint_depends_on_content_not_on_order():
    panel = small(groups={"sector": ["x", "y", None]})
    order = [2, 0, 1]
    mixed = Panel.from_arrays(
        {"volume": panel.field("volume")[:, order], "close": panel.field("close")[:, order]},
        panel.dates,
        [panel.assets[n] for n in order],
        groups={"sector": [None, "x", "y"]},
        name="other",
    )
    assert mixed.fingerprint() == panel.fingerprint()
    values = panel.values.copy()
    values[0, 0, 0] = np.nextafter(np.float32(1), np.float32(2))
    for other in (
        replace(panel, values=values),
        replace(panel, dates=panel.dates + 1),
        replace(panel, assets=("A", "B", "D")),
        replace(panel, fields=("close", "vwap")),
        replace(panel, groups={}),
        replace(panel, universe=np.ones((4, 3), bool)),
    ):
        assert other.fingerprint() != panel.fingerprint()


def test_every_nan_and_every_zero_has_one_fingerprint():
    values = np.array([[np.nan, 0.0]], dtype=np.float32)
    other = values.copy()
    other.view(np.uint32)[0] = [0xFFC12345, 0x80000000]  # another NaN, and minus zero
    date = np.array(["2020-01-01"], dtype="datetime64[D]")
    prints = {Panel.from_arrays({"x": array}, date, "AB").fingerprint() for array in (values, other)}
    assert len(prints) == 1


def test_from_arrays_refuses_arrays_of_the_wrong_shape():
    dates = np.datetime64("2020-01-01") + np.arange(2)
    good = np.ones((2, 2))
    for options, match in (
        ({"values": {}}, "no field"),
        (
            {"values": {"close": np.ones((3, 2))}},
            r"field 'close' must have shape \(2, 2\) \(dates × assets\), not \(3, 2\)",
        ),
        ({"assets": ["A", "A"]}, "duplicate asset 'A'"),
        ({"dates": dates[::-1]}, "sort by date"),
        ({"dates": dates[[0, 0]]}, "occurs twice"),
        ({"dates": ["x", "y"]}, "row 1: 'x' is not a date"),
        ({"groups": {"sector": ["a"]}}, "group 'sector' has 1 labels"),
        ({"universe": np.ones((1, 2))}, r"universe must have shape \(.*not \(1, 2\)"),
    ):
        arguments = {"values": {"close": good}, "dates": dates, "assets": ["A", "B"], **options}
        with pytest.raises(PanelError, match=match):
            Panel.from_arrays(**arguments)


def test_groups_can_be_given_as_codes():
    codes = GroupCodes(np.array([0, -1, 1], dtype=np.int32), ("x", "y"))
    panel = small(groups={"sector": codes})
    assert panel.groups["sector"].labels == ("x", "y")
    np.testing.assert_array_equal(panel.groups["sector"].codes, [0, -1, 1])


def test_a_long_frame_has_a_row_for_each_date_and_asset():
    frame = small(groups={"sector": ["x", "y", None]}).to_frame()
    assert list(frame.columns) == ["date", "asset", "sector", "close", "volume"]
    assert len(frame) == 12
    assert frame["close"].tolist() == list(range(1, 13))
    assert str(frame["date"].dtype).startswith("datetime64")


def test_a_failed_write_leaves_no_file(tmp_path):
    panel = small()
    with pytest.raises(PanelError, match="unknown file ending.*use .parquet or .csv"):
        panel.write(tmp_path / "bars.xlsx")
    with pytest.raises(PanelError, match="cannot be written"):
        panel.write(tmp_path / "nowhere" / "bars.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    panel = small()
    path = tmp_path / "bars.csv"
    panel.write(path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PanelError, match="disk is full"):
        panel.between("2020-02-01").write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_sample_panel_has_twenty_stocks_over_thirty_three_years():
    panel = sample_panel()
    assert panel.shape == (8313, 20)
    assert panel.fields == ("close",)
    assert not np.isnan(panel.values).any()
    assert [str(panel.dates[0]), str(panel.dates[-1])] == ["1990-01-02", "2022-12-28"]
