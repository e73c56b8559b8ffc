"""Sets: weights against independent fits, signals against pandas, and what may influence them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.linear_model import Ridge

import quarva as qv
from quarva.errors import FormulaError, TaskError
from quarva.live import Stream
from quarva.scenarios import simulate
from quarva.sets import Set, fit_set, starting_formulas
from quarva.sets.forecast import forecast
from quarva.sets.ridge import fit_ridge, ridge_weights
from quarva.sets.spike_and_slab import draw_weights, sample_posterior
from quarva.sets.starts import alpha158
from quarva.sets.sufficient_statistics import long_run_variance, measure

TEXTS = [
    "-pct_change(close, 5)", "ts_zscore(volume, 20)", "(close - open) / (high - low)",
    "rank(close / mean(close, 10))",
    "std(pct_change(close, 1), 10)", "corr(close, volume, 10)", "-ts_rank(close, 5)", "high / low",
]  # fmt: skip


@pytest.fixture(scope="module")
def panel() -> qv.Panel:
    market = simulate(50, 420, seed=6, plant="-pct_change(close, 5)", ic=0.08)
    values = market.values.copy()
    values[:, 60:75, 4] = np.nan
    values[:, 300:, 9] = np.nan
    return replace(market, values=values)


@pytest.fixture(scope="module")
def task(panel) -> qv.Task:
    return qv.Task(panel, "forward_return_2", risk="default")


def standardised(panel: qv.Panel, text: str) -> np.ndarray:
    """Z-scores over the assets of a day, cut at ±8, 0 where missing."""
    signal = qv.Formula.parse(text, panel=panel).signal(panel).astype(float)
    scores = signal.sub(signal.mean(axis=1), axis=0).div(signal.std(axis=1, ddof=0), axis=0)
    return scores.clip(-8, 8).fillna(0.0).to_numpy()


def design(task: qv.Task) -> tuple[np.ndarray, np.ndarray]:
    """Training cells of the standardised signals and the standardised target."""
    target = np.where((task.segments == 0)[:, None], task.targets[0], np.nan).astype(float)
    days = np.isfinite(target).any(axis=1)
    y = target[days]
    y = (y - np.nanmean(y, axis=1, keepdims=True)) / np.nanstd(y, axis=1, keepdims=True)
    there = np.isfinite(y)
    x = np.stack([standardised(task.panel, text)[days][there] for text in TEXTS], axis=1)
    return x, y[there]


def test_statistics_are_the_sums_over_the_cells(task):
    x, y = design(task)
    found = measure(task, [qv.parse(text) for text in TEXTS], folds=1)
    np.testing.assert_allclose(found.gram[0], x.T @ x, rtol=2e-5, atol=0.5)
    np.testing.assert_allclose(found.product[0], x.T @ y, rtol=1e-4, atol=0.1)
    assert found.squares[0] == pytest.approx(y @ y, rel=1e-6)


def test_ridge_weights_equal_those_of_scikit_learn(task):
    x, y = design(task)
    found = measure(task, [qv.parse(text) for text in TEXTS], folds=1)
    for penalty in (0.1, 100.0, 1e5):
        expected = Ridge(alpha=penalty, fit_intercept=False).fit(x, y).coef_
        np.testing.assert_allclose(ridge_weights(*found.whole, penalty), expected, atol=1e-6)


def test_the_penalty_has_the_smallest_error_out_of_fold(task):
    """Recomputed with scikit-learn on the same folds."""
    statistics = measure(task, [qv.parse(text) for text in TEXTS], folds=4)
    chosen = fit_ridge(statistics)
    assert chosen.explained[np.argmax(chosen.explained)] == chosen.explained.max()
    gram, product = statistics.whole
    k = int(np.argmax(chosen.explained))
    errors = []
    for inside, b, squares in zip(statistics.gram, statistics.product, statistics.squares, strict=True):
        weights = np.linalg.solve(gram - inside + chosen.penalty * np.eye(len(b)), product - b)
        errors.append(squares - 2 * weights @ b + weights @ inside @ weights)
    assert 1 - sum(errors) / statistics.cells == pytest.approx(chosen.explained[k], abs=1e-9)


@pytest.mark.parametrize("kind", ["spike_and_slab", "ridge"])
def test_later_days_do_not_change_the_weights(panel, kind):
    """Everything after the training part is replaced."""
    task = qv.Task(panel, "forward_return_2", risk="default")
    last = int(np.flatnonzero(task.segments == 0)[-1]) + task.split.purged
    other = replace(panel, values=panel.values.copy())
    noise = np.random.default_rng(0).uniform(0.5, 2, other.values[:, last + 1 :].shape)
    other.values[:, last + 1 :] *= noise.astype(np.float32)
    one, two = (
        fit_set(task, TEXTS, kind),
        fit_set(qv.Task(other, "forward_return_2", risk="default"), TEXTS, kind),
    )
    assert [each.text for each in one.members] == [each.text for each in two.members]
    np.testing.assert_array_equal(one.weights, two.weights)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_result_does_not_depend_on_the_number_of_threads(task, threads):
    one, two = fit_set(task, TEXTS, threads=threads), fit_set(task, TEXTS, threads=None)
    np.testing.assert_array_equal(one.weights, two.weights)


def test_the_signal_is_the_weighted_sum_of_standardised_signals(panel):
    own = Set([qv.Formula(text) for text in TEXTS], np.arange(1.0, 9.0))
    signal = own.signal(panel)
    expected = sum(
        weight * standardised(panel, text) for weight, text in zip(own.weights, TEXTS, strict=True)
    )
    np.testing.assert_allclose(signal.fillna(0).to_numpy(), expected, rtol=2e-4, atol=2e-4)
    silent = np.stack([qv.Formula(text).signal(panel).isna() for text in TEXTS]).all(axis=0)
    np.testing.assert_array_equal(signal.isna().to_numpy(), silent)
    assert silent.any()


def test_a_set_day_by_day_equals_the_whole_bit_for_bit(panel):
    own = Set([qv.Formula(text) for text in TEXTS], np.linspace(0.3, 2.0, len(TEXTS)))
    whole = own.signal(panel).to_numpy()
    first = replace(panel, values=panel.values[:, :100], dates=panel.dates[:100])
    stream = Stream([each.text for each in own.members], first)
    rows = [panel.fields.index(name) for name in stream.fields]
    for day in range(100, 140):
        signals = stream.step(panel.dates[day], panel.values[rows, day])
        np.testing.assert_array_equal(own.combine(signals), whole[day])


def test_a_set_is_a_function_of_a_strategy(task):
    own = fit_set(task, TEXTS)
    performance = task.strategy(own).run(task.panel)
    assert np.isfinite(performance.part(task.earned_segments == 0).sharpe)


def test_a_formula_and_its_negative_never_both_enter(task):
    own = fit_set(task, [*TEXTS, *(f"-({text})" for text in TEXTS), "pct_change(close, 5) * 3"], "ridge")
    signals = np.stack([each.signal(task.panel).fillna(0).to_numpy().ravel() for each in own.members])
    alike = np.abs(np.corrcoef(signals)) - np.eye(len(own))
    assert len(own) <= len(TEXTS)
    assert alike.max() < 0.98
    assert (own.weights > 0).all()


def test_the_planted_formula_leads_the_set(task):
    own = fit_set(task, TEXTS)
    assert own.members[0].text == "-pct_change(close, 5)"
    assert str(own).splitlines()[1].endswith("-pct_change(close, 5)")


def slab_density(variance: float) -> float:
    """Prior of the slab's variance: inverse gamma with 6 degrees of freedom and scale 0.012²."""
    return float(stats.invgamma.pdf(variance, 3.0, scale=3.0 * 0.012**2))


