"""Behaviour of every command: version, help and wrong flags."""

import pytest

import quarva as qv

COMMANDS = [
    [], ["search"], ["evaluate"], ["panel"], ["panel", "describe"], ["panel", "simulate"], ["panel", "plant"],
    ["report"], ["stream"], ["bench"],
]  # fmt: skip


def test_the_version_is_that_of_the_package(quarva):
    assert quarva("--version").out == f"quarva {qv.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(quarva, command):
    said = quarva(*command, "--help")
    assert said.status == 0
    assert "Usage: quarva" in said.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["serach"],
        ["search", "--budgte", "3"],
        ["search", "--budget", "many"],
        ["search", "--budget"],
        ["report"],
        ["panel", "simulate"],
    ],
    ids=" ".join,
)
def test_a_wrong_flag_is_one_line_and_status_2(quarva, arguments):
    said = quarva(*arguments)
    assert said.status == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.rstrip().endswith("--help")


def test_operators_are_listed_as_a_table_and_as_json(quarva):
    assert "decay_linear(x, w)" in quarva("operators").out
    listed = quarva("operators", "--json").json["operators"]
    assert [row["name"] for row in listed] == [operator.name for operator in qv.OPERATORS]


def test_the_help_names_every_objective_and_searcher(quarva):
    from quarva.runs import SEARCHERS
    from quarva.tasks import OBJECTIVES

    told = quarva("search", "--help").out
    for name in [*(objective.name for objective in OBJECTIVES), *SEARCHERS]:
        assert name in told
