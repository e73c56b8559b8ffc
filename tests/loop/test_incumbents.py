"""Every incumbent is recorded at its own evaluation, whatever formulas were scored together."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from quarva.engine import threads_to_use
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.notation import render
from quarva.loop import Loop, checkpoint, loop
from quarva.loop.archive import oriented
from quarva.loop.findings import is_eligible
from quarva.loop.incumbents import Incumbents, Piece
from quarva.loop.tuning import tuner_for
from quarva.panel import Table
from quarva.searchers import GEP, Blend, Policy, RandomSearch
from quarva.searchers.surrogate import Surrogate
from quarva.tasks import Scores, Task

EXACT = ["evaluations", "train", "validation", "formula"]
WAYS = {"random": RandomSearch, "gep": GEP, "policy": Policy, "blend": Blend}


def recorded(kind):
    """A searcher of this kind that keeps copies of what it is asked for."""

    class Recorded(kind):
        def begin(self, space):
            super().begin(space)
            self.space_of_it, self.asked = space, []

        def ask(self, n):
            population = super().ask(n)
            self.asked.append(population[np.arange(len(population))])
            return population

    return Recorded()


class OneAtATime:
    """What a loop records that scores one formula after the other."""

    def __init__(self, task, budget):
        self.task, self.budget, self.evaluations = task, budget, 0
        self.rank, self.rows, self.seen = (-1, -np.inf), [], set()

    def consider(self, population, i):
        """Score formula i; its fitness."""
        scores = self.task.score(population[i : i + 1], threads=1)
        fitness, validation = float(scores.fitness[0]), float(scores.validation[0])
        rank = (int(is_eligible(self.task, validation)), fitness)
        if fitness > -np.inf and rank > self.rank:
            self.rank = rank
            text = render(oriented(population[i : i + 1].expressions()[0], int(scores.sign[0])), "infix")
            self.rows.append((self.evaluations, float(scores.train[0]), validation, text))
        return fitness

    def batch(self, population):
        """Places and fitness of the formulas of a batch that are new."""
        new, fitness = [], []
        for i, key in enumerate(population.keys().tolist()):
            if key in self.seen or self.evaluations >= self.budget:
                continue
            self.seen.add(key)
            self.evaluations += 1
            new.append(i)
            fitness.append(self.consider(population, i))
        return np.array(new, np.int64), np.array(fitness)

    def frame(self):
        return pd.DataFrame(self.rows, columns=EXACT)


@pytest.mark.parametrize(
    ("way", "budget"), [("gep", 1), ("gep", 1_500), ("random", 1_500), ("policy", 600), ("blend", 640)]
)
def test_incumbents_on_a_panel_equal_those_of_scoring_one_formula_at_a_time(find, panel_task, way, budget):
    searcher = recorded(WAYS[way])
    found = find(panel_task, searcher, budget)
    slow = OneAtATime(panel_task, budget)
    for population in searcher.asked:
        slow.batch(population)
    assert slow.evaluations == budget
    pd.testing.assert_frame_equal(found.incumbents[EXACT], slow.frame())
    best = max(found.pool, key=lambda each: each.fitness)
    assert found.incumbents["train"].iloc[-1] == best.train


@pytest.mark.parametrize("split", [None, (0.6, 0.8)])
@pytest.mark.parametrize("budget", [1_500, 4_000])
def test_steps_of_tuning_are_counted_up_to_the_last_of_the_formula(find, split, budget):
    x = np.linspace(0.1, 4, 40)
    y = np.sin(1.3 * x) + np.random.default_rng(2).normal(0, 0.1, 40)
    task = Task(Table.from_arrays({"x": x}, y), split=split)
    searcher = recorded(GEP)
    found = find(task, searcher, budget)
    space = searcher.space_of_it
    tuner = tuner_for(task, space.alphabet, space.shape, None, threads_to_use(1))
    slow = OneAtATime(task, budget)
    for population in searcher.asked:
        new, scored = slow.batch(population)
        fitness = np.full(len(population), np.nan)
        fitness[new] = scored
        before = slow.evaluations
        if before >= budget:
            break
        tuned = tuner.tune(population, fitness, new, budget - before)
        for k in np.argsort(tuned.taken, kind="stable"):
            slow.evaluations = before + int(tuned.taken[k])
            slow.consider(tuned.population, k)
            slow.seen.update(tuned.population[k : k + 1].keys().tolist())
        slow.evaluations = before + tuned.steps
    assert found.tuning_steps > 0
    frame = found.incumbents[EXACT]
    pd.testing.assert_frame_equal(frame, slow.frame())
    batches = found.history["evaluations"] - found.history["tuning_steps"].diff().fillna(
        found.history["tuning_steps"].iloc[0]
    )
    in_tuning = frame["evaluations"].to_numpy() > batches[found.incumbents["batch"]].to_numpy()
    assert in_tuning.any()


def test_a_tuned_formula_has_its_constants_after_the_stated_number_of_steps():
    x = np.linspace(0.1, 4, 30)
    task = Task(Table.from_arrays({"x": x}, 1.7 * np.sin(1.3 * x) + 0.4))
    alphabet = Alphabet.build(task.fields, ["add", "mul", "sin"], constants=True)
    shape = GeneShape(head=5)
    population = Population.random(alphabet, shape, 60, np.random.default_rng(4))
    population = population[np.unique(population.keys(), return_index=True)[1]]
    fitness = task.score(population, threads=1).fitness

    def tune(left):
        tuner = tuner_for(task, alphabet, shape, None, 1)
        return tuner.tune(population, fitness, np.arange(len(population)), left)

    whole = tune(10**6)
    assert whole.taken.max() == whole.steps
    later = 0
    for k, taken in enumerate(whole.taken.tolist()):
        then, before = tune(taken), tune(taken - 1)
        np.testing.assert_array_equal(then.population.constants[k], whole.population.constants[k])
        assert then.steps == taken
        later += bool((before.population.constants[k] != whole.population.constants[k]).any())
    assert later > 0.3 * len(whole.taken)


def in_pieces(cut):
    """The loop's pieces of a batch, as `cut` says how long the next one is."""

    def chunks(self, new):
        at = 0
        while at < len(new):
            size = cut(len(new) - at)
            yield new[at : at + size]
            at += size

    return chunks


