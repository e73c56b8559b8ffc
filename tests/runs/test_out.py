"""A search from Python writes a folder that the command line can resume."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quarva.errors import RecipeError, RunError
from quarva.panel import Panel, Table, sample_panel
from quarva.runs.from_recipe import data_of, task_of
from quarva.runs.run_folder import RunFolder
from quarva.scenarios import simulate
from quarva.searchers import RandomSearch
from quarva.tasks import Field, ForwardReturn, Task

KEPT = {
    "recipe.toml", "checkpoint.npz", "findings.json", "signals.parquet", "history.parquet",
    "incumbents.parquet", "report.html",
}  # fmt: skip


def tasks():
    panel = simulate(12, 160, seed=3)
    grouped = Panel.from_arrays(
        {"close": panel.field("close"), "volume": panel.field("volume")}, panel.dates, panel.assets,
        groups={"sector": ["a", "b", "c"] * 4},
    )  # fmt: skip
    x = np.random.default_rng(0).random((2, 3000))
    rows = Table.from_arrays({"x": x[0], "y": x[1]}, x[0] * np.sin(3 * x[1]))
    return {
        "a panel": Task(panel, ForwardReturn(5), objective="rank_ic"),
        "days, embargo, delay 0": Task(
            grouped,
            ForwardReturn(2, delay=0),
            objective="sharpe",
            split=(panel.dates[80], panel.dates[120]),
            embargo=3,
            parsimony=0.001,
        ),
        "a field": Task(grouped, "volume", split=(0.5, 0.7)),
        "a table": Task(rows),
        "a split table": Task(rows, objective="nrmse", split=(0.5, 0.8)),
    }


@pytest.mark.parametrize("kind", list(tasks()))
def test_the_folder_repeats_the_run(find, figures, tmp_path, kind):
    task = tasks()[kind]
    found = find(task, budget=400, seed=2, head=5, out=tmp_path / "run")
    is_table = task.table is not None
    data = {"table.parquet" if is_table else "panel.parquet"}
    data |= {"set.toml"} if found.set is not None else set()
    assert set(os.listdir(tmp_path / "run")) == KEPT | data
    folder = RunFolder.open(tmp_path / "run")
    recipe = folder.recipe()
    again = task_of(recipe, data_of(recipe))
    assert again.panel.fingerprint() == task.panel.fingerprint() == recipe.fingerprint
    assert again.describe() == task.describe()
    settings = recipe.settings_of_search()
    for limit in ("threads", "budget", "searcher"):
        settings.pop(limit)
    repeated = find(again, recipe.searcher, recipe.budget, **settings)
    assert [f.formula.text for f in repeated] == [f.formula.text for f in found]
    record = folder.findings()
    assert record["best"]["formula"] == found.best.formula.text
    assert record["evaluations"] == 400
    if not is_table:
        signals = pd.read_parquet(tmp_path / "run" / "signals.parquet")
        names = [*(f"f{k}" for k in range(len(found))), *(["set"] if found.set is not None else [])]
        assert list(signals.columns) == ["date", "asset", *names]


def test_the_sample_panel_is_not_copied(find, tmp_path):
    find(Task(sample_panel()), budget=5, out=tmp_path / "run")
    assert set(os.listdir(tmp_path / "run")) == KEPT | {"set.toml"}


def test_a_run_is_not_resumed_with_a_budget_below_its_evaluations(find, figures, panel_task, tmp_path):
    out = tmp_path / "run"
    found = find(panel_task, budget=700, out=out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    with pytest.raises(RecipeError, match=f"already has {found.evaluations} evaluations.*larger budget"):
        find(panel_task, budget=100, out=out, resume=True)
    assert before == {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


def test_a_run_can_be_resumed_with_a_larger_budget(find, figures, panel_task, tmp_path):
    out = tmp_path / "run"
    find(panel_task, budget=700, out=out)
    on = find(panel_task, budget=2500, out=out, resume=True)
    assert figures(on) == figures(find(panel_task, budget=2500))
    assert RunFolder.open(out).recipe().budget == 2500
    (out / "checkpoint.npz").unlink()
    assert figures(find(panel_task, budget=2500, out=out, resume=True)) == figures(on)


def test_a_custom_searcher_can_have_a_run_folder(find, panel_task, tmp_path):
    class Mine(RandomSearch):
        pass

    find(panel_task, Mine(), 100, out=tmp_path / "run")
    assert RunFolder.open(tmp_path / "run").findings()["searcher"] == "Mine"


def test_a_search_that_cannot_be_saved_leaves_no_folder(find, panel_task, tmp_path):
    out, panel = tmp_path / "run", panel_task.panel
    with pytest.raises(RunError, match="cannot describe this task"):
        find(Task(panel, [ForwardReturn(1), ForwardReturn(5)]), budget=5, out=out)
    with pytest.raises(RunError, match="cannot describe this task"):
        find(Task(panel, Field("volume", horizon=3)), budget=5, out=out)
    with pytest.raises(RecipeError, match="pass out or checkpoint"):
        find(panel_task, budget=5, out=out, checkpoint=tmp_path / "c.npz")
    with pytest.raises(RunError, match="no such folder"):
        find(panel_task, budget=5, out=out, resume=True)

    class Stateless:
        begin = ask = tell = RandomSearch.ask

    with pytest.raises(RunError, match="cannot be saved"):
        find(panel_task, Stateless(), 5, out=out)
    assert not list(Path(tmp_path).iterdir())
