"""A task with a risk model scores the residual, and reports the raw figures beside it."""

import numpy as np
import pytest

import quarva as qv
from quarva.errors import TaskError
from quarva.scenarios import simulate
from quarva.tasks.risk import RiskModel

FORMULA = "-pct_change(close, 5)"


@pytest.fixture(scope="module")
def panel() -> qv.Panel:
    return simulate(60, 320, seed=9, plant=FORMULA, ic=0.1)


def test_the_targets_are_the_residuals_of_the_model(panel):
    plain, task = qv.Task(panel, "forward_return_2", risk="none"), qv.Task(panel, "forward_return_2")
    whole = np.where(np.isnan(plain.targets[0]), plain._sealed[0], plain.targets[0])
    expected = RiskModel.default(panel).residual(panel, whole, 3).values
    np.testing.assert_array_equal(task.targets[0], np.where(np.isnan(plain.targets[0]), np.nan, expected))
    np.testing.assert_array_equal(task.raw_targets, plain.targets)
    assert task.describe()["exposures"] == [
        "market",
        "sector",
        "size",
        "price",
        "beta",
        "volatility",
        "momentum",
    ]
    assert plain.describe()["exposures"] == []


def test_scores_are_of_the_residual_and_raw_scores_of_the_return(panel):
    plain, task = qv.Task(panel, risk="none"), qv.Task(panel)
    there = np.isfinite(task.targets[0]) & (task.segments == 0)[:, None]
    signal = qv.Formula.parse(FORMULA, panel=panel).signal(panel).to_numpy()
    daily = [
        np.corrcoef(signal[day][known], task.targets[0][day][known])[0, 1]
        for day, known in enumerate(there)
        if known.any() and np.isfinite(signal[day]).all()
    ]
    assert task.score(FORMULA).train[0] == pytest.approx(np.mean(daily), abs=1e-5)
    raw = plain.score(FORMULA)
    np.testing.assert_allclose(task.raw_scores(FORMULA)[0], [raw.train[0], raw.validation[0]], rtol=1e-12)
    assert task.score(FORMULA).train[0] > 0.05


def test_the_sealed_test_is_of_the_residual(panel):
    plain, task = qv.Task(panel, risk="none"), qv.Task(panel)
    assert task.read_test(FORMULA) != plain.read_test(FORMULA)
    assert task.read_test(FORMULA) > 0.03


def test_a_target_that_is_not_a_return_is_left_alone(panel):
    task = qv.Task(panel, "direction_1", risk="default")
    assert task.exposures == ()
    assert any("the risk model is not used" in note for note in task.notes)
    np.testing.assert_array_equal(task.targets, task.raw_targets)


def test_findings_show_raw_figures_beside_the_residual_ones(panel, tmp_path):
    task = qv.Task(panel, risk="default")
    found = qv.search(task, budget=300, progress=False, out=tmp_path / "run")
    best = found.best
    assert [best.raw_train, best.raw_validation] == pytest.approx(
        task.raw_scores(best.formula)[0].tolist(), rel=1e-12
    )
    assert "raw validation" in str(found)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "raw validation" in page
    assert "market, sector, size, price, beta, volatility, momentum" in page


@pytest.mark.parametrize("model", ["default", RiskModel({"price": "log(close)"}, ("sector",), factors=1)])
def test_a_run_folder_reproduces_the_risk_model(panel, tmp_path, model):
    from quarva.runs.from_recipe import data_of, task_of
    from quarva.runs.run_folder import RunFolder

    task = qv.Task(panel, risk=model)
    qv.search(task, budget=100, progress=False, out=tmp_path / "run")
    recipe = RunFolder.open(tmp_path / "run", "search").search_recipe()
    again = task_of(recipe, data_of(recipe))
    np.testing.assert_array_equal(again.targets, task.targets)
    assert recipe.risk == model if model == "default" else recipe.risk["factors"] == 1


def test_a_wrong_risk_model_is_refused(panel, tmp_path):
    with pytest.raises(TaskError, match="a risk model is none, default or a TOML file"):
        qv.Task(panel, risk=tmp_path / "none.toml")
    with pytest.raises(TaskError, match="must be none, default"):
        qv.Task(panel, risk=3)


def test_raw_figures_are_shown_also_if_only_the_mean_is_removed():
    """The volatility still changes the target."""
    small = qv.Task(simulate(12, 320, seed=9), risk="default")
    assert small.exposures == ("market",)
    found = qv.search(small, budget=200, progress=False)
    assert np.isfinite(found.best.raw_train)
    assert found.best.raw_train != found.best.train


def test_the_page_shows_returns_by_quantile_in_their_unit(panel):
    from quarva.report.diagnostics import quantiles

    task = qv.Task(panel, risk="default")
    signal = qv.Formula(FORMULA).signal(panel).to_numpy()
    shown = quantiles(task, signal).means["train"]
    np.testing.assert_array_equal(shown, quantiles(qv.Task(panel), signal).means["train"])