@pytest.mark.parametrize("score", [0.0, 2.0, 3.5, 6.0])
def test_inclusion_and_mean_of_one_formula_equal_those_by_integration(score):
    cells, noise, prior = 100_000.0, 1.5, 0.1
    product = score * np.sqrt(noise * cells)
    found = sample_posterior(np.array([[cells]]), np.array([product]), noise, np.array([prior]), seed=3)

    def evidence(variance: float) -> float:
        """Likelihood with the formula, relative to that without, for a slab of this variance."""
        shrunk = 1 / (cells / noise + 1 / variance)
        return float(np.sqrt(shrunk / variance) * np.exp(0.5 * shrunk * (product / noise) ** 2))

    def mean(variance: float) -> float:
        return product / noise / (cells / noise + 1 / variance)

    with_it = prior * integrate.quad(lambda v: slab_density(v) * evidence(v), 1e-6, 0.02, limit=500)[0]
    moment = (
        prior * integrate.quad(lambda v: slab_density(v) * evidence(v) * mean(v), 1e-6, 0.02, limit=500)[0]
    )
    inclusion = with_it / (with_it + 1 - prior)
    assert found.inclusion[0] == pytest.approx(inclusion, abs=0.03)
    assert found.mean[0] == pytest.approx(moment / (with_it + 1 - prior), abs=0.03 * 0.02)


def test_more_trials_demand_more_evidence():
    """The same data with a smaller prior: the weight shrinks."""
    cells, noise = 100_000.0, 1.5
    product = np.array([3.5 * np.sqrt(noise * cells), 0.0])
    gram = np.diag([cells, cells])
    few, many = (sample_posterior(gram, product, noise, np.full(2, chance)) for chance in (0.3, 1e-4))
    assert few.inclusion[0] > 0.9
    assert many.inclusion[0] < 0.2
    assert abs(few.mean[0]) > 3 * abs(many.mean[0])


