"""A recipe repeats a search; a wrong setting is named with its place."""

import pytest

from quarva.errors import RecipeError
from quarva.runs.recipe import SearchRecipe as Recipe


def test_a_recipe_survives_its_own_toml(tmp_path):
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


def test_flags_win_over_the_file_and_none_is_no_flag(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("budget = 10\nseed = 3\n")
    recipe = Recipe.read(path, budget=20, seed=None)
    assert (recipe.budget, recipe.seed) == (20, 3)


def test_a_path_in_a_recipe_starts_at_its_folder(tmp_path):
    (tmp_path / "recipe.toml").write_text('panel = "data/bars.csv"\n')
    assert Recipe.read(tmp_path / "recipe.toml").panel == str(tmp_path / "data" / "bars.csv")


def test_a_table_by_flag_takes_the_place_of_the_files_panel(tmp_path):
    (tmp_path / "recipe.toml").write_text('panel = "bars.csv"\nfingerprint = "ab"\n')
    recipe = Recipe.read(tmp_path / "recipe.toml", table="rows.csv")
    assert (recipe.panel, recipe.table, recipe.fingerprint) == (None, "rows.csv", None)


def test_toml_dates_make_a_split(tmp_path):
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
def test_a_wrong_setting_is_said_in_one_line_that_names_file_and_key(tmp_path, text, said):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=said) as caught:
        Recipe.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_flag_is_said_by_its_flag():
    with pytest.raises(RecipeError, match="^--cost-bps = -1"):
        Recipe.of({"cost_bps": -1})


def test_a_missing_recipe_is_said(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        Recipe.read(tmp_path / "none.toml")
