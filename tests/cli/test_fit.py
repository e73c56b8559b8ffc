"""quarva fit: a folder with a network, scores in the terminal, and one-line errors."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from quarva.networks import Fitted
from quarva.panel import Panel, Table

QUICK = ("--length", "4", "--epochs", "2", "--feature", "pct_change(close, 1)")
FILES = {"recipe.toml", "network.json", "weights.safetensors", "training.safetensors",
         "history.parquet", "findings.json", "report.html"}  # fmt: skip


def test_a_fit_writes_a_folder_that_python_can_load(quarva, bars):
    said = quarva("fit", "--panel", bars, "--network", "conv1d", *QUICK, "--out", "f", "--json")
    assert said.status == 0, said.err
    record = said.json
    assert set(os.listdir("f")) == FILES
    assert record["network"] == "conv1d"
    assert record["epochs"] == 2
    assert set(record["baselines"]) == {"constant", "last value", "linear"}
    assert record["task"]["target"] == "forward_return_5"
    assert record["coverage"] == 1
    panel = Panel.read(bars)
    assert Fitted.load("f").signal(panel).shape == panel.shape


def test_the_terminal_shows_first_which_baselines_are_not_beaten(quarva, bars):
    said = quarva("fit", "--panel", bars, *QUICK, "--out", "f")
    assert said.status == 0, said.err
    lines = said.out.splitlines()
    record = json.loads(Path("f/network.json").read_text())
    beaten = [
        name for name, value in record["figures"]["baselines"].items() if value <= record["figures"]["value"]
    ]
    assert lines[0].startswith("NOT BETTER than" if beaten else "dense: ic of forward_return_5")


def test_a_price_target_causes_one_warning_and_the_spread_of_members_is_shown(quarva, bars):
    said = quarva("fit", "--panel", bars, "--target", "close", "--members", 3, "--length", 4, "--epochs", 2,
                  "--out", "f")  # fmt: skip
    assert said.status == 0, said.err
    assert (said.err + said.out).count("target close is a price: today's price explains nearly all of") == 1
    assert "the 3 networks differ by" in said.out
    assert said.out.splitlines()[-3:-1] == ["2 epochs, the maximum", "fit: f"]
    assert any("is a price" in note for note in Fitted.load("f").notes)


def test_a_loss_that_is_not_finite_keeps_the_weights_and_is_reported(quarva, bars):
    said = quarva("fit", "--panel", bars, *QUICK, "--rate", "1e30", "--batch", 64, "--out", "f")
    assert said.status == 0, said.err
    assert (
        "the loss became NaN or infinite in epoch 1, in batch 2; training kept the initial weights"
        in said.out
    )
    assert "0 epochs, until the loss was NaN or infinite" in said.out
    assert np.isfinite(Fitted.load("f").values(Panel.read(bars))[-1]).all()


def test_a_recipe_that_was_changed_by_hand_is_refused(quarva, bars):
    assert quarva("fit", "--panel", bars, *QUICK, "--out", "f").status == 0
    recipe = Path("f/recipe.toml").read_text()
    for text, line in (
        ("{", "f/recipe.toml is not TOML"),
        ('netwrk = "dense"\n' + recipe, "unknown key 'netwrk'; did you mean 'network'"),
        (recipe.replace("length = 4", 'length = "four"'), "length = four"),
        (recipe.replace('network = "dense"', 'network = "gru"'), "f/training.safetensors belongs to another"),
    ):
        Path("f/recipe.toml").write_text(text)
        told = quarva("fit", "--resume", "f")
        assert told.status == 2
        assert line in told.err
        assert len(told.err.strip().splitlines()) == 1


def test_fit_accepts_a_table(quarva, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (200, 2))
    rows = np.column_stack([x, np.sin(2 * x[:, 0]) * x[:, 1]])
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="a,b,z", comments="", fmt="%.6f")
    given = ("--table", "t.csv", "--target-column", "z", "--batch", 32, "--rate", 0.01, "--epochs", 30)
    said = quarva("fit", *given, "--split", "0.6,0.8", "--objective", "nrmse", "--out", "f", "--json")
    assert said.status == 0, said.err
    assert said.json["validation"] < 0.6
    assert set(said.json["baselines"]) == {"constant", "linear"}
    assert said.json["not_better_than"] == []
    assert set(os.listdir("f")) == FILES
    predicted = Fitted.load("f").predict(Table.read("t.csv", "z"))
    assert np.sqrt(np.mean((predicted - rows[:, 2]) ** 2)) < 0.6 * rows[:, 2].std()
    for words, line in (
        (["--network", "conv1d"], "conv1d reads a sequence of days in the layout 'channels'"),
        (["--length", 5], "length=5 does not fit a table"),
        (["--feature", "mean(a, 5)"], "the feature 'mean(a, 5)' reads other rows (mean)"),
        (["--feature", "log(a)"], "the feature 'log(a)' has no value in"),
        (["--feature", "c"], "c"),
        (["--holdout", 0], "holdout=0 uses the validation part"),
        (["--loss", "ic"], "the loss ic compares the assets of a day, but a table has no assets"),
        (["--target", "forward_return_1"], "a table has its own target column"),
        (["--panel", "t.csv"], "panel and table exclude each other"),
    ):
        told = quarva("fit", "--table", "t.csv", "--target-column", "z", *words, "--out", "g")
        assert told.status == 2
        assert line in told.err.splitlines()[-1]
        assert not Path("g").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_an_interrupted_fit_can_be_resumed(quarva, bars, monkeypatch):
    from quarva.networks.training import training

    fit = ("fit", "--panel", bars, "--length", "4", "--epochs", "6", "--patience", "9", "--json")
    whole = quarva(*fit, "--out", "whole").json
    look = training.Training._evaluate
    seen = []

    def interrupted(self, samples):
        seen.append(1)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return look(self, samples)

    with monkeypatch.context() as patched:
        patched.setattr(training.Training, "_evaluate", interrupted)
        said = quarva(*fit, "--out", "f")
    assert said.status == 130
    assert said.json["ended"] == "interrupted"
    on = quarva("fit", "--resume", "f", "--json")
    assert on.status == 0, on.err
    assert {**on.json, "fit": ""} == {**whole, "fit": ""}
    more = quarva("fit", "--resume", "f", "--epochs", "8", "--threads", "2", "--json").json
    assert more["epochs"] == 8


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--network", "conv2d"], "unknown network 'conv2d'; did you mean 'conv1d'?"),
        (["--setting", "width"], "--setting width: write NAME=VALUE, such as width=64"),
        (["--setting", "width=big"], "--setting width=big: write NAME=VALUE"),
        (["--setting", "wdth=3"], "dense cannot be created for"),
        (["--length", "900"], "a window of 900 days does not fit"),
        (["--feature", "close +"], "close +"),
        (["--feature", "clse"], "clse"),
        (["--loss", "mae"], "unknown loss 'mae'"),
        (["--device", "tpu"], "unknown device 'tpu'"),
        (["--target", "direction5"], "unknown target 'direction5'; did you mean 'direction_5'"),
        (["--rate", "inf"], "--rate = inf: input should be a finite number"),
        (["--network", "transformer", "--setting", "heads=3"], "embed_dim must be divisible by num_heads"),
        (["--loss", "cross_entropy"], "values, too many for classes"),
        (["--epochs", "0"], "epochs must be 1 or more, not 0"),
        (["--resume", "nowhere"], "nowhere: no such folder"),
        (["--resume", "x", "--length", "3"], "--length: a resumed fit keeps its recipe"),
    ],
)
def test_an_invalid_request_is_refused_in_one_line_and_leaves_no_folder(quarva, bars, words, said):
    given = [] if "--resume" in words else ["--panel", bars, "--out", "f"]
    told = quarva("fit", *given, *words)
    assert told.status == 2
    assert said in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert not Path("f").exists()


def test_a_fit_cannot_resume_a_search_or_other_data(quarva, bars, market, tmp_path):
    quarva("search", "--panel", bars, "--budget", 50, "--out", "s")
    told = quarva("fit", "--resume", "s")
    assert told.status == 2
    assert "s is the folder of a search; continue it with quarva search --resume s" in told.err
    assert quarva("fit", "--panel", bars, *QUICK, "--out", "g").status == 0
    kept = sorted(Path("g").iterdir())
    told = quarva("search", "--resume", "g")
    assert told.status == 2
    assert "g is the folder of a fit; continue it with quarva fit --resume g" in told.err
    assert sorted(Path("g").iterdir()) == kept
    market.write(tmp_path / "mine.csv")
    assert quarva("fit", "--panel", "mine.csv", *QUICK, "--out", "f").status == 0
    market.between(market.dates[5]).write(tmp_path / "mine.csv")
    told = quarva("fit", "--resume", "f")
    assert told.status == 2
    assert "changed since the fit" in told.err


def test_weights_contain_no_pickle(quarva, bars):
    quarva("fit", "--panel", bars, *QUICK, "--out", "f")
    assert Path("f/weights.safetensors").read_bytes()[8:9] == b"{"
    source = Path(__file__).parents[2] / "src"
    for path in source.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "torch.load" not in text, path
        assert "torch.save" not in text, path
    assert np.isfinite(json.loads(Path("f/network.json").read_text())["figures"]["value"])


def test_members_beyond_memory_are_refused_in_one_line(quarva, bars):
    said = quarva("fit", "--panel", bars, "--members", 1_000_000_000, "--out", "run")
    assert said.status == 2
    assert said.err.startswith("quarva: members = 1000000000: ")
    assert said.err.count("\n") == 1
    assert not Path("run").exists()
