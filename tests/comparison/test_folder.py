"""Folders of comparisons: complete, resumed, killed, damaged, or of another comparison."""

import json
import os
import signal
import tomllib

import numpy as np
import pytest

from quarva.cli import main
from quarva.comparison import runner
from quarva.errors import RunError
from quarva.networks import Fitted, Learner
from quarva.panel import Table
from quarva.rl import Trader
from quarva.runs import RunFolder
from quarva.runs.report import from_run_folder
from quarva.searchers import GEP, RandomSearch
from quarva.tasks import Task

FILES = {
    "comparison.json",
    "recipe.toml",
    "panel.parquet",
    "runs",
    "rows.json",
    "comparison.html",
    "comparison.png",
}
RUN = {"recipe.toml", "history.parquet", "incumbents.parquet", "findings.json"}


def told(found):
    """All of a comparison but the time it took."""
    return [{key: value for key, value in row.items() if "seconds" not in key} for row in found.rows()]


def test_the_folder_is_complete(run, panel_task, tmp_path):
    found = run(panel_task, out=tmp_path / "c")
    assert set(os.listdir(tmp_path / "c")) == FILES
    assert sorted(os.listdir(tmp_path / "c" / "runs")) == ["gep-0", "gep-1", "random-0", "random-1"]
    for each in (tmp_path / "c" / "runs").iterdir():
        assert set(os.listdir(each)) == RUN
    rows = json.loads((tmp_path / "c" / "rows.json").read_text())["rows"]
    assert [row["formula"] for row in rows] == [row["formula"] for row in found.rows()]


def test_a_single_run_of_a_comparison_has_a_report(run, panel_task, tmp_path):
    run(panel_task, ["gep"], seeds=1, out=tmp_path / "c")
    page = from_run_folder(tmp_path / "c" / "runs" / "gep-0")
    assert page.search.searcher == "gep"


def test_the_recipe_lists_the_entries_and_names_no_searcher(run, panel_task, tmp_path):
    ways = {"gep": "gep", "small": GEP(population=50), "net": Learner("dense", length=3, epochs=1)}
    run(panel_task, ways, seeds=[0, 3], budget=50, out=tmp_path / "c")
    recipe = tomllib.loads((tmp_path / "c" / "recipe.toml").read_text())
    assert recipe["searchers"] == {
        "gep": {"searcher": "gep"},
        "small": {"searcher": "gep", "settings": {"population": 50}},
        "net": {"network": "dense", "length": 3, "epochs": 1},
    }
    assert recipe["seeds"] == [0, 3]
    assert {"searcher", "seed", "settings", "network"}.isdisjoint(recipe)


def test_a_recipe_repeats_its_comparison(run, panel_task, tmp_path):
    ways = {"gep": "gep", "small": GEP(population=50)}
    first = run(panel_task, ways, budget=400, out=tmp_path / "c")
    words = ["compare", "--recipe", str(tmp_path / "c" / "recipe.toml"), "--out", str(tmp_path / "again")]
    assert main([*words, "--json"]) == 0
    rows = json.loads((tmp_path / "again" / "rows.json").read_text())["rows"]
    assert [row["formula"] for row in rows] == [row["formula"] for row in first.rows()]


def test_an_object_that_no_recipe_can_create_is_compared_from_python_only(run, panel_task, tmp_path, capsys):
    class Mine(RandomSearch):
        pass

    run(panel_task, {"mine": Mine()}, seeds=1, budget=50, out=tmp_path / "c")
    assert main(["compare", "--resume", str(tmp_path / "c"), "--seeds", "2"]) == 2
    assert "a recipe cannot create the object 'mine'" in capsys.readouterr().err
    more = run(panel_task, {"mine": Mine()}, seeds=2, budget=50, out=tmp_path / "c", resume=True)
    assert len(more.runs) == 2


def test_the_run_of_a_network_is_a_fit_and_that_of_a_trader_has_its_scores(run, panel_task, tmp_path):
    ways = {
        "net": Learner("dense", length=3, epochs=2),
        "dqn": Trader("dqn", length=3, updates=20, episode_length=10),
    }
    found = run(panel_task, ways, seeds=1, out=tmp_path / "c")
    assert [row["stopped"] for row in found.rows()] == ["epochs", "updates"]
    folder = RunFolder(tmp_path / "c" / "runs" / "net-0")
    assert (folder.kind, folder.fit_recipe().epochs) == ("fit", 2)
    assert {"pool", "stopped", "proposed", "budget", "searcher"}.isdisjoint(folder.findings())
    assert np.isfinite(Fitted.load(folder.path).values(panel_task.panel)).any()
    trader = RunFolder(tmp_path / "c" / "runs" / "dqn-0").findings()
    assert trader["best"]["trader"].startswith("dqn, ")
    assert {"pool", "stopped", "proposed", "budget", "searcher"}.isdisjoint(trader)


def test_resuming_a_complete_comparison_reads_it(run, panel_task, tmp_path, monkeypatch):
    first = run(panel_task, out=tmp_path / "c")
    monkeypatch.setattr(runner, "search", None)  # nobody may search again
    again = run(panel_task, out=tmp_path / "c", resume=True)
    assert told(again) == told(first)


