"""Result tables: Markdown with the command, the machine, the versions and the date that made the figures."""

import datetime
import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from quarva.engine.probe import processor

__all__ = ["command_line", "commit", "machine", "prose", "quarva_version", "table", "versions", "write"]

_HERE = Path(__file__).resolve().parent


def prose(text: str) -> str:
    """Paragraphs of `text`, which blank lines divide, filled to 110 columns."""
    return "\n\n".join(textwrap.fill(" ".join(part.split()), 110) for part in text.split("\n\n"))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; cells are written by `str`, numbers are formatted by the caller."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(cell).replace("|", r"\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def command_line(places: Sequence[str] = ()) -> str:
    """The command that is running, as it can be typed again.

    `places` are flags whose value is a place on this machine (a peer's folder): it is written as PATH.
    """
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    shown = []
    for before, word in zip(["", *words], words, strict=False):
        flag, equals, _ = word.partition("=")
        if before in places:
            shown.append("PATH")
        elif flag in places and equals:
            shown.append(f"{flag}=PATH")
        else:
            shown.append(shlex.quote(word))
    return "python benchmarks/" + " ".join(shown)


def machine() -> str:
    """Processor, cores that this process may use, memory and system, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{processor()}, {cores} cores, {memory:.0f} GiB memory, {platform.system()} {platform.machine()}"


def commit(place: Path) -> str:
    """Short commit of the checkout rooted at `place`; "an unknown commit" where there is none."""
    here = (place / ".git").exists() or place == _HERE
    return (here and _git(place, "rev-parse", "--short", "HEAD")) or "an unknown commit"


def _git(place: Path, *arguments: str) -> str:
    words = ["git", "-C", str(place), *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def quarva_version() -> str:
    """Version of Quarva and the commit of this checkout; says so when files differ from that commit."""
    changed = _git(_HERE, "status", "--porcelain", "--untracked-files=no", "--", "../src")
    version = f"quarva {importlib.metadata.version('quarva')} at {commit(_HERE)}"
    return version + (" with uncommitted changes in src" if changed else "")


def versions(*distributions: str) -> str:
    """`name version` of Python and of installed distributions, in one line."""
    found = [f"Python {platform.python_version()}"]
    found += [f"{name} {importlib.metadata.version(name)}" for name in distributions]
    return ", ".join(found)


def write(out: Path | None, title: str, parts: Sequence[str], *, command: str, software: str) -> None:
    """Print the page, and write it to `out` if given: title, parts, then what made the figures."""
    made = [
        f"- Command: `{command}`",
        f"- Machine: {machine()}",
        f"- Software: {software}",
        f"- Date: {datetime.date.today().isoformat()}",
    ]
    page = "\n\n".join([f"# {title}", *parts, "\n".join(made)]) + "\n"
    print(page)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
