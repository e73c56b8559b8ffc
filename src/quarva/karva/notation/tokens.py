"""Splits a formula into tokens, and formats the messages of syntax errors.

The parsers in this package are written by hand, on an operator-precedence stack (see `stack`), rather than
generated from a grammar, for three reasons. A parser generator reports the set of expected tokens, whereas
users need the name of the operator, its number of arguments and the nearest spelling. The stack does not
recurse, so no text can exceed Python's recursion limit. And the package can be imported in a few
milliseconds.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from quarva.errors import FormulaError

__all__ = ["END", "NAME", "NUMBER", "QUOTED", "Token", "error_at", "suggestion", "tokenize"]

NAME = r"[^\W\d]\w*"
NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
QUOTED = r"`(?:[^`]|``)+`"
END = "end"

_EXCERPT = 100  # characters of a formula that an error message shows
_HINTS = {"`": "a name in backticks never ends", "\\": "LaTeX cannot be parsed, write rank(delta(x, 5))"}


class Token(NamedTuple):
    """A token of a formula; `column` counts from 1, and the last token has kind `END` and no text."""

    kind: str
    text: str
    column: int


def tokenize(text: str, pattern: re.Pattern[str]) -> Iterator[Token]:
    """Yield the tokens of a formula; white space separates them.

    Parameters
    ----------
    text : str
        The formula.
    pattern : re.Pattern
        The name of the matching group is the kind of the token.

    Raises
    ------
    FormulaError
        When the iterator reaches a character that starts no token.
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
            hint = _HINTS.get(text[at], "")
            raise error_at(text, at + 1, f"unexpected character {_quote(text[at])}", hint)
        yield Token(match.lastgroup, match.group(), at + 1)
        at = match.end()


def error_at(text: str, column: int, problem: str, hint: str = "") -> FormulaError:
    """Return an error with a one-line message: the problem, its column in the formula, and a hint."""
    first = max(0, min(column - 1 - _EXCERPT // 2, len(text) - _EXCERPT))
    part = text[first : first + _EXCERPT]
    before, after = "…" if first else "", "…" if first + _EXCERPT < len(text) else ""
    message = f"{problem} at column {column} of {_quote(part, before, after)}"
    return FormulaError(_printable(f"{message}: {hint}" if hint else message))


def suggestion(word: str, known: Collection[str], kind: str) -> str:
    """Return a hint for an unknown word: the most similar known word, or some of the known words."""
    from difflib import get_close_matches  # only needed for an error message

    folded = {name.lower(): name for name in sorted(known, reverse=True)}
    close = get_close_matches(word.lower()[:100], folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean {_quote(folded[close[0]])}?"
    if not known:
        return f"there are no {kind}s"
    shown = sorted(known)[:8]
    return f"known {kind}s: {_printable(', '.join(shown))}{', …' if len(known) > len(shown) else ''}"


def _quote(text: str, before: str = "", after: str = "") -> str:
    return f"'{before}{_printable(text)}{after}'"


def _printable(text: str) -> str:
    """Replace each unprintable character by one printable character, so that columns remain valid."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)
