"""Every mistake gives one line on standard error, status 2, and no partial output."""

import errno
import os
import re

import numpy as np
import pandas as pd
import pytest


def long_table(assets=4, days=60):
    """Bars of a few assets as a long pandas table."""
    rng = np.random.default_rng(0)
    dates = pd.bdate_range("2020-01-01", periods=days)
    table = pd.DataFrame(
        [(date, f"A{asset}") for date in dates for asset in range(assets)], columns=["date", "asset"]
    )
    steps = rng.normal(0, 0.01, (days, assets)).cumsum(axis=0)
    return table.assign(close=(20 * np.exp(steps)).ravel(), volume=rng.integers(1, 9, days * assets) * 100.0)


def spoiled(spoil):
    """The CSV text of the bars after one change."""
    table = long_table()
    changed = spoil(table)
    return (table if changed is None else changed).to_csv(index=False)


def set_cell(row, column, value):
    def spoil(table):
        table[column] = table[column].astype(object)
        table.loc[row, column] = value

    return spoil


MIXED_ZONES = "date,asset,close\n2020-01-01T09:00+00:00,A,1\n2020-01-02T09:00,A,2\n"

FILES = {
    "an empty file": ("", "bars.csv"),
    "no table": ("\x00\x01\x02 not a table", "bars.csv"),
    "no date column": (spoiled(lambda t: t.drop(columns="date")), "date"),
    "text for a date": (spoiled(set_cell(3, "date", "yesterday")), "yesterday"),
    "doubled dates": (spoiled(lambda t: pd.concat([t, t.iloc[[5]]])), "2020-01-02"),
    "dates in mixed time zones": (MIXED_ZONES, "zone"),
    "a constant price": (spoiled(lambda t: t.assign(vwap=1.0)), "vwap"),
    "no value at all": (spoiled(lambda t: t[["date", "asset"]].assign(gone=np.nan)), "gone"),
    "an infinite field": (spoiled(set_cell(7, "volume", np.inf)), "volume"),
    "text in a field": (spoiled(set_cell(7, "close", "n/k")), "n/k"),
    "a price of zero": (spoiled(set_cell(7, "close", 0.0)), "close"),
    "a negative price": (spoiled(set_cell(7, "close", -1.0)), "close"),
    "a jump above 300 %": (spoiled(set_cell(9, "close", 400.0)), "--allow-jumps"),
    "dates out of order": (spoiled(lambda t: t.sample(frac=1, random_state=0)), "sort the rows by date"),
    "one asset where two are needed": (spoiled(lambda t: t[t.asset == "A0"]), "asset"),
    "fewer days than the question needs": (spoiled(lambda t: t[t.date < "2020-01-08"]), "day"),
}


def refused(said, *words):
    """The command refused in one line that says these words (regular expressions)."""
    assert said.status == 2, said
    assert said.out == ""
    assert re.fullmatch(r"quarva: [^\n]+\n", said.err), said.err
    for word in words:
        assert re.search(word, said.err), said.err


@pytest.mark.parametrize("case", FILES)
def test_invalid_bars_are_refused(quarva, tmp_path, case):
    text, word = FILES[case]
    (tmp_path / "bars.csv").write_text(text)
    said = quarva("search", "--panel", "bars.csv", "--objective", "ic", "--budget", 50, "--out", "run")
    refused(said, "bars.csv" if "asset where" not in case and "fewer" not in case else "", re.escape(word))
    assert os.listdir(tmp_path) == ["bars.csv"]


