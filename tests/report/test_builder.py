"""The page of a search has the scores of its task, and nothing from the sealed test."""

import dataclasses

import numpy as np
import pytest

from quarva.karva.notation import parse
from quarva.panel import Panel, Table
from quarva.report import data as rd
from quarva.report import multiple_testing, render
from quarva.report.builder import SearchResult, assemble
from quarva.tasks import ForwardReturn, Task

FORMULA = "close / mean(close, 5)"
FACTS = rd.SearchFacts("gep", 3, 1000, 2.5)


def panel_of(days: int = 500, assets: int = 12, seed: int = 0) -> Panel:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (days, assets)), axis=0))
    close[rng.random(close.shape) < 0.01] = np.nan
    dates = np.datetime64("2015-01-01") + np.arange(days)
    return Panel.from_arrays({"close": close, "other": close[::-1]}, dates, [f"A{k}" for k in range(assets)])


def found_for(task: Task, text: str = FORMULA) -> SearchResult:
    expression = parse(text)
    scores = task.score([expression])
    row = rd.Row(text, float(scores.train[0]), float(scores.validation[0]), size=len(expression))
    return SearchResult(expression, (row,), FACTS)


@pytest.mark.parametrize("objective", ["ic", "rank_ic"])
def test_curve_and_decay_agree_with_the_scores_of_the_task(objective):
    task = Task(panel_of(), target=ForwardReturn(5), objective=objective, risk="none")
    found = found_for(task)
    page = assemble(task, found)
    for code, name in enumerate(("train", "validation")):
        scored = getattr(found.pool[0], name)
        information = page.information
        assert np.nanmean(information.ic[information.segments == code]) == pytest.approx(scored, abs=1e-6)
        own = list(page.decay.horizons).index(5)
        assert page.decay.means[name][own] == pytest.approx(scored, abs=1e-9)


def test_trading_figures_use_the_strategy_of_the_task():
    task = Task(panel_of(), objective="sharpe")
    found = found_for(task)
    page = assemble(task, found)
    assert page.performance["train"]["sharpe"] == pytest.approx(found.pool[0].train)
    assert page.performance["validation"]["sharpe"] == pytest.approx(found.pool[0].validation)
    assert "long the highest fifth" in page.strategy


def test_gaps_and_delistings_are_counted_on_the_page():
    panel = panel_of()
    panel.values[:, 150:, :6] = np.nan
    task = Task(panel, objective="timing_sharpe", delisting_return=-0.3)
    page = assemble(task, found_for(task))
    figures = page.performance["train"]
    assert figures["bridged"] > 0
    assert 0 < figures["delisted"] <= 6
    text = render(page)
    assert f"price gaps held through</th><td>{figures['bridged']:,}</td>" in text
    assert f"delistings while held</th><td>{figures['delisted']:,}</td>" in text
    assert "\u221230.0\u202f% after the last price" in text
    assert "365 bars per year" in text
    whole = dataclasses.replace(page, performance={"train": {"sharpe": 1.0, "bridged": 0, "delisted": 0}})
    assert "held through" not in render(whole)
    assert "delistings" not in render(whole).lower()


def test_buy_and_hold_keeps_positions_through_gaps():
    close = np.full((500, 1), 100.0)
    close[1::2] = 101.0
    close[100:110] = np.nan
    close[110:] /= 2
    dates = np.datetime64("2015-01-01") + np.arange(500)
    task = Task(Panel.from_arrays({"close": close}, dates, ["A"]), objective="timing_sharpe")
    page = assemble(task, found_for(task, "close / mean(close, 5)"))
    assert np.prod(1 + page.trading.benchmark[:120]) == pytest.approx(close[119, 0] / close[0, 0])


def test_annual_figures_use_the_bars_per_year_of_the_panel():
    panel = panel_of()
    weekly = dataclasses.replace(panel, dates=np.datetime64("2015-01-02") + 7 * np.arange(500))
    ratios, errors = [], []
    for each, periods in ((panel, 365), (weekly, 52)):
        task = Task(each, objective="sharpe")
        page = assemble(task, found_for(task))
        ratios.append(page.performance["train"]["sharpe"] / np.sqrt(periods))
        errors.append(multiple_testing.standard_errors(page)["train"] / np.sqrt(periods))
    assert ratios[0] == pytest.approx(ratios[1])
    assert errors[0] == pytest.approx(errors[1])


