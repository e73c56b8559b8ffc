"""Scores of the GPU kernel agree with NumPy and SciPy on its signals."""

import numpy as np
import pytest
from scipy import stats

from quarva.engine import Program, Target, evaluate, signals
from quarva.karva import parse
from quarva.panel import Panel

FORMULAS = [
    "x", "rank(x)", "delta(x, 2)", "sign(x)", "2.5", "mean(x, 40)", "(x - 0.6) - x", "x + y", "log(x)",
    "tied",
]  # fmt: skip
PROGRAM = Program.from_expressions([parse(text) for text in FORMULAS])


@pytest.fixture(scope="module")
def case():
    """22 days × 9 assets, two targets with gaps, segments −1 to 2 (0 and 1 count), and the signals."""
    rng = np.random.default_rng(2)
    shape = (22, 9)
    fields = {
        "x": rng.normal(size=shape),
        "y": rng.normal(size=shape),
        "tied": rng.integers(0, 3, shape) * 1.0,
    }
    fields["x"][rng.random(shape) < 0.1] = np.nan
    universe = rng.random(shape) < 0.9
    panel = Panel.from_arrays(
        fields, np.datetime64("2000-01-03") + np.arange(shape[0]), list("abcdefghi"), universe=universe
    )
    targets = rng.normal(size=(2, *shape)).astype(np.float32)
    targets[1] = targets[1].round()
    targets[rng.random(targets.shape) < 0.1] = np.nan
    targets[:, ~universe] = np.nan
    targets[:, 9] = np.nan
    targets[0, 10, 2:] = np.nan
    targets[0, 12] = np.where(np.isfinite(targets[0, 12]), 0.3, np.nan)
    segments = np.arange(shape[0]) * 4 // shape[0] - 1
    return panel, targets, segments, signals(PROGRAM, panel, device="cuda").astype(np.float64)


def both_of(signal, target):
    there = np.isfinite(signal) & np.isfinite(target)
    return signal[there], target[there].astype(np.float64)


@pytest.mark.parametrize("statistic", ["ic", "rank_ic"])
def test_information_coefficients_equal_scipy(statistic, case):
    panel, targets, segments, values = case
    got = evaluate(PROGRAM, panel, targets, statistic, segments, n_segments=2, device="cuda")
    for p, text in enumerate(FORMULAS):
        wanted = np.zeros((2, 2, 4))
        for t, s in enumerate(segments):
            for m in range(2):
                there = np.isfinite(targets[m, t])
                x, y = values[p, t, there], targets[m, t, there].astype(np.float64)
                known = np.isfinite(x)
                if s not in (0, 1) or len(y) < 3 or np.ptp(y) == 0 or known.sum() < max(3, len(y) / 2):
                    continue
                wanted[s, m, 3] += 1
                if np.ptp(x[known]) < 1e-6:
                    continue
                if statistic == "rank_ic":
                    x[known], y = stats.rankdata(x[known]), stats.rankdata(y)
                x[~known] = x[known].mean()
                r = stats.pearsonr(x, y)[0]
                wanted[s, m, :3] += 1, r, r * r
        np.testing.assert_allclose(got[p], wanted, atol=1e-6, err_msg=text)


@pytest.mark.parametrize("statistic", ["sse", "corr"])
def test_pooled_statistics_equal_numpy(statistic, case):
    panel, targets, segments, values = case
    got = evaluate(PROGRAM, panel, targets, statistic, segments, n_segments=2, device="cuda")
    for p, text in enumerate(FORMULAS):
        for s in range(2):
            days = segments == s
            for m in range(2):
                x, y = both_of(values[p, days], targets[m, days])
                if statistic == "sse":
                    second, third = ((x - y) ** 2).sum(), 0.0
                else:
                    third = len(y) * y.var() if len(y) else 0.0
                    second = np.nan if len(x) < 2 or np.ptp(x) < 1e-6 else stats.pearsonr(x, y)[0]
                wanted = [len(x), second, third, np.isfinite(targets[m, days]).sum()]
                np.testing.assert_allclose(got[p, s, m], wanted, rtol=1e-6, atol=1e-9, err_msg=text)


def test_a_prepared_target_and_a_second_call_give_the_same_bits(case):
    panel, targets, segments, _ = case
    prepared = Target.prepare(panel, targets, segments, 2, "ic")
    first = evaluate(PROGRAM, panel, prepared, "ic", n_segments=2, device="cuda")
    again = evaluate(PROGRAM, panel, prepared, "ic", n_segments=2, device="cuda")
    np.testing.assert_array_equal(first, again)
    assert first[0, 0, 0, 0] > 0


def test_formulas_that_exceed_the_memory_together_are_run_in_turn(case, monkeypatch):
    from quarva.engine.gpu.device import Device

    panel, _, _, values = case
    monkeypatch.setattr(Device, "room", lambda self: 10_000)
    got = signals(PROGRAM, panel, device="cuda")
    np.testing.assert_array_equal(got, values.astype(np.float32))


def test_a_formula_that_exceeds_the_memory_is_an_error_of_one_line(case, monkeypatch):
    from quarva.engine.gpu.device import Device
    from quarva.errors import DeviceError

    panel = case[0]
    monkeypatch.setattr(Device, "room", lambda self: 100)
    with pytest.raises(DeviceError, match=r"needs .* MiB, but simulator has .* shorten its windows") as error:
        signals(PROGRAM, panel, device="cuda")
    assert "\n" not in str(error.value)
