"""Windows have the right values, do not look ahead, and are views."""

import numpy as np
import pytest
import torch

from quarva.errors import TaskError
from quarva.networks import LAYOUTS, Windows
from quarva.networks.data.layout import shape_of
from quarva.panel import Panel

DAYS, ASSETS, LENGTH = 30, 4, 5
FIRST = np.arange(DAYS) < 18


def panel_of(close, volume=None):
    dates = np.datetime64("2020-01-01") + np.arange(len(close))
    rng = np.random.default_rng(7)
    volume = rng.uniform(1, 2, close.shape) if volume is None else volume
    return Panel.from_arrays(
        {"close": close, "volume": volume}, dates, [f"a{n}" for n in range(close.shape[1])]
    )


@pytest.fixture
def close():
    return np.random.default_rng(0).uniform(1, 2, (DAYS, ASSETS)).astype(np.float32)


@pytest.fixture
def windows(close):
    return Windows.from_panel(panel_of(close), ["close", "log(volume)"], LENGTH, FIRST)


def by_hand(panel, t, n):
    """The window of one cell, scaled by NumPy."""
    columns = []
    for values in (panel.field("close"), np.log(panel.field("volume"))):
        seen = values[FIRST].astype(float)
        columns.append((values[t - LENGTH + 1 : t + 1, n] - seen.mean()) / seen.std())
    return np.stack(columns, axis=1)


def test_a_window_contains_its_day_and_the_days_before(windows, close):
    panel = panel_of(close)
    for t, n in [(4, 0), (4, 3), (17, 2), (29, 1)]:
        found = windows.batch(torch.tensor([t * ASSETS + n]), "batch_first")[0]
        np.testing.assert_allclose(found, by_hand(panel, t, n), atol=2e-6)


def test_the_four_layouts_contain_the_same_values(windows):
    places = windows.indices(np.ones(DAYS, bool))
    base = windows.batch(places, "batch_first")
    for layout in LAYOUTS:
        assert windows.batch(places, layout).shape == shape_of(layout, len(places), LENGTH, 2)
    assert torch.equal(windows.batch(places, "sequence_first"), base.permute(1, 0, 2))
    assert torch.equal(windows.batch(places, "channels"), base.permute(0, 2, 1))
    assert torch.equal(windows.batch(places, "features"), base.reshape(len(places), -1))


@pytest.mark.parametrize("layout", ["sequence_first", "batch_first", "channels"])
def test_a_span_of_days_is_a_view(windows, layout):
    span = windows.span(10, 13, layout)
    assert span.untyped_storage().data_ptr() == windows.values.untyped_storage().data_ptr()
    places = torch.arange(10 * ASSETS, 13 * ASSETS)
    assert torch.equal(span, windows.batch(places, layout))


def test_later_days_change_neither_scaling_nor_windows(close):
    later = close.copy()
    later[18:] *= 100.0
    before, after = (Windows.from_panel(panel_of(c), ["close"], LENGTH, FIRST) for c in (close, later))
    assert np.array_equal(before.mean, after.mean)
    assert np.array_equal(before.scale, after.scale)
    places = before.indices(FIRST)
    assert torch.equal(before.batch(places, "channels"), after.batch(places, "channels"))


def test_windows_with_missing_values_are_dropped_or_filled_with_the_mean(close):
    close[10, 1] = np.nan
    dropped = Windows.from_panel(panel_of(close), ["close"], LENGTH, FIRST)
    lost = {(t, n) for t, n in np.argwhere(~dropped.valid) if t >= LENGTH - 1}
    assert lost == {(t, 1) for t in range(10, 15)}
    filled = Windows.from_panel(panel_of(close), ["close"], LENGTH, FIRST, missing="mean")
    assert filled.valid[LENGTH - 1 :].all()
    assert filled.batch(torch.tensor([10 * ASSETS + 1]), "batch_first")[0, -1, 0] == 0.0
    assert not filled.valid[: LENGTH - 1].any()


def test_infinite_values_are_missing(close):
    volume = np.ones((DAYS, ASSETS))
    volume[::2] = 2.0
    volume[12, 2] = 0.0
    windows = Windows.from_panel(panel_of(close, volume), ["log(volume)"], LENGTH, FIRST)
    assert not windows.valid[12:17, 2].any()
    assert torch.isfinite(windows.values).all()


def test_only_selected_cells_have_indices(windows):
    wanted = np.zeros((DAYS, ASSETS), bool)
    wanted[20, 3] = wanted[2, 0] = True
    assert windows.indices(np.ones(DAYS, bool), wanted).tolist() == [20 * ASSETS + 3]


@pytest.mark.parametrize(
    ("features", "length", "said"),
    [
        ([], 5, "no features given"),
        (["close"], 31, "a window of 31 days does not fit arrays, which has 30"),
        (["close"], 0, "choose 1 to 30"),
        (["close - close"], 5, "'close - close' is 0 in every cell in training"),
        (["ref(close, 25)"], 5, r"'ref\(close, 25\)' has 0 values"),
    ],
)
def test_unusable_features_are_refused_by_name(close, features, length, said):
    with pytest.raises(TaskError, match=said):
        Windows.from_panel(panel_of(close), features, length, FIRST)


def test_windows_of_a_large_panel_use_no_more_memory_than_its_values():
    close = np.random.default_rng(0).uniform(1, 2, (300, 400)).astype(np.float32)
    windows = Windows.from_panel(panel_of(close), ["close"], 60, np.ones(300, bool))
    assert windows.view.shape == (241 * 400, 60, 1)
    assert windows.view.untyped_storage().nbytes() == close.nbytes
