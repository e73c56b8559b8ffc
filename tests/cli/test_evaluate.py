"""quarva evaluate gives the scores and signals of formulas."""

import re

import numpy as np
import pandas as pd
import pytest


def daily_ic(bars, signal, horizon, method="pearson"):
    """Mean daily correlation of a signal (dates × assets) with the return of t+1 to t+1+horizon."""
    close = bars.pivot(index="date", columns="asset", values="close")
    target = close.shift(-1 - horizon) / close.shift(-1) - 1
    return signal.corrwith(target, axis=1, method=method).mean()


def test_scores_equal_those_of_pandas(quarva, bars):
    said = quarva(
        "evaluate", "delta(close, 5) / close", "--panel", bars, "--target", "forward_return_3", "--json"
    )
    entry = said.json["formulas"][0]
    table = pd.read_csv(bars)
    close = table.pivot(index="date", columns="asset", values="close")
    signal = (close - close.shift(5)) / close
    assert entry["ic"] == pytest.approx(daily_ic(table, signal, 3), abs=1e-6)
    assert entry["rank_ic"] == pytest.approx(daily_ic(table, signal, 3, "spearman"), abs=1e-6)
    assert entry["days"] == 200 - 5 - 4


def test_signals_are_written_in_long_layout_with_one_column_per_formula(quarva, bars, tmp_path):
    (tmp_path / "formulas.txt").write_text(
        "# two ideas\n\nreversal = -delta(close, 5)   # falls come back\nrank(volume)\n"
    )
    said = quarva("evaluate", "--formulas", "formulas.txt", "--panel", bars, "--out", "out.parquet")
    assert said.status == 0
    table = pd.read_parquet("out.parquet")
    assert list(table.columns) == ["date", "asset", "reversal", "f1"]
    prices = pd.read_csv(bars, parse_dates=["date"])
    assert len(table) == len(prices)
    joined = table.merge(prices, on=["date", "asset"])
    expected = -joined.groupby("asset")["close"].diff(5)
    np.testing.assert_allclose(joined["reversal"], expected, rtol=1e-5, atol=1e-5)


@pytest.fixture
def gaps(bars, tmp_path):
    """The market with its dearest asset suspended, which reopens lower, and its cheapest one delisted."""
    table = pd.read_csv(bars)
    dates, assets = sorted(table.date.unique()), sorted(table.asset.unique())
    prices = [name for name in ("open", "high", "low", "close") if name in table]
    table.loc[table.asset == assets[0], prices] *= 50
    table.loc[table.asset == assets[1], prices] /= 50
    table.loc[(table.asset == assets[0]) & (table.date >= dates[60]), prices] *= 0.5
    gone = (table.asset == assets[0]) & table.date.isin(dates[50:60])
    gone |= (table.asset == assets[1]) & (table.date >= dates[120])
    path = tmp_path / "gaps.csv"
    table[~gone].to_csv(path, index=False)
    return path


def test_gaps_and_delistings_are_counted(quarva, gaps, bars):
    arguments = ["evaluate", "close", "rank(volume)", "--panel", gaps, "--target", "forward_return_1"]
    said = quarva(*arguments, "--json").json
    worse = quarva(*arguments, "--json", "--delisting-return", "-0.5").json
    assert said["formulas"][0]["gaps_bridged"] == said["formulas"][0]["delistings"] == 1
    assert said["delisting_return"] == 0
    assert worse["delisting_return"] == -0.5
    for before, after in zip(said["formulas"], worse["formulas"], strict=True):
        assert (before["sharpe"] == after["sharpe"]) == (after["delistings"] == 0)
    shown = quarva(*arguments, "--delisting-return", "-0.5").out
    assert "gaps" in shown
    assert "delistings earned -50 %" in " ".join(shown.split())
    whole = quarva("evaluate", "close", "--panel", bars)
    assert "delistings" not in whole.out


