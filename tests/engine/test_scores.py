"""What `evaluate` accumulates is what pandas and scipy compute from the signals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from quarva.engine import Program, Target, evaluate, signals
from quarva.errors import FormulaError
from quarva.karva import parse
from quarva.panel import sample_panel

FORMULAS = [
    "close", "-close", "rank(close)", "close / ref(close, 5) - 1", "ts_zscore(close, 10)", "std(close, 20)",
    "sign(delta(close, 1))", "log(-close)", "2.5", "mean(close, 5000)", "ts_argmax(close, 7)",
    "demean(pct_change(close, 3))", "ts_rank(close, 5) - 0.5", "close - close",
]  # fmt: skip
PROGRAM = Program.from_expressions([parse(text) for text in FORMULAS])


@pytest.fixture(scope="module", params=["sample", "holes", "three assets"])
def case(request, market):
    """Panel, three targets (returns over 1 and 5 days, a sign), segments −1 to 2, of which 0 and 1 count."""
    if request.param == "sample":
        panel = sample_panel().between("2020-01-01", "2020-12-31")
    elif request.param == "holes":
        panel = market(300, 37, missing=0.2, universe=True)
    else:
        panel = market(120, 3, missing=0.05)
    close = pd.DataFrame(panel.field("close").astype(float))
    returns = [close.shift(-1 - h) / close.shift(-1) - 1 for h in (1, 5)]
    targets = np.stack([*returns, np.sign(returns[0])]).astype(np.float32)
    targets[:, 30:33] = np.nan
    targets[0, 40] = 0.01
    targets[1, 50, 1:] = np.nan
    segments = np.arange(len(close)) * 4 // len(close) - 1
    return panel, targets, segments


def daily(signal, target, statistic):
    """IC of each day by scipy, NaN where the day does not count; and where the signal has enough values.

    Assets with a target and no signal enter at the mean of the day's signals, or of their ranks.
    """
    ic, enough = np.full(len(signal), np.nan), np.zeros(len(signal), bool)
    for t, (x, y) in enumerate(zip(signal, target, strict=True)):
        wanted = np.isfinite(y)
        x, y = x[wanted].astype(float), y[wanted].astype(float)
        known = np.isfinite(x)
        if len(y) < 3 or np.ptp(y) == 0 or known.sum() < max(3, len(y) / 2):
            continue
        enough[t] = True
        if np.ptp(x[known]) == 0:
            continue
        if statistic == "rank_ic":
            x[known], y = stats.rankdata(x[known]), stats.rankdata(y)
        x[~known] = x[known].mean()
        ic[t] = stats.pearsonr(x, y)[0]
    return ic, enough


@pytest.mark.parametrize("statistic", ["ic", "rank_ic"])
def test_information_coefficients_equal_scipy(statistic, case):
    panel, targets, segments = case
    got = evaluate(PROGRAM, panel, targets, statistic, segments, n_segments=2)
    assert got.shape == (len(FORMULAS), 2, 3, 4)
    for p, signal in enumerate(signals(PROGRAM, panel)):
        for m, target in enumerate(targets):
            if panel.universe is not None:
                target = np.where(panel.universe, target, np.nan)
            ic, enough = daily(signal, target, statistic)
            for s in range(2):
                chosen = segments == s
                one = ic[chosen & np.isfinite(ic)]
                wanted = [len(one), one.sum(), (one**2).sum(), (enough & chosen).sum()]
                np.testing.assert_allclose(got[p, s, m], wanted, atol=1e-6, err_msg=FORMULAS[p])


@pytest.mark.parametrize("statistic", ["ic", "rank_ic"])
def test_a_day_with_a_constant_target_is_excluded_even_if_the_signal_has_gaps(statistic, market):
    panel = market(60, 30, missing=0.1)
    target = panel.values[0] - np.nanmean(panel.values[0], axis=1, keepdims=True)
    target = np.nan_to_num(target).astype(np.float32)
    target[::5] = np.linspace(-0.3, 0.7, 12)[:, None]
    got = evaluate(PROGRAM[:1], panel, target[None], statistic)[0, 0, 0]
    ic, _ = daily(signals(PROGRAM[:1], panel)[0], target, statistic)
    assert np.isnan(ic[::5]).all()
    assert got[0] == np.isfinite(ic).sum() == 48
    assert got[1] / got[0] == pytest.approx(np.nanmean(ic), rel=1e-6)


def test_squared_errors_equal_numpy(case):
    panel, targets, segments = case
    got = evaluate(PROGRAM, panel, targets, "sse", segments, n_segments=2)
    inside = targets if panel.universe is None else np.where(panel.universe, targets, np.nan)
    for p, signal in enumerate(signals(PROGRAM, panel).astype(float)):
        for m, target in enumerate(targets):
            for s in range(2):
                error = (signal - target)[segments == s]
                cells = np.isfinite(inside[m][segments == s]).sum()
                wanted = [np.isfinite(error).sum(), np.nansum(error**2), 0, cells]
                np.testing.assert_allclose(got[p, s, m], wanted, rtol=1e-9, err_msg=FORMULAS[p])


def test_pooled_correlations_equal_scipy(case):
    panel, targets, segments = case
    got = evaluate(PROGRAM, panel, targets, "corr", segments, n_segments=2)
    inside = targets if panel.universe is None else np.where(panel.universe, targets, np.nan)
    for p, signal in enumerate(signals(PROGRAM, panel).astype(float)):
        for m, target in enumerate(targets):
            for s in range(2):
                x, y = signal[segments == s].ravel(), target[segments == s].ravel().astype(float)
                both = np.isfinite(x) & np.isfinite(y)
                x, y = x[both], y[both]
                constant = len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0
                r = np.nan if constant else stats.pearsonr(x, y)[0]
                spread = len(y) * y.var() if len(y) else 0.0
                wanted = [len(x), r, spread, np.isfinite(inside[m][segments == s]).sum()]
                np.testing.assert_allclose(got[p, s, m], wanted, rtol=1e-7, atol=1e-9, err_msg=FORMULAS[p])


def test_several_targets_score_like_each_alone(case):
    panel, targets, segments = case
    for statistic in ("ic", "rank_ic", "sse", "corr"):
        together = evaluate(PROGRAM, panel, targets, statistic, segments, n_segments=2)
        alone = [
            evaluate(PROGRAM, panel, targets[m : m + 1], statistic, segments, n_segments=2) for m in range(3)
        ]
        np.testing.assert_array_equal(together, np.concatenate(alone, axis=2))


def test_a_target_of_another_shape_than_the_panel_is_refused(case):
    panel, targets, segments = case
    for wrong in ((targets[:, :-1], segments), (targets, np.append(segments, segments[-1]))):
        with pytest.raises(ValueError, match="do not fit a panel"):
            Target.prepare(panel, *wrong, 2, "ic")


def test_a_prepared_target_scores_like_its_array(case):
    panel, targets, segments = case
    prepared = Target.prepare(panel, targets, segments, 2, "ic")
    np.testing.assert_array_equal(
        evaluate(PROGRAM, panel, prepared, "ic", n_segments=2),
        evaluate(PROGRAM, panel, targets, "ic", segments, 2),
    )


def test_all_days_count_unless_segments_are_given(case):
    panel, targets, _ = case
    days = np.zeros(len(panel.dates), np.int8)
    np.testing.assert_array_equal(
        evaluate(PROGRAM, panel, targets, "ic"), evaluate(PROGRAM, panel, targets, "ic", days, 1)
    )


def test_a_field_or_group_that_the_panel_lacks_is_named(market):
    panel = market(20, 5)
    target = panel.values[:1]
    for text, name in (("clse", "field 'clse'"), ("group_demean(close, industry)", "group 'industry'")):
        program = Program.from_expressions([parse(text)])
        with pytest.raises(FormulaError, match=f"no {name}; it has"):
            evaluate(program, panel, target, "ic")
        with pytest.raises(FormulaError, match=f"no {name}; it has"):
            signals(program, panel)


def test_a_constant_without_a_value_is_refused():
    with pytest.raises(FormulaError, match="without a value"):
        Program.from_expressions([parse("close + ?")])
