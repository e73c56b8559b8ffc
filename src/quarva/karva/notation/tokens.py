"""Cuts a formula into tokens, and marks the place of what can not be read.

The readers of this room are written by hand (an operator-precedence stack, see `stack.py`) instead of
being generated from a grammar: a grammar library answers with the set of tokens it would have liked,
where a person needs the name of the operator, the number of its arguments and the nearest spelling; the
stack never recurses, so that no text can exhaust Python's; and the room imports in a few milliseconds.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from quarva.errors import FormulaError

__all__ = ["END", "NAME", "NUMBER", "QUOTED", "Token", "cut", "fault", "nearest"]

NAME = r"[^\W\d]\w*"
NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
QUOTED = r"`(?:[^`]|``)+`"
END = "end"

_SHOWN = 100  # characters of a formula that an error shows


class Token(NamedTuple):
    """A piece of a formula; `column` counts from 1; the last token has the kind `END` and no text."""

    kind: str
    text: str
    column: int


def cut(text: str, pattern: re.Pattern[str]) -> Iterator[Token]:
    """The tokens of `text`, of the kinds named by the groups of `pattern`; white space only separates.

    Raises FormulaError at the first character that begins no token, when the iterator gets there.
    """
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            yield Token(END, "", at + 1)
            return
        match = pattern.match(text, at)
        if match is None or match.lastgroup is None:
            hint = "a name in backticks never ends" if text[at] == "`" else ""
            raise fault(text, at + 1, f"unexpected character {_shown(text[at])}", hint)
        yield Token(match.lastgroup, match.group(), at + 1)
        at = match.end()


def fault(text: str, column: int, what: str, hint: str = "") -> FormulaError:
    """An error of one line: what is wrong, its place in the formula, and how to mend it."""
    first = max(0, min(column - 1 - _SHOWN // 2, len(text) - _SHOWN))
    part = text[first : first + _SHOWN]
    before, behind = "…" if first else "", "…" if first + _SHOWN < len(text) else ""
    place = f"{what} at column {column} of {_shown(part, before, behind)}"
    return FormulaError(_printable(f"{place}: {hint}" if hint else place))


def nearest(word: str, known: Collection[str], kind: str) -> str:
    """A hint for a word that is not known: the known word most like it, or a few of the known ones."""
    from difflib import get_close_matches  # only needed when something is wrong

    folded = {name.lower(): name for name in sorted(known, reverse=True)}
    close = get_close_matches(word.lower()[:100], folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean {_shown(folded[close[0]])}?"
    if not known:
        return f"there are no {kind}s"
    shown = sorted(known)[:8]
    return f"known {kind}s: {_printable(', '.join(shown))}{', …' if len(known) > len(shown) else ''}"


def _shown(text: str, before: str = "", behind: str = "") -> str:
    return f"'{before}{_printable(text)}{behind}'"


def _printable(text: str) -> str:
    """One character for each, so that columns stay true; line breaks and tabs become spaces."""
    return "".join(sign if sign.isprintable() else " " if sign.isspace() else "\ufffd" for sign in text)
