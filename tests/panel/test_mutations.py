"""Mutated price files never give a different panel without a note, and never a traceback.

`benchmarks/intake/mutations.py` tries thousands of files; this test tries a few.
"""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FILES = 150


@pytest.fixture
def mutations(monkeypatch):
    """The benchmark's module; imports in benchmarks/ start at its root."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from intake import mutations

    yield mutations
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("intake", "measuring"):
            del sys.modules[name]


def test_no_mutated_file_is_read_wrongly_without_a_note(mutations, tmp_path):
    found = list(mutations.outcomes(FILES, seed=14, folder=tmp_path))
    wrong = [each for each in found if each.verdict in (mutations.SILENT, mutations.TRACEBACK)]
    assert wrong == []
    verdicts = [each.verdict for each in found]
    assert verdicts.count(mutations.RIGHT) > FILES // 3
    assert verdicts.count(mutations.REFUSED) > FILES // 5
