"""What tests of the language share."""

from collections.abc import Callable

import pytest

from quarva.errors import FormulaError
from quarva.karva import parse


def refusal(text: str, notation: str = "infix", **known) -> str:
    """The one line that says why a formula can not be read."""
    with pytest.raises(FormulaError) as caught:
        parse(text, notation, **known)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="session", name="message")
def _message() -> Callable[..., str]:
    return refusal
