"""Names and budgets of learners in a comparison."""

from dataclasses import replace

import pytest

from quarva.comparison import compare
from quarva.comparison.presentation import compared
from quarva.comparison.registry import entry_of
from quarva.errors import RunError
from quarva.networks import Learner
from quarva.rl import Trader


def known(panel):
    """A feature that is a function."""
    return panel.field("close")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (Learner("dense", length=3), Learner("dense", length=3, features=["pct_change(close, 1)"])),
        (Learner("dense", length=3, features=["close"]), Learner("dense", length=3, features=["-close"])),
        (Learner("dense", length=3, features=["close"]), Learner("dense", length=3, features=[known])),
        (Learner("dense", {"width": 8}, length=3), Learner("dense", {"width": 9}, length=3)),
        (Trader("dqn", length=3), Trader("dqn", length=3, positions=(-1.0, 1.0))),
    ],
)
def test_learners_with_other_features_or_settings_are_distinguished(before, now):
    assert entry_of(before) != entry_of(now)
    assert entry_of(now) == entry_of(replace(now))


def test_a_comparison_cannot_be_resumed_with_other_features(panel_task, tmp_path):
    def run(features, **more):
        way = Learner("dense", length=2, epochs=1, features=features)
        return compare(panel_task, {"mine": way}, 10, 1, out=tmp_path / "c", progress=False, **more)

    run(("pct_change(close, 1)",))
    with pytest.raises(RunError, match="its entry 'mine' was .*pct_change.* and is now .*pct_change.*2"):
        run(("pct_change(close, 2)",), resume=True)
    assert len(run(["pct_change(close, 1)"], resume=True).runs) == 1


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        (("random",), "random: 50 formulas each"),
        (("random", "dense"), "random and dense: 50 formulas or one fit each"),
        (("dense",), "dense: one fit each"),
    ],
)
def test_the_headline_states_the_budget_of_each_entry(panel_task, ways, said):
    quick = {"random": "random", "dense": Learner("dense", length=2, epochs=1)}
    found = compare(panel_task, {name: quick[name] for name in ways}, 50, 1, progress=False, threads=1)
    told = compared(found)
    assert told.title == said
    assert ("counts as one evaluation" in told.notes[0]) == ("dense" in ways)
    assert ("of the formula that is best" in told.notes[0]) == ("dense" not in ways)
