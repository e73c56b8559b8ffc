"""The page of a run folder equals that of the search, and a damaged folder gives one line."""

import json

import numpy as np
import polars as pl
import pytest

import quarva
from quarva.errors import RunError
from quarva.panel import Panel
from quarva.report import build, render
from quarva.runs.from_recipe import data_of, task_of
from quarva.runs.recipe import SearchRecipe
from quarva.runs.record import findings_record
from quarva.runs.report import from_run_folder
from quarva.runs.run_folder import RunFolder


def run_in(folder, **settings):
    recipe = SearchRecipe.of({"budget": 60, "searcher": "random", "seed": 1, "threads": 1, **settings})
    task = task_of(recipe, data_of(recipe))
    found = quarva.search(task, progress=False, **recipe.settings_of_search())
    run = RunFolder.create(folder, recipe)
    run.write_findings(findings_record(found, str(folder)))
    run.write_table("history.parquet", pl.from_pandas(found.history))
    run.write_table("incumbents.parquet", pl.from_pandas(found.incumbents))
    return task, found


@pytest.fixture
def bars(tmp_path):
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (300, 6)), axis=0))
    dates = np.datetime64("2020-01-01") + np.arange(300)
    path = tmp_path / "bars.parquet"
    Panel.from_arrays({"close": close}, dates, list("abcdef"), name="bars").write(path)
    return path


def test_the_page_of_a_folder_equals_the_page_of_the_search(bars, tmp_path):
    task, found = run_in(tmp_path / "run", panel=str(bars))
    page = from_run_folder(tmp_path / "run")
    live = build(task, found, run="run")
    assert repr(page.pool) == repr(live.pool)  # a NaN equals nothing
    assert page.best == live.best
    assert page.question == live.question
    assert page.performance == live.performance
    np.testing.assert_array_equal(page.information.ic, live.information.ic)
    np.testing.assert_array_equal(page.progress.best, live.progress.best)
    assert "gep" not in render(page)


def test_a_table_names_its_target_column(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    pl.DataFrame({"x": x, "price": x * x}).write_csv(tmp_path / "t.csv")
    run_in(tmp_path / "run", table=str(tmp_path / "t.csv"), target_column="price")
    assert "Which formula of x predicts price?" in render(from_run_folder(tmp_path / "run"))


def test_a_reading_of_the_test_is_shown(bars, tmp_path):
    run_in(tmp_path / "run", panel=str(bars))
    run = RunFolder.open(tmp_path / "run")
    record = run.findings()
    record["best"]["test"], record["test_readings"] = 0.0123, 2
    run.write_findings(record)
    page = render(from_run_folder(tmp_path / "run"))
    assert "read 2 times" in page
    assert "0.0123" in page
    assert "not read" not in page


@pytest.mark.parametrize("file", ["history.parquet", "incumbents.parquet"])
def test_a_report_without_incumbents_or_history_has_no_progress_figure(bars, tmp_path, file):
    run_in(tmp_path / "run", panel=str(bars))
    (tmp_path / "run" / file).unlink()
    assert from_run_folder(tmp_path / "run").progress is None


def broken_findings(folder, change):
    path = folder / "findings.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda record: record.pop("pool"), "findings.json is damaged"),
        (lambda record: record.update(seconds="soon"), "findings.json is damaged"),
        (lambda record: record["panel"].update(fingerprint="0" * 64), "changed since the run"),
        (lambda record: record.update(version=99), "version 99"),
    ],
)
def test_a_damaged_folder_is_reported_in_one_line(bars, tmp_path, change, said):
    run_in(tmp_path / "run", panel=str(bars))
    broken_findings(tmp_path / "run", change)
    with pytest.raises(RunError, match=said) as error:
        from_run_folder(tmp_path / "run")
    assert "\n" not in str(error.value)


def test_a_damaged_history_is_reported_in_one_line(bars, tmp_path):
    run_in(tmp_path / "run", panel=str(bars))
    (tmp_path / "run" / "history.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(RunError, match=r"history\.parquet is damaged") as error:
        from_run_folder(tmp_path / "run")
    assert "\n" not in str(error.value)


def test_a_missing_folder_is_a_run_error(tmp_path):
    with pytest.raises(RunError, match="no such folder"):
        from_run_folder(tmp_path / "nowhere")
