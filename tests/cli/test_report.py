"""quarva report on the folder of a fit: its page and the count of readings of the sealed test."""

import json
from pathlib import Path

import pytest

QUICK = ("--length", "4", "--epochs", "2", "--feature", "pct_change(close, 1)")


@pytest.fixture
def fit(quarva, bars):
    """A fit in the folder f."""

    def fit(*more):
        said = quarva("fit", "--panel", bars, *QUICK, *more, "--out", "f", "--json")
        assert said.status == 0, said.err
        return said.json

    return fit


def test_the_page_of_a_fit_can_be_written_again(quarva, fit):
    fit()
    first = Path("f/report.html").read_text(encoding="utf-8")
    assert "How well does a network of close" in first
    assert "Learning curves" in first
    Path("f/report.html").unlink()
    said = quarva("report", "f", "--json")
    assert said.status == 0, said.err
    assert said.json["best"]["network"].startswith("dense, ")
    assert Path("f/report.html").read_text(encoding="utf-8") == first


def test_readings_of_the_sealed_test_are_counted_across_a_resumed_fit(quarva, fit):
    fit()
    assert "not read" in Path("f/report.html").read_text(encoding="utf-8")
    figures = [quarva("report", "f", "--read-test", "--json").json["best"]["test"] for _ in range(2)]
    assert figures[0] == figures[1]
    page = Path("f/report.html").read_text(encoding="utf-8")
    assert "read 2 times" in page
    assert "IC, test<" in page
    quarva("fit", "--resume", "f", "--epochs", "3")
    record = json.loads(Path("f/findings.json").read_text())
    assert record["test_readings"] == 2
    assert "test" not in record["best"]
    page = Path("f/report.html").read_text(encoding="utf-8")
    assert "read 2 times" in page
    assert "test, read" not in page


@pytest.mark.parametrize(
    ("holdout", "said"),
    [("0.2", "The validation score is out of sample"), ("0", "so the validation score is optimistic")],
)
def test_a_page_states_whether_validation_was_used(fit, holdout, said):
    fit("--holdout", holdout)
    assert said in Path("f/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("findings.json", b"{}", "findings.json has version None"),
        (
            "findings.json",
            b'{"version": 1, "panel": {}}',
            "findings.json is damaged (KeyError: 'fingerprint')",
        ),
        ("network.json", b"{", "the network cannot be read"),
        ("history.parquet", b"PAR1", "history.parquet is damaged"),
    ],
)
def test_a_damaged_fit_is_reported_in_one_line(quarva, fit, name, content, said):
    fit()
    Path("f", name).write_bytes(content)
    told = quarva("report", "f")
    assert told.status == 2
    assert said in told.err
    assert len(told.err.strip().splitlines()) == 1