def test_seeds_and_searchers_can_be_added(run, panel_task, tmp_path):
    run(panel_task, ["random"], seeds=1, out=tmp_path / "c")
    more = run(panel_task, ["gep"], seeds=2, out=tmp_path / "c", resume=True)
    assert more.searchers == ("random", "gep")
    assert len(more.runs) == 4
    assert told(more) == told(run(panel_task))


class Stop(Exception):
    pass


def test_an_interrupted_comparison_resumes_to_the_same_result(run, panel_task, tmp_path):
    whole = run(panel_task, budget=4000)

    def break_off(searcher, number, now):
        if number == 3 and now.evaluations > 2000:
            raise Stop

    with pytest.raises(Stop):
        run(panel_task, budget=4000, out=tmp_path / "c", progress=break_off)
    assert not (tmp_path / "c" / "rows.json").exists()
    assert told(run(panel_task, budget=4000, out=tmp_path / "c", resume=True)) == told(whole)


def test_ctrl_c_keeps_the_completed_runs(run, panel_task, tmp_path):
    def press(searcher, number, now):
        if number == 1 and now.evaluations > 700:
            os.kill(os.getpid(), signal.SIGINT)

    found = run(panel_task, budget=4000, out=tmp_path / "c", progress=press)
    assert found.interrupted
    assert len(found.runs) == 1
    on = run(panel_task, budget=4000, out=tmp_path / "c", resume=True)
    assert not on.interrupted
    assert told(on) == told(run(panel_task, budget=4000))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"functions": ["add", "sub"]}, "its functions was None"),
        ({"budget": 99}, "its budget was 1500 and is now 99"),
        ({"head": 3}, "its head was None and is now 3"),
    ],
)
def test_the_folder_of_another_comparison_is_refused(run, panel_task, tmp_path, change, says):
    run(panel_task, ["random"], seeds=1, out=tmp_path / "c")
    with pytest.raises(RunError, match=says):
        run(panel_task, ["random"], seeds=1, out=tmp_path / "c", resume=True, **change)


def test_another_task_is_refused(run, panel_task, table_task, tmp_path):
    run(table_task, ["random"], seeds=1, out=tmp_path / "c")
    with pytest.raises(RunError, match="belongs to another comparison: its task was"):
        run(panel_task, ["random"], seeds=1, out=tmp_path / "c", resume=True)
    x = np.linspace(-1, 1, 20)
    other = Task(Table.from_arrays({"x": x}, 1 + x**3 + x**2 + x))
    with pytest.raises(RunError, match="its target was"):
        run(other, ["random"], seeds=1, out=tmp_path / "c", resume=True)


def test_the_same_name_for_another_searcher_is_refused(run, panel_task, tmp_path):
    run(panel_task, {"mine": GEP(population=50)}, seeds=1, out=tmp_path / "c")
    with pytest.raises(RunError, match="entry 'mine' was .*'population': 50.* give the entry another name"):
        run(panel_task, {"mine": GEP(population=60)}, seeds=1, out=tmp_path / "c", resume=True)


def test_another_version_is_refused(run, panel_task, tmp_path, monkeypatch):
    run(panel_task, ["random"], seeds=1, out=tmp_path / "c")
    monkeypatch.setattr("quarva.comparison.folder.__version__", "9.0")
    with pytest.raises(RunError, match="its Quarva was .* and is now 9.0"):
        run(panel_task, ["random"], seeds=1, out=tmp_path / "c", resume=True)


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("comparison.json", "{", "comparison.json is damaged .*; compare again in another folder"),
        ("comparison.json", '{"version": 7}', "has version 7, but this Quarva reads version 3"),
        (
            "comparison.json",
            '{"version": 2}',
            "has version 2, but this Quarva reads version 3; compare again",
        ),
        ("comparison.json", '{"version": 3}', "comparison.json is damaged"),
        ("runs/random-0/findings.json", "{", "findings.json is damaged"),
        ("runs/random-0/findings.json", '{"version": 1}', "is damaged .*; remove the folder"),
        ("runs/random-0/incumbents.parquet", "not parquet", "is damaged .*; remove the folder"),
    ],
)
def test_a_damaged_file_is_reported_in_one_line(run, panel_task, tmp_path, file, content, says):
    run(panel_task, ["random"], seeds=1, out=tmp_path / "c")
    (tmp_path / "c" / file).write_text(content)
    with pytest.raises(RunError, match=says) as caught:
        run(panel_task, ["random"], seeds=1, out=tmp_path / "c", resume=True)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_comparison_is_reported(run, panel_task, tmp_path):
    with pytest.raises(RunError, match="no such folder"):
        run(panel_task, out=tmp_path / "c", resume=True)
    (tmp_path / "c").mkdir()
    with pytest.raises(RunError, match="is not the folder of a comparison"):
        run(panel_task, out=tmp_path / "c", resume=True)
    (tmp_path / "c" / "mine.txt").write_text("")
    with pytest.raises(RunError, match="is not empty"):
        run(panel_task, out=tmp_path / "c")