def test_the_sharpe_ratio_depends_on_the_bars_per_year(quarva, bars):
    inferred = quarva("evaluate", "close", "--panel", bars, "--json").json
    given = quarva("evaluate", "close", "--panel", bars, "--json", "--periods-per-year", "365").json
    assert (inferred["periods_per_year"], given["periods_per_year"]) == (252, 365)
    ratio = given["formulas"][0]["sharpe"] / inferred["formulas"][0]["sharpe"]
    assert ratio == pytest.approx(np.sqrt(365 / 252))
    shown = quarva("evaluate", "close", "--panel", bars, "--periods-per-year", "365").out
    assert "annualised with 365 bars per year (by its dates: daily bars, 252 per year)" in " ".join(
        shown.split()
    )


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--periods-per-year", "0"), ("--delisting-return", "-2"), ("--periods-per-year", "inf")],
)
def test_invalid_settings_are_refused(quarva, bars, flag, value):
    said = quarva("evaluate", "close", "--panel", bars, f"{flag}={value}")
    assert said.status == 2
    assert said.err.count("\n") == 1
    assert flag in said.err


def test_csv_and_parquet_contain_the_same_signals(quarva, bars):
    for name in ("out.csv", "out.parquet"):
        assert quarva("evaluate", "close", "--panel", bars, "--out", name).status == 0
    csv, parquet = pd.read_csv("out.csv", parse_dates=["date"]), pd.read_parquet("out.parquet")
    pd.testing.assert_frame_equal(csv, parquet, check_dtype=False)


@pytest.mark.parametrize(
    ("notation", "formula"),
    [("karva", "rank corr_10 close volume"), ("qlib", "CSRank(Corr($close, $volume, 10))")],
)
def test_other_notations_give_the_same_scores(quarva, bars, notation, formula):
    said = quarva("evaluate", "--panel", bars, "--notation", notation, formula, "--json")
    assert said.json["formulas"][0]["formula"] == "rank(corr(close, volume, 10))"


def test_the_sealed_test_is_read_only_on_request(quarva, bars, market):
    arguments = ["evaluate", "close", "--panel", bars, "--json", "--split", "0.5,0.75"]
    sealed, opened = quarva(*arguments).json, quarva(*arguments, "--read-test").json
    assert "test" not in sealed["formulas"][0]
    assert opened["formulas"][0]["test"]["days"] == 50 - 6
    assert sealed["formulas"][0]["train"] == opened["formulas"][0]["train"]
    assert sealed["days"][1] < opened["split"]["test"][0]


def test_coverage_is_shown_and_missing_signals_lower_the_score(quarva, bars):
    said = quarva("evaluate", "delta(close, 5)", "log(delta(close, 5))", "--panel", bars, "--json")
    whole, silent = said.json["formulas"]
    assert whole["coverage"] == 1
    assert 0.3 < silent["coverage"] < 0.7
    assert silent["days"] == whole["days"]
    table = quarva("evaluate", "log(delta(close, 5))", "--panel", bars).out
    assert "coverage" in table
    assert f"{silent['coverage']:.4f}" in table


def test_a_forecast_of_volatility_is_not_traded(quarva, bars):
    asked = ("evaluate", "std(close, 5)", "--panel", bars, "--target", "forward_volatility_5")
    entry = quarva(*asked, "--json").json["formulas"][0]
    assert entry["sharpe"] is None
    assert entry["turnover"] is None
    assert entry["ic"] is not None
    table = quarva(*asked).out
    assert "sharpe" not in table
    assert "turnover" not in table
    assert "sharpe" in quarva("evaluate", "std(close, 5)", "--panel", bars).out


def test_a_table_has_r2_and_nrmse(quarva, tmp_path):
    rows = pd.DataFrame({"x": np.linspace(1, 2, 50)})
    rows["y"] = rows.x**2 + rows.x
    rows.to_csv("rows.csv", index=False)
    said = quarva("evaluate", "square(x) + x", "x", "--table", "rows.csv", "--json", "--out", "out.csv")
    first, second = said.json["formulas"]
    assert first["r2"] == pytest.approx(1, abs=1e-6)
    assert second["r2"] == pytest.approx(1 - ((rows.y - rows.x) ** 2).mean() / rows.y.var(ddof=0), abs=1e-6)
    assert list(pd.read_csv("out.csv").columns) == ["row", "f0", "f1"]