CUTS = {
    "one by one": lambda left: 1,
    "sevens": lambda left: 7,
    "uneven": lambda left: 1 + left * 5 // 7,
}


@pytest.mark.parametrize(
    ("way", "kind", "cut"),
    [*(("gep", kind, cut) for kind in ("panel", "table") for cut in CUTS), ("blend", "panel", "sevens")],
)
def test_the_division_of_batches_into_chunks_does_not_matter(
    find, figures, panel_task, table_task, monkeypatch, way, kind, cut
):
    task = panel_task if kind == "panel" else table_task
    budget = 300 if way == "blend" else 1_300
    whole = find(task, way, budget)
    monkeypatch.setattr(Loop, "_chunks", in_pieces(CUTS[cut]))
    assert figures(find(task, way, budget)) == figures(whole)


class Known:
    """Validation figures that were drawn beforehand, by formula."""

    def __init__(self, population, eligible):
        self.eligible = dict(zip(population.keys().tolist(), eligible.tolist(), strict=True))

    def is_eligible(self, population):
        return np.array([self.eligible[key] for key in population.keys().tolist()], bool)

    def of(self, population):
        return np.where(self.is_eligible(population), 0.5, np.nan)


@pytest.fixture(scope="module")
def many(table_task):
    """Distinct formulas, and a question with a validation part."""
    task = Task(table_task.table, split=(0.5, 0.8))
    alphabet = Alphabet.build(task.fields, ["add", "mul", "sin", "cos"])
    population = Population.random(alphabet, GeneShape(head=8), 4_000, np.random.default_rng(0))
    return task, population[np.unique(population.keys(), return_index=True)[1]][:400]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_ineligible_formulas_are_skipped_at_any_position(many, share, seed):
    task, population = many
    rng = np.random.default_rng([seed, int(100 * share)])
    n = len(population)
    fitness = rng.integers(0, 60, n) / 100 - 0.3  # many equal
    fitness[rng.random(n) < 0.1] = np.nan
    fitness[rng.random(n) < 0.02] = -np.inf
    eligible = rng.random(n) < share
    expected, rank = [], (-1, -np.inf)
    for i in range(n):
        mine = (int(eligible[i]), fitness[i])
        if fitness[i] > -np.inf and mine > rank:
            rank = mine
            expected.append(i + 1)
    found = Incumbents(task, Known(population, eligible))
    cuts = np.unique([0, n, *rng.integers(0, n, 5)])
    for low, high in pairwise(cuts):
        part = slice(low, high)
        validation, signs = np.full(high - low, np.nan), np.ones(high - low, np.int8)
        scores = Scores(fitness[part], fitness[part], validation, signs)
        found.update(population[part], scores, Piece(0, 0, int(low), int(high - low), 0.0, 1.0))
    frame = found.frame()
    assert frame["evaluations"].tolist() == expected
    np.testing.assert_array_equal(np.isfinite(frame["validation"]), eligible[frame["evaluations"] - 1])


