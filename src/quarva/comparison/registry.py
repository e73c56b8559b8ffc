"""Who may be compared: searchers of formulas, networks that learn, policies that trade.

A network counts as one evaluation, for it is one function that was scored; what it costs is told in seconds.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from quarva.errors import RecipeError
from quarva.loop.identity import settings_of
from quarva.panel.names import nearest
from quarva.runs import SEARCHERS
from quarva.runs.run_search import make_searcher
from quarva.tasks import Task

if TYPE_CHECKING:
    from quarva.networks import Learner
    from quarva.rl import Trader

__all__ = ["LEARNERS", "Way", "Ways", "check", "describe", "fit_run", "is_learner", "made", "ways_of"]

Way = Any  # Searcher | Learner | Trader, or a name; torch is loaded only where one learns
Ways = Mapping[str, Way]

NETWORKS = ("dense", "conv1d", "tcn", "gru", "lstm", "transformer")
TRADERS = ("dqn", "naf", "gradient")
LEARNERS = (*NETWORKS, *TRADERS)
"""Names of those that learn, beside `quarva.runs.SEARCHERS`."""


def made(way: Way, settings: dict[str, Any] | None = None) -> tuple[str, Any]:
    """Name and object of whoever is compared.

    Raises:
        RecipeError: nobody of this name, or a setting that a searcher does not have.
    """
    if not isinstance(way, str):
        network = getattr(way, "network", None) or getattr(way, "way", None)
        return (network, way) if is_learner(way) and isinstance(network, str) else make_searcher(way)
    if way in LEARNERS:
        return way, _learner(way)
    if way not in SEARCHERS:
        raise RecipeError(
            f"there is no searcher '{way}'; there are {', '.join([*SEARCHERS, *LEARNERS])}: "
            f"{nearest(way, [*SEARCHERS, *LEARNERS])}"
        )
    return make_searcher(way, settings)


def is_learner(way: Way) -> bool:
    """Whether it is fitted to a task as a whole instead of proposing formulas."""
    return hasattr(way, "fit") and not hasattr(way, "ask")


def ways_of(names: Sequence[str], searcher: str, settings: dict[str, Any]) -> dict[str, Way]:
    """Those of some names; the settings are those of one searcher among them."""
    return {name: made(name, settings if name == searcher else None)[1] for name in names}


def describe(way: Way) -> str:
    """Kind and settings, to know it again.

    Of a learner also those that are no plain value, features and the network's own settings, where they are
    not the usual ones; a function or class goes by its name.
    """
    words = [type(way).__name__, settings_of(way)]
    if is_learner(way) and is_dataclass(way):
        given = {each.name: getattr(way, each.name) for each in fields(way) if not _is_usual(way, each)}
        words += [f"{name}={_told(value)}" for name, value in given.items()
                  if not isinstance(value, int | float | str)]  # fmt: skip
    return " ".join(word for word in words if word)


def _is_usual(way: Any, field: Field[Any]) -> bool:
    usual = field.default if field.default_factory is MISSING else field.default_factory()
    return bool(getattr(way, field.name) == usual)


def _told(value: object) -> str:
    """A setting as JSON, whatever is in it by its name."""
    return json.dumps(value, sort_keys=True, default=_name)


def _name(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def check(task: Task, ways: Ways) -> None:
    """Find out before anybody's first run who can not be fitted to a task. Raises TaskError, RecipeError."""
    for way in ways.values():
        one = made(way)[1]
        if hasattr(one, "check"):
            one.check(task)


def fit_run(task: Task, way: "Learner | Trader", seed: int) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Fit with a seed; a record and its one incumbent, as `Run.of` reads them.

    KeyboardInterrupt is what Ctrl-C raises, and passes.
    """
    began = time.perf_counter()
    fitted = replace(way, seed=seed).fit(task, progress=lambda *_: None)
    seconds = time.perf_counter() - began
    if getattr(fitted, "ended", "") == "interrupted":
        raise KeyboardInterrupt
    best = {
        "formula": fitted.title, "gene": "", "size": fitted.parameters, "train": fitted.train,
        "validation": fitted.validation, "turnover": float("nan"), "coverage": float("nan"),
        "fitness": -fitted.train if task.objective.minimised else fitted.train,
        "latex": "", "qlib": "",
    }  # fmt: skip
    record = {
        "seed": seed, "evaluations": 1, "candidates": 0, "proposed": 1, "invalid": 0, "tuning_steps": 0,
        "seconds": round(seconds, 3), "seconds_proposing": round(seconds, 3), "seconds_scoring": 0.0,
        "stopped": "budget", "test_readings": 0, "best": best, "pool": [best],
        "task": task.describe(), "notes": list(fitted.notes),
    }  # fmt: skip
    incumbents: dict[str, list[Any]] = {
        "evaluations": [1], "candidates": [0], "seconds": [seconds], "train": [fitted.train],
        "validation": [fitted.validation], "formula": [fitted.title], "exact": [False],
    }  # fmt: skip
    return record, incumbents


def _learner(name: str) -> "Learner | Trader":
    from quarva.networks import Learner
    from quarva.rl import Trader

    return Learner(name) if name in NETWORKS else Trader(name)  # type: ignore[arg-type]
