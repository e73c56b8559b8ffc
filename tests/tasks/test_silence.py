"""A value that is missing after the warm-up counts as neutral, so that it cannot improve the score."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from quarva import engine
from quarva.engine import Formula, Program
from quarva.errors import TaskError
from quarva.panel import Panel
from quarva.tasks import TRAIN, VALIDATION, Field, ForwardReturn, Task, attach_signals
from quarva.tasks.coverage import coverage
from quarva.tasks.evaluation import evaluate_formulas

FORMULAS = ["x", "delta(x, 5)", "log(x + 0.7)", "sign(mean(x, 3))", "late", "x + 0 * log(flag)"]


@pytest.fixture(scope="module")
def gaps() -> Panel:
    """400 days × 9 assets: holes, an asset listed late, a field of which most is missing on some days."""
    rng = np.random.default_rng(2)
    shape = (400, 9)
    close = 100 * np.exp(np.cumsum(0.01 * rng.normal(size=shape), axis=0))
    x = rng.normal(size=shape)
    x[rng.random(shape) < 0.1] = np.nan
    close[:90, 2] = x[:90, 2] = np.nan
    late = rng.normal(size=shape)
    late[rng.random(shape) < 0.25] = np.nan
    flag = np.ones(shape)
    flag[::11, 1:] = -1.0
    x[50] = 3.0
    dates = np.busday_offset("2015-01-01", np.arange(400), roll="forward")
    universe = rng.random(shape) < 0.95
    fields = {"close": close, "x": x, "late": late, "flag": flag}
    return Panel.from_arrays(fields, dates, list("ABCDEFGHI"), universe=universe)


def daily_by_definition(signal, target, lookback, ranked):
    """IC of each day: a missing signal at the day's mean, 0 on silent days, NaN on those that are no day."""
    out = np.full(len(signal), np.nan)
    for t, (x, y) in enumerate(zip(signal.astype(float), target.astype(float), strict=True)):
        x, y = x[np.isfinite(y)], y[np.isfinite(y)]
        known = np.isfinite(x)
        if len(y) < 3 or np.ptp(y) == 0:
            continue
        if known.sum() < max(3, np.ceil(len(y) / 2)):
            out[t] = 0.0 if t >= lookback else np.nan
        elif np.ptp(x[known]) > 0:
            if ranked:
                x[known], y = stats.rankdata(x[known]), stats.rankdata(y)
            x[~known] = x[known].mean()
            out[t] = np.corrcoef(x, y)[0, 1]
    return out


def pooled_by_definition(signal, target, lookback):
    known = np.isfinite(target)
    known[:lookback] &= np.isfinite(signal[:lookback])
    x, y = signal[known].astype(float), target[known].astype(float)
    return stats.pearsonr(np.where(np.isfinite(x), x, np.nanmean(x)), y).statistic


def wanted_figure(task, signal, lookback, part):
    days = task.segments == part
    target = np.where(days[:, None], task.targets[0], np.nan)
    if task.objective.name == "ts_corr":
        return pooled_by_definition(signal, target, lookback)
    daily = daily_by_definition(signal, target, lookback, task.objective.name.startswith("rank"))
    series = pd.Series(daily[days]).dropna()
    return series.mean() if task.objective.name.endswith("ic") else series.mean() / series.std()


@pytest.mark.parametrize("objective", ["ic", "rank_ic", "icir", "rank_icir", "ts_corr"])
def test_scores_are_those_of_the_definition(gaps, objective):
    task = Task(gaps, ForwardReturn(3), objective)
    formulas = [Formula.parse(text) for text in FORMULAS]
    program = Program.from_expressions([formula.expression for formula in formulas])
    scores, lookback = task.score(formulas), program.lookback()
    assert np.isfinite(scores.train).sum() >= (2 if objective == "ts_corr" else 5)
    for p, signal in enumerate(engine.signals(program, gaps)):
        if np.isfinite(scores.train[p]):
            train = wanted_figure(task, signal, lookback[p], TRAIN)
            validation = wanted_figure(task, signal, lookback[p], VALIDATION)
            assert scores.train[p] == pytest.approx(abs(train), rel=1e-4, abs=1e-7), FORMULAS[p]
            assert scores.validation[p] == pytest.approx(scores.sign[p] * validation, rel=1e-4, abs=1e-7)


