"""Entry point of the command line. Errors are printed as one line on standard error, with exit status 2."""

import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from quarva.__version__ import __version__
from quarva.cli.help import Commands, plain_app
from quarva.cli.output import INTERRUPTED, WRONG_INPUT
from quarva.errors import QuarvaError

__all__ = ["main"]


class _Quarva(Commands):
    known = {  # noqa: RUF012
        "search": "Search for formulas that predict a target (by default, returns of the sample panel).",
        "compare": "Compare searchers, networks and traders on one task, with the same budget and seeds.",
        "fit": "Fit a small network (by default, a dense network on the sample panel).",
        "evaluate": "Score formulas and write their signals.",
        "panel": "Describe a file of daily bars, or simulate a market.",
        "stream": "Update signals day by day, with the state of the formulas in a file.",
        "report": "Write the page of a run again from its folder.",
        "operators": "List the operators of the formula language.",
        "bench": "Benchmark this machine in about a minute.",
    }


app = plain_app(
    cls=_Quarva,
    help="Function search on market data: find formulas and networks that predict.",
    epilog="Exit status: 0 success, 2 invalid input, 130 interrupted (results so far are kept).",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"quarva {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments after `quarva`. Defaults to `sys.argv[1:]`.

    Returns
    -------
    int
        Exit status: 0 for success, 2 for wrong input, 130 for an interrupt.
    """
    # The class that typer raises for a wrong flag is not public; it is two steps above BadParameter.
    wrong_usage = typer.BadParameter.__mro__[2]
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    # A formula may begin with a minus; a space before it prevents typer from parsing it as a flag.
    if words[:1] == ["evaluate"] or words[:2] == ["stream", "init"]:
        words = [f" {word}" if re.match(r"-[^-]", word) and word != "-h" else word for word in words]
    try:
        status = app(words, prog_name="quarva", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except QuarvaError as error:
        return _refuse(str(error))
    except MemoryError:
        return _refuse("not enough memory: use fewer assets, days or fields, or a machine with more")
    except Exception as error:
        if not isinstance(error, wrong_usage):
            raise
        return _refuse(_usage(error))
    return status if isinstance(status, int) else 0


def _refuse(message: str) -> int:
    print(f"quarva: {' '.join(message.split())}", file=sys.stderr)
    return WRONG_INPUT


def _usage(error: Exception) -> str:
    """Convert an error of typer to a message that names the help of the command."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "quarva"
    said = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    return f"{said[0].lower()}{said[1:]}; see {command} --help"
