"""A kernel is compiled again if and only if something that it depends on changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TABLES = """
from typing import NamedTuple

from .sizes import SIZE

HALF = SIZE // 2


class Tables(NamedTuple):
    first: float
    second: float
"""
SIZES = """
SIZE = 10
"""
KERNEL = '''
"""A kernel in a package of its own."""

from quarva._runtime.compiled import compiled

from shop import tables
from shop.tables import Tables


@compiled
def total(tables: Tables) -> float:
    """Ten times the second field minus the first."""
    return 10 * tables.second - tables.first
'''
MAIN = """
from shop.kernel import total
from shop.tables import Tables

print(total(Tables(first=1.0, second=2.0)))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def shop(folder):
    """A function that writes a package, runs it, and returns its output and its new machine-code files.

    The package without changes has been run once.
    """
    package = folder / "shop"
    package.mkdir()
    files = {"__init__": "", "tables": TABLES, "sizes": SIZES, "kernel": KERNEL, "__main__": MAIN}

    def run(**changed: str) -> tuple[str, set[Path]]:
        cache = folder / "cache"
        before = set(cache.rglob("*.nbc"))
        for name, text in (files | changed).items():
            (package / f"{name}.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "shop"],
            cwd=folder,
            env={**os.environ, "QUARVA_CACHE": str(cache), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.strip(), set(cache.rglob("*.nbc")) - before

    assert run()[0] == "19.0"
    return run


def test_swapping_the_fields_of_an_argument_rebuilds_the_kernel(shop):
    swapped = TABLES.replace("first: float\n    second: float", "second: float\n    first: float")
    assert swapped != TABLES
    figure, compiled = shop(tables=swapped)
    assert figure == "19.0"
    assert compiled


def test_an_indirectly_imported_file_counts(shop):
    assert shop(sizes=SIZES.replace("10", "12"))[1]


@pytest.mark.parametrize("name", ["tables", "sizes", "kernel"])
def test_comments_and_texts_rebuild_nothing(shop, name):
    changed = {
        "kernel": KERNEL.replace("Ten times", "10 times"),
        "sizes": SIZES + '"""The size of a box."""\n',
    }
    text = changed.get(name, TABLES)
    figure, compiled = shop(**{name: "# this comment shifts all lines\n" + text})
    assert figure == "19.0"
    assert not compiled


def test_a_damaged_source_digest_is_computed_again(shop, folder):
    for entry in (folder / "cache" / "sources").iterdir():
        entry.write_text(entry.read_text()[:-5])
    figure, compiled = shop()
    assert figure == "19.0"
    assert not compiled
