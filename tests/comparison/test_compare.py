"""Searchers at one task: the same evaluations for each, counted and timed alike."""

import numpy as np
import pytest

import quarva
from quarva.comparison.presentation import compared
from quarva.errors import FormulaError, RecipeError
from quarva.runs import search
from quarva.searchers import GEP, RandomSearch
from quarva.tasks import Task


def test_every_searcher_gets_every_seed_and_the_same_evaluations(run, panel_task):
    found = run(panel_task)
    rows = found.rows()
    assert [(row["searcher"], row["seed"]) for row in rows] == [
        ("random", 0), ("random", 1), ("gep", 0), ("gep", 1),
    ]  # fmt: skip
    assert {row["evaluations"] for row in rows} == {1500}
    assert {row["invalid"] for row in rows} == {0}


def test_a_run_gives_what_a_search_alone_gives(run, panel_task):
    (row,) = run(panel_task, ["gep"], seeds=[7]).rows()
    alone = search(panel_task, "gep", 1500, seed=7, threads=1, progress=False)
    assert row["formula"] == alone.best.formula.text
    assert (row["best"], row["train"]) == (alone.best.validation, alone.best.train)
    assert row["proposed"] == alone.proposed
    assert row["distinct_share"] == alone.evaluations / alone.proposed


def test_the_table_is_made_of_the_rows(run, panel_task):
    found = run(panel_task, seeds=3)
    table, rows = found.table(), found.rows()
    best = [row["best"] for row in rows if row["searcher"] == "gep"]
    assert table.loc["gep", "best"] == np.median(best)
    assert table.loc["gep", "lower_quartile"] == np.quantile(best, 0.25)
    assert table.loc["random", "runs"] == 3
    spent = table["seconds_proposing"] + table["seconds_scoring"]
    assert (spent > 0).all()
    assert (spent <= table["seconds"]).all()


def test_the_level_is_the_worst_median_and_all_get_there_in_half_of_their_runs(run, panel_task):
    found = run(panel_task, seeds=3)
    medians = found.table()["train"]
    assert found.level == medians.min()
    assert found.table().loc[medians.idxmin(), "reached"] >= 2
    assert np.isfinite(found.table()["evaluations_to_level"]).all()


def test_evaluations_to_a_level_are_those_of_the_first_batch_that_is_there(run, panel_task):
    found = run(panel_task, ["gep"], seeds=1, budget=6000)
    alone = search(panel_task, "gep", 6000, threads=1, progress=False).history
    level = alone["best"].iloc[2]
    asked = run(panel_task, ["gep"], seeds=1, budget=6000, level=level)
    first = alone["evaluations"][(alone["best"] >= level).idxmax()]
    assert asked.rows()[0]["evaluations_to_level"] == first
    never = run(panel_task, ["gep"], seeds=1, level=2.0)
    assert never.rows()[0]["seconds_to_level"] == np.inf
    assert never.table().loc["gep", "reached"] == 0
    assert found.level == found.rows()[0]["train"]


def test_a_table_counts_what_was_solved(run, table_task):
    found = run(table_task, budget=60_000)
    assert found.level is None
    gep = [row for row in found.rows() if row["searcher"] == "gep"]
    assert [row["stopped"] for row in gep] == ["solved", "solved"]
    assert [row["evaluations_to_level"] for row in gep] == [row["evaluations"] for row in gep]
    assert found.table().loc["gep", "reached"] == 2
    assert gep[0]["best"] == gep[0]["train"] == pytest.approx(1)


class Stubborn:
    """Random search whose batches are its own; it keeps no state."""

    def begin(self, space):
        self.inner = RandomSearch(batch=500)
        self.inner.begin(space)

    def ask(self, n):
        return self.inner.ask(n)

    def tell(self, population, fitness):
        pass


def test_a_users_own_searcher_stands_beside_the_named_ones(run, panel_task, tmp_path):
    ways = {"gep": "gep", "small gep": GEP(population=50), "mine": Stubborn()}
    found = run(panel_task, ways, seeds=1, out=tmp_path / "c")
    assert found.searchers == ("gep", "small gep", "mine")
    assert len({row["formula"] for row in found.rows()}) >= 2
    assert run(panel_task, [Stubborn(), "gep"], seeds=1).searchers == ("Stubborn", "gep")


def test_no_run_sees_what_another_left_behind(run, panel_task):
    way = GEP(population=50)
    first, second = (run(panel_task, {"a": way}, seeds=[seed]).rows()[0] for seed in (0, 1))
    both = run(panel_task, {"a": way}, seeds=2).rows()
    assert [row["formula"] for row in both] == [first["formula"], second["formula"]]
    assert not hasattr(way, "_now")


def test_it_is_on_the_public_face():
    assert quarva.compare.__module__ == "quarva.comparison.runner"


@pytest.mark.parametrize(
    ("searchers", "given", "says"),
    [
        (["gap"], {}, "no searcher 'gap'; there are"),
        ([], {}, "no searcher to compare"),
        (["gep", "gep"], {}, "'gep' is there twice"),
        (["gep"], {"budget": 0}, "budget must be 1 or more, not 0"),
        (["gep"], {"seeds": 0}, "seeds must be 1 or more, not 0"),
        (["gep"], {"seeds": [1, 1]}, "seeds must be 0 or more and differ"),
        (["gep"], {"seeds": [-1]}, "seeds must be 0 or more and differ"),
        (["gep"], {"settings": {"population": 5}}, "compare an object"),
        (["gep"], {"resume": True}, "resume needs out"),
        ({"../gep": "gep"}, {}, "a name is made of letters"),
    ],
)
def test_what_can_not_be_is_said(run, panel_task, searchers, given, says):
    with pytest.raises(RecipeError, match=says):
        run(panel_task, searchers, **given)


def test_an_alphabet_that_can_not_be_is_said_before_anything_runs(run, panel_task, tmp_path):
    with pytest.raises(FormulaError):
        run(panel_task, functions=["nothing"], out=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_of_a_table_with_a_split_validation_counts(run, table_task):
    split = Task(table_task.table, split=(0.6, 0.8))
    found = run(split, ["random", "gep"], budget=2_000)
    assert found.figure == "validation"
    assert all(each.best == each.validation != each.train for each in found.runs)
    figures = [race.figure for race in compared(found).races]
    assert figures == ["normalised RMSE in training"] * 2 + ["normalised RMSE in validation"] * 2
