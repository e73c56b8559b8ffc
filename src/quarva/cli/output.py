"""Output of the commands: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from quarva._runtime.plain import plain

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["INTERRUPTED", "WRONG_INPUT", "console", "figure", "print_json", "tell"]

WRONG_INPUT = 2
INTERRUPTED = 130  # the exit status that shells report after Ctrl-C


def console(*, stderr: bool = False) -> "Console":
    """Return a rich console, which is 200 columns wide unless the output is a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else 200)


def tell(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr, flush=True)


def print_json(record: Mapping[str, Any]) -> None:
    """Print one JSON object on standard output; numbers that are not finite become null."""
    print(json.dumps(plain(record), ensure_ascii=False, allow_nan=False))


def figure(value: float | None, digits: int = 4) -> str:
    """Format a number for a table; an en dash for None and NaN."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"