def test_alpha158_has_158_formulas_and_fewer_without_fields(panel):
    assert len(alpha158()) == 158
    assert len(starting_formulas("alpha158", panel)) == 157  # without vwap
    closes = replace(panel, values=panel.values[3:4], fields=("close",))
    assert set(starting_formulas("alpha158", closes)) >= {"ROC5", "RSQR60", "SUMD10"}
    close = panel.to_frame().pivot(index="date", columns="asset", values="close").astype(float)
    gains = close.diff().clip(lower=0).rolling(20).sum() / close.diff().abs().rolling(20).sum()
    own = qv.Formula(starting_formulas("alpha158", panel)["SUMP20"]).signal(panel)
    np.testing.assert_allclose(own.to_numpy(), gains.to_numpy(), rtol=1e-3, atol=1e-4)


def test_alpha158_equals_the_example_in_qlibs_notation(panel):
    lines = (Path(__file__).parents[2] / "examples" / "alphas" / "alpha158.txt").read_text().splitlines()
    named = dict(line.split(" = ", 1) for line in lines if line and not line.startswith("#"))
    own = starting_formulas("alpha158", panel)
    assert set(own) == set(named) - {"VWAP0"}
    texts = {name: qv.Formula.parse(named[name], "qlib") for name in own}
    for name, tree in own.items():
        one = qv.Formula(tree).signal(panel).to_numpy()
        other = texts[name].signal(panel).to_numpy()
        both = np.isfinite(one) & np.isfinite(other)
        assert both.mean() > 0.6, name
        np.testing.assert_allclose(one[both], other[both], rtol=2e-4, atol=2e-5, err_msg=name)


def test_wrong_input_is_refused(panel, task):
    with pytest.raises(TaskError, match="unknown weights 'lasso'"):
        fit_set(task, TEXTS, "lasso")
    with pytest.raises(TaskError, match="no formula has a training score"):
        fit_set(task, ["close / close"])
    with pytest.raises(TaskError, match="no formula has a training score"):
        fit_set(task, [])
    with pytest.raises(TaskError, match="prior has shape"):
        fit_set(task, TEXTS, prior=np.ones(3))
    for wrong in (
        np.full(len(TEXTS), np.nan),
        np.full(len(TEXTS), -1.0),
        np.full(len(TEXTS), 2),
        ["a"] * len(TEXTS),
    ):
        with pytest.raises(TaskError, match="prior must be probabilities"):
            fit_set(task, TEXTS, prior=wrong)
    with pytest.raises(TaskError, match="must be a sequence of formulas"):
        fit_set(task, None)
    assert len(fit_set(task, TEXTS[0])) == 1
    with pytest.raises(FormulaError, match="finite numbers"):
        Set(["close"], [np.nan])
    with pytest.raises(FormulaError, match="must have the shape"):
        Set(["close", "open"], [1.0, 2.0]).combine(np.ones((1, 5), np.float32))
    with pytest.raises(FormulaError, match="vwap"):
        fit_set(task, ["vwap / close"])
    with pytest.raises(FormulaError, match="one weight for each"):
        Set([qv.Formula("close")], [1.0, 2.0])
    short = replace(panel, values=panel.values[:, :90], dates=panel.dates[:90])
    with pytest.raises(TaskError, match="5 folds need 65"):
        fit_set(qv.Task(short, "forward_return_2"), ["close / open"])


def test_the_forecast_is_a_posterior_mean_with_an_interval(task):
    own = fit_set(task, TEXTS)
    assert own.expected_low < own.expected < own.expected_high
    assert 0 < own.expected < own.train


def test_a_longer_horizon_of_validation_narrows_the_interval(panel):
    """The true effect stays as uncertain, but its realised mean does not."""
    few, many = (
        fit_set(qv.Task(panel, "forward_return_1", split=(0.5, share)), TEXTS) for share in (0.56, 0.95)
    )
    assert many.expected == pytest.approx(few.expected, rel=1e-9)
    assert many.expected_high - many.expected_low < few.expected_high - few.expected_low


