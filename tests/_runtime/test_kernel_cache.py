"""Damaged machine code in the cache is compiled again, with one warning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
from quarva._runtime.compiled import compiled


@compiled
def double(x):
    return x + x


@compiled
def triple(x):
    return double(x) + x


print(triple(7))
"""


def run(folder: Path, cache: Path | None = None) -> subprocess.CompletedProcess:
    script = folder / "double.py"
    script.write_text(CODE)
    environment = {**os.environ, "QUARVA_CACHE": str(cache or folder / "cache")}
    return subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        timeout=300,
        capture_output=True,
        text=True,
        check=True,
    )


def test_an_intact_cache_is_used_without_a_warning(tmp_path):
    run(tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    again = run(tmp_path)
    assert (again.stdout, again.stderr) == ("21\n", "")
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    assert len(written) >= 2


def test_the_same_code_in_another_folder_uses_the_same_cache(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(), there.mkdir()
    run(here, tmp_path / "cache")
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    assert run(there, tmp_path / "cache").stdout == "21\n"
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}


def test_kernels_work_without_a_writable_cache(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder would be")
    assert (run(tmp_path).stdout, run(tmp_path).stderr) == ("21\n", "")


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_damaged_machine_code_is_compiled_again_with_one_warning(tmp_path, kind, damage):
    run(tmp_path)
    for path in tmp_path.rglob(f"*.{kind}"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        cut = bytes(data[: len(data) // 2])
        path.write_bytes({"cut": cut, "flipped": bytes(data), "empty": b""}[damage])
    mended = run(tmp_path)
    assert mended.stdout == "21\n"
    assert mended.stderr.count("\n") == 1
    assert "are damaged: compiling them again" in mended.stderr
    after = run(tmp_path)
    assert (after.stdout, after.stderr) == ("21\n", "")
