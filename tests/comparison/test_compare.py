"""Searchers are compared with equal numbers of evaluations, counted and timed alike."""

import numpy as np
import pytest

import quarva
from quarva.comparison.presentation import compared
from quarva.errors import FormulaError, RecipeError
from quarva.karva.genes import Population
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


def test_a_run_equals_a_search_alone(run, panel_task):
    (row,) = run(panel_task, ["gep"], seeds=[7]).rows()
    alone = search(panel_task, "gep", 1500, seed=7, threads=1, set_size=0, progress=False)
    assert row["formula"] == alone.best.formula.text
    assert (row["best"], row["train"]) == (alone.best.validation, alone.best.train)
    assert row["proposed"] == alone.proposed
    assert row["distinct_share"] == alone.evaluations / alone.proposed


def test_the_table_aggregates_the_rows(run, panel_task):
    found = run(panel_task, seeds=3)
    table, rows = found.table(), found.rows()
    best = [row["best"] for row in rows if row["searcher"] == "gep"]
    assert table.loc["gep", "best"] == np.median(best)
    assert table.loc["gep", "lower_quartile"] == np.quantile(best, 0.25)
    assert table.loc["random", "runs"] == 3
    spent = table["seconds_proposing"] + table["seconds_scoring"]
    assert (spent > 0).all()
    assert (spent <= table["seconds"]).all()


def test_the_default_level_is_the_worst_median_which_half_of_the_runs_reach(run, panel_task):
    found = run(panel_task, seeds=3)
    medians = found.table()["train"]
    assert found.level == medians.min()
    assert found.table().loc[medians.idxmin(), "reached"] >= 2
    assert np.isfinite(found.table()["evaluations_to_level"]).all()


class Listed(RandomSearch):
    """Random search whose first batch is kept."""

    def ask(self, n):
        population = super().ask(n)
        if not hasattr(self, "first"):
            self.first = population
        return population


def test_evaluations_to_a_level_count_up_to_the_first_formula_that_reaches_it(run, panel_task):
    way = Listed()
    alone = search(panel_task, way, 1500, threads=1, progress=False)
    places = np.unique(way.first.keys(), return_index=True)[1]
    distinct = way.first[np.sort(places)]  # in the order in which they were scored
    scores = [panel_task.score(distinct[k : k + 1], threads=1) for k in range(300)]
    judged = np.array([s.train[0] if np.isfinite(s.validation[0]) else np.nan for s in scores])
    level = float(np.sort(judged[np.isfinite(judged)])[-5])
    (row,) = run(panel_task, {"mine": Listed()}, seeds=1, level=level).rows()
    assert row["evaluations_to_level"] == int(np.argmax(judged >= level)) + 1
    assert row["evaluations_to_level"] < alone.history["evaluations"].iloc[0]
    assert 0 < row["seconds_to_level"] < row["seconds"]


class Dealt:
    """The same random formulas in the same order, dealt out in batches."""

    def __init__(self, batch):
        self.batch = batch

    def begin(self, space):
        rng = np.random.default_rng(space.seed)
        self.all, self.at = Population.random(space.alphabet, space.shape, 4000, rng), 0

    def ask(self, n):
        self.at += self.batch
        return self.all[self.at - self.batch : self.at]

    def tell(self, population, fitness):
        pass


def test_the_batch_size_does_not_change_the_evaluations_to_a_level(run, panel_task):
    found = run(panel_task, {"large": Dealt(4000), "small": Dealt(50)}, budget=800, level=0.1)
    for large, small in zip(found.runs_of("large"), found.runs_of("small"), strict=True):
        np.testing.assert_array_equal(large.after, small.after)
        np.testing.assert_array_equal(large.trained, small.trained)
    table = found.table()
    assert table.loc["large", "evaluations_to_level"] == table.loc["small", "evaluations_to_level"] < 400
    for race in compared(found).plots[::2]:
        large, small = race.curves
        np.testing.assert_array_equal(large.median, small.median)


def test_a_level_that_is_never_reached_has_no_evaluations(run, panel_task):
    found = run(panel_task, ["gep"], seeds=1)
    never = run(panel_task, ["gep"], seeds=1, level=2.0)
    assert never.rows()[0]["seconds_to_level"] == np.inf
    assert never.table().loc["gep", "reached"] == 0
    assert found.level == found.rows()[0]["train"]


