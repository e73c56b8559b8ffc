"""What is read back from a file of arrays is what was written, or an error."""

import numpy as np
import pytest

from quarva._runtime.arrays import DamagedFile, read_arrays


def test_a_flipped_bit_anywhere_is_found_or_does_no_harm(tmp_path):
    file = tmp_path / "a.npz"
    written = {"one": np.arange(3, dtype=np.int16), "two": np.ones(4, bool)}
    np.savez(file, **written)
    content = file.read_bytes()
    refused = 0
    for place in range(len(content)):
        for bit in range(0, 8, 3):
            file.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
            try:
                found = read_arrays(file)
            except DamagedFile:
                refused += 1
                continue
            assert set(found) == set(written)
            assert all((found[name] == array).all() for name, array in written.items())
    assert refused > 800


def test_a_file_cut_short_is_damaged(tmp_path):
    file = tmp_path / "a.npz"
    np.savez(file, one=np.arange(3))
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(DamagedFile):
        read_arrays(file)
