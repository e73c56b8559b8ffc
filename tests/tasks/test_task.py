"""Scores of a task equal their definitions, and the sealed test is read only on request."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from quarva import engine
from quarva.engine import Formula, Program
from quarva.errors import TaskError
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.panel import Panel, Table
from quarva.strategies import LongShort, SignTiming, Strategy
from quarva.tasks import (
    OBJECTIVES,
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
    ForwardReturn,
    Task,
    attach_signals,
)

FORMULAS = [
    "close",
    "-delta(close, 5) / ref(close, 5)",
    "rank(mean(close, 10) / close)",
    "zscore(std(pct_change(close, 1), 20))",
]


def parse(texts):
    return [Formula.parse(text) for text in texts]


def daily_correlations(signal: np.ndarray, target: np.ndarray, rank: bool) -> np.ndarray:
    """IC of each day from scipy, a missing signal at the day's mean; NaN on days that do not count."""
    out = np.full(len(signal), np.nan)
    for t, (x, y) in enumerate(zip(signal.astype(float), target.astype(float))):
        x, y = x[~np.isnan(y)], y[~np.isnan(y)]
        known = ~np.isnan(x)
        if known.sum() >= max(3, np.ceil(len(y) / 2)) and np.ptp(x[known]) and np.ptp(y):
            if rank:
                x[known], y = stats.rankdata(x[known]), stats.rankdata(y)
            x[~known] = x[known].mean()
            out[t] = stats.pearsonr(x, y).statistic
    return out


def figure(daily: np.ndarray, objective: str) -> float:
    series = pd.Series(daily).dropna()
    return series.mean() if objective.endswith("ic") else series.mean() / series.std()


@pytest.mark.parametrize("objective", ["ic", "rank_ic", "icir", "rank_icir"])
@pytest.mark.parametrize("data", ["sample", "us500"])
def test_cross_sectional_scores_equal_scipy_on_real_data(data, objective, request):
    panel = request.getfixturevalue(data)
    task = Task(panel, ForwardReturn(5), objective)
    formulas = parse(FORMULAS)
    scores = task.score(formulas)
    signals = engine.signals(Program.from_expressions([f.expression for f in formulas]), panel)
    for p, signal in enumerate(signals):
        daily = daily_correlations(signal, task.targets[0], objective.startswith("rank"))
        train = figure(daily[task.segments == TRAIN], objective)
        validation = figure(daily[task.segments == VALIDATION], objective)
        assert scores.sign[p] == np.sign(train)
        assert scores.train[p] == pytest.approx(abs(train), rel=1e-5, abs=1e-7)
        assert scores.validation[p] == pytest.approx(np.sign(train) * validation, rel=1e-5, abs=1e-7)
        size = len(formulas[p])
        assert scores.fitness[p] == pytest.approx(scores.train[p] - task.parsimony * size)


@pytest.mark.parametrize("assets", [1, 20])
def test_the_pooled_correlation_equals_scipy(sample, assets):
    panel = Panel.from_arrays(
        {"close": sample.field("close")[:, :assets]}, sample.dates, sample.assets[:assets]
    )
    task = Task(panel, "forward_return_2", "ts_corr")
    formula = Formula.parse("delta(close, 3) / close")
    signal = formula.signal(panel).to_numpy()
    want = []
    for part in (TRAIN, VALIDATION):
        x, y = (a[task.segments == part].ravel().astype(float) for a in (signal, task.targets[0]))
        there = ~np.isnan(x) & ~np.isnan(y)
        want.append(stats.pearsonr(x[there], y[there]).statistic)
    scores = task.score(formula)
    assert scores.train[0] == pytest.approx(abs(want[0]), rel=1e-5)
    assert scores.validation[0] == pytest.approx(np.sign(want[0]) * want[1], rel=1e-5)


