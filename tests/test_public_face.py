"""The public interface of `import quarva` is complete and quick to import."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import quarva

HEAVY = (
    "matplotlib", "numba", "numpy", "pandas", "plotly", "polars", "pydantic", "sklearn", "skfolio", "sympy",
    "torch",
)  # fmt: skip


@pytest.mark.parametrize("name", quarva.__all__)
def test_every_public_name_exists(name):
    assert getattr(quarva, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        quarva.serach  # noqa: B018


def test_every_public_name_is_exported_by_its_package():
    for room, names in quarva._ROOMS.items():
        assert set(names) <= set(importlib.import_module(f"quarva.{room}").__all__)


@pytest.mark.parametrize("statement", ["import quarva", "import quarva.cli", "from quarva.cli import main"])
def test_heavy_packages_are_imported_on_first_use(statement):
    code = f"import sys; {statement}; print([name for name in {HEAVY} if name in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert said.stdout.strip() == "[]"


SLOW = ("numpy", "polars", "pydantic", "rich")
ENGINES = ("numba", "pandas", "scipy", "sklearn", "torch", "quarva.engine", "quarva.loop", "quarva.tasks")


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["--help"], (*ENGINES, *SLOW)),
        (["search", "--help"], (*ENGINES, *SLOW)),
        (["operators", "--json"], (*ENGINES, *SLOW, "quarva.karva.notation")),
        (["panel", "describe", "BARS", "--json"], ENGINES),
    ],
)
def test_a_command_that_computes_nothing_does_not_import_the_engine(words, unwanted, tmp_path):
    bars = tmp_path / "bars.csv"
    bars.write_text("date,symbol,close\n2024-01-02,A,1\n2024-01-02,B,2\n2024-01-03,A,1.5\n2024-01-03,B,2.5\n")
    words = [str(bars) if word == "BARS" else word for word in words]
    code = (
        f"import sys; from quarva.cli import main; status = main({words!r});"
        f"print(status, [name for name in {unwanted!r} if name in sys.modules], file=sys.stderr)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert said.stderr.strip() == "0 []"
    assert said.stdout


def test_search_is_a_function_after_any_import():
    code = "import quarva.runs.run_search, quarva, types; print(type(quarva.search) is types.FunctionType)"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert said.stdout.split() == ["True"]


def test_the_file_that_pyright_checks_uses_every_public_name():
    source = (Path(__file__).parent / "types" / "public_face.py").read_text(encoding="utf-8")
    used = {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "qv"
    }
    assert used == set(quarva.__all__)
