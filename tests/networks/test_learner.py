"""A network learns a planted signal, is reproducible, and reports when it learns nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from quarva.errors import DeviceError, RecipeError, RunError, TaskError
from quarva.networks import NETWORKS, Fitted, Learner
from quarva.panel import Panel
from quarva.scenarios import simulate
from quarva.tasks import TRAIN, VALIDATION, Task

from .conftest import QUICK, Own


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_each_network_finds_the_planted_signal(task, network):
    fitted = Learner(network, **QUICK).fit(task)
    assert fitted.validation > 0.15
    assert fitted.train > 0.15
    assert set(fitted.beaten_by) <= {"linear"}  # what was planted is nearly a line of the inputs
    assert set(fitted.baselines) == {"constant", "last value", "linear"}


@pytest.mark.parametrize("loss", ["ic", "rank_ic", "huber"])
def test_each_loss_finds_the_planted_signal(task, loss):
    fitted = Learner(loss=loss, **QUICK).fit(task)
    assert fitted.validation > 0.15
    if loss != "huber":
        assert fitted.encoding.metric == "rank IC"
        assert fitted.metric > max(fitted.baselines["constant"], fitted.baselines["last value"])


@pytest.mark.parametrize("target", ["direction_1", "quintile_1", "triple_barrier_2"])
def test_classes_are_predicted_as_probabilities(market, target):
    asked = Task(market, target)
    fitted = Learner(**QUICK).fit(asked)
    assert fitted.encoding.kind == "classification"
    assert fitted.encoding.classes.tolist() == [-1, 0, 1]
    assert fitted.validation > 0.1
    assert fitted.metric < fitted.baselines["constant"]
    assert 0 <= fitted.calibration < 0.15
    signal = fitted.values(market)
    assert np.nanmin(signal) >= -1
    assert np.nanmax(signal) <= 1


@pytest.mark.parametrize("loss", [None, "ic"])
def test_the_same_seed_gives_the_same_network(task, loss):
    one, other, third = (
        Learner(loss=loss, **QUICK | {"epochs": 2, "seed": seed}).fit(task).values(task.panel)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third, equal_nan=True)


@pytest.mark.parametrize("network", ["dense", "conv1d", "gru"])
def test_members_trained_together_equal_members_trained_alone(task, network):
    terms = QUICK | {"epochs": 4}
    together = Learner(network, members=3, **terms).fit(task)
    chunked = Learner(network, members=3, together=2, **terms).fit(task)
    signals = together.member_signals(task.panel)
    np.testing.assert_allclose(chunked.member_signals(task.panel), signals, rtol=1e-3, atol=1e-6)
    spread = together.spread(task.panel).to_numpy()
    np.testing.assert_allclose(spread, signals.std(axis=0), rtol=1e-5)
    assert np.nanmean(spread) > 0
    with pytest.raises(TaskError, match="one network has no spread"):
        Learner(network, **terms).fit(task).spread(task.panel)


def test_baselines_that_are_not_beaten_are_reported_first(walk):
    noise = Task(walk, "forward_return_1")
    said = str(Learner(length=5, epochs=3, rate=1e-2).fit(noise))
    assert said.startswith("NOT BETTER than ")


def test_a_signal_depends_on_no_later_day(task, market):
    fitted = Learner(**QUICK | {"epochs": 1}).fit(task)
    whole = fitted.values(market)
    cut = market.between(market.dates[0], market.dates[249])
    np.testing.assert_allclose(fitted.values(cut), whole[:250], rtol=1e-4, atol=1e-7)


def test_days_after_training_do_not_change_the_network(market):
    asked = Task(market, "forward_return_1")
    first = int(np.flatnonzero(asked.segments == 1)[0])  # targets of training end before it
    values = market.values.copy()
    rng = np.random.default_rng(0)
    values[:, first:] *= rng.uniform(0.9, 1.1, values[:, first:].shape)
    names = dict(zip(market.fields, values, strict=True))
    other = Task(Panel.from_arrays(names, market.dates, market.assets), "forward_return_1")
    one, two = (Learner(**QUICK | {"epochs": 3}).fit(each) for each in (asked, other))
    for name, each in one.stack.all_weights().items():
        torch.testing.assert_close(each, two.stack.all_weights()[name], rtol=0, atol=0)
    np.testing.assert_array_equal(one.inputs.mean, two.inputs.mean)


def test_a_saved_network_can_be_loaded_without_its_training_data(task, market, tmp_path):
    fitted = Learner("conv1d", members=2, **QUICK | {"epochs": 2}).fit(task)
    fitted.save(tmp_path)
    again = Fitted.load(tmp_path)
    np.testing.assert_array_equal(again.values(market), fitted.values(market))
    assert str(again) == str(fitted)
    assert {each.name for each in tmp_path.iterdir()} == {"network.json", "weights.safetensors"}


def test_inconsistent_network_files_are_refused_in_one_line(task, tmp_path):
    Learner(**QUICK | {"epochs": 1}).fit(task).save(tmp_path)
    path = tmp_path / "network.json"
    about = json.loads(path.read_text())
    for changed, said in (
        (about | {"settings": {"width": 8}}, r"weights of another architecture: 0.bias is \[1, 64\] there"),
        (about | {"network": "conv1d"}, "weights of another architecture"),
        (about | {"version": 1}, "the network has version 1, but this Quarva reads"),
        ({name: each for name, each in about.items() if name != "framing"}, "is damaged .*'framing'"),
        (about | {"members": "two"}, "is damaged"),
        ([about], "is damaged"),
    ):
        path.write_text(json.dumps(changed))
        with pytest.raises(RunError, match=said) as caught:
            Fitted.load(tmp_path)
        assert "\n" not in str(caught.value)
    path.write_text("{")
    with pytest.raises(RunError, match="the network cannot be read"):
        Fitted.load(tmp_path)
    path.unlink()
    with pytest.raises(RunError, match="network.json does not exist; quarva fit writes it"):
        Fitted.load(tmp_path)


def test_a_module_with_a_wrong_layout_is_refused_before_training(task, tmp_path):
    class Liar(Own):
        layout = "channels"

    path = tmp_path / "training.safetensors"
    with pytest.raises(TaskError, match=r"Liar cannot read 'channels' .* it reads 'batch_first' \(3, 4, 2\)"):
        Learner(Liar, **QUICK).fit(task, checkpoint=path)
    assert not path.exists()


def test_a_custom_module_can_be_trained_and_loaded(task, market, tmp_path):
    fitted = Learner(Own, settings={"width": 8}, **QUICK).fit(task)
    assert fitted.validation > 0.15
    fitted.save(tmp_path)
    np.testing.assert_array_equal(Fitted.load(tmp_path, Own).values(market), fitted.values(market))
    with pytest.raises(RecipeError, match="unknown network 'Own'"):
        Fitted.load(tmp_path)
    with pytest.raises(RecipeError, match="Dense cannot be created|another architecture"):
        Fitted.load(tmp_path, type("Dense", (Own,), {"__init__": lambda self, a, b: None}))


def test_interrupted_training_resumes_identically(task, tmp_path):
    whole = Learner(**QUICK).fit(task)

    def stop(now):
        if now.number == 5:
            raise KeyboardInterrupt

    path = tmp_path / "training.safetensors"
    broken = Learner(**QUICK).fit(task, progress=stop, checkpoint=path)
    assert broken.ended == "interrupted"
    on = Learner(**QUICK).fit(task, checkpoint=path, resume=True)
    for name, each in whole.stack.all_weights().items():
        torch.testing.assert_close(on.stack.all_weights()[name], each, rtol=0, atol=0)
    assert on.history["epoch"].tolist() == whole.history["epoch"].tolist()
    with pytest.raises(RunError, match="belongs to another fit"):
        Learner(**QUICK | {"length": 5}).fit(task, checkpoint=path, resume=True)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RunError, match="checkpoint cannot be read"):
        Learner(**QUICK).fit(task, checkpoint=path, resume=True)


def test_a_target_of_future_prices_causes_one_warning(market):
    fitted = Learner(**QUICK | {"features": None, "epochs": 1}).fit(Task(market, "close"))
    assert fitted.inputs.features == ("log(volume / mean(volume, 20))",)  # nothing that reads the target
    assert str(fitted).count("target close is a price: today's price explains nearly all of tomorrow's") == 1


def test_baselines_that_are_not_beaten_are_listed_in_a_sentence(task):
    fitted = Learner(**QUICK | {"epochs": 1}).fit(task)
    worst = {"constant": 0.0, "last value": 0.0, "linear": 0.0}
    said = str(replace(fitted, baselines=worst)).splitlines()[0]
    assert said == (
        "NOT BETTER than constant, last value and linear in validation: the network adds nothing to these "
        "baselines"
    )


def test_the_spread_of_the_members_is_reported(task):
    fitted = Learner(members=3, **QUICK | {"epochs": 2}).fit(task)
    there = (task.segments == VALIDATION)[:, None] & np.isfinite(task.targets[0])
    signals = fitted.member_signals(task.panel)[:, there]
    assert fitted.uncertainty == pytest.approx(signals.std(0).mean() / signals.mean(0).std(), rel=1e-4)
    assert f"the 3 networks differ by {fitted.uncertainty:.3g} standard deviations" in str(fitted)
    assert "uncertainty" not in str(Learner(**QUICK | {"epochs": 1}).fit(task))


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"network": "conv2d"}, RecipeError, "unknown network 'conv2d'; did you mean 'conv1d'"),
        ({"settings": {"width": 0}}, RecipeError, "dense: width must be 1 or more, not 0"),
        (
            {"settings": {"widht": 3}},
            RecipeError,
            "dense cannot be created for 2 features, 4 days",
        ),
        ({"length": 401}, TaskError, "a window of 401 days does not fit"),
        ({"length": 239}, TaskError, "the training part has 0 windows of 239 days"),
        ({"device": "cuda"}, DeviceError, "torch finds no device 'cuda' on this machine"),
        ({"device": "tpu"}, DeviceError, "unknown device 'tpu'; choose one of auto, cpu"),
        ({"loss": "cross_entropy"}, TaskError, "values, too many for classes"),
        ({"features": ["forward"]}, Exception, "forward"),
    ],
)
def test_impossible_requests_are_refused_in_one_line(task, given, error, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(error, match=said) as caught:
        Learner(**QUICK | given).fit(task)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"loss": "msee"}, "unknown loss 'msee'"),
        ({"length": 0}, "length must be 1 or more, not 0"),
        ({"holdout": 1.0}, r"holdout must be a share of the training part in \[0, 1\), not 1.0"),
        ({"rate": 0.0}, "rate must be above 0"),
        ({"rate": float("inf")}, "rate must be above 0 .* not inf"),
    ],
)
def test_invalid_settings_are_refused(given, said):
    with pytest.raises(RecipeError, match=said):
        Learner(**given)


def test_a_class_with_one_member_and_a_constant_target_are_refused(market):
    label = np.zeros(market.shape, np.float32)
    with pytest.raises(TaskError, match="the target label is 0 throughout training"):
        Learner(**QUICK).fit(Task(_with(market, label), "label", "ts_corr"))
    label[50, 3] = 1
    with pytest.raises(TaskError, match="class 1 of label has 1 members in training"):
        Learner(loss="cross_entropy", **QUICK).fit(Task(_with(market, label), "label", "ts_corr"))


def _with(panel, label):
    names = dict(zip(panel.fields, panel.values, strict=True)) | {"label": label}
    return Panel.from_arrays(names, panel.dates, panel.assets)


def test_a_feature_that_looks_ahead_is_refused_before_training(task, market):
    def tomorrow(panel):
        close = panel.field("close")
        out = np.full(panel.shape, np.nan, np.float32)
        out[:-2] = close[2:] / close[:-2] - 1
        return out

    def scaled_by_all_days(panel):
        close = panel.field("close")
        return (close - close.mean(axis=0)) / close.std(axis=0)

    def honest(panel):
        close = panel.field("close")
        out = np.full(panel.shape, np.nan, np.float32)
        out[1:] = close[1:] / close[:-1] - 1
        return out

    for leak in (tomorrow, scaled_by_all_days):
        with pytest.raises(TaskError, match=f"the feature {leak.__name__} looks ahead: its value on"):
            Learner(**QUICK | {"features": [leak]}).fit(task)
    fitted = Learner(**QUICK | {"features": [honest]}).fit(task)
    assert fitted.validation > 0.15
    with pytest.raises(RunError, match="the feature honest is a function and cannot be saved"):
        fitted.save(".")
    leaking = _with(market, np.nan_to_num(task.targets[0]) * 3 + 0.001)
    with pytest.raises(TaskError, match="the feature 'label' is the target forward_return_1 in all but name"):
        Learner(**QUICK | {"features": ["label"]}).fit(Task(leaking, "forward_return_1"))
    with pytest.raises(TaskError, match="'label' is a target of this task"):
        Learner(**QUICK | {"features": ["delta(label, 1)"]}).fit(Task(leaking, "label", "ts_corr"))


def test_baselines_are_fitted_only_on_the_days_that_the_network_learns_from(market):
    base = Task(market, "forward_return_1")
    days = np.flatnonzero(base.segments == TRAIN)
    border = len(days) - round(0.2 * len(days))
    rng = np.random.default_rng(0)
    label = rng.normal(size=market.shape)
    label[days[border - 2] :] += 5.0  # from the days that stop the training on, and two that are purged
    task = Task(_with(market, label), "field:label", "ts_corr")
    fitted = Learner(features=["pct_change(close, 1)"], length=1, epochs=1).fit(task)
    learned = label[days[1 : border - 2]].astype(np.float32).astype(np.float64)
    judged = task.targets[0][task.segments == VALIDATION].astype(np.float64)
    want = np.mean((judged - learned.mean()) ** 2)
    assert fitted.baselines["constant"] == pytest.approx(want, rel=1e-6)
    assert fitted.baselines["linear"] == pytest.approx(want, rel=0.05)


def test_days_with_too_few_assets_are_excluded_from_ranking_losses():
    two = simulate(2, 200, seed=1)
    with pytest.raises(TaskError, match="the loss ic compares the assets of a day"):
        Learner(loss="ic", **QUICK).fit(Task(two, "forward_return_1"))


def test_a_fit_that_stopped_early_is_not_continued(task, tmp_path):
    path = tmp_path / "training.safetensors"
    given = QUICK | {"rate": 3e-2, "patience": 1, "epochs": 30}
    ended = Learner(**given).fit(task, checkpoint=path)
    assert ended.ended == "patience"
    assert len(ended.history) < 30
    again = Learner(**given | {"epochs": 40}).fit(task, checkpoint=path, resume=True)
    assert again.history.equals(ended.history)
    np.testing.assert_array_equal(again.values(task.panel), ended.values(task.panel))