@pytest.mark.parametrize("objective", ["rank_ic", "sharpe", "timing_sharpe", "ts_corr"])
def test_the_page_does_not_depend_on_the_sealed_test(objective):
    panel = panel_of()
    task = Task(panel, target=ForwardReturn(5), objective=objective)
    page = render(assemble(task, found_for(task)))
    values = panel.values.copy()
    values[:, np.flatnonzero(task.segments == 2)[0] :] *= np.float32(3.0)
    changed = dataclasses.replace(panel, values=values)
    other = Task(changed, target=ForwardReturn(5), objective=objective)
    assert render(assemble(other, found_for(other))) == page


def test_days_without_signals_count_in_the_curve_as_in_the_score():
    panel = panel_of()
    flag = np.where(np.arange(500)[:, None] % 9, 1.0, -1.0) + np.zeros((500, 12))
    fields = {"close": panel.field("close"), "flag": flag}
    task = Task(Panel.from_arrays(fields, panel.dates, panel.assets), target=ForwardReturn(5), objective="ic")
    found = found_for(task, "delta(close, 5) + 0 * log(flag)")
    information = assemble(task, found).information
    train = information.ic[information.segments == 0]
    assert np.nanmean(train) == pytest.approx(found.pool[0].train, abs=1e-6)
    assert (train[9::9] == 0).all()
    assert np.isnan(train[:5]).all()


@pytest.mark.parametrize("target", ["forward_volatility_5", "other"])
def test_targets_that_are_not_returns_have_no_trading_figures(target):
    task = Task(panel_of(), target, "ic")
    page = assemble(task, found_for(task))
    assert page.trading is None
    assert page.performance == {}
    assert "Does it pay" in render(assemble(Task(panel_of()), found_for(Task(panel_of()))))
    text = render(page)
    assert "Does it pay" not in text
    assert "Sharpe" not in text
    assert f"by their {task.target_description}?" in text
    assert page.question.overlap == task.horizon == (5 if target == "forward_volatility_5" else 1)


def test_a_single_asset_has_timing_figures():
    task = Task(panel_of(assets=1), target=ForwardReturn(1, delay=0), objective="timing_sharpe")
    page = assemble(task, found_for(task))
    assert page.question.kind == "timing"
    assert page.trading.benchmark is not None
    text = render(page)
    assert "Delay 0" in text
    assert "buy and hold" in text


def test_a_formula_with_a_negative_ic_is_shown_with_the_opposite_sign():
    panel = panel_of()
    task = Task(panel, objective="ic")
    plain, turned = (assemble(task, found_for(task, text)) for text in (FORMULA, f"-({FORMULA})"))
    assert {plain.best.sign, turned.best.sign} == {1, -1}
    np.testing.assert_allclose(plain.information.ic, turned.information.ic, atol=1e-6)


def test_a_field_as_target_needs_no_prices():
    rng = np.random.default_rng(2)
    values = {"x": rng.normal(size=(300, 8)), "y": rng.normal(size=(300, 8))}
    dates = np.datetime64("2020-01-01") + np.arange(300)
    task = Task(Panel.from_arrays(values, dates, list("abcdefgh")), target="y", objective="ic")
    page = assemble(task, found_for(task, "mean(x, 3)"))
    assert page.trading is None
    assert page.decay is None
    assert "target’s unit" in render(page)


@pytest.mark.parametrize("split", [None, (0.6, 0.8)])
def test_a_table_has_a_plot_of_its_fit(split):
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, 1500)
    table = Table.from_arrays({"x1": x, "x2": rng.normal(size=1500)}, np.sin(x), name="t.csv")
    task = Task(table, split=split)
    page = assemble(task, found_for(task, "sin(x1)"))
    assert len(page.fit.actual) == (1500 if split is None else 1200)
    np.testing.assert_allclose(page.fit.predicted, page.fit.actual, atol=1e-6)
    text = render(page)
    assert "predicts the target?" in text
    assert ("There is no validation part" in text) == (split is None)
    assert ("test, sealed" in text) == (split is not None)


def test_a_search_without_findings_has_a_page():
    task = Task(panel_of(), objective="ic")
    assert "No formula had a score." in render(assemble(task, SearchResult(None, (), FACTS)))
