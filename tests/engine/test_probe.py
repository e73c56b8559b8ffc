"""The probes compute what they claim to measure."""

import numpy as np

from quarva.engine import probe


def test_a_round_has_sixteen_multiply_adds():
    x = np.full(40, 1.0, np.float32)
    probe.multiply_add(x, np.float32(1.0), np.float32(0.5), 3)
    assert (x == 1.0 + 3 * 16 * 0.5).all()


def test_the_triad_reads_two_arrays_and_writes_the_third():
    a, b, c = (np.arange(30, dtype=np.float32) + k for k in range(3))
    probe.triad(a, b, c, np.float32(0.5), 2)
    assert (a == b + np.float32(0.5) * c).all()


def test_a_peak_exceeds_the_speed_of_python():
    assert probe.fma_peak(1) > 1e8
    assert probe.stream_peak(1, kib=64) > 1e8


def test_the_name_of_the_processor_is_one_line():
    assert probe.processor()
    assert "\n" not in probe.processor()