@pytest.mark.parametrize("command", ["search", "evaluate", "describe"])
def test_a_missing_file_is_reported(quarva, command):
    arguments = {
        "search": ("search", "--panel", "none.csv"),
        "evaluate": ("evaluate", "close", "--panel", "none.csv"),
        "describe": ("panel", "describe", "none.csv"),
    }[command]
    refused(quarva(*arguments), "none.csv: no such file")


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("rnk(close)", ["rnk", "rank", "column 1"]),
        ("rank(clse)", ["clse", "close", "column 6"]),
        ("corr(close, 10)", ["corr"]),
        ("mean(close, 5", ["column"]),
        ("mean(close, 0)", ["mean", "window"]),
        ("", ["formula"]),
    ],
)
def test_an_invalid_formula_is_refused(quarva, tmp_path, formula, words):
    long_table().to_csv("bars.csv", index=False)
    refused(quarva("evaluate", formula, "--panel", "bars.csv", "--out", "out.csv"), *words)
    assert os.listdir(tmp_path) == ["bars.csv"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--split", "1999-01-01,2000-01-01"], ["split: 1999-01-01 lies outside the panel"]),
        (["--split", "2020-02-20,2020-02-01"], ["split"]),
        (["--split", "2020-02-20"], ["two days"]),
        (["--split", "soon,later"], ["'soon' is not a date"]),
        (["--target", "forward_retrun_5"], ["forward_retrun_5", "forward_return_5"]),
        (["--target", "forward_return_99"], ["99"]),
        (["--objective", "rankic"], ["rank_ic"]),
        (["--objective", "r2"], ["r2"]),
        (["--searcher", "annealing"], ["annealing", "gep"]),
        (["--functions", "add,rnk"], ["rnk", "rank"]),
        (["--windows", "0"], ["window"]),
        (["--budget", "0"], ["--budget = 0"]),
        (["--tuning-steps", "5"], ["no constants can be tuned", "table"]),
        (["--tuning-steps", "-1"], ["--tuning-steps = -1"]),
        (["--delay", "-1"], ["--delay = -1"]),
        (["--threads", "0"], ["--threads = 0"]),
        (["--table", "bars.csv"], ["exclude each other"]),
        (["--recipe", "none.toml"], ["none.toml"]),
        (["--resume", "run"], ["--panel: a resumed run keeps its recipe"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("--") else "",
)
def test_an_invalid_task_is_refused(quarva, tmp_path, flags, words):
    long_table().to_csv("bars.csv", index=False)
    out = [] if "--resume" in flags else ["--out", "run"]
    refused(quarva("search", "--panel", "bars.csv", "--budget", 50, *out, *flags), *words)
    assert os.listdir(tmp_path) == ["bars.csv"]


def test_an_unknown_key_of_a_recipe_is_refused(quarva, tmp_path):
    (tmp_path / "recipe.toml").write_text("budgt = 10\n")
    refused(quarva("search", "--recipe", "recipe.toml", "--out", "run"), "recipe.toml", "budgt", "budget")
    assert os.listdir(tmp_path) == ["recipe.toml"]


def test_an_unknown_setting_of_the_searcher_in_a_recipe_is_refused(quarva, tmp_path):
    (tmp_path / "recipe.toml").write_text("[settings]\npopulaton = 10\n")
    refused(quarva("search", "--recipe", "recipe.toml", "--out", "run"), "populaton", "population")
    assert os.listdir(tmp_path) == ["recipe.toml"]


@pytest.mark.parametrize(
    ("command", "text", "words"),
    [
        ("search", "budget = true", ["budget = True: input should be a number"]),
        ("search", "[settings]\npopulation = 'x'", ["setting of the searcher 'gep' has the wrong type"]),
        ("search", "network = 'dense'", ["is for quarva fit, not for quarva search"]),
        ("fit", "[searchers.x]\nsearcher = 'gep'", ["is for quarva compare, not for quarva fit"]),
        ("fit", "budget = 5", ["unknown key 'budget'"]),
        ("compare", "searchers = 5", ["searchers = 5: give names"]),
        ("compare", "searchers = [1, 2]", ["give names, or a table for each entry"]),
        ("compare", "[searchers.x]\nfoo = 1", ["'x' needs one of the keys searcher, network and trader"]),
        ("compare", "[searchers.x]\nsearcher = 3", ["unknown searcher '3'"]),
        ("compare", "[searchers.x]\nsearcher = 'gep'\nepochs = 3", ["'x' has the unknown key 'epochs'"]),
        ("compare", "[searchers.x]\nnetwork = 'dense'\nfoo = 1", ["'x' cannot be created", "foo"]),
        ("compare", "[searchers.'../x']\nsearcher = 'gep'", ["a name may contain only letters"]),
        ("compare", "seeds = [1, 1]", ["seeds must be distinct"]),
    ],
)
def test_an_invalid_recipe_is_refused(quarva, tmp_path, command, text, words):
    (tmp_path / "recipe.toml").write_text(text)
    refused(quarva(command, "--recipe", "recipe.toml", "--out", "run"), *words)
    assert os.listdir(tmp_path) == ["recipe.toml"]


@pytest.mark.parametrize(
    "arguments",
    [["fit", "--feature", ""], ["compare", "--searchers", "gep", "--functions", "nothing"], ["panel"],
     ["stream"], ["bench", "--threads", "0"], ["panel", "simulate", "out.csv", "--seed", "-1"]],
    ids=" ".join,
)  # fmt: skip
def test_a_refused_run_leaves_no_folder(quarva, tmp_path, arguments):
    refused(quarva(*arguments))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("command", [["search", "--resume"], ["report"]])
def test_a_run_folder_of_another_version_is_refused(quarva, tmp_path, command):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.toml").write_text('version = 9\nquarva = "4.0"\n')
    refused(quarva(*command, "run"), "run", "version = 9", "4.0")
    (tmp_path / "run" / "recipe.toml").write_text("version = 1\n")
    (tmp_path / "run" / "findings.json").write_text('{"version": 9, "quarva": "4.0"}')
    refused(quarva(*command, "run"), "findings.json", "version 9", "4.0")


def test_a_folder_without_a_run_is_refused(quarva, tmp_path):
    refused(quarva("report", "none"), "none: no such folder")
    (tmp_path / "empty").mkdir()
    refused(quarva("search", "--resume", "empty"), "is not a run folder")


def test_a_folder_in_use_is_not_overwritten(quarva, tmp_path):
    long_table().to_csv("bars.csv", index=False)
    refused(quarva("search", "--panel", "bars.csv", "--out", "."), "is not empty", "--resume")
    assert os.listdir(tmp_path) == ["bars.csv"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize(
    "command",
    [
        ["search", "--budget", 50, "--out", "run"],
        ["evaluate", "close", "--out", "out.csv"],
        ["evaluate", "close", "--out", "out.parquet"],
    ],
    ids=["search", "csv", "parquet"],
)
def test_a_full_disk_or_missing_permission_is_reported(quarva, tmp_path, monkeypatch, command, number):
    long_table().to_csv("bars.csv", index=False)

    def fail(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    refused(
        quarva(*command, "--panel", "bars.csv"), "disk is full" if number == errno.ENOSPC else "no permission"
    )
    assert os.listdir(tmp_path) == ["bars.csv"]


def test_a_market_that_cannot_be_written_leaves_no_file(quarva, tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused(quarva("panel", "simulate", "--assets", 3, "--days", 40, "out.parquet"), "out.parquet")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["out.xlsx", "out", "nowhere/out.csv"])
def test_the_path_for_signals_is_checked_first(quarva, tmp_path, name):
    refused(quarva("evaluate", "close", "--out", name), name)
    assert os.listdir(tmp_path) == []


def test_the_flag_named_in_the_message_leaves_out_an_unusable_field(quarva, tmp_path):
    (tmp_path / "bars.csv").write_text(spoiled(lambda t: t.assign(vwap=1.0)))
    refusal = quarva("evaluate", "close", "--panel", "bars.csv")
    assert refusal.status == 2
    flag = re.search(r"--fields \S+(?=\))", refusal.err)
    assert flag is not None
    assert quarva("evaluate", "close", "--panel", "bars.csv", *flag.group().split()).status == 0
    assert quarva("panel", "describe", "bars.csv", *flag.group().split()).status == 0
