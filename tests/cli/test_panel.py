"""quarva panel describes files, simulates markets and plants effects."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest


def test_describe_shows_span_coverage_gaps_and_jumps(quarva, market):
    close = pd.DataFrame(market.field("close"), index=pd.DatetimeIndex(market.dates, name="date"))
    close.columns = market.assets
    close.iloc[50:60, 2] = None
    close.iloc[120:, 4] *= 2.5
    close.to_csv("wide.csv")
    told = quarva("panel", "describe", "wide.csv", "--json").json
    assert (told["days"], told["assets"], told["fields"]) == (200, 12, ["close"])
    assert told["longest_gap"]["bars"] == 10
    assert told["jumps"][0]["asset"] == market.assets[4]
    shown = quarva("panel", "describe", "wide.csv").out
    assert "200 dates" in shown
    assert "10 bars" in shown


def test_describe_without_a_file_shows_the_sample_panel(quarva):
    told = quarva("panel", "describe", "--json").json
    assert (told["days"], told["assets"]) == (8313, 20)


def test_a_simulated_market_contains_its_planted_formula(quarva):
    arguments = ("panel", "simulate", "--assets", 50, "--days", 300, "--plant", "-delta(close, 3)")
    said = quarva(*arguments, "--ic", 0.1, "--seed", 2, "market.parquet", "--json")
    assert said.json["ic"] == pytest.approx(0.1, abs=0.01)
    judged = quarva(
        "evaluate", "-delta(close, 3)", "--panel", "market.parquet", "--target", "forward_return_1", "--json"
    )
    assert judged.json["formulas"][0]["ic"] == pytest.approx(said.json["ic"], abs=1e-4)


def test_the_same_seed_gives_the_same_market(quarva):
    for name in ("a.parquet", "b.parquet"):
        assert quarva("panel", "simulate", "--assets", 3, "--days", 50, "--seed", 5, name).status == 0
    first, second = (quarva("panel", "describe", name, "--json").json for name in ("a.parquet", "b.parquet"))
    assert first["fingerprint"] == second["fingerprint"]


def test_a_plant_is_written_with_its_drive(quarva):
    quarva("panel", "simulate", "--assets", 50, "--days", 300, "market.parquet")
    said = quarva(
        "panel", "plant", "market.parquet", "planted.parquet", "--plant", "-pct_change(close, 5)", "--plant",
        "ts_zscore(volume, 20)", "--ic", 0.1, "--json",
    ).json  # fmt: skip
    assert [each["formula"] for each in said["planted"]] == ["-pct_change(close, 5)", "ts_zscore(volume, 20)"]
    judged = quarva(
        "evaluate",
        "ts_zscore(volume, 20)",
        "--panel",
        "planted.parquet",
        "--target",
        "forward_return_1",
        "--json",
    ).json
    assert judged["formulas"][0]["ic"] == pytest.approx(said["planted"][1]["ic"], abs=1e-3)
    drive = pl.read_parquet(said["drive"])
    assert drive.columns == ["date", "asset", "drive"]
    assert drive["drive"].std() > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--plant", "close * vwap"), "vwap"),
        (("--plant", "close", "--ic", 2), "ic = 2"),
        (("--plant", "close / close"), "differs between assets on 0 days"),
        ((), "--plant"),
    ],
)
def test_a_plant_that_cannot_be_made_is_one_line_and_writes_nothing(quarva, arguments, message):
    quarva("panel", "simulate", "--assets", 20, "--days", 100, "market.parquet")
    said = quarva("panel", "plant", "market.parquet", "planted.parquet", *arguments)
    assert said.status == 2
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not Path("planted.parquet").exists()


def test_a_plant_replaces_neither_the_panel_nor_another_file(quarva):
    quarva("panel", "simulate", "--assets", 20, "--days", 100, "market.parquet")
    before = Path("market.parquet").read_bytes()
    plant = ("--plant", "rank(volume)")
    said = quarva("panel", "plant", "market.parquet", "market.parquet", *plant)
    assert said.status == 2
    assert "would replace the panel itself" in said.err
    Path("market.parquet").rename("x_drive.parquet")
    assert quarva("panel", "plant", "x_drive.parquet", "x.parquet", *plant).status == 2
    assert Path("x_drive.parquet").read_bytes() == before
    Path("y_drive.parquet").write_bytes(before)
    said = quarva("panel", "plant", "x_drive.parquet", "y.parquet", *plant)
    assert said.status == 2
    assert "name another OUT" in said.err
    assert not Path("y.parquet").exists()
    for _ in range(2):  # the drive of an earlier plant may be replaced
        assert quarva("panel", "plant", "x_drive.parquet", "z.parquet", *plant).status == 0


def test_power_prints_shares_and_draws_them(quarva, tmp_path):
    market = tmp_path / "market.parquet"
    assert quarva("panel", "simulate", market, "--assets", 40, "--days", 400, "--seed", 2).status == 0
    words = (
        "panel",
        "power",
        market,
        "--budget",
        200,
        "--ic",
        "0.01,0.1",
        "--split",
        "2015-10-01,2016-03-01",
    )
    said = quarva(*words, "--png", "power.png", "--json")
    assert said.status == 0, said.err
    weak, strong = said.json["power"]
    assert (weak["ic"], strong["ic"]) == (0.01, 0.1)
    assert strong["share"] > 0.5
    assert Path("power.png").read_bytes().startswith(b"\x89PNG")
    assert "share of the set" in quarva(*words).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--ic", "strong"), "--ic strong: write numbers joined by commas"),
        (("--ic", "2"), "ic"),
        (("--plant", "rank(nothing)"), "nothing"),
        (("--png", "picture.jpg"), "must end in .png"),
        (("--png", "nowhere/picture.png"), "there is no folder nowhere"),
        (("--objective", "sharpe"), "the power of a recipe is that of its set"),
    ],
)
def test_a_power_analysis_that_cannot_be_done_is_refused_in_one_line(quarva, tmp_path, words, message):
    market = tmp_path / "market.parquet"
    assert quarva("panel", "simulate", market, "--assets", 40, "--days", 400).status == 0
    said = quarva("panel", "power", market, "--budget", 100, *words)
    assert said.status == 2
    assert message in said.err
    assert len(said.err.strip().splitlines()) == 1
