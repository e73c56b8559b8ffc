"""Searchers, networks and traders by name, and their entries in a recipe.

An entry describes one of them in a recipe: `{searcher = "gep", settings = {population = 50}}`,
`{network = "conv1d", epochs = 10}` or `{trader = "dqn"}`.
"""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from quarva.errors import RecipeError
from quarva.loop.identity import settings_of
from quarva.runs import SEARCHERS
from quarva.runs.run_search import make_searcher, settings_of_searcher
from quarva.tasks import Task

if TYPE_CHECKING:
    pass

__all__ = [
    "LEARNERS",
    "NETWORKS",
    "TRADERS",
    "Entrant",
    "check",
    "describe",
    "entry_named",
    "entry_of",
    "is_learner",
    "made",
    "made_from",
]

Entrant = Any  # Searcher | Learner | Trader, or a name; the types would import torch

NETWORKS = ("dense", "conv1d", "tcn", "gru", "lstm", "transformer")
TRADERS = ("dqn", "naf", "gradient")
LEARNERS = (*NETWORKS, *TRADERS)
"""Names of networks and traders; those of searchers are in `quarva.runs.SEARCHERS`."""

_OBJECT = "object"  # key of an entry that describes an object that a recipe cannot create


def made(entrant: Entrant) -> tuple[str, Any]:
    """Return the name and the object of a searcher, network or trader, given by name or as an object.

    Raises
    ------
    RecipeError
        The name is unknown.
    """
    if isinstance(entrant, str):
        return entrant, made_from(entrant, entry_named(entrant))
    name = getattr(entrant, "network", None) or getattr(entrant, "algorithm", None)
    if is_learner(entrant) and isinstance(name, str):
        return name, entrant
    known = make_searcher(entrant)[0]
    # The name of the class distinguishes the object from the searcher of the same kind given by name.
    return (type(entrant).__name__ if known in SEARCHERS else known), entrant


def is_learner(entrant: Entrant) -> bool:
    """Return whether an entrant is a network or a trader, which is fitted instead of proposing formulas."""
    return hasattr(entrant, "fit") and not hasattr(entrant, "ask")


def entry_named(name: str) -> dict[str, Any]:
    """Return the entry of a searcher, network or trader by name. Raises RecipeError for an unknown name."""
    for kind, names in (("searcher", SEARCHERS), ("network", NETWORKS), ("trader", TRADERS)):
        if name in names:
            return {kind: name}
    known = [*SEARCHERS, *LEARNERS]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'? Known" if near else "known"
    raise RecipeError(f"unknown searcher '{name}'; {hint} names: {', '.join(known)}")


def entry_of(entrant: Entrant) -> dict[str, Any]:
    """Return the entry of a searcher, network or trader, or a description if a recipe cannot create it."""
    if isinstance(entrant, str):
        return entry_named(entrant)
    if is_learner(entrant):
        entry = _entry_of_learner(entrant)
    else:
        name, settings = settings_of_searcher(entrant)
        entry = {"searcher": name, "settings": settings} if name in SEARCHERS else None
    written = None if entry is None else _as_toml(entry)
    return {_OBJECT: describe(entrant)} if written is None else written


def _entry_of_learner(learner: Entrant) -> dict[str, Any] | None:
    kind = "network" if hasattr(learner, "network") else "trader"
    if not is_dataclass(learner):
        return None
    values = {each.name: getattr(learner, each.name) for each in fields(learner)}
    changed = {each.name: values[each.name] for each in fields(learner) if not _is_default(learner, each)}
    name = values.get("network", values.get("algorithm"))
    if not isinstance(name, str) or name not in LEARNERS:
        return None
    return {kind: name} | {
        key: value for key, value in changed.items() if key not in ("network", "algorithm", "seed")
    }


def _as_toml(entry: dict[str, Any]) -> dict[str, Any] | None:
    """The entry after a round trip through TOML; None if TOML cannot represent it."""
    import tomli_w

    try:
        return tomllib.loads(tomli_w.dumps({key: value for key, value in entry.items() if value != {}}))
    except (TypeError, ValueError):
        return None


def made_from(name: str, entry: Mapping[str, Any]) -> Any:
    """Create the searcher, network or trader of an entry.

    Parameters
    ----------
    name : str
        Name of the entry, for messages.
    entry : mapping
        The entry, as described in the module.

    Raises
    ------
    RecipeError
        A name or setting is unknown, or the entry describes an object that a recipe cannot create.
    """
    given = dict(entry)
    if _OBJECT in given:
        raise RecipeError(
            f"a recipe cannot create the object '{name}' ({given[_OBJECT]}); compare it in Python"
        )
    try:
        if "searcher" in given:
            unknown = next((key for key in given if key not in ("searcher", "settings")), None)
            if unknown is not None:
                raise RecipeError(
                    f"the entry '{name}' has the unknown key '{unknown}'; put settings of a searcher in "
                    "'settings'"
                )
            return make_searcher(str(given["searcher"]), given.get("settings"))[1]
        if "network" in given:
            from quarva.networks import Learner

            return Learner(**given)
        if "trader" in given:
            from quarva.rl import Trader

            lists = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
            return Trader(algorithm=given.pop("trader"), **{**given, **lists})
    except TypeError as error:
        raise RecipeError(f"the entry '{name}' cannot be created ({error}); correct its settings") from None
    raise RecipeError(f"the entry '{name}' needs one of the keys searcher, network and trader")


def describe(entrant: Entrant) -> str:
    """Return the class and the settings of an object as text, which identifies it when a run is resumed.

    Settings of a learner that are not numbers or text, such as features, are included if they differ from the
    default. Functions and classes are represented by their names.
    """
    words = [type(entrant).__name__, settings_of(entrant)]
    if is_learner(entrant) and is_dataclass(entrant):
        given = {
            each.name: getattr(entrant, each.name)
            for each in fields(entrant)
            if not _is_default(entrant, each)
        }
        words += [f"{name}={_text(value)}" for name, value in given.items()
                  if not isinstance(value, int | float | str)]  # fmt: skip
    return " ".join(word for word in words if word)


def _is_default(entrant: Any, field: Field[Any]) -> bool:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return bool(getattr(entrant, field.name) == default)


def _text(value: object) -> str:
    """A setting as JSON, with other objects represented by their qualified names."""
    return json.dumps(value, sort_keys=True, default=_name)


def _name(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def check(task: Task, entrants: Mapping[str, Any]) -> None:
    """Raise TaskError or RecipeError if a network or trader cannot be fitted to a task."""
    for entrant in entrants.values():
        if hasattr(entrant, "check"):
            entrant.check(task)
