"""Each recipe is for one command, which is recognised by its keys."""

import json
import tomllib

import pytest

import quarva
from quarva.cli import main
from quarva.errors import RecipeError
from quarva.runs import FitRecipe, RunFolder, SearchRecipe
from quarva.runs.recipe import Recipe
from quarva.runs.settings import described


def test_the_recipe_of_a_search_has_no_network(find, panel_task, tmp_path):
    find(panel_task, budget=5, out=tmp_path / "s")
    recipe = tomllib.loads((tmp_path / "s" / "recipe.toml").read_text())
    assert recipe["searcher"] == "gep"
    assert {"network", "epochs", "searchers"}.isdisjoint(recipe)


@pytest.mark.parametrize(("kind", "other"), [(SearchRecipe, FitRecipe), (FitRecipe, SearchRecipe)])
def test_a_recipe_of_another_kind_is_refused_with_its_command(tmp_path, kind, other):
    path = tmp_path / "recipe.toml"
    path.write_text(other.of({}).to_toml())
    with pytest.raises(RecipeError, match=f"is for quarva {other.kind}, not for quarva {kind.kind}"):
        kind.read(path)


def test_a_searcher_object_is_written_with_its_name_and_settings(find, panel_task, tmp_path):
    from quarva.searchers import GEP

    find(panel_task, GEP(population=50), 100, out=tmp_path / "s")
    recipe = RunFolder.open(tmp_path / "s").search_recipe()
    assert (recipe.searcher, recipe.settings) == ("gep", {"population": 50})
    assert main(["search", "--resume", str(tmp_path / "s"), "--budget", "200", "--json"]) == 0


@pytest.fixture
def old_fit(panel_task, tmp_path):
    """A fit as an older Quarva kept it: the recipe of a search, and the network in learner.json."""
    folder = tmp_path / "f"
    quarva.fit(panel_task, length=3, epochs=2, patience=9, out=folder, progress=False)
    question = {
        name: value for name, value in tomllib.loads((folder / "recipe.toml").read_text()).items()
        if name in described(Recipe)
    }  # fmt: skip
    (folder / "recipe.toml").write_text(SearchRecipe.of(question).to_toml())
    (folder / "learner.json").write_text(json.dumps({"length": 3, "epochs": 2, "patience": 9}))
    return folder


def test_the_folder_of_an_older_fit_is_read_and_resumed(old_fit, capsys):
    page = (old_fit / "report.html").read_bytes()
    assert main(["report", str(old_fit)]) == 0
    assert (old_fit / "report.html").read_bytes() == page
    capsys.readouterr()
    assert main(["fit", "--resume", str(old_fit), "--epochs", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == 4
    assert RunFolder.open(old_fit, "fit").fit_recipe().epochs == 4
    assert "searcher" not in (old_fit / "recipe.toml").read_text()


def test_a_damaged_learner_of_an_older_fit_is_reported_in_one_line(old_fit, capsys):
    (old_fit / "learner.json").write_text("{")
    assert main(["report", str(old_fit)]) == 2
    said = capsys.readouterr().err
    assert "learner.json is damaged" in said
    assert said.count("\n") == 1
