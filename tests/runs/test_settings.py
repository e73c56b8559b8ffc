"""Settings have the names and defaults of the parameters that they set."""

import inspect
from dataclasses import fields

import pytest

from quarva.engine.devices import DEVICES
from quarva.networks import Learner
from quarva.panel import Panel
from quarva.runs import search
from quarva.runs.settings import (
    LanguageSettings,
    LimitSettings,
    NetworkSettings,
    ReadingSettings,
    SearcherSettings,
    SetSettings,
    TaskSettings,
    described,
    names_of,
)
from quarva.tasks import Task


def parameters(verb, without):
    """Default of each parameter of a verb."""
    found = inspect.signature(verb).parameters.values()
    return {each.name: each.default for each in found if each.name not in without}


@pytest.mark.parametrize(
    ("groups", "verb", "without"),
    [
        ((ReadingSettings,), Panel.read, ("source",)),
        ((TaskSettings,), Task, ("data",)),
        (
            (LimitSettings, LanguageSettings, SearcherSettings, SetSettings),
            search,
            ("task", "out", "checkpoint", "resume", "progress"),
        ),
    ],
)
def test_settings_are_the_parameters_of_a_verb_with_their_defaults(groups, verb, without):
    given = {name: each for group in groups for name, each in described(group).items()}
    taken = parameters(verb, without)
    assert set(given) == set(taken)
    for name, default in taken.items():
        if default is not None:
            assert given[name][1] == default, name


def test_settings_of_a_network_are_the_fields_of_a_learner():
    assert set(names_of(NetworkSettings)) == {each.name for each in fields(Learner)}
    for each in fields(Learner):
        default = described(NetworkSettings)[each.name][1]
        assert default in (None, {}, each.default), each.name


def test_a_recipe_accepts_the_devices_of_the_engine():
    assert described(LimitSettings)["device"][0].__args__ == DEVICES


def test_every_setting_has_a_help_text():
    groups = (ReadingSettings, TaskSettings, LimitSettings, LanguageSettings, SetSettings, NetworkSettings)
    for group in groups:
        for name, (_, _, about) in described(group).items():
            assert about.help.endswith("."), name
