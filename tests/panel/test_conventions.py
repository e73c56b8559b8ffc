"""A panel has the conventions by which formulas are evaluated on it."""

import numpy as np
import pytest

from quarva.errors import PanelError
from quarva.panel import CONVENTIONS, Panel, first_rows, last_rows

nan = np.nan


def small(**options) -> Panel:
    values = np.array([[nan, 1, nan], [2, nan, nan], [3, 4, nan]])
    return Panel.from_arrays(
        {"close": values, "volume": np.roll(values, 1, axis=0)},
        np.datetime64("2020-01-01") + np.arange(3),
        ["A", "B", "C"],
        **options,
    )


def test_the_default_conventions_are_quarvas():
    panel = small()
    assert panel.conventions == "quarva"
    assert panel.with_conventions("quarva").fingerprint() == panel.fingerprint()
    # What a panel of this content was called before there were conventions.
    assert panel.fingerprint() == "a48184dd4d5aaa32c50b704eea20bf21d98606b47fee56fcd5a02d0b50e42fca"


def test_conventions_are_kept_by_parts_of_a_panel():
    panel = small(universe=np.ones((3, 3), bool))
    other = panel.with_conventions("qlib")
    assert other.conventions == "qlib"
    assert panel.conventions == "quarva"
    assert other.values is panel.values
    assert other.between("2020-01-02").conventions == "qlib"
    assert other.fingerprint() != panel.fingerprint()
    assert other.with_conventions("quarva").fingerprint() == panel.fingerprint()


def test_unknown_conventions_are_refused_in_one_line():
    with pytest.raises(PanelError, match="^arrays: unknown conventions 'qlibb'; did you mean 'qlib'[?]$"):
        small().with_conventions("qlibb")
    with pytest.raises(PanelError, match=f"available: {', '.join(CONVENTIONS)}"):
        small().with_conventions("worldquant")


def test_an_asset_begins_with_its_first_value_in_any_field():
    begins = first_rows(small().values)
    assert begins.dtype == np.int64
    assert begins.tolist() == [0, 0, 3]
    assert first_rows(small().values[:1]).tolist() == [1, 0, 3]


def test_an_asset_ends_with_its_last_value_in_any_field():
    ends = last_rows(small().values)
    assert ends.dtype == np.int64
    assert ends.tolist() == [2, 2, -1]
    assert last_rows(small().values[:, :2]).tolist() == [1, 1, -1]
    assert last_rows(small().values[1:]).tolist() == [2, 1, -1]


def test_a_panel_without_days_has_no_first_and_last_days():
    nothing = small().values[:, :0]
    assert first_rows(nothing).tolist() == [0, 0, 0]
    assert last_rows(nothing).tolist() == [-1, -1, -1]
