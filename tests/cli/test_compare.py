"""quarva compare: a table, a picture and a folder."""

import json
import os
from pathlib import Path

import pytest

from .killed import killed_at

SMALL = ["--target", "forward_return_1", "--budget", "600", "--seeds", "2", "--threads", "1"]


def told(record):
    """All that `--json` prints of the runs but the time they took, and what depends on the other runs."""
    return [
        {key: value for key, value in row.items() if "seconds" not in key and "to_level" not in key}
        for row in record["rows"]
    ]


@pytest.fixture
def compared(quarva, bars):
    """A small comparison in the folder `c`."""
    said = quarva("compare", "--panel", bars, "--searchers", "random,gep", *SMALL, "--out", "c", "--json")
    assert said.status == 0, said.err
    return said.json


def test_json_has_one_row_per_run(compared):
    assert [(row["searcher"], row["seed"]) for row in compared["rows"]] == [
        ("random", 0), ("random", 1), ("gep", 0), ("gep", 1),
    ]  # fmt: skip
    assert {row["evaluations"] for row in compared["rows"]} == {600}
    assert {row["invalid"] for row in compared["rows"]} == {0}
    assert {"best", "seconds", "seconds_proposing", "seconds_scoring", "formula"} <= set(compared["rows"][0])
    assert {row["candidates"] for row in compared["rows"]} == {0}
    for line in (*compared["rows"], *compared["table"]):
        assert line["candidates_to_level"] == (None if line["evaluations_to_level"] is None else 0)
    assert [line["searcher"] for line in compared["table"]] == ["random", "gep"]
    assert compared["comparison"] == "c"


def test_a_run_equals_the_result_of_quarva_search(compared, quarva, bars):
    words = [
        "--target",
        "forward_return_1",
        "--budget",
        600,
        "--seed",
        1,
        "--threads",
        1,
        "--set-size",
        0,
        "--json",
    ]
    alone = quarva("search", "--panel", bars, "--searcher", "gep", *words).json
    (mine,) = (row for row in compared["rows"] if (row["searcher"], row["seed"]) == ("gep", 1))
    assert mine["formula"] == alone["best"]["formula"]
    assert mine["best"] == alone["best"]["validation"]


def test_the_terminal_shows_a_table_and_the_paths(quarva, bars):
    said = quarva("compare", "--panel", bars, "--searchers", "random,gep", *SMALL, "--out", "c")
    assert said.status == 0
    assert "IC, validation" in said.out
    assert f"png: {os.path.join('c', 'comparison.png')}" in said.out
    assert Path("c/comparison.html").read_text().startswith("<!doctype html>")


def test_without_names_all_searchers_are_compared(quarva, bars):
    from quarva.runs import SEARCHERS

    said = quarva("compare", "--panel", bars, *SMALL[:2], "--budget", 50, "--seeds", 1, "--json")
    assert [row["searcher"] for row in said.json["rows"]] == list(SEARCHERS)


def test_a_resumed_comparison_can_have_more_seeds(compared, quarva):
    more = quarva("compare", "--resume", "c", "--seeds", 3, "--json").json
    assert len(more["rows"]) == 6
    kept = [row for row in told(more) if row["seed"] < 2]
    assert kept == told(compared)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_kill_9_leaves_nothing_half_written(quarva, bars, tmp_path):
    words = ["compare", "--panel", bars, "--searchers", "random,gep", "--budget", "5000", "--seeds", "2"]
    whole = quarva(*words, "--threads", "1", "--out", "whole", "--json").json
    words = [*words, "--threads", "1", "--out", "c"]
    for run, checkpoints in (("random-0", 1), ("gep-1", 2)):
        killed_at(run, checkpoints, words, tmp_path)
        words = ["compare", "--resume", "c"]
    assert not (tmp_path / "c" / "rows.json").exists()
    resumed = quarva("compare", "--resume", "c", "--json")
    assert resumed.status == 0, resumed.err
    assert told(resumed.json) == told(whole)
    names = {name for _, _, files in os.walk("c") for name in files}
    assert {name for name in names if name.startswith(".")} == set()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--searchers", "random,gap"], "unknown searcher 'gap'; did you mean 'gep'?"),
        (["--searchers", "gep,gep"], "name at least one, and none twice"),
        (["--searchers", ","], "name at least one"),
        (["--budget", "0"], "--budget = 0"),
        (["--seeds", "0"], "seeds must be 1 or more, not 0"),
        (["--resume", "nowhere"], "nowhere: no such folder"),
        (["--resume", "nowhere", "--budget", "5"], "--budget: a resumed comparison keeps its recipe"),
        (["--functions", "nothing"], "nothing"),
    ],
)
def test_invalid_arguments_give_one_line_and_status_2(quarva, words, says):
    said = quarva("compare", *words)
    assert said.status == 2
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not list(Path("runs").glob("*"))


def test_a_comparison_with_a_changed_recipe_is_refused(compared, quarva):
    recipe = Path("c/recipe.toml")
    recipe.write_text('functions = ["add", "sub"]\n' + recipe.read_text())
    said = quarva("compare", "--resume", "c")
    assert said.status == 2
    assert "belongs to another comparison: its functions was None and is now" in said.err


def test_changed_data_are_refused(quarva, bars, tmp_path):
    copy = tmp_path / "mine.csv"
    copy.write_text(Path(bars).read_text())
    quarva("compare", "--panel", copy, "--searchers", "random", *SMALL, "--out", "c")
    lines = copy.read_text().splitlines()
    copy.write_text("\n".join(lines[:-12]) + "\n")
    said = quarva("compare", "--resume", "c")
    assert said.status == 2
    assert "changed since the runs" in said.err


def test_a_damaged_comparison_is_reported_in_one_line(compared, quarva):
    Path("c/comparison.json").write_text(json.dumps({"version": 3, "question": 3}))
    said = quarva("compare", "--resume", "c")
    assert said.status == 2
    assert "comparison.json is damaged" in said.err
