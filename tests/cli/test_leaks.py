"""A field that equals the target causes a warning or an error in every command."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def labelled(market, tmp_path_factory):
    """The market with the rank of the coming five-day return left in a column."""
    table = market.to_frame()
    close = table.pivot(index="date", columns="asset", values="close")
    label = (close.shift(-6) / close.shift(-1) - 1).rank(axis=1).stack().rename("label").reset_index()
    path = tmp_path_factory.mktemp("labelled") / "bars.csv"
    table.merge(label, on=["date", "asset"], how="left").to_csv(path, index=False)
    return path


SAID = "field 'label' is the target forward_return_5 in all but name"
MEND = "leave it out with --fields open,high,low,close,volume"


def test_a_search_warns_in_the_terminal_in_json_and_on_its_page(quarva, labelled):
    said = quarva("search", "--panel", labelled, "--budget", 50, "--out", "run", "--json")
    assert said.status == 0
    (warning,) = said.json["warnings"]
    assert SAID in warning
    assert MEND in warning
    assert f"warning: {warning}\n" in said.err
    assert json.loads(Path("run/findings.json").read_text())["warnings"] == [warning]
    assert SAID.replace("'", "&#39;") in Path("run/report.html").read_text()


def test_an_evaluation_warns_of_leaks_that_its_formulas_use(quarva, labelled):
    said = quarva("evaluate", "rank(label)", "--panel", labelled, "--json")
    (warning,) = said.json["warnings"]
    assert SAID in warning
    assert f"warning: {warning}\n" in said.err
    for words in (["-delta(close, 5)"], ["label", "--target", "forward_volatility_5"]):
        assert quarva("evaluate", *words, "--panel", labelled, "--json").json["warnings"] == []
    own = quarva("evaluate", "label", "--panel", labelled, "--target", "label", "--json").json["warnings"]
    assert own == [
        "field 'label' is the target itself, so the scores of formulas that read it are meaningless"
    ]


def test_a_comparison_warns_of_a_leak(quarva, labelled):
    said = quarva(
        "compare", "--panel", labelled, "--budget", 20, "--searchers", "random", "--seeds", "1", "--json"
    )
    assert SAID in said.json["warnings"][0]
    assert f"warning: {SAID}" in said.err
    assert SAID.replace("'", "&#39;") in (Path(said.json["comparison"]) / "comparison.html").read_text()


def test_a_fit_with_a_leak_is_refused(quarva, labelled):
    said = quarva("fit", "--panel", labelled, "--feature", "label", "--epochs", 1)
    assert said.status == 2
    assert "the feature 'label' is the target forward_return_5 in all but name (rank correlation" in said.err
    assert said.err.count("\n") == 1


def test_ordinary_bars_cause_no_warning(quarva, bars):
    for words in (["search", "--budget", 20], ["evaluate", "open", "high", "low", "close", "volume"]):
        said = quarva(*words, "--panel", bars, "--json")
        assert said.json["warnings"] == []
        assert "warning" not in said.err
