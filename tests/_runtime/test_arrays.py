"""Reading a file of arrays returns what was written or raises an error."""

import numpy as np
import pytest

from quarva._runtime.arrays import DamagedFile, read_arrays


def test_a_flipped_bit_is_detected_or_harmless(tmp_path):
    file = tmp_path / "a.npz"
    written = {"one": np.arange(3, dtype=np.int16), "two": np.ones(4, bool)}
    np.savez(file, **written)
    content = file.read_bytes()
    refused = 0
    for at in range(len(content)):
        for bit in range(0, 8, 3):
            file.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
            try:
                found = read_arrays(file)
            except DamagedFile:
                refused += 1
                continue
            assert set(found) == set(written)
            assert all((found[name] == array).all() for name, array in written.items())
    assert refused > 800


def test_a_truncated_file_is_damaged(tmp_path):
    file = tmp_path / "a.npz"
    np.savez(file, one=np.arange(3))
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(DamagedFile):
        read_arrays(file)
