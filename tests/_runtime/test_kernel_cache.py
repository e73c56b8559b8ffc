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


def test_an_intact_cache_is_used_without_a_warning_also_from_another_folder(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(), there.mkdir()
    run(here, tmp_path / "cache")
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    assert len(written) >= 2
    for folder in (here, there):
        again = run(folder, tmp_path / "cache")
        assert (again.stdout, again.stderr) == ("21\n", "")
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}


def test_kernels_work_without_a_writable_cache(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder would be")
    done = run(tmp_path)
    assert (done.stdout, done.stderr) == ("21\n", "")


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "flipped": flipped,
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_damaged_machine_code_is_compiled_again_with_one_warning(tmp_path, kind):
    run(tmp_path)
    for damage in DAMAGES.values():
        for path in tmp_path.rglob(f"*.{kind}"):
            path.write_bytes(damage(path.read_bytes()))
        mended = run(tmp_path)
        assert mended.stdout == "21\n"
        assert mended.stderr.count("\n") == 1
        assert "are damaged: compiling them again" in mended.stderr
    after = run(tmp_path)
    assert (after.stdout, after.stderr) == ("21\n", "")