def row_means(values):
    """Mean of each row over what is there, a column."""
    return pd.DataFrame(values).mean(axis=1).to_numpy()[:, None]


@pytest.mark.parametrize("objective", ["ic", "icir", "ts_corr"])
def test_a_missing_signal_scores_like_a_neutral_one(sample, objective):
    task = Task(sample, ForwardReturn(5), objective)
    signal = Formula.parse("-pct_change(close, 10)").signal(sample).to_numpy()
    order = np.random.default_rng(0).random(signal.shape).argsort(axis=1)
    some = order < (3 if objective == "ts_corr" else 9)  # of 20
    silent = np.where(some, np.nan, signal)
    if objective == "ts_corr":
        means = [np.nanmean(silent[task.segments == part]) for part in (TRAIN, VALIDATION)]
        neutral = np.where(task.segments[:, None] == TRAIN, *means)
    else:
        neutral = row_means(silent)
    spoken = np.where(some & np.isfinite(signal), neutral, silent)
    one, other = (attach_signals(task, each[None], lookback=10)[0].score(Formula.parse("signal_0"))
                  for each in (silent, spoken))  # fmt: skip
    assert one.train[0] == pytest.approx(other.train[0], rel=1e-3)
    assert one.validation[0] == pytest.approx(other.validation[0], rel=1e-3)


@pytest.mark.parametrize("objective", ["ic", "rank_ic"])
def test_removing_wrong_signals_does_not_improve_the_score(sample, objective):
    """Silent on the 45 % of assets that cost it most: over the others its IC is a quarter larger or more."""
    task = Task(sample, ForwardReturn(5), objective)
    formula = Formula.parse("-pct_change(close, 10)")
    signal = formula.signal(sample).to_numpy()
    days = (task.segments == TRAIN) & np.isfinite(signal).all(axis=1)
    x, y = signal[days], task.targets[0][days].astype(float)
    gain = ((x - x.mean(axis=1, keepdims=True)) * (y - y.mean(axis=1, keepdims=True))).mean(axis=0)
    silent = signal.copy()
    silent[:, np.argsort(gain * task.score(formula).sign[0])[:9]] = np.nan

    def mean_over_pairs(values):
        spoken = pd.DataFrame(values[days])
        target = pd.DataFrame(np.where(np.isnan(values[days]), np.nan, y))
        method = "spearman" if objective == "rank_ic" else "pearson"
        return abs(spoken.corrwith(target, axis=1, method=method).mean())

    part = attach_signals(task, silent[None], 10)[0].score(Formula.parse("signal_0"))
    assert mean_over_pairs(silent) > 1.25 * mean_over_pairs(signal)
    assert part.train[0] < mean_over_pairs(silent) * np.sqrt(0.65)
    if objective == "ic":
        spoken = np.where(np.isnan(silent), row_means(silent), silent)
        explicit = attach_signals(task, spoken[None], 10)[0].score(Formula.parse("signal_0"))
        assert part.train[0] == pytest.approx(explicit.train[0], rel=1e-3)


def test_days_without_signals_count_as_zero(sample):
    task = Task(sample, ForwardReturn(1), "ic")
    signal = Formula.parse("-pct_change(close, 10)").signal(sample).to_numpy()
    silent = signal.copy()
    train = np.flatnonzero(task.segments == TRAIN)[10:]
    silent[train[::8]] = np.nan
    daily = daily_by_definition(silent, task.targets[0], 10, ranked=False)
    got = attach_signals(task, silent[None], lookback=10)[0].score(Formula.parse("signal_0"))
    spoken = daily[train][np.arange(len(train)) % 8 > 0]
    assert got.train[0] == pytest.approx(abs(spoken.sum() / len(train)), rel=1e-5)
    assert got.train[0] < abs(spoken.mean())


def test_the_warm_up_is_not_counted_as_missing(sample):
    """A formula of complete windows scores over the days after the first window alone."""
    task = Task(sample, ForwardReturn(1), "ic")
    formula = Formula.parse("-pct_change(close, 40)")
    daily = daily_by_definition(formula.signal(sample).to_numpy(), task.targets[0], 40, ranked=False)
    assert np.isnan(daily[:40]).all()
    assert task.score(formula).train[0] == pytest.approx(
        abs(np.nanmean(daily[task.segments == TRAIN])), rel=1e-5
    )


