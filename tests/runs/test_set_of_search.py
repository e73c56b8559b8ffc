"""The set of a search: in the findings, in the run folder and on the terminal."""

import json

import numpy as np
import polars as pl
import pytest

import quarva as qv
from quarva.errors import RecipeError, RunError
from quarva.scenarios import simulate


@pytest.fixture(scope="module")
def task() -> qv.Task:
    panel = simulate(40, 320, seed=2, plant="-pct_change(close, 5)", ic=0.12)
    return qv.Task(panel, "forward_return_1")


def test_a_search_answers_with_a_set(task, tmp_path):
    found = qv.search(task, budget=2_000, progress=False, out=tmp_path / "run")
    own = found.set
    assert isinstance(own, qv.Set)
    assert len(own) > 1
    record = json.loads((tmp_path / "run" / "findings.json").read_text())["set"]
    assert record["members"] == len(own)
    assert record["formulas"] == [each.text for each in own.members]
    again = qv.Set([qv.Formula(text) for text in record["formulas"]], record["weights"])
    signal = own.signal(task.panel)
    np.testing.assert_array_equal(again.signal(task.panel).to_numpy(), signal.to_numpy())
    written = pl.read_parquet(tmp_path / "run" / "signals.parquet")["set"].to_numpy()
    np.testing.assert_array_equal(written.reshape(task.panel.shape), signal.to_numpy())
    assert f"set of {len(own)} formulas" in str(found)
    assert f"Set of {len(own)}\u00a0formulas" in (tmp_path / "run" / "report.html").read_text()


def test_the_figures_of_a_set_are_those_of_its_signal(task):
    own = qv.search(task, budget=1_000, progress=False).set
    signal = own.signal(task.panel).to_numpy()
    for part, figure in ((0, own.train), (1, own.validation)):
        daily = [
            np.corrcoef(signal[day][known], task.targets[0][day][known])[0, 1]
            for day, known in enumerate(np.isfinite(task.targets[0]) & np.isfinite(signal))
            if task.segments[day] == part and day >= own.lookback() and known.sum() > 3
        ]
        assert figure == pytest.approx(np.mean(daily), abs=4e-3)
    assert own.train > 0.05


@pytest.mark.parametrize("searcher", ["random", "blend"])
def test_the_same_seed_gives_the_same_set_for_any_number_of_threads(task, searcher):
    one, two = (qv.search(task, searcher, 800, seed=4, progress=False, threads=n).set for n in (1, 2))
    assert [each.text for each in one.members] == [each.text for each in two.members]
    np.testing.assert_array_equal(one.weights, two.weights)


def test_a_resumed_search_has_the_same_set(task, tmp_path):
    whole = qv.search(task, budget=1_500, seed=1, progress=False)
    qv.search(task, budget=700, seed=1, progress=False, out=tmp_path / "run")
    again = qv.search(task, budget=1_500, seed=1, progress=False, out=tmp_path / "run", resume=True)
    assert [each.text for each in again.set.members] == [each.text for each in whole.set.members]
    np.testing.assert_array_equal(again.set.weights, whole.set.weights)


def test_questions_without_a_set(task):
    assert qv.search(task, budget=300, progress=False, set_size=0).set is None
    timing = qv.Task(simulate(2, 300, seed=2), "forward_return_1")
    assert qv.search(timing, budget=300, progress=False).set is None
    table = qv.Table.from_arrays({"x": np.linspace(0, 1, 30)}, np.linspace(1, 3, 30))
    assert qv.search(qv.Task(table), budget=300, progress=False).set is None


def test_an_unknown_collection_is_refused_before_the_search(task):
    with pytest.raises(RecipeError, match="start = alpha360: there is no such file or collection"):
        qv.search(task, budget=300, progress=False, start="alpha360")


def test_a_training_part_too_short_for_folds_has_no_set_and_a_note():
    short = qv.Task(simulate(20, 90, seed=3), "forward_return_1", split=(0.5, 0.8))
    found = qv.search(short, budget=300, progress=False, windows=[5])
    assert found.set is None
    assert any("there is no set: the training part has" in note for note in short.notes)


def test_a_set_larger_than_the_archive_is_fitted_to_all_of_it_with_a_note(task):
    own = qv.Task(task.panel, "forward_return_1")
    found = qv.search(own, budget=300, progress=False, set_size=5_000)
    assert found.set is not None
    assert any("fewer than 5000" in note for note in own.notes)


def test_the_pool_is_ordered_by_forecasts_and_the_record_shows_them_first(task, tmp_path):
    found = qv.search(task, budget=800, progress=False, out=tmp_path / "run")
    told = [each.expected for each in found.pool]
    assert told == sorted(told, reverse=True)
    assert all(each.expected_low < each.expected < each.expected_high for each in found.pool)
    record = json.loads((tmp_path / "run" / "findings.json").read_text())
    for entry, each in ((record["set"], found.set), (record["best"], found.best)):
        names = [name for name in entry if name.startswith(("expected", "validation", "train"))]
        assert names == ["expected", "expected_low", "expected_high", "validation", "train"]
        assert [entry[name] for name in names] == [getattr(each, name) for name in names]


def test_a_run_with_a_start_file_can_be_repeated_from_its_recipe_elsewhere(task, tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("-pct_change(close, 7)\n")
    monkeypatch.chdir(tmp_path)
    whole = qv.search(task, budget=300, progress=False, start="mine.txt", out="run")
    part = qv.search(task, budget=200, progress=False, start="mine.txt", out="part")
    monkeypatch.chdir("/")
    again = qv.search(
        task, budget=300, progress=False, start=str(tmp_path / "mine.txt"), out=tmp_path / "part", resume=True
    )
    assert part.evaluations == 200
    assert [each.text for each in again.set.members] == [each.text for each in whole.set.members]
    assert any("pct_change(close, 7)" in each.text for each in whole.set.members)


def test_a_resumed_search_needs_the_same_start(task, tmp_path):
    start = tmp_path / "mine.txt"
    start.write_text("-pct_change(close, 7)\n")
    qv.search(task, budget=200, progress=False, start=str(start), out=tmp_path / "run")
    start.write_text("close / low\n")
    with pytest.raises(RunError, match="start"):
        qv.search(task, budget=300, progress=False, start=str(start), out=tmp_path / "run", resume=True)
