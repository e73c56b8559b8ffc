"""--risk: raw and residual figures side by side, and models that do not fit."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    from quarva.scenarios import simulate

    path = tmp_path_factory.mktemp("risk") / "market.parquet"
    simulate(40, 300, seed=3, plant="-pct_change(close, 5)", ic=0.1).write(path)
    return path


def test_evaluate_shows_raw_and_residual_figures(quarva, planted):
    plain = quarva("evaluate", "-pct_change(close, 5)", "--panel", planted, "--risk", "none", "--json").json
    said = quarva("evaluate", "-pct_change(close, 5)", "--panel", planted, "--json").json
    assert said["exposures"] == ["market", "sector", "size", "price", "beta", "volatility", "momentum"]
    one, two = plain["formulas"][0], said["formulas"][0]
    assert two["ic"] == one["ic"]
    assert one["residual_ic"] is None
    assert 0.01 < two["residual_ic"] != two["ic"]
    shown = quarva("evaluate", "-pct_change(close, 5)", "--panel", planted)
    assert "residual" in shown.out
    assert "risk model: market, sector, size" in shown.out


def test_search_shows_raw_figures_and_the_set(quarva, planted):
    arguments = ("search", "--panel", planted, "--budget", 300)
    said = quarva(*arguments, "--out", "run", "--json").json
    assert said["task"]["exposures"][0] == "market"
    assert said["best"]["raw_validation"] is not None
    assert said["set"]["members"] == len(said["set"]["formulas"]) == len(said["set"]["weights"])
    shown = quarva(*arguments, "--out", "again").out
    assert "raw validation" in shown
    assert f"set of {said['set']['members']} formulas: expected" in shown
    assert "risk model: market, sector, size" in shown


def test_a_model_is_read_from_a_file_also_by_the_recipe_of_a_run(quarva, planted):
    Path("risk.toml").write_text('groups = ["sector"]\n[exposures]\nprice = "log(close)"\n')
    said = quarva(
        "search", "--panel", planted, "--risk", "risk.toml", "--budget", 100, "--out", "run", "--json"
    )
    assert said.json["task"]["exposures"] == ["market", "sector", "price"]
    again = quarva("search", "--recipe", "run/recipe.toml", "--out", "two", "--json").json
    assert again["best"] == said.json["best"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[exposures]\ncap = "log(market_cap)"\n', "the exposure 'cap' of the risk model cannot be used"),
        ('groups = ["country"]\n', "which the panel lacks"),
        ("factors = 40\n", "too many for 40 assets"),
        ("size = 3\n", "unknown key 'size'"),
        ("= 3\n", "cannot be read"),
    ],
)
def test_a_wrong_model_is_one_line_and_leaves_no_folder(quarva, planted, text, message):
    Path("risk.toml").write_text(text)
    said = quarva("search", "--panel", planted, "--risk", "risk.toml", "--budget", 100, "--out", "run")
    assert said.status == 2
    assert message in said.err
    assert len([line for line in said.err.splitlines() if not line.startswith("note:")]) == 1
    assert not Path("run").exists()


def test_a_model_without_a_file_is_refused(quarva, planted):
    said = quarva("search", "--panel", planted, "--risk", "barra", "--budget", 100)
    assert said.status == 2
    assert "barra" in said.err


def test_a_run_keeps_its_model_when_the_file_changes(quarva, planted):
    Path("risk.toml").write_text('[exposures]\nprice = "log(close)"\n')
    quarva("search", "--panel", planted, "--risk", "risk.toml", "--budget", 100, "--out", "run")
    page = Path("run/report.html").read_bytes()
    Path("risk.toml").unlink()
    assert quarva("report", "run").status == 0
    assert Path("run/report.html").read_bytes() == page
    assert quarva("search", "--resume", "run", "--budget", 150).status == 0


def test_a_trading_objective_does_not_use_the_model(quarva, planted):
    arguments = ("search", "--panel", planted, "--objective", "sharpe", "--risk", "default", "--budget", 60)
    said = quarva(*arguments, "--out", "run", "--json")
    assert said.json["task"]["exposures"] == []
    assert "the risk model is not used, because the objective sharpe trades" in said.err
