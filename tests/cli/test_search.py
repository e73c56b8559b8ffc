"""quarva search: a run folder can be reproduced, resumed and reported."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import quarva as qv

FILES = {
    "recipe.toml",
    "findings.json",
    "signals.parquet",
    "history.parquet",
    "incumbents.parquet",
    "report.html",
    "set.toml",
    "checkpoint.npz",
}


@pytest.fixture
def run(quarva, bars):
    """A small run in the folder `run`."""
    said = quarva(
        "search", "--panel", bars, "--target", "forward_return_1", "--budget", 600, "--out", "run", "--json"
    )
    assert said.status == 0, said.err
    return said.json


def test_a_run_writes_a_complete_folder(run):
    assert set(os.listdir("run")) == FILES
    assert run["evaluations"] == 600
    assert run["invalid"] == run["candidates"] == 0
    assert run["run"] == "run"
    assert run["best"] == run["pool"][0]
    assert {"formula", "gene", "size", "train", "validation"} <= set(run["best"])
    assert all(0 < each["coverage"] <= 1 for each in run["pool"])
    assert json.loads(Path("run/findings.json").read_text()) == run


def test_the_set_of_a_run_is_read_from_its_file(run, bars):
    own = qv.Set.read("run/set.toml")
    assert [each.text for each in own.members] == run["set"]["formulas"]
    assert own.weights.tolist() == run["set"]["weights"]
    written = pd.read_parquet("run/signals.parquet").pivot(index="date", columns="asset", values="set")
    signal = own.signal(qv.Panel.read(bars))
    np.testing.assert_array_equal(written.to_numpy(), signal[written.columns].to_numpy())


def test_signals_and_history_belong_to_the_findings(run, quarva, bars):
    signals, history = pd.read_parquet("run/signals.parquet"), pd.read_parquet("run/history.parquet")
    assert list(signals.columns) == ["date", "asset", *(f"f{k}" for k in range(len(run["pool"]))), "set"]
    assert history["evaluations"].iloc[-1] == 600
    assert history["best"].iloc[-1] == pytest.approx(run["best"]["train"])
    incumbents = pd.read_parquet("run/incumbents.parquet")
    assert incumbents["train"].iloc[-1] == pytest.approx(run["best"]["train"])
    assert incumbents["evaluations"].is_monotonic_increasing
    quarva("evaluate", run["best"]["formula"], "--panel", bars, "--out", "again.parquet")
    np.testing.assert_array_equal(signals["f0"], pd.read_parquet("again.parquet")["f0"])


def test_candidates_are_printed_next_to_the_number_of_formulas(quarva, bars):
    words = ["--panel", bars, "--searcher", "blend", "--budget", 120]
    record = quarva("search", *words, "--json").json
    assert record["candidates"] > record["evaluations"] == 120
    assert (
        f"120 distinct formulas chosen from {record['candidates']:,} candidates"
        in quarva("search", *words).out
    )


def test_the_recipe_of_a_run_repeats_it(run, quarva):
    again = quarva("search", "--recipe", "run/recipe.toml", "--out", "again", "--json").json
    for key in ("best", "pool", "proposed", "panel", "task"):
        assert again[key] == run[key]


def test_flags_override_the_recipe(run, quarva):
    other = quarva("search", "--recipe", "run/recipe.toml", "--budget", 300, "--json").json
    assert (other["evaluations"], other["budget"]) == (300, 300)
    assert Path(other["run"]).parent == Path("runs")


def test_a_resumed_run_ends_like_an_uninterrupted_one(run, quarva, bars):
    arguments = ("search", "--panel", bars, "--target", "forward_return_1", "--json")
    whole = quarva(*arguments, "--budget", 2500, "--out", "whole").json
    quarva(*arguments, "--budget", 2500, "--seconds", 0.05, "--out", "part")
    resumed = quarva("search", "--resume", "part", "--seconds", 1000, "--json").json
    for key in ("best", "pool", "evaluations", "proposed"):
        assert resumed[key] == whole[key]


def test_the_terminal_shows_a_table_and_the_path_of_the_run(quarva, bars):
    said = quarva("search", "--panel", bars, "--budget", 100, "--out", "run")
    for word in ("formula", "train", "validation", "turnover", "size", "run: run", "page: run/report.html"):
        assert word in said.out


def test_the_terminal_shows_the_expected_best_of_noise(quarva, bars):
    said = quarva("search", "--panel", bars, "--target", "forward_return_1", "--budget", 150, "--out", "run")
    words = " ".join(said.out.split())
    assert "Best of 150 distinct formulas" in words
    assert "the best would have a training IC of" in words
    assert "an average, not a bound" in words
    assert "coverage" in words
    page = Path("run/report.html").read_text(encoding="utf-8").replace("\u00a0", " ")
    assert words[words.index("Best of 150") : words.index("not a bound")] in page


def test_a_forecast_of_volatility_is_not_traded(quarva, bars):
    asked = ("search", "--panel", bars, "--target", "forward_volatility_5", "--budget", 150)
    record = quarva(*asked, "--out", "run", "--json").json
    assert all(each["turnover"] is None for each in record["pool"])
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert "by their 5-day volatility?" in page
    for words in ("Does it pay", "Sharpe", ">turnover"):
        assert words not in page
    assert "turnover" not in quarva(*asked, "--out", "again").out
    refused = quarva(*asked, "--objective", "sharpe", "--out", "third")
    assert refused.status == 2
    assert "forward_volatility_5 is not a return" in refused.err


def test_the_sealed_test_is_read_on_request_and_counted(run, quarva):
    assert "test" not in run["best"]
    assert run["test_readings"] == 0
    said = quarva("report", "run", "--read-test", "--json")
    assert isinstance(said.json["best"]["test"], float)
    assert json.loads(Path("run/findings.json").read_text())["test_readings"] == 1


def test_search_accepts_a_table(quarva):
    x = np.linspace(-1, 1, 40)
    pd.DataFrame({"x": x, "z": x**2 + x}).to_csv("rows.csv", index=False)
    said = quarva(
        "search", "--table", "rows.csv", "--target-column", "z", "--budget", 20000, "--out", "run", "--json"
    )
    assert said.json["stopped"] == "solved"
    assert said.json["best"]["train"] == pytest.approx(1)


def test_the_report_can_be_written_again_from_the_folder(run, quarva):
    Path("run/report.html").unlink()
    assert quarva("report", "run").status == 0
    assert run["best"]["formula"].split("(")[0].lstrip("-") in Path("run/report.html").read_text()


def test_a_run_whose_data_changed_cannot_be_resumed(run, quarva, market, tmp_path):
    recipe = Path("run/recipe.toml")
    market.between(market.dates[10]).write(tmp_path / "other.csv")
    lines = recipe.read_text().splitlines()
    recipe.write_text("\n".join('panel = "../other.csv"' if x.startswith("panel =") else x for x in lines))
    said = quarva("search", "--resume", "run")
    assert said.status == 2
    assert "changed since the run" in said.err


def test_units_are_given_by_a_flag_and_notes_of_the_search_are_told(quarva, tmp_path):
    market = tmp_path / "market.csv"
    assert quarva("panel", "simulate", market, "--assets", 12, "--days", 300).status == 0
    market.write_text(market.read_text().replace("volume", "earnings", 1))
    words = ("search", "--panel", market, "--target", "forward_return_1", "--budget", 100)
    said = quarva(*words, "--out", "one")
    assert "note: the names earnings do not imply a unit" in said.err
    given = quarva(*words, "--units", "earnings=price", "--out", "two")
    assert given.status == 0
    assert "earnings" not in given.err
    assert Path("two/report.html").read_text() == _again(quarva, "two")
    assert Path("one/report.html").read_text() == _again(quarva, "one")
    for text, message in (
        ("earnings", "is not of the form FIELD=UNIT"),
        ("earnings=price+", "not a valid unit"),
    ):
        wrong = quarva(*words, "--units", text)
        assert wrong.status == 2
        assert message in wrong.err


def _again(quarva, run):
    """The page of a run, written again."""
    assert quarva("report", run).status == 0
    return Path(run, "report.html").read_text()
