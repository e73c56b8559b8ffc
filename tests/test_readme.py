"""The code, commands and links of README.md work."""

import re
from pathlib import Path

import pytest

from quarva.cli import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    smaller = code.replace("budget=20_000", "budget=300, progress=False")
    assert smaller != code
    exec(smaller, {})  # noqa: S102
    said = capsys.readouterr().out
    assert "train" in said


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"scripts/quarva ([a-z]+(?: describe| plant)?)", README)))
)
def test_the_commands_of_the_readme_exist(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    assert f"Usage: quarva {command}" in capsys.readouterr().out


def test_the_flags_of_the_readme_exist(capsys):
    used = set(re.findall(r"(--[a-z][a-z-]*)", README)) - {"--help"}
    for command in ("search", "evaluate", "compare", "fit", "panel plant", "panel power"):
        main([*command.split(), "--help"])
    told = capsys.readouterr().out
    assert {flag for flag in used if flag not in told} == set()


def test_the_links_of_the_readme_resolve():
    root = Path(__file__).parent.parent
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (root / link).exists(), link