@pytest.mark.parametrize(
    ("objective", "rule", "data"),
    [
        ("sharpe", LongShort(0.2), "us500"),
        ("sharpe", LongShort(0.2), "sample"),
        ("timing_sharpe", SignTiming(), "sample"),
    ],
)
def test_trading_scores_are_those_of_the_backtest(objective, rule, data, request):
    panel = request.getfixturevalue(data)
    task = Task(panel, ForwardReturn(3, delay=2), objective, cost_bps=7)
    formulas = parse(FORMULAS[:2])
    scores = task.score(formulas)
    for p, formula in enumerate(formulas):
        performance = Strategy(formula, rule, delay=2, cost_bps=7).run(panel)
        net = pd.Series(performance.returns)
        for part, got in ((TRAIN, scores.train[p]), (VALIDATION, scores.validation[p])):
            chosen = net[np.flatnonzero(task.segments == part) + 3]
            assert got == pytest.approx(chosen.mean() / chosen.std() * np.sqrt(252), rel=1e-9)
            assert performance.part(task.earned_segments == part).sharpe == pytest.approx(got, rel=1e-9)
        assert task.strategy(formula).run(panel).sharpe == pytest.approx(performance.sharpe, rel=1e-12)


@pytest.mark.parametrize(("objective", "rule"), [("sharpe", LongShort(0.2)), ("timing_sharpe", SignTiming())])
def test_trading_scores_hold_positions_through_gaps_and_delistings(walks, objective, rule):
    close = walks.field("close").copy()
    close[20:24, 0] = np.nan
    close[24:, 0] *= 0.3
    close[40:, 1] = np.nan
    other = walks.field("other").copy()
    other[:, :2] = 10, -10  # always held
    panel = Panel.from_arrays({"close": close, "other": other}, walks.dates, walks.assets)
    formula = Formula.parse("other")
    for periods, delisting in ((None, 0.0), (52, -0.9)):
        task = Task(panel, objective=objective, periods_per_year=periods, delisting_return=delisting)
        performance = Strategy(
            formula, rule, periods_per_year=periods or 252, delisting_return=delisting
        ).run(panel)
        train = performance.part(task.earned_segments == TRAIN)
        assert task.score(formula).train[0] == pytest.approx(train.sharpe, rel=1e-9)
        assert task.strategy(formula).run(panel).sharpe == pytest.approx(performance.sharpe, rel=1e-12)
    assert train.summary()["bridged"] > 0
    assert train.summary()["delisted"] > 0


def test_the_assets_that_need_a_signal_do_not_depend_on_later_prices(walks):
    close = walks.field("close").copy()
    close[1::2, :4] = np.nan  # on even days all six assets can be traded, and two have a return the day after
    two, three = (np.where(np.arange(6) < n, walks.field("other"), np.nan) for n in (2, 3))
    panel = Panel.from_arrays({"close": close, "two": two, "three": three}, walks.dates, walks.assets)
    scores = Task(panel, ForwardReturn(2, delay=0), "timing_sharpe").score(parse(["two", "three"]))
    np.testing.assert_array_equal(np.isnan(scores.fitness), [True, False])


