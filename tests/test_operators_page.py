"""docs/operators.md is up to date."""

from pathlib import Path

from quarva.cli.operators import operators_page


def test_the_page_of_operators_is_up_to_date():
    page = Path(__file__).parent.parent / "docs" / "operators.md"
    assert page.read_text(encoding="utf-8") == operators_page(), (
        "make it anew: scripts/quarva operators --markdown > docs/operators.md"
    )
