"""A search on a table in float64 has the offsets of its columns as numbers."""

import numpy as np
import pytest

import quarva as qv
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population, encode
from quarva.loop.offsets import offsets_of
from quarva.panel import Table
from quarva.tasks import Task

ROWS = np.arange(200.0)
NOISE = np.random.default_rng(0).normal(size=200)


@pytest.mark.parametrize(
    ("columns", "target", "offsets"),
    [
        ({"t": 1_700_000_123 + ROWS}, ROWS, (1_700_000_200.0,)),
        ({"t": 1_700_000_023 + ROWS}, ROWS, (1_700_000_000.0,)),
        ({"t": 1_234_567_890 + ROWS}, ROWS, (1_234_568_000.0,)),
        ({"t": ROWS}, 2e10 + ROWS, (2e10,)),
        ({"t": -1e6 + NOISE, "x": 1e6 + NOISE}, 1e6 + NOISE, (-1e6, 1e6)),
        ({"t": 1e9 * ROWS + 1}, ROWS, ()),  # large, but not far from 0
        ({"t": ROWS}, NOISE, ()),
    ],
)
def test_an_offset_is_a_short_number_close_to_a_column(columns, target, offsets):
    assert offsets_of(Task(Table.from_arrays(columns, target))) == offsets


def test_offsets_are_those_of_the_training_rows():
    t = 1_700_000_000 + ROWS
    task = Task(Table.from_arrays({"t": t}, ROWS), split=(0.6, 0.8))
    hidden = ~np.isfinite(task.targets[0]).reshape(-1)
    other = Task(Table.from_arrays({"t": np.where(hidden, 5e9, t)}, ROWS), split=(0.6, 0.8))
    assert offsets_of(other) == offsets_of(task)


def test_literals_that_float32_confuses_have_different_keys():
    numbers = [1_700_000_000.0, 1_700_000_001.0, 1_700_000_002.0]
    alphabet = Alphabet.build(["t"], ["sub"], numbers=numbers, exact=True)
    assert len(set(alphabet.symbol_keys.tolist())) == len(alphabet)
    rng = np.random.default_rng(0)
    population = encode([qv.parse(f"t - {number:.0f}") for number in numbers], alphabet, GeneShape(), rng)
    assert len(set(population.keys().tolist())) == 3


def test_the_literals_of_other_tables_are_float32():
    alphabet = Alphabet.build(["t"], ["sub"], numbers=[1 / 3, 0.1])
    np.testing.assert_array_equal(alphabet.number[-2:], np.float32([1 / 3, 0.1]))
    assert alphabet.names()[-2:] == ["0.33333334", "0.1"]


@pytest.mark.parametrize("searcher", ["random", "gep", "policy", "blend"])
def test_a_search_finds_a_formula_of_seconds_since_1970(searcher):
    table = Table.from_arrays({"t": 1_700_000_000 + ROWS, "z": NOISE}, 2e10 + ROWS * NOISE)
    task = Task(table, split=(0.6, 0.8))
    found = qv.search(
        task, searcher, 20_000, functions=["add", "sub", "mul"], head=6, progress=False, threads=2
    )
    assert found.stopped == "solved"
    best = found.pool[0]
    assert best.train == pytest.approx(1, abs=1e-9)
    again = task.score(str(best.formula))
    np.testing.assert_array_equal([again.train[0], again.validation[0]], [best.train, best.validation])


def test_findings_do_not_depend_on_the_number_of_threads():
    table = Table.from_arrays({"t": 1_700_000_000 + ROWS, "z": NOISE}, np.sin(ROWS) + NOISE)
    found = [qv.search(Task(table), "gep", 3_000, progress=False, threads=threads).pool for threads in (1, 3)]
    assert [(str(one.formula), one.train) for one in found[0]] == [
        (str(one.formula), one.train) for one in found[1]
    ]


def test_a_resumed_search_continues_identically(tmp_path):
    table = Table.from_arrays({"t": 1_700_000_000 + ROWS, "z": NOISE}, np.sin(ROWS) + NOISE)
    whole = qv.search(Task(table), "gep", 3_000, progress=False)
    qv.search(Task(table), "gep", 1_000, progress=False, out=tmp_path / "run")
    resumed = qv.search(Task(table), "gep", 3_000, progress=False, out=tmp_path / "run", resume=True)
    assert [str(one.formula) for one in resumed.pool] == [str(one.formula) for one in whole.pool]


def test_constants_of_a_population_equal_those_in_the_text():
    table = Table.from_arrays({"t": 1_700_000_000 + ROWS}, ROWS)
    alphabet = Alphabet.build(["t"], ["sub", "mul"], constants=True)
    population = Population.random(alphabet, GeneShape(head=5), 200, np.random.default_rng(1))
    task = Task(table)
    figures = task.score(population).train
    texts = [qv.render(each) for each in population.expressions()]
    np.testing.assert_array_equal(figures, task.score(texts).train)