def test_seconds_are_interpolated_within_a_chunk_by_evaluations(many):
    task, population = many
    fitness = np.array([0.1, 0.0, 0.2, 0.3])
    scores = Scores(fitness, fitness, np.full(4, np.nan), np.ones(4, np.int8))
    found = Incumbents(task, Known(population, np.ones(len(population), bool)))
    found.update(population[:4], scores, Piece(0, 0, 100, 4, 2.0, 6.0))
    assert found.frame()["seconds"].tolist() == [3.0, 5.0, 6.0]
    tuned = Scores(fitness + 1, fitness + 1, np.full(4, np.nan), np.ones(4, np.int8))
    found.update(population[4:8], tuned, Piece(0, 0, 104, 10, 6.0, 7.0, np.array([5, 2, 1, 10])))
    later = found.frame().iloc[3:]
    assert later["evaluations"].tolist() == [105, 114]
    assert later["seconds"].tolist() == [6.1, 7.0]


@pytest.mark.parametrize("way", ["random", "gep"])
def test_seconds_lie_within_the_batch_of_the_formula(find, panel_task, way):
    found = find(panel_task, way, 700)
    ends = np.append(0.0, found.history["seconds"])
    batch, seconds = found.incumbents["batch"], found.incumbents["seconds"]
    assert seconds.is_monotonic_increasing
    assert (seconds.to_numpy() > ends[batch]).all()
    assert (seconds.to_numpy() <= ends[batch + 1]).all()


def test_without_scores_there_is_no_incumbent(find, panel_task, monkeypatch, tmp_path):
    def nothing(self, formulas, threads=None, device="cpu", **_):
        nan = np.full(len(formulas), np.nan)
        return Scores(nan, nan, nan, np.ones(len(nan), np.int8))

    monkeypatch.setattr(Task, "score", nothing)
    found = find(panel_task, "random", 300, out=tmp_path / "run")
    assert len(found.incumbents) == 0
    assert len(pd.read_parquet(tmp_path / "run" / "incumbents.parquet")) == 0


def test_the_formula_that_ends_the_search_of_a_table_is_marked(find):
    x = np.linspace(-1, 1, 30)
    found = find(Task(Table.from_arrays({"x": x}, x**2 + x)), budget=10**6)
    assert found.incumbents["exact"].tolist() == [False] * (len(found.incumbents) - 1) + [True]
    assert found.incumbents["evaluations"].iloc[-1] < found.evaluations


def test_candidates_are_the_formulas_that_the_surrogate_examined(find, panel_task, monkeypatch):
    looked, acquisition = [], Surrogate.acquisition

    def count(self, population):
        looked.append(len(population) if self._is_fitted else 0)
        return acquisition(self, population)

    monkeypatch.setattr(Surrogate, "acquisition", count)
    found = find(panel_task, "blend", 150)
    assert found.candidates == sum(looked) > found.evaluations
    assert found.history["candidates"].iloc[-1] <= found.candidates
    assert found.history["candidates"].is_monotonic_increasing
    counted = found.history["candidates"][found.incumbents["batch"]].to_numpy()
    np.testing.assert_array_equal(found.incumbents["candidates"], counted)
    assert f"chosen from {found.candidates:,} candidates" in str(found)


@pytest.mark.parametrize("way", ["random", "gep", Blend(candidates=1)])
def test_a_searcher_without_a_surrogate_has_no_candidates(find, panel_task, way):
    found = find(panel_task, way, 700)
    assert found.candidates == 0
    assert not found.incumbents["candidates"].any()
    assert "candidates" not in str(found)


def test_the_blend_has_no_candidates_on_a_table(find, table_task):
    assert find(table_task, "blend", 700).candidates == 0


def test_a_resumed_search_records_the_same_incumbents(find, figures, panel_task, tmp_path):
    whole = find(panel_task, "blend", 1_201, seed=1)
    # 700: the opening is over, and the first batch of evolution is larger than any before it.
    find(panel_task, "blend", 700, seed=1, checkpoint=tmp_path / "c.npz")
    on = find(panel_task, "blend", 1_201, seed=1, checkpoint=tmp_path / "c.npz", resume=True)
    assert figures(on) == figures(whole)


class Growing(RandomSearch):
    """Random search whose batches grow beyond all bounds."""

    def ask(self, n):
        self.batch *= 8
        return super().ask(n)

    def state(self):
        return super().state() | {"batch": self.batch}

    def restore(self, state):
        super().restore({name: state[name] for name in ("state", "inc")})
        self.batch = int(state["batch"])


def test_a_batch_larger_than_all_before_is_repeated_entirely(
    find, figures, table_task, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "_LARGE_BATCH", 10)
    given = {"seed": 1, "tuning_steps": 0}
    whole = find(table_task, Growing(batch=2), 6_000, **given)
    find(table_task, Growing(batch=2), 800, **given, checkpoint=tmp_path / "c.npz")
    kept = checkpoint.evaluations(tmp_path / "c.npz")
    assert kept in {0, *whole.history["evaluations"]}
    on = find(table_task, Growing(batch=2), 6_000, **given, checkpoint=tmp_path / "c.npz", resume=True)
    assert figures(on) == figures(whole)
