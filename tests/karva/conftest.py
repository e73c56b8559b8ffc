"""Fixtures of the tests of the formula language."""

from collections.abc import Callable

import pytest

from quarva.errors import FormulaError
from quarva.karva import parse


def error_message(text: str, notation: str = "infix", **known) -> str:
    """Parse an invalid formula and return the message, which must be one line."""
    with pytest.raises(FormulaError) as caught:
        parse(text, notation, **known)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="session", name="message")
def _message() -> Callable[..., str]:
    return error_message
