"""A recipe reproduces a search, and a wrong setting is reported with its place."""

import pytest

from quarva.errors import RecipeError
from quarva.runs.recipe import SearchRecipe as Recipe


def test_a_recipe_survives_a_round_trip_through_toml(tmp_path):
    recipe = Recipe.of(
        {
            "panel": "/data/bars.csv",
            "functions": "add,sub",
            "windows": "5, 10",
            "split": "2017-01-01,2018-01-01",
        }
        | {"seconds": 1.5, "settings": {"head": 12, "rates": {"mutation": 0.05}}}
    )
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml())
    assert Recipe.read(path) == recipe
    assert recipe.functions == ("add", "sub")
    assert recipe.windows == (5, 10)


def test_flags_other_than_none_override_the_file(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("budget = 10\nseed = 3\n")
    recipe = Recipe.read(path, budget=20, seed=None)
    assert (recipe.budget, recipe.seed) == (20, 3)


def test_paths_in_a_recipe_are_relative_to_its_folder(tmp_path):
    (tmp_path / "recipe.toml").write_text('panel = "data/bars.csv"\n')
    assert Recipe.read(tmp_path / "recipe.toml").panel == str(tmp_path / "data" / "bars.csv")


def test_a_table_given_by_flag_replaces_the_panel_of_the_file(tmp_path):
    (tmp_path / "recipe.toml").write_text('panel = "bars.csv"\nfingerprint = "ab"\n')
    recipe = Recipe.read(tmp_path / "recipe.toml", table="rows.csv")
    assert (recipe.panel, recipe.table, recipe.fingerprint) == (None, "rows.csv", None)


def test_a_split_can_have_toml_dates(tmp_path):
    (tmp_path / "recipe.toml").write_text("split = [2017-01-01, 2018-01-01]\n")
    assert Recipe.read(tmp_path / "recipe.toml").split == ("2017-01-01", "2018-01-01")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgt = 3", "unknown key 'budgt'; did you mean 'budget'"),
        ("budget = 0", "budget = 0: "),
        ("budget = 'many'", "budget = many: "),
        ("delay = -1", "delay = -1: "),
        ("functions = []", "name at least one"),
        ("windows = ['five']", "windows = five: "),
        ("split = ['2017-01-01']", "give two days"),
        ("panel = 'a'\ntable = 'b'", "exclude each other"),
        ("version = 2\nquarva = '9.0'", "version = 2.*use the Quarva that wrote it .9.0."),
        ("budget = ", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_reported_in_one_line_with_file_and_key(tmp_path, text, said):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=said) as caught:
        Recipe.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_flag_is_reported_by_its_name():
    with pytest.raises(RecipeError, match="^--cost-bps = -1"):
        Recipe.of({"cost_bps": -1})


def test_a_missing_recipe_is_reported(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        Recipe.read(tmp_path / "none.toml")