@pytest.mark.parametrize("objective", ["ic", "rank_ic"])
def test_scores_of_complete_signals_equal_scipy(sample, objective):
    task = Task(sample, ForwardReturn(5), objective)
    formula = Formula.parse("-pct_change(close, 10)")
    signal = formula.signal(sample).to_numpy()
    correlate = stats.spearmanr if objective == "rank_ic" else stats.pearsonr
    days = np.flatnonzero((task.segments == TRAIN) & np.isfinite(signal).all(axis=1))
    want = np.mean([correlate(signal[t], task.targets[0][t]).statistic for t in days])
    assert task.score(formula).train[0] == pytest.approx(abs(want), rel=1e-5)


def test_coverage_is_the_share_of_required_cells_with_a_signal(gaps):
    task = Task(gaps, ForwardReturn(3), "ic")
    for text in FORMULAS:
        formula = Formula.parse(text)
        signal, lookback = formula.signal(gaps).to_numpy(), formula.expression.lookback()
        asked = np.isfinite(task.targets[0]) & np.isin(task.segments, (TRAIN, VALIDATION))[:, None]
        asked[:lookback] = False
        assert coverage(task, signal, lookback) == pytest.approx(np.isfinite(signal)[asked].mean())
    assert coverage(task, np.full(gaps.shape, np.nan), 0) == 0
    assert np.isnan(coverage(task, np.ones(gaps.shape), 400))


def test_evaluate_and_the_task_give_the_same_scores(gaps):
    """By part, with the coverage of the part."""
    formulas = [Formula.parse(text) for text in FORMULAS[:3]]
    tasks = {
        name: Task(gaps, ForwardReturn(3), name, risk="none") for name in ("ic", "rank_ic", "icir", "ts_corr")
    }
    task = tasks["ic"]
    parts = {"train": task.segments == TRAIN, "validation": task.segments == VALIDATION}
    found = evaluate_formulas(
        [formula.expression for formula in formulas], gaps, ForwardReturn(3).values(gaps), parts
    )
    for p, formula in enumerate(formulas):
        for name, one in tasks.items():
            scores = one.score(formula)
            for part in parts if np.isfinite(scores.fitness[0]) else ():
                got = getattr(found[p][part], name) * scores.sign[0]
                assert got == pytest.approx(getattr(scores, part)[0], rel=1e-9), (name, part)
        signal, lookback = formula.signal(gaps).to_numpy(), formula.expression.lookback()
        asked = np.isfinite(task.targets[0]) & parts["train"][:, None]
        asked[:lookback] = False
        assert found[p]["train"].coverage == pytest.approx(np.isfinite(signal)[asked].mean())


def test_only_targets_that_are_returns_are_traded(sample, walks):
    traded = ["forward_return_5", "direction_5", "quintile_5", "triple_barrier_5"]
    assert all(Task(sample, target).trades for target in traded)
    assert not Task(sample, "forward_volatility_5").trades
    assert not Task(walks, "other").trades
    assert Task(walks, Field("other", is_return=True)).trades
    assert Task(walks, "other", "sharpe").trades
    with pytest.raises(TaskError, match="'sharpe' trades, but target forward_volatility_5 is not a return"):
        Task(sample, "forward_volatility_5", "sharpe")
    target = ForwardReturn(5).values(sample)
    days = {"all": np.ones(sample.shape[0], bool)}
    figures = evaluate_formulas([Formula.parse("close").expression], sample, target, days, trades=False)
    assert np.isnan(figures[0]["all"].sharpe)
    assert np.isnan(figures[0]["all"].turnover)


def test_targets_are_named_in_words(sample, walks):
    words = {
        "forward_return_5": "5-day forward return", "forward_volatility_10": "10-day volatility",
        "direction_5": "5-day direction", "quintile_1": "1-day return quintile",
        "triple_barrier_5": "5-day triple barrier",
    }  # fmt: skip
    assert {name: Task(sample, name).target_description for name in words} == words
    assert Task(walks, "other").target_description == "other"
