"""The commands, and what becomes of their errors: one line on standard error and status 2."""

import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from quarva.__version__ import __version__
from quarva.cli.bench import bench
from quarva.cli.compare import compare
from quarva.cli.evaluate import evaluate
from quarva.cli.fit import fit
from quarva.cli.operators import operators
from quarva.cli.output import INTERRUPTED, WRONG_INPUT
from quarva.cli.panel import panel
from quarva.cli.report import report
from quarva.cli.search import search
from quarva.cli.stream import stream
from quarva.errors import QuarvaError

__all__ = ["main"]

app = typer.Typer(
    help="Function search on market data: bars in, formulas and networks out, a page to look at.",
    epilog="Status: 0 done, 2 the input is wrong, 130 interrupted with everything so far kept.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(search)
app.command()(compare)
app.command()(fit)
app.command()(evaluate)
app.add_typer(panel, name="panel")
app.add_typer(stream, name="stream")
app.command()(report)
app.command()(operators)
app.command()(bench)


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
    """Run the command line with `arguments` (none: the process's own); the exit status."""
    # What typer raises for a wrong flag has no public name of its own; it is two steps above BadParameter.
    wrong_usage = typer.BadParameter.__mro__[2]
    words = list(sys.argv[1:] if arguments is None else arguments)
    # A formula may begin with a minus; a space before it keeps it from being read as a flag.
    if words[:1] == ["evaluate"] or words[:2] == ["stream", "init"]:
        words = [f" {word}" if re.match(r"-[^-]", word) and word != "-h" else word for word in words]
    try:
        status = app(words, prog_name="quarva", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except QuarvaError as error:
        return _refuse(str(error))
    except MemoryError:
        return _refuse("not enough memory for this: use fewer assets, days or fields, or a machine with more")
    except Exception as error:
        if not isinstance(error, wrong_usage):
            raise
        return _refuse(_usage(error))
    return status if isinstance(status, int) else 0


def _refuse(message: str) -> int:
    print(f"quarva: {' '.join(message.split())}", file=sys.stderr)
    return WRONG_INPUT


def _usage(error: Exception) -> str:
    """What typer found wrong with the flags, and the command that tells the right ones."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "quarva"
    said = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    return f"{said[0].lower()}{said[1:]}; {command} --help tells what it takes"
