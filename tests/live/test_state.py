"""A state file is written atomically and checked when it is read."""

import contextlib
import errno
import json
import os
import re
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import quarva as qv
from quarva.errors import RunError

FORMULAS = {"slow": "mean(x, 20)", "fast": "group_demean(delta(close, 2), sector)"}


@pytest.fixture
def stream(market):
    return qv.Stream(FORMULAS, market(60, universe=True).with_conventions("qlib"))


@pytest.fixture
def file(stream, tmp_path):
    stream.save(tmp_path / "s.npz")
    return tmp_path / "s.npz"


def rewritten(file, **changes):
    """Replace metadata or arrays of the file."""
    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    about = json.loads(arrays["about"].tobytes())
    for name, value in changes.items():
        if name in arrays:
            arrays[name] = value
        else:
            about[name] = value
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(file, **arrays)
    return file


def refusal(file):
    with pytest.raises(RunError) as caught:
        qv.Stream.load(file)
    message = str(caught.value)
    assert "\n" not in message
    assert os.fspath(file) in message
    return message


def same(one, other):
    for name in ("names", "formulas", "fields", "assets", "conventions", "days"):
        assert getattr(one, name) == getattr(other, name)
    np.testing.assert_array_equal(one.dates, other.dates)
    np.testing.assert_array_equal(one.bars(), other.bars())
    np.testing.assert_array_equal(one.universe(), other.universe())
    assert one.groups["sector"].labels == other.groups["sector"].labels
    np.testing.assert_array_equal(one.groups["sector"].codes, other.groups["sector"].codes)
    np.testing.assert_array_equal(one.signals(), other.signals())


def test_a_loaded_stream_equals_the_saved_one(stream, file):
    same(qv.Stream.load(file), stream)


def test_names_may_be_any_text(market, tmp_path):
    panel = market(20)
    qv.Stream({"größe, 日 'x'": "x"}, panel).save(tmp_path / "s.npz")
    assert qv.Stream.load(tmp_path / "s.npz").names == ("größe, 日 'x'",)


def test_a_state_has_no_pickled_objects(file):
    with np.load(file, allow_pickle=False) as archive:
        assert {archive[name].dtype.kind for name in archive.files} == {"u", "M", "f", "i", "b"}


@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_detected_or_harmless(position, bit, market, tmp_path_factory):
    stream = qv.Stream(FORMULAS, market(60, universe=True))
    file = tmp_path_factory.mktemp("state") / "s.npz"
    stream.save(file)
    content = bytearray(file.read_bytes())
    content[int(position * len(content))] ^= 1 << bit
    file.write_bytes(content)
    with contextlib.suppress(RunError):
        same(qv.Stream.load(file), stream)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_damaged(share, file):
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    assert re.search("is damaged .*quarva stream init", refusal(file))


def test_a_state_of_another_version_is_refused(file):
    assert "has version 99, but this Quarva reads version 1" in refusal(rewritten(file, version=99))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"names": ["one"]}, "names and formulas"),
        ({"formulas": "mean"}, "formulas are not text"),
        ({"formulas": ["mean(x, 20)", "mean(x, 0)"]}, "a formula that cannot be read: .*window"),
        ({"formulas": ["mean(x, 20)", "open"]}, "a formula that cannot be read: .*open"),
        ({"assets": ["A0"]}, "do not have the shape"),
        ({"conventions": "other"}, "unknown conventions"),
        ({"first": -1}, "ascend"),
        ({"first": 300}, "has fewer days"),
        ({"groups": {"sector": ["a"]}}, "group 'sector' does not fit"),
        ({"groups": {}}, "a formula that cannot be read: .*sector"),
        ({"values": np.zeros((2, 3, 4))}, "do not have the shape"),
        ({"dates": np.arange(60)}, "dates have a wrong type"),
        ({"dates": np.full(60, np.datetime64("2000-01-01"))}, "ascend"),
        ({"begins": np.zeros(2, np.float32)}, "first days"),
        ({"universe": np.ones((60, 2), np.bool_)}, "the universe does not have"),
        ({"codes_0": np.array([0.5, 0.5, 0.5])}, "damaged"),
        ({"values": np.array([None, {}])}, "damaged .*pickle"),
    ],
    ids=str,
)
def test_an_inconsistent_state_is_refused(changes, word, file):
    assert re.search(word, refusal(rewritten(file, **changes)))


def test_other_files_are_refused(tmp_path):
    file = tmp_path / "other.npz"
    np.savez(file, version=1, kind="checkpoint")
    assert "is not the state of a stream" in refusal(file)
    file.write_text("date,asset,close\n")
    assert "is damaged" in refusal(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("about.txt", "hello")
    assert "is not the state" in refusal(file)
    assert "is a folder" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "none.npz")


def test_a_full_disk_keeps_the_old_state(stream, file, monkeypatch):
    before = file.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="the disk is full"):
        stream.save(file)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == ["s.npz"]


def test_temporary_files_of_a_killed_process_are_removed(stream, file):
    (file.parent / ".s.npz.abc123").write_bytes(b"half")
    stream.save(file)
    assert os.listdir(file.parent) == ["s.npz"]
