"""A fit from Python writes a folder that the command line can resume."""

import os
import tomllib

import numpy as np
import pytest

import quarva
from quarva.cli import main
from quarva.errors import RecipeError, RunError
from quarva.networks import Fitted, Learner
from quarva.runs import RunFolder
from quarva.runs.from_recipe import data_of, task_of

FILES = {
    "recipe.toml", "panel.parquet", "network.json", "weights.safetensors", "training.safetensors",
    "history.parquet", "findings.json", "report.html",
}  # fmt: skip
QUICK = {"length": 3, "epochs": 2, "progress": False}


def test_a_fit_writes_a_folder_whose_recipe_repeats_it(panel_task, tmp_path):
    fitted = quarva.fit(panel_task, out=tmp_path / "f", seed=4, **QUICK)
    assert set(os.listdir(tmp_path / "f")) == FILES
    recipe = RunFolder.open(tmp_path / "f", "fit").fit_recipe()
    task = task_of(recipe, data_of(recipe))
    assert task.describe() == panel_task.describe()
    again = Learner(**recipe.settings_of_learner()).fit(task, progress=False)
    for network in (again, Fitted.load(tmp_path / "f")):
        np.testing.assert_array_equal(network.values(panel_task.panel), fitted.values(panel_task.panel))


def test_the_recipe_of_a_fit_has_no_searcher(panel_task, tmp_path):
    quarva.fit(panel_task, out=tmp_path / "f", **QUICK)
    recipe = tomllib.loads((tmp_path / "f" / "recipe.toml").read_text())
    assert (recipe["network"], recipe["length"], recipe["epochs"]) == ("dense", 3, 2)
    assert {"searcher", "budget", "functions", "genes", "link", "numbers"}.isdisjoint(recipe)


def test_a_fit_can_be_resumed_for_more_epochs_in_python_and_by_command(panel_task, tmp_path):
    learner = Learner("dense", length=3, epochs=2, patience=9)
    for name in ("python", "command"):
        quarva.fit(panel_task, learner, out=tmp_path / name, progress=False)
    more = quarva.fit(panel_task, learner, epochs=4, out=tmp_path / "python", resume=True, progress=False)
    assert len(more.history) == 4
    assert main(["fit", "--resume", str(tmp_path / "command"), "--epochs", "4", "--json"]) == 0
    for name in ("python", "command"):
        assert RunFolder.open(tmp_path / name).fit_recipe().epochs == 4
        kept = Fitted.load(tmp_path / name)
        np.testing.assert_array_equal(kept.values(panel_task.panel), more.values(panel_task.panel))


def test_a_fit_without_a_folder_equals_that_of_the_learner(panel_task):
    fitted = quarva.fit(panel_task, **QUICK)
    again = Learner(length=3, epochs=2).fit(panel_task, progress=False)
    np.testing.assert_array_equal(fitted.values(panel_task.panel), again.values(panel_task.panel))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lenght": 3}, "a fit has no setting 'lenght'"),
        ({"features": [np.abs]}, "a recipe cannot contain the feature"),
        ({"network": "conv2d"}, "unknown network 'conv2d'"),
        ({"length": 900}, "a window of 900 days does not fit"),
    ],
)
def test_what_cannot_be_fitted_leaves_no_folder(panel_task, tmp_path, given, said):
    with pytest.raises(quarva.QuarvaError, match=said):
        quarva.fit(panel_task, out=tmp_path / "f", progress=False, **given)
    assert not (tmp_path / "f").exists()


def test_resume_needs_a_folder_of_a_fit(panel_task, find, tmp_path):
    with pytest.raises(RecipeError, match="resume=True continues a folder"):
        quarva.fit(panel_task, resume=True)
    find(panel_task, budget=5, out=tmp_path / "s")
    with pytest.raises(RunError, match="is the folder of a search; continue it with quarva search"):
        quarva.fit(panel_task, out=tmp_path / "s", resume=True, progress=False)