def test_the_interval_has_the_width_of_a_normal_distribution(task):
    """Draws and sampling error are normal, so the width of the interval is known."""
    statistics = measure(task, [qv.parse(TEXTS[0])])
    gram = statistics.whole[0]
    draws = np.random.default_rng(7).normal(0.03, 0.01, (400, 1))
    found = forecast(statistics, np.ones((1, 1)), draws, 250, task.horizon, 0)
    scale = np.sqrt(gram[0, 0] / statistics.cells)
    assert found.expected[0] == pytest.approx(draws.mean() * scale)
    daily = statistics.daily[0] / np.sqrt(gram[0, 0] * statistics.cells)
    error = np.sqrt(long_run_variance(daily[None], task.horizon)[0] * len(daily) / 250)
    spread = np.sqrt(error**2 + scale**2 * (0.01**2 + 0.2**2 * (0.03**2 + 0.01**2)))
    width = 2 * stats.norm.ppf(0.9) * spread
    assert found.high[0] - found.low[0] == pytest.approx(width, rel=0.1)
    assert np.isnan(forecast(statistics, np.zeros((1, 1)), draws, 250, 1, 0).expected[0])


def test_draws_agree_with_the_means_where_the_prior_is_not_in_doubt():
    """One certain member: both are the ridge solution."""
    gram, product = np.array([[5e4]]), np.array([2e3])
    draws = draw_weights(gram, product, 1.0, np.array([0.5]))
    mean = sample_posterior(gram, product, 1.0, np.array([0.5])).mean
    assert draws.shape == (400, 1)
    assert draws.mean() == pytest.approx(mean[0], rel=0.02)


def test_on_noise_the_draws_are_nearly_all_zero():
    gram, product = np.eye(50) * 1e5, np.random.default_rng(1).normal(0, np.sqrt(1e5), 50)
    draws = draw_weights(gram, product, 1.0, np.full(50, 0.05))
    assert (draws != 0).mean() < 0.02


def test_files_of_formulas_and_the_101_alphas_are_starts(panel, tmp_path):
    alphas = starting_formulas("alpha101", panel)
    assert 30 < len(alphas) < 101  # without vwap, cap and industries
    mine = tmp_path / "mine.txt"
    mine.write_text("# reversal\nfast = -pct_change(close, 3)\n-pct_change(close, 10)\n")
    assert list(starting_formulas(str(mine), panel)) == ["fast", "f1"]
    other = tmp_path / "other.txt"
    other.write_text("a = -1 * delta(close, 3)\n")
    assert str(qv.Formula(starting_formulas(f"worldquant:{other}", panel)["a"])) == "-1 * delta(close, 3)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rank(market_cap)\n", r"mine.txt, line 1: .*market_cap"),
        ("rank(close\n", r"mine.txt, line 1: "),
        ("# nothing\n", "contains no formula"),
    ],
)
def test_a_start_file_that_does_not_fit_is_refused_with_its_line(panel, tmp_path, text, message):
    (tmp_path / "mine.txt").write_text(text)
    with pytest.raises(FormulaError, match=message):
        starting_formulas(str(tmp_path / "mine.txt"), panel)


def test_overlapping_targets_multiply_the_noise_of_a_slow_signal():
    """Sums over five days of independent returns, and a signal that never changes: five times the noise."""
    returns = np.random.default_rng(3).normal(size=(40, 6_004))
    totals = returns.cumsum(axis=1)
    overlapping = (totals[:, 5:] - totals[:, :-5]) / np.sqrt(5)
    found = long_run_variance(overlapping, 5).mean() / overlapping.shape[1]
    assert found == pytest.approx(5, rel=0.05)
    assert long_run_variance(returns, 1).mean() / returns.shape[1] == pytest.approx(1, rel=0.02)


def test_a_set_is_written_and_read(panel, tmp_path):
    own = Set(TEXTS, np.random.default_rng(0).normal(size=len(TEXTS)) / 3)
    own.write(tmp_path / "set.toml")
    read = Set.read(tmp_path / "set.toml", panel)
    assert [each.text for each in read.members] == [each.text for each in own.members]
    np.testing.assert_array_equal(read.weights, own.weights)
    np.testing.assert_array_equal(read.signal(panel).to_numpy(), own.signal(panel).to_numpy())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = [", "cannot be read as TOML"),
        ("version = 2", "has version 2, but this Quarva reads sets of version 1"),
        ("version = 1", "no \\[\\[member\\]\\]"),
        ("version = 1\n[[member]]\nformula = 'close'", "member 1 needs a number 'weight'"),
        ("version = 1\n[[member]]\nweight = true\nformula = 'close'", "member 1 needs a number 'weight'"),
        ("version = 1\n[[member]]\nweight = 1\nformula = 'rank(nothing)'", "member 1: .*nothing"),
        ("version = 1\n[[member]]\nweight = nan\nformula = 'close'", "finite"),
    ],
)
def test_a_file_that_is_no_set_is_refused(panel, tmp_path, text, message):
    path = tmp_path / "set.toml"
    path.write_text(text)
    with pytest.raises(FormulaError, match=message):
        Set.read(path, panel)
    with pytest.raises(FormulaError, match="No such file"):
        Set.read(tmp_path / "other.toml")
