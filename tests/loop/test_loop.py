"""The loop owns budget, memory, scores and stopping rules for every searcher."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import quarva as qv
from quarva.errors import RecipeError, RunError
from quarva.karva.genes import Population
from quarva.loop import loop
from quarva.loop.archive import Archive
from quarva.panel import Table
from quarva.searchers import GEP, RandomSearch
from quarva.tasks import Scores, Task


class Watched(RandomSearch):
    """Random search that writes down what it was told."""

    def __init__(self, change=lambda population: population):
        super().__init__(batch=200)
        self.change, self.told = change, []

    def ask(self, n):
        return self.change(super().ask(n))

    def tell(self, population, fitness):
        self.told.append((population, fitness.copy()))


@pytest.mark.parametrize("way", ["gep", "random"])
@pytest.mark.parametrize("budget", [1, 7, 300, 1201, 2500])
def test_the_budget_is_met_to_the_last_distinct_formula(find, table_task, monkeypatch, way, budget):
    scored = []
    score = Task.score

    def count(self, formulas, threads=None, device="cpu", **_):
        scored.append(formulas.keys())
        return score(self, formulas, threads)

    monkeypatch.setattr(Task, "score", count)
    found = find(table_task, way, budget, tuning_steps=0)
    keys = np.concatenate(scored)
    assert found.evaluations == len(keys) == len(np.unique(keys)) == budget
    assert found.stopped == "budget"
    assert found.proposed >= budget
    assert found.invalid == 0


def test_a_repeated_formula_costs_nothing_and_gets_the_remembered_score(find, panel_task):
    double = Watched(lambda population: Population.concatenate([population, population]))
    found = find(panel_task, double, 500)
    told = {}
    for population, fitness in double.told:
        half = len(population) // 2
        np.testing.assert_array_equal(fitness[:half], fitness[half:])
        for key, value in zip(population.keys(), fitness):
            assert repr(told.setdefault(key, value)) == repr(value)
    assert found.evaluations == 500
    assert found.proposed >= 2 * 400


def test_the_fitness_given_to_searchers_equals_the_scores_of_the_task(find, panel_task):
    watched = Watched()
    find(panel_task, watched, 500)
    population, fitness = watched.told[0]
    np.testing.assert_array_equal(fitness, panel_task.score(population, threads=1).fitness)


@pytest.mark.parametrize("way", ["gep", "random"])
def test_the_same_seed_gives_the_same_findings_on_any_number_of_threads(
    find, figures, panel_task, table_task, way
):
    for task in (panel_task, table_task):
        one, two, three = (figures(find(task, way, 3000, seed=5, threads=n)) for n in (1, 2, 3))
        assert one == two == three
        assert figures(find(task, way, 3000, seed=6)) != one


def test_the_size_of_the_chunks_does_not_change_the_findings(find, figures, table_task, monkeypatch):
    found = figures(find(table_task, budget=5000))
    monkeypatch.setattr(loop, "_FIRST_CHUNK", 16)
    monkeypatch.setattr(loop, "_CHUNK_SECONDS", 1e-9)
    assert figures(find(table_task, budget=5000)) == found


@pytest.mark.parametrize(
    ("cost", "pieces"), [(1e-5, [1200]), (1e-3, [600] * 2), (1.25e-2, [80] * 15), (1, [16] * 75)]
)
def test_chunks_of_a_batch_are_equal_and_take_at_most_a_second(table_task, monkeypatch, cost, pieces):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(loop.time, "perf_counter", lambda: clock.now)
    search = loop.Loop(table_task, Watched(), "watched", space_of(table_task))
    search._chunk = 64
    for _ in range(5):
        sizes = []
        for piece in search._chunks(np.arange(1200)):
            clock.now += cost * len(piece)
            sizes.append(len(piece))
    assert sizes == pieces


def test_the_archive_does_not_depend_on_the_chunks(table_task):
    rng = np.random.default_rng(0)
    watched = Watched()
    watched.begin(space_of(table_task))
    population = watched.ask(200)[rng.integers(0, 200, 2000)]
    train = rng.integers(0, 60, 2000) / 7.0  # many alike
    fitness = train - rng.integers(0, 3, 2000) / 1000
    scores = Scores(fitness, train, np.full(2000, np.nan), np.ones(2000, np.int8))
    whole, pieces = Archive(population, 40), Archive(population, 40)
    whole.add(population, scores)
    for at in range(0, 2000, 37):
        part = slice(at, at + 37)
        pieces.add(
            population[part],
            Scores(fitness[part], train[part], np.full(len(train[part]), np.nan), scores.sign[part]),
        )
    np.testing.assert_array_equal(whole.fitness, pieces.fitness)
    np.testing.assert_array_equal(whole.population.symbols, pieces.population.symbols)
    assert len(set(whole.train)) == len(whole) == 40


def test_diverse_formulas_of_the_archive_have_different_signals(find, panel_task):
    found = find(panel_task, budget=3000)
    signals = np.stack([qv.Formula(each).signal(panel_task.panel).to_numpy() for each in found.archive[:30]])
    training = np.flatnonzero(panel_task.segments == 0)
    ranks = [[pd.Series(row).rank() for row in signal[training[30::4]]] for signal in signals]
    alike = 0
    for k in range(len(ranks)):
        for j in range(k):
            pairs = zip(ranks[k], ranks[j], strict=True)
            alike += abs(np.nanmean([a.corr(b) for a, b in pairs])) > 0.97
    assert alike <= 4  # the sample and ranks differ a little from the signals


def space_of(task, head=5, budget=1000, seed=0):
    from quarva.karva.alphabet import Alphabet
    from quarva.karva.genes import GeneShape
    from quarva.loop import Memory, SearchContext

    alphabet = Alphabet.build(task.fields, ["add", "mul", "sin"])
    return SearchContext(alphabet, GeneShape(head=head), Memory(), budget, seed, 1)


def test_an_invalid_chromosome_is_counted_and_never_scored(find, table_task):
    def spoil(population):
        population.symbols[::4, :, -1] = 0  # a function in the tail
        population.symbols[1::4, :, 0] = 30_000  # no letter of the alphabet
        population.dc[2::4, :, 0] = 100  # no constant
        return population

    watched = Watched(spoil)
    found = find(table_task, watched, 100)
    assert found.evaluations == 100
    assert found.invalid >= 0.7 * found.proposed
    for _, fitness in watched.told:
        assert np.isnan(fitness[::4]).all()


def test_formulas_without_a_value_end_in_an_empty_pool(find, panel_task, monkeypatch):
    def nothing(self, formulas, threads=None, device="cpu", **_):
        nan = np.full(len(formulas), np.nan)
        return Scores(nan, nan, nan, np.ones(len(nan), np.int8))

    monkeypatch.setattr(Task, "score", nothing)
    for way in ("gep", GEP(selection="roulette", elite=0), "random"):
        found = find(panel_task, way, 3000)
        assert (found.evaluations, found.pool, found.stopped) == (3000, [], "budget")
        assert np.isnan(found.history["best"]).all()
        assert "3,000 distinct formulas" in str(found)


def test_a_space_without_new_formulas_is_exhausted(find, table_task):
    x = {"x1": np.arange(9.0), "x2": np.arange(9.0) ** 2}
    task = Task(Table.from_arrays(x, np.sin(np.arange(9.0))))
    for way in ("gep", "random"):
        found = find(task, way, 1000, functions=["add", "mul"], head=1, constants=False)
        assert found.stopped == "exhausted"
        # x1, x2, and three sums and three products of them.
        assert found.evaluations == 8


def test_the_limit_of_seconds_ends_a_search(find, panel_task):
    found = find(panel_task, budget=10**9, seconds=0.3)
    assert found.stopped == "seconds"
    assert found.seconds >= 0.3
    assert found.evaluations > 0


def test_the_limit_of_memory_ends_a_search(find, panel_task):
    found = find(panel_task, budget=10**9, memory_mb=1)
    assert (found.stopped, found.evaluations) == ("memory", 0)


def test_an_exact_formula_ends_the_search_of_a_table(find):
    x = np.linspace(-1, 1, 30)
    found = find(Task(Table.from_arrays({"x": x}, x**2 + x)), budget=10**6)
    assert found.stopped == "solved"
    assert found.best.train == pytest.approx(1)


def test_the_observer_receives_the_progress(find, panel_task):
    heard = []
    found = find(panel_task, budget=2000, progress=heard.append)
    counts = [each.evaluations for each in heard]
    assert counts == sorted(counts)
    assert (counts[-1], heard[-1].budget) == (2000, 2000)
    assert heard[-1].train == found.best.train
    assert heard[-1].formula == found.best.formula.text


def test_the_history_is_consistent_with_the_findings(find, panel_task):
    found = find(panel_task, budget=3000)
    history = found.history
    assert list(history["batch"]) == list(range(len(history)))
    assert history["evaluations"].iloc[-1] == found.evaluations
    assert history["proposed"].iloc[-1] == found.proposed
    assert history["best"].is_monotonic_increasing
    new = np.diff(history["evaluations"], prepend=0) / np.diff(history["proposed"], prepend=0)
    np.testing.assert_allclose(history["distinct_share"], new)
    assert history["best"].iloc[-1] == found.best.train
    assert history["validation"].iloc[-1] == found.best.validation


def test_the_time_of_the_searcher_and_the_engine_are_reported_separately(find, panel_task, monkeypatch):
    clock = SimpleNamespace(now=0.0)

    def takes(seconds, function):
        def wrapped(*given, **named):
            clock.now += seconds
            return function(*given, **named)

        return wrapped

    monkeypatch.setattr(loop.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(RandomSearch, "ask", takes(2, RandomSearch.ask))
    monkeypatch.setattr(RandomSearch, "tell", takes(3, RandomSearch.tell))
    monkeypatch.setattr(Task, "score", takes(10, Task.score))
    monkeypatch.setattr(loop, "_FIRST_CHUNK", 10_000)  # a batch is scored in one piece
    found = find(panel_task, RandomSearch(batch=500), budget=2000)
    batches = len(found.history)
    assert batches > 3
    assert found.seconds_scoring >= 10 * batches
    assert found.seconds_proposing in (5 * batches, 5 * batches - 3)  # what is left of a batch is not told
    assert found.seconds >= found.seconds_proposing + found.seconds_scoring


def test_invalid_arguments_are_refused(find, panel_task):
    with pytest.raises(RecipeError, match="budget must be 1 or more"):
        find(panel_task, budget=0)
    with pytest.raises(RecipeError, match="unknown searcher 'gap'; choose one of gep, policy, blend, random"):
        find(panel_task, "gap")
    with pytest.raises(RecipeError, match="has no setting 'populaton'"):
        find(panel_task, settings={"populaton": 3})
    with pytest.raises(RecipeError, match="selection must be 'tournament' or 'roulette', not 'lottery'"):
        find(panel_task, settings={"selection": "lottery"})


@pytest.mark.parametrize("setting", [{"tournament": 0}, {"population": 1}, {"inversion": 1.5}])
def test_a_setting_of_gep_out_of_its_range_is_refused(setting):
    with pytest.raises(RecipeError, match=f"{next(iter(setting))} (must be at least|is a probability)"):
        GEP(**setting)


class Climber:
    """A searcher of one's own: mutates the best formula it knows."""

    def begin(self, space):
        self.space, self.rng = space, np.random.default_rng(space.seed)
        self.best, self.fitness = self.new(1), -np.inf

    def new(self, n):
        return Population.random(self.space.alphabet, self.space.shape, n, self.rng)

    def ask(self, n):
        children, fresh = self.best[np.zeros(100, int)], self.new(100)
        change = self.rng.random(children.symbols.shape) < 0.1
        children.symbols[change] = fresh.symbols[change]
        return children

    def tell(self, population, fitness):
        fitness = np.nan_to_num(fitness, nan=-np.inf)
        if fitness.max() > self.fitness:
            self.best, self.fitness = population[[fitness.argmax()]], fitness.max()


def test_a_custom_searcher_of_twenty_lines_works(find, figures, panel_task, tmp_path):
    found = find(panel_task, Climber(), 1000)
    assert (found.searcher, found.evaluations, found.invalid) == ("Climber", 1000, 0)
    assert found.best.train > find(panel_task, Climber(), 100).best.train
    assert figures(find(panel_task, Climber(), 1000)) == figures(found)
    with pytest.raises(RunError, match="'Climber' cannot be saved"):
        find(panel_task, Climber(), 1000, checkpoint=tmp_path / "c.npz")
    assert not list(tmp_path.iterdir())
