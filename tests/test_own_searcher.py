"""The searcher in docs/own_searcher.md is short, beats random search, and follows the rules."""

import re
from pathlib import Path

import numpy as np
import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "own_searcher.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture(scope="module")
def page():
    """What the page's own code leaves behind when it is run from top to bottom."""
    names = {}
    for block in BLOCKS:
        exec(block, names)  # noqa: S102
    return names


def test_the_searcher_has_twenty_lines():
    lines = [
        line for line in BLOCKS[0].splitlines() if line.strip() and not line.startswith(("import", "from"))
    ]
    assert lines[0] == "class Climber:"
    assert len(lines) <= 20


def test_the_searcher_beats_random_search_on_all_three_problems(page):
    assert set(page["found"]) == {"Nguyen-1", "Nguyen-2", "Nguyen-3"}
    for found in page["found"].values():
        table = found.table()
        assert table.loc["climber", "best"] > table.loc["random", "best"]
        assert table.loc["climber", "solved"] > table.loc["random", "solved"]
        assert table.loc["climber", "invalid_share"] == 0
        assert {row["evaluations"] for row in found.rows() if row["stopped"] == "budget"} <= {20_000}


def test_a_search_alone_equals_its_run_in_the_comparison(page):
    qv, x = page["qv"], page["x"]
    task = qv.Task(qv.Table.from_arrays({"x": x}, page["nguyen"]["Nguyen-2"], name="Nguyen-2"))
    way = page["Climber"]()
    settings = {"functions": page["koza"], "constants": False, "progress": False, "seed": 3}
    alone = [qv.search(task, way, 20_000, **settings) for _ in range(2)]
    (row,) = (
        row for row in page["found"]["Nguyen-2"].rows() if (row["searcher"], row["seed"]) == ("climber", 3)
    )
    assert {found.best.formula.text for found in alone} == {row["formula"]}
    assert {found.evaluations for found in alone} == {row["evaluations"]}


def test_the_memory_behaves_as_the_page_says(page):
    class Asked(page["Climber"]):
        def tell(self, population, fitness):
            known, new = self.context.memory.look_up(population.keys())
            assert not new.any()
            np.testing.assert_array_equal(known, fitness)
            super().tell(population, fitness)

    qv, x = page["qv"], page["x"]
    task = qv.Task(qv.Table.from_arrays({"x": x}, page["nguyen"]["Nguyen-3"]))
    found = qv.search(task, Asked(), 2_000, functions=page["koza"], constants=False, progress=False)
    assert found.evaluations == 2_000


def test_a_surrogate_finds_more_with_the_same_evaluations(page):
    table = page["comparison"].table()
    assert table.loc["surrogate", "best"] > 1.05 * table.loc["climber", "best"]
    assert table.loc["surrogate", "candidates"] > table.loc["climber", "candidates"] == 0
