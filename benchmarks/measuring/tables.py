"""Result tables in Markdown, with the command, machine, versions and date of the figures."""

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

_ROOT = Path(__file__).resolve().parents[2]


def prose(text: str) -> str:
    """Fill the paragraphs of `text`, which blank lines separate, to 110 columns."""
    return "\n\n".join(textwrap.fill(" ".join(part.split()), 110) for part in text.split("\n\n"))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; the caller formats the numbers."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(cell).replace("|", r"\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def command_line(places: Sequence[str] = ()) -> str:
    """Return the running command, to be repeated from the root of the checkout.

    The values of the flags in `places` are paths of this machine and are written as PATH.
    """
    script = Path(sys.argv[0]).resolve().relative_to(_ROOT).as_posix()
    words = [script, *sys.argv[1:]]
    shown = []
    for before, word in zip(["", *words], words, strict=False):
        flag, equals, _ = word.partition("=")
        if before in places:
            shown.append("PATH")
        elif flag in places and equals:
            shown.append(f"{flag}=PATH")
        else:
            shown.append(shlex.quote(word))
    return "python " + " ".join(shown)


def machine() -> str:
    """Return processor, cores available to this process, memory and system, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    counted = "1 core" if cores == 1 else f"{cores} cores"
    return f"{processor()}, {counted}, {memory:.0f} GiB memory, {platform.system()} {platform.machine()}"


def commit(place: Path) -> str:
    """Return the short commit of the checkout rooted at `place`, or "an unknown commit"."""
    found = (place / ".git").exists() and _git(place, "rev-parse", "--short", "HEAD")
    return found or "an unknown commit"


def _git(place: Path, *arguments: str) -> str:
    words = ["git", "-C", str(place), *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def quarva_version() -> str:
    """Return the version of Quarva and the commit of this checkout, and whether src has other changes."""
    changed = _git(_ROOT, "status", "--porcelain", "--untracked-files=no", "--", "src")
    version = f"quarva {importlib.metadata.version('quarva')} at {commit(_ROOT)}"
    return version + (" with uncommitted changes in src" if changed else "")


def versions(*distributions: str) -> str:
    """Return the versions of Python and of installed distributions, in one line."""
    found = [f"Python {platform.python_version()}"]
    found += [f"{name} {importlib.metadata.version(name)}" for name in distributions]
    return ", ".join(found)


def write(out: Path | None, title: str, parts: Sequence[str], *, command: str, software: str) -> None:
    """Print a page (title, parts, provenance of the figures) and write it to `out` if given."""
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
