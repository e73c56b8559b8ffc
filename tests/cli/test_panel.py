"""quarva panel describes files and simulates markets."""

import pandas as pd
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
