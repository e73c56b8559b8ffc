"""Networks and traders are compared with searchers in one table."""

import pytest

from quarva.comparison import compare
from quarva.comparison.registry import LEARNERS, NETWORKS, made
from quarva.errors import RecipeError, TaskError
from quarva.networks import Learner
from quarva.networks.models.models import NETWORKS as MODELS
from quarva.rl import Trader
from quarva.rl.trader import ALGORITHMS
from quarva.tasks import Task


def test_every_network_and_trader_can_be_named():
    assert tuple(MODELS) == NETWORKS
    assert (*MODELS, *ALGORITHMS) == LEARNERS
    for name in LEARNERS:
        assert made(name)[0] == name


def test_formulas_networks_and_traders_are_compared_in_one_table(panel_task, tmp_path):
    ways = {
        "gep": "gep",
        "small": Learner("dense", length=3, epochs=2),
        "dqn": Trader("dqn", length=3, updates=20, episode_length=10),
    }
    found = compare(panel_task, ways, budget=300, seeds=2, out=tmp_path / "c", progress=False)
    assert len(found.runs) == 6
    table = found.table()
    assert table.loc["small", "runs"] == 2
    assert {run.evaluations for run in found.runs if run.searcher != "gep"} == {1}
    network = next(run for run in found.runs if run.searcher == "small")
    assert network.formula.startswith("dense, ")
    assert network.size > 100
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "A network or trader counts as one evaluation" in page
    again = compare(panel_task, ways, budget=300, seeds=2, out=tmp_path / "c", resume=True, progress=False)
    assert repr(again.rows()) == repr(found.rows())  # NaN is not NaN
    assert all(run.train == run.train for run in found.runs)


@pytest.mark.parametrize("objective", ["r2", "nrmse"])
def test_formulas_and_networks_are_scored_on_the_same_rows(table_task, objective, tmp_path):
    task = Task(table_task.table, objective=objective)
    ways = {"random": "random", "net": Learner("dense", epochs=60, batch=8, rate=1e-2)}
    found = compare(task, ways, budget=200, seeds=1, out=tmp_path / "c", progress=False)
    network = next(run for run in found.runs if run.searcher == "net")
    assert network.formula == "dense, 1 feature"
    assert network.best == network.train
    assert network.train > 0.5 if objective == "r2" else network.train < 0.7
    assert "net" in (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")


def test_a_panel_too_short_for_an_episode_is_refused_before_the_first_run(panel_task, tmp_path):
    out = tmp_path / "c"
    with pytest.raises(TaskError, match="episode"):
        compare(
            panel_task,
            {"random": "random", "long": Trader(episode_length=900)},
            100,
            1,
            out=out,
            progress=False,
        )
    assert not out.exists()


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("dqn", "dqn trades, but a table has no prices"),
        ("conv1d", "conv1d reads a sequence of days in the layout 'channels'"),
        ("gru", "gru reads a sequence of days in the layout 'sequence_first'.*use dense"),
    ],
)
def test_an_entry_that_cannot_use_a_table_is_refused_before_the_first_run(table_task, way, said, tmp_path):
    with pytest.raises(TaskError, match=said):
        compare(table_task, ["random", way], 100, 1, progress=False)
    out = tmp_path / "c"
    with pytest.raises(TaskError, match=said):
        compare(table_task, ["random", way], 100, 1, out=out, progress=False)
    assert not out.exists()
    compare(table_task, ["random"], 100, 1, out=out, progress=False)
    with pytest.raises(TaskError, match=said):
        compare(table_task, ["random", way], 100, 1, out=out, resume=True, progress=False)
    again = compare(table_task, ["random"], 100, 1, out=out, resume=True, progress=False)
    assert again.searchers == ("random",)


def test_a_network_with_missing_inputs_is_refused_before_the_first_run(panel_task, tmp_path):
    out = tmp_path / "c"
    blind = Learner("dense", features=["ref(close, 5000)"], length=3)
    with pytest.raises(TaskError, match=r"the feature 'ref\(close, 5000\)' has 0 values in training"):
        compare(panel_task, {"random": "random", "blind": blind}, 100, 1, out=out, progress=False)
    assert not out.exists()


def test_an_unknown_name_is_refused_with_the_known_names():
    with pytest.raises(RecipeError, match="unknown searcher 'conv'; did you mean 'conv1d'.*gep.*dqn"):
        made("conv")
