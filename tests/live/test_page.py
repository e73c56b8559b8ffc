"""The code and the commands in docs/live.md work as printed."""

import re
from pathlib import Path

import pytest

from quarva.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")


def test_the_python_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    names = {}
    exec(code, names)  # noqa: S102
    assert names["signals"].shape == (1, 20)
    assert names["signal"].shape == (20,)
    assert str(names["stream"].dates[-1]) == "2022-12-28"


@pytest.mark.parametrize("command", sorted(set(re.findall(r"quarva stream ([a-z]+) ", PAGE))))
def test_the_commands_of_the_page_accept_its_flags(command, capsys):
    used = {
        flag
        for line in re.findall(rf"quarva stream {command} (.*)", PAGE)
        for flag in re.findall(r"--[a-z-]+", line)
    }
    assert main(["stream", command, "--help"]) == 0
    help_text = capsys.readouterr().out
    assert {flag for flag in used if flag not in help_text} == set()


def test_the_flags_of_the_page_exist(capsys):
    for command in ("init", "next", "show"):
        main(["stream", command, "--help"])
    main(["evaluate", "--help"])
    help_text = capsys.readouterr().out
    assert {flag for flag in re.findall(r"--[a-z][a-z-]*", PAGE) if flag not in help_text} == set()
