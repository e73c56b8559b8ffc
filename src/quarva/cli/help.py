"""Help of the commands: plain text, flags by section, without importing rich."""

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["Command", "Commands", "plain_app"]


class _LightHelp:
    """Mixin that sets the default of `--help` to False: typer would import pydantic to convert None."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option --help."""
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.default = False
        return option


class Command(_LightHelp, TyperCommand):
    """A command whose help lists its flags by section."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and flags, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                is_argument = parameter.param_type_name == "argument"
                section = getattr(parameter, "rich_help_panel", None) or "Options"
                sections.setdefault("Arguments" if is_argument else section, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class Commands(_LightHelp, TyperGroup):
    """A group of commands that are imported on first use. Before that, only names and help are known."""

    known: dict[str, str] = {}  # noqa: RUF012  # a subclass sets it

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands: Any = dict.fromkeys(self.known)  # typer uses it to suggest names

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the command, or group of commands, from the module of the same name."""
        if cmd_name not in self.known:
            return None
        found = getattr(importlib.import_module(f"quarva.cli.{cmd_name}"), cmd_name)
        if not isinstance(found, typer.Typer):
            single = plain_app()
            single.command(cmd_name, cls=Command, help=self.known[cmd_name])(found)
            found = single
        return typer.main.get_command(found)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the names of the commands and their help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.known.items()))


def plain_app(**given: Any) -> typer.Typer:
    """Return a typer application without rich."""
    return typer.Typer(
        rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, **given,
    )  # fmt: skip