def test_table_scores_equal_their_definition(table):
    x = table.panel.field("x").ravel()[: table.rows].astype(float)
    y = table.target.ravel()[: table.rows].astype(float)
    formulas = parse(["x", "x * x + x", "z + x"])
    r2, nrmse = (Task(table, objective=name).score(formulas) for name in ("r2", "nrmse"))
    want = 1 - ((y - x) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert r2.train[0] == pytest.approx(want, rel=1e-5)
    assert nrmse.train[0] == pytest.approx(np.sqrt(1 - want), rel=1e-5)
    assert nrmse.fitness[0] == -nrmse.train[0]
    assert r2.train[1] == pytest.approx(1)
    assert nrmse.train[1] < 1e-6
    assert np.isnan(r2.validation).all()


def test_rows_of_a_table_are_split_individually(table):
    task = Task(table, split=(0.6, 0.8))
    formula = Formula.parse("x")
    x = table.panel.field("x").ravel().astype(float)
    y = table.target.ravel().astype(float)
    figures = []
    for target in (*task.targets, task._sealed[0]):
        rows = ~np.isnan(target.ravel())
        figures.append(1 - ((y - x)[rows] ** 2).mean() / y[rows].var())
    scores = task.score(formula)
    assert [scores.train[0], scores.validation[0]] == pytest.approx(figures[:2], rel=1e-5)
    assert task.read_test(formula) == pytest.approx(figures[2], rel=1e-5)


def test_a_formula_without_a_value_in_one_row_is_invalid_on_a_table(table):
    scores = Task(table).score(parse(["log(x)", "x"]))
    assert np.isnan(scores.fitness[0])
    assert np.isfinite(scores.fitness[1])


def test_incomplete_rows_of_a_table_are_left_out_with_a_note():
    x = np.linspace(0, 1, 20)
    x[3] = np.nan
    table = Table.from_arrays({"x": x}, np.nan_to_num(x) * 2)
    task = Task(table)
    assert task.score(parse(["x + x"])).train[0] == pytest.approx(1)
    assert "1 of 20 rows lack a value" in task.notes[0]


def test_a_formula_and_its_negative_have_the_same_score(sample):
    for objective in ("ic", "rank_icir", "ts_corr"):
        scores = Task(sample, objective=objective).score(parse(["delta(close, 5)", "-delta(close, 5)"]))
        assert scores.train[0] == pytest.approx(scores.train[1], rel=1e-6)
        assert scores.train[0] > 0
        assert scores.validation[0] == pytest.approx(scores.validation[1], rel=1e-6)
        assert scores.sign.tolist() in ([1, -1], [-1, 1])
    trading = Task(sample, objective="sharpe").score(parse(["delta(close, 5)", "-delta(close, 5)"]))
    assert trading.sign.tolist() == [1, 1]
    assert trading.train[0] != trading.train[1]


@pytest.mark.parametrize("objective", [each.name for each in OBJECTIVES if each.kind == "panel"])
def test_training_scores_are_the_same_with_and_without_validation(sample, objective):
    pop = Population.random(Alphabet.build(["close"]), GeneShape(6), 60, np.random.default_rng(0))
    task = Task(sample, ForwardReturn(5), objective)
    both, alone = task.score(pop), task.score(pop, validation=False)
    assert np.isfinite(both.validation).any()
    assert np.isnan(alone.validation).all()
    for part in ("fitness", "train", "sign"):
        np.testing.assert_array_equal(getattr(alone, part), getattr(both, part))


def test_scores_do_not_depend_on_threads_or_other_formulas(sample):
    alphabet = Alphabet.build(["close"])
    pop = Population.random(alphabet, GeneShape(6), 60, np.random.default_rng(0))
    for objective in ("ic", "sharpe"):
        task = Task(sample, ForwardReturn(5), objective)
        whole = task.score(pop, threads=1)
        for other in (
            task.score(pop, threads=2),
            task.score(pop.expressions()),
            task.score(Program.from_population(pop)),
        ):
            np.testing.assert_array_equal(whole.fitness, other.fitness)
            np.testing.assert_array_equal(whole.validation, other.validation)
        np.testing.assert_array_equal(whole.fitness[17:19], task.score(pop[17:19]).fitness)
        assert np.isfinite(whole.fitness).any()


def test_trading_scores_are_the_same_in_small_chunks(sample, monkeypatch):
    pop = Population.random(Alphabet.build(["close"]), GeneShape(6), 25, np.random.default_rng(1))
    task = Task(sample, objective="sharpe")
    whole = task.score(pop)
    monkeypatch.setattr("quarva.tasks.task._SIGNAL_BYTES", 3 * 4 * np.prod(sample.shape))
    np.testing.assert_array_equal(whole.train, task.score(pop).train)


def test_a_formula_that_is_mostly_missing_is_invalid(walks):
    other = np.where(np.arange(100)[:, None] % 2, walks.field("other"), np.nan)
    panel = Panel.from_arrays(
        {"close": walks.field("close"), "other": other, "full": walks.field("other")},
        walks.dates,
        walks.assets,
    )
    for objective in ("ic", "ts_corr", "sharpe", "timing_sharpe"):
        scores = Task(panel, objective=objective).score(parse(["other", "full"]))
        assert np.isnan(scores.fitness[0])
        assert np.isfinite(scores.fitness[1])


@pytest.mark.parametrize("objective", ["ic", "ts_corr", "sharpe"])
def test_a_warm_up_is_not_counted_as_missing_unless_it_is_half_the_days(walks, objective):
    # 58 days of training: a window of 25 days leaves 34 (all that could be), one of 35 only 24
    scores = Task(walks, objective=objective).score(parse(["mean(close, 25)", "mean(close, 35)"]))
    assert np.isfinite(scores.fitness[0])
    assert np.isnan(scores.fitness[1])


def test_assets_outside_the_universe_do_not_count(sample):
    rng = np.random.default_rng(0)
    panel = replace(sample, universe=rng.random(sample.shape) < 0.7)
    for objective in ("ic", "rank_ic", "sharpe"):
        task = Task(panel, objective=objective, risk="none")
        formula = Formula.parse("delta(close, 5)")
        signal = Formula.parse("delta(close, 5)").signal(sample).where(panel.universe).to_numpy()
        scores = task.score(formula)
        if objective == "sharpe":
            net = Strategy(signal, LongShort(0.2), 1, 5).run(sample).part(task.earned_segments == TRAIN)
            assert scores.train[0] == pytest.approx(net.sharpe, rel=1e-9)
        else:
            target = np.where(panel.universe, ForwardReturn(1).values(sample), np.nan)
            daily = daily_correlations(signal, target, objective == "rank_ic")
            assert scores.train[0] == pytest.approx(abs(np.nanmean(daily[task.segments == TRAIN])), rel=1e-5)


@pytest.mark.parametrize("objective", ["ic", "ts_corr", "sharpe"])
def test_the_sealed_test_affects_no_score_and_every_reading_is_counted(sample, objective):
    task = Task(sample, ForwardReturn(5), objective)
    formula = Formula.parse("delta(close, 5) / close")
    before = task.score(formula)
    assert np.isnan(task.targets[:, task.segments == TEST]).all()

    close = sample.field("close").copy()
    first = np.flatnonzero(task.segments == TEST)[0]
    close[first:] *= np.random.default_rng(0).uniform(0.5, 2, close[first:].shape)
    shaken = Task(
        Panel.from_arrays({"close": close}, sample.dates, sample.assets), ForwardReturn(5), objective
    )
    after = shaken.score(formula)
    np.testing.assert_array_equal([before.train, before.validation], [after.train, after.validation])

    assert task.test_readings == 0
    one, two = task.read_test(formula), task.read_test(formula)
    assert one == two != shaken.read_test(formula)
    assert task.test_readings == 2
    with pytest.raises(TaskError, match="one formula at a time, not 2"):
        task.read_test(parse(FORMULAS[:2]))
    assert task.test_readings == 2


def test_readings_through_external_signals_are_counted_on_the_task(sample):
    task = Task(sample, ForwardReturn(5), "ic", risk="none")
    lent, (reader,) = attach_signals(task, sample.field("close")[None])
    lent.read_test(reader)
    assert task.test_readings == lent.test_readings == 1
    again, (reader,) = attach_signals(lent, sample.field("close")[None])
    again.read_test(reader)
    task.read_test(Formula.parse("close"))
    assert task.test_readings == 3
    assert Task(sample, ForwardReturn(5), "ic").test_readings == 0


def test_the_sealed_test_equals_scipy(sample):
    task = Task(sample, ForwardReturn(5), "ic", risk="none")
    formula = Formula.parse("delta(close, 5) / close")
    daily = daily_correlations(formula.signal(sample).to_numpy(), ForwardReturn(5).values(sample), False)
    want = np.nanmean(daily[task.segments == TEST]) * task.score(formula).sign[0]
    assert task.read_test(formula) == pytest.approx(want, rel=1e-5)


def test_scores_use_the_first_of_several_horizons(sample):
    task = Task(sample, [ForwardReturn(5), ForwardReturn(1), "forward_return_20"], "rank_ic")
    assert task.target_names == ("forward_return_5", "forward_return_1", "forward_return_20")
    assert task.split.purged == 21
    formulas = parse(FORMULAS)
    table, scores = task.horizons(formulas), task.score(formulas)
    assert table.shape == (4, 3, 2)
    np.testing.assert_array_equal(table[:, 0, 0] * scores.sign, scores.train)
    np.testing.assert_array_equal(table[:, 0, 1] * scores.sign, scores.validation)
    daily = daily_correlations(formulas[1].signal(sample).to_numpy(), task.targets[2], True)
    assert table[1, 2, 1] == pytest.approx(np.nanmean(daily[task.segments == VALIDATION]), rel=1e-5)


def test_every_objective_scores_something(sample, table):
    for objective in OBJECTIVES:
        data, text = (sample, "delta(close, 5)") if objective.kind == "panel" else (table, "x")
        task = Task(data, objective=objective.name)
        assert np.isfinite(task.score(Formula.parse(text)).fitness[0])
        assert (task.segments != UNUSED).any()
        assert repr(task).startswith(f"<Task {objective.name} of")
