"""A page written from memory equals the page that `quarva report` reads back, byte for byte."""

import json

import numpy as np
import pytest

import quarva
from quarva.cli import main
from quarva.panel import Table
from quarva.tasks import Task


@pytest.fixture
def split_table():
    """A table with a validation part."""
    x = np.random.default_rng(0).uniform(-1, 1, (2, 120))
    return Task(Table.from_arrays({"a": x[0], "b": x[1]}, x[0] * x[1] + x[0]), split=(0.5, 0.8))


def search(task, out):
    quarva.search(task, budget=300, seed=1, threads=1, out=out, progress=False)


def fit(task, out):
    quarva.fit(task, epochs=2, members=2, out=out, progress=False)


def compare(task, out):
    quarva.compare(task, ["random", "dense"], 100, 2, threads=1, out=out, progress=False)


@pytest.mark.parametrize("kind", ["panel", "table"])
@pytest.mark.parametrize("verb", [search, fit, compare])
def test_a_page_is_read_back_identically(panel_task, split_table, tmp_path, kind, verb):
    verb(panel_task if kind == "panel" else split_table, tmp_path / "run")
    name = "comparison.html" if verb is compare else "report.html"
    page = (tmp_path / "run" / name).read_bytes()
    assert main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_bytes() == page


def test_a_page_with_the_sealed_test_is_read_back_identically(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["search", "--budget", "50", "--out", "run", "--read-test", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["test_readings"], isinstance(record["best"]["test"], float)) == (1, True)
    page = (tmp_path / "run" / "report.html").read_bytes()
    assert b"read once" in page or b"read 1 time" in page
    assert main(["report", "run"]) == 0
    assert (tmp_path / "run" / "report.html").read_bytes() == page


@pytest.mark.parametrize("name", ["random-0", "dense-0"])
def test_a_run_of_a_comparison_has_a_separate_page(panel_task, tmp_path, name):
    compare(panel_task, tmp_path / "c")
    run = tmp_path / "c" / "runs" / name
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_text().startswith("<!doctype html>")