def test_a_formula_of_seconds_since_1970_is_exact(quarva):
    seconds = 1_700_000_001 + np.arange(200)
    rows = pd.DataFrame({"t": seconds, "z": np.random.default_rng(0).normal(size=200)})
    rows["y"] = 2 * np.arange(200) + 1
    rows.to_csv("rows.csv", index=False)
    formula = "2 * (t - 1700000001) + 1"
    said = quarva(
        "evaluate", formula, "--table", "rows.csv", "--split", "0.6,0.8", "--read-test", "--json",
        "--out", "out.parquet",
    )  # fmt: skip
    figures = said.json["formulas"][0]
    assert figures["formula"] == formula
    assert figures["r2"] == pytest.approx(1, abs=1e-9)
    for part in ("train", "validation", "test"):
        assert figures[part]["r2"] == pytest.approx(1, abs=1e-9)
    note = "the table is computed in float64 because float32 would change 't' by up to 64"
    assert note in said.json["notes"]
    assert f"note: {note}" in said.err
    np.testing.assert_array_equal(pd.read_parquet("out.parquet").f0, rows.y)


def test_a_panel_without_prices_gives_signals_but_no_scores(quarva, tmp_path):
    dates = pd.bdate_range("2020-01-01", periods=30)
    table = pd.DataFrame(
        {a: np.random.default_rng(n).normal(size=30) for n, a in enumerate("AB")}, index=dates
    )
    table.to_csv("wide.csv", index_label="date")
    said = quarva(
        "evaluate", "delta(mood, 2)", "--panel", "wide.csv", "--field", "mood", "--out", "o.csv", "--json"
    )
    assert said.status == 0
    assert "ic" not in said.json["formulas"][0]
    assert "no figures" in said.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("close\nrnk(close)\n", "f.txt, line 2: .*rank"),
        ("close\n\n# remark\nmean(clse, 5)\n", "f.txt, line 4: .*close"),
        ("corr(close, 10)\n", "f.txt, line 1: "),
        ("a = close\na = open\n", "f.txt, line 2: the name 'a' is used twice"),
        ("date = close\n", "f.txt, line 1: the name 'date' is a column"),
        ("# nothing\n", "f.txt contains no formula"),
    ],
)
def test_a_wrong_line_is_reported_by_its_number(quarva, bars, tmp_path, text, said):
    (tmp_path / "f.txt").write_text(text)
    answer = quarva("evaluate", "--formulas", "f.txt", "--panel", bars, "--out", "out.csv")
    assert answer.status == 2
    assert answer.err.count("\n") == 1
    assert re.search(said, answer.err)
    assert not (tmp_path / "out.csv").exists()


@pytest.fixture
def rows(tmp_path):
    """A table of 120 rows."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.uniform(1, 2, 120), "z": rng.uniform(1, 2, 120)})
    table["y"] = table.x * table.z + table.x + 0.1 * rng.normal(size=120)
    table.to_csv("rows.csv", index=False)
    return table


def test_a_split_of_a_table_gives_the_scores_of_a_search(quarva, rows):
    searched = quarva("search", "--table", "rows.csv", "--split", "0.6,0.8", "--budget", 300, "--json").json
    best = searched["best"]
    words = ["evaluate", best["formula"], "--table", "rows.csv", "--split", "0.6,0.8", "--json"]
    said = quarva(*words).json
    figures = said["formulas"][0]
    assert figures["train"]["r2"] == pytest.approx(best["train"], abs=2e-6)
    assert figures["validation"]["r2"] == pytest.approx(best["validation"], abs=2e-6)
    assert said["split"] == {"train": 72, "validation": 24}
    assert said["rows"] == figures["rows"] == 96
    assert "test" not in figures
    opened = quarva(*words, "--read-test").json
    assert opened["split"] == {"train": 72, "validation": 24, "test": 24}
    assert opened["formulas"][0]["train"] == figures["train"]
    told = quarva(*words[:-1]).out
    assert "r2 train" in told
    assert "r2 validation" in told


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--read-test"], "--read-test: without a split"),
        (["--split", "0.8,0.6"], "the split of a table must be two ascending shares"),
        (["--split", "2017-01-01,2018-01-01"], "the split of a table must be two ascending shares"),
        (["--target", "forward_return_5"], "--target: a table has its own target column"),
    ],
)
def test_flags_that_a_table_cannot_honour_are_refused(quarva, rows, flags, said):
    answer = quarva("evaluate", "x", "--table", "rows.csv", *flags)
    assert answer.status == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
