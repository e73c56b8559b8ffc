"""A run folder holds complete files only, and an unusable one is refused in one line."""

import errno
import math
import os

import numpy as np
import pytest

from quarva.errors import RunError
from quarva.runs.recipe import SearchRecipe
from quarva.runs.run_folder import RunFolder

RECIPE = SearchRecipe.of({"budget": 10})


def test_a_new_folder_contains_its_recipe(tmp_path):
    folder = RunFolder.create(tmp_path / "a" / "run", RECIPE)
    assert RunFolder.open(folder.path).recipe() == RECIPE


def test_a_changed_recipe_keeps_its_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = RunFolder.create("run", SearchRecipe.of({"panel": "panel.parquet"}))
    folder.change_recipe(SearchRecipe, budget=20)
    assert folder.recipe() == SearchRecipe.of({"panel": "run/panel.parquet", "budget": 20})


def test_the_default_name_has_the_date_the_searcher_and_the_seed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = RunFolder.create(None, RECIPE), RunFolder.create(None, RECIPE)
    assert first.path != second.path
    assert first.path.match("runs/20*-gep-0")


def test_a_folder_in_use_is_not_written_to(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunError, match="is not empty.*--resume"):
        RunFolder.create(tmp_path, RECIPE)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_full_disk_leaves_no_folder(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="the disk is full"):
        RunFolder.create(tmp_path / "run", RECIPE)
    assert os.listdir(tmp_path) == []


def test_findings_are_json_without_nan(tmp_path):
    folder = RunFolder.create(tmp_path / "run", RECIPE)
    folder.write_findings({"version": 1, "a": math.nan, "b": np.float32(0.5), "c": [np.int64(3), -math.inf]})
    assert folder.findings() == {"version": 1, "a": None, "b": 0.5, "c": [3, None]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"version": 7, "quarva": "3.0"}', "version 7.*use the Quarva that wrote it .Quarva 3.0."),
        ('{"best": 1}', "version None"),
        ("[]", "version None"),
        ('{"version"', "is damaged"),
    ],
)
def test_findings_of_another_version_are_refused(tmp_path, text, said):
    folder = RunFolder.create(tmp_path / "run", RECIPE)
    (folder.path / "findings.json").write_text(text)
    with pytest.raises(RunError, match=said):
        RunFolder.open(folder.path)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="no such folder"):
        RunFolder.open(tmp_path / "none")
    with pytest.raises(RunError, match="is not a run folder"):
        RunFolder.open(tmp_path)