def test_a_comparison_on_a_table_counts_solved_runs(run, table_task):
    found = run(table_task, budget=60_000)
    assert found.level is None
    gep = [row for row in found.rows() if row["searcher"] == "gep"]
    assert [row["stopped"] for row in gep] == ["solved", "solved"]
    for row, each in zip(gep, found.runs_of("gep"), strict=True):
        solved = each.after[each.exact]
        assert row["evaluations_to_level"] == solved[0] < row["evaluations"]  # the batch went on
        assert 0 < row["seconds_to_level"] < row["seconds"]
    assert found.table().loc["gep", "reached"] == 2
    assert gep[0]["best"] == gep[0]["train"] == pytest.approx(1)


def test_candidates_are_reported_next_to_evaluations(run, panel_task):
    found = run(panel_task, ["random", "blend"], budget=200, seeds=1)
    rows = {row["searcher"]: row for row in found.rows()}
    assert rows["random"]["candidates"] == rows["random"]["candidates_to_level"] == 0
    alone = search(panel_task, "blend", 200, threads=1, set_size=0, progress=False)
    assert rows["blend"]["candidates"] == alone.candidates
    assert rows["blend"]["candidates"] > 1000
    assert found.table().loc["blend", "candidates"] == rows["blend"]["candidates"]
    told = compared(found)
    column = told.header.index("candidates to it")
    assert told.header[column - 1] == "evaluations to it"
    assert told.rows[0][column] == "0"


class Stubborn:
    """Random search whose batches are its own; it keeps no state."""

    def begin(self, space):
        self.inner = RandomSearch(batch=500)
        self.inner.begin(space)

    def ask(self, n):
        return self.inner.ask(n)

    def tell(self, population, fitness):
        pass


def test_a_custom_searcher_can_be_compared_with_the_named_ones(run, panel_task, tmp_path):
    ways = {"gep": "gep", "small gep": GEP(population=50), "mine": Stubborn()}
    found = run(panel_task, ways, seeds=1, out=tmp_path / "c")
    assert found.searchers == ("gep", "small gep", "mine")
    assert len({row["formula"] for row in found.rows()}) >= 2
    assert run(panel_task, [Stubborn(), "gep"], seeds=1).searchers == ("Stubborn", "gep")


def test_runs_do_not_share_state(run, panel_task):
    way = GEP(population=50)
    first, second = (run(panel_task, {"a": way}, seeds=[seed]).rows()[0] for seed in (0, 1))
    both = run(panel_task, {"a": way}, seeds=2).rows()
    assert [row["formula"] for row in both] == [first["formula"], second["formula"]]
    assert not hasattr(way, "_now")


def test_compare_is_a_public_name():
    assert quarva.compare.__module__ == "quarva.comparison.runner"


@pytest.mark.parametrize(
    ("searchers", "given", "says"),
    [
        (["gap"], {}, "unknown searcher 'gap'; did you mean 'gep'"),
        ([], {}, "no searcher given"),
        (["gep", "gep"], {}, "'gep' is given twice"),
        (["gep"], {"budget": 0}, "budget must be 1 or more, not 0"),
        (["gep"], {"seeds": 0}, "seeds must be 1 or more, not 0"),
        (["gep"], {"seeds": [1, 1]}, "seeds must be distinct"),
        (["gep"], {"seeds": [-1]}, "a seed must be 0 or more, not -1"),
        (["gep"], {"settings": {"population": 5}}, "pass an object"),
        (["gep"], {"resume": True}, "resume=True continues a folder"),
        ({"../gep": "gep"}, {}, "a name may contain only letters"),
    ],
)
def test_invalid_arguments_are_refused(run, panel_task, searchers, given, says):
    with pytest.raises(RecipeError, match=says):
        run(panel_task, searchers, **given)


def test_an_invalid_alphabet_is_refused_before_the_first_run(run, panel_task, tmp_path):
    with pytest.raises(FormulaError):
        run(panel_task, functions=["nothing"], out=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_table_with_a_split_is_compared_by_validation(run, table_task):
    split = Task(table_task.table, split=(0.6, 0.8))
    found = run(split, ["random", "gep"], budget=2_000)
    assert found.figure == "validation"
    assert all(each.best == each.validation != each.train for each in found.runs)
    figures = [race.figure for race in compared(found).plots]
    assert figures == ["normalised RMSE in training"] * 2 + ["normalised RMSE in validation"] * 2
