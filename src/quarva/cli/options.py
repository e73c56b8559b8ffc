"""Flags of the commands, derived from the settings in `quarva.runs.settings`.

A flag that is not given is None. The value in the recipe or the default shown in the help then applies.
"""

import inspect
from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeVar

import typer

from quarva.runs.settings import NetworkSettings, SearcherSettings, Setting, described, without_none

__all__ = ["AsJson", "Notation", "RecipeFile", "flag_of", "option", "takes"]

Command = TypeVar("Command", bound=Callable[..., Any])


def option(name: str, metavar: str | None, text: str, section: str | None = None) -> Any:
    """Define a flag by its name, the placeholder of its value, its help and the section of the help."""
    return typer.Option(name, metavar=metavar, help=text, rich_help_panel=section, show_default=False)


RecipeFile = Annotated[
    str | None, option("--recipe", "FILE", "TOML file with settings, which flags override.")
]
AsJson = Annotated[
    bool, option("--json", None, "Print one JSON object on standard output; progress goes to standard error.")
]
Notation = Annotated[
    str, option("--notation", "NAME", "Notation of the formulas: infix, karva, qlib or worldquant (infix).")
]


def takes(
    *groups: type, only: Collection[str] = (), without: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Decorator that adds the flags of settings to a command, which receives them as keyword arguments.

    Parameters
    ----------
    *groups : type
        Classes of `quarva.runs.settings`.
    only : collection of str
        Names of the settings to take; all of them if empty.
    without : collection of str
        Names of the settings to leave out.
    """
    chosen = {
        name: each
        for group in groups
        for name, each in described(group).items()
        if each[2].flag and name not in without and (not only or name in only)
    }

    def decorate(command: Command) -> Command:
        own = inspect.signature(command).parameters.values()
        parameters = [each for each in own if each.kind is not inspect.Parameter.VAR_KEYWORD]
        arguments = [each for each in parameters if each.default is inspect.Parameter.empty]
        flags = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(name, *each)
            )
            for name, each in chosen.items()
        ]
        own_flags = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters if each not in arguments
        ]
        signature = inspect.Signature([*arguments, *flags, *own_flags])
        command.__signature__ = signature  # type: ignore[attr-defined]
        command.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
        return command

    return decorate


def flag_of(name: str) -> str:
    """Return the flag of a setting, such as `--cost-bps`."""
    for group in (SearcherSettings, NetworkSettings):
        if name in described(group) and described(group)[name][2].repeated:
            return described(group)[name][2].repeated
    return "--" + name.replace("_", "-")


def _annotation(name: str, kind: Any, default: Any, about: Setting) -> Any:
    """Annotation of a flag for typer. Other flags than numbers and switches are text for the recipe."""
    scalar = without_none(kind)
    read = scalar if scalar in (bool, int, float) else str
    flag = flag_of(name)
    switches = f"{flag}/--no-{name.replace('_', '-')}" if read is bool and default is None else flag
    usual = about.usual or (
        ""
        if default in (None, (), {}) or default is False
        else f"{default:.6}"
        if isinstance(default, float)
        else f"{default}"
    )
    text = f"{about.help[:-1]} ({usual})." if usual else about.help
    wanted = list[read] if about.repeated else read  # type: ignore[valid-type]
    return Annotated[wanted | None, option(switches, about.metavar, text, about.section)]
