"""The choice of the device for a job, and the error if there is no GPU."""

import json
import subprocess
import sys

import numpy as np
import pytest

from quarva.engine import Program, devices, evaluate, signals
from quarva.engine.gpu import device as gpu
from quarva.errors import DeviceError
from quarva.karva import parse
from quarva.panel import sample_panel

PROGRAM = Program.from_expressions([parse("close")])


@pytest.fixture
def no_gpu(monkeypatch):
    """Simulate a machine without a GPU."""
    monkeypatch.setattr(gpu, "why_no_device", lambda: "no NVIDIA GPU with its driver and compiler is found")
    gpu.find_device.cache_clear()
    yield
    gpu.find_device.cache_clear()


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """An empty cache folder; returns the path of the file with measurements."""
    monkeypatch.setenv("QUARVA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(devices, "_known", {})
    return tmp_path / "cache" / "devices.json"


class Clock:
    """A clock that jobs advance: `takes(s)` is a job of s seconds; `runs` counts how often jobs ran."""

    def __init__(self):
        self.now, self.runs = 0.0, 0

    def __call__(self):
        return self.now

    def takes(self, seconds):
        def work():
            self.now += seconds
            self.runs += 1

        return work


def decide(clock, gpu_seconds, cpu_seconds, kind="0:5", where="card"):
    return devices.measured(where, kind, clock.takes(gpu_seconds), clock.takes(cpu_seconds), clock)


@pytest.mark.parametrize(
    ("gpu_seconds", "cpu_seconds", "expected"), [(1, 2, "cuda"), (2, 1, "cpu"), (1, 1, "cpu")]
)
def test_the_faster_device_is_chosen_and_the_cpu_in_a_tie(gpu_seconds, cpu_seconds, expected, memory):
    assert decide(Clock(), gpu_seconds, cpu_seconds) == expected


def test_a_kind_of_job_is_measured_once_across_processes(memory, monkeypatch):
    clock = Clock()
    decide(clock, 1, 2)
    assert clock.runs == 4  # each job once to warm up and once to measure
    assert decide(clock, 9, 1) == "cuda"
    monkeypatch.setattr(devices, "_known", {})  # the state of a new process
    assert decide(clock, 9, 1) == "cuda"
    assert clock.runs == 4
    assert decide(clock, 9, 1, kind="0:6") == "cpu"
    assert decide(clock, 9, 1, where="another card") == "cpu"
    assert set(json.loads(memory.read_text())) == {"card", "another card"}


@pytest.mark.parametrize("content", ["", "[]", '{"card": 3}', '{"card": {"0:5": {"cuda": 1}}}', "\x00"])
def test_damaged_measurements_are_repeated(content, memory):
    memory.parent.mkdir()
    memory.write_text(content)
    assert decide(Clock(), 2, 1) == "cpu"
    assert json.loads(memory.read_text())["card"]["0:5"] == {"cuda": 2, "cpu": 1}


def test_kinds_distinguish_statistics_and_sizes_except_for_small_differences():
    kind = devices.kind_of(0, 300, 2000, 500)
    assert kind == devices.kind_of(0, 310, 2040, 510)
    assert len({kind, devices.kind_of(1, 300, 2000, 500), devices.kind_of(0, 5000, 2000, 500)}) == 3
    assert devices.kind_of(0, 300, 2000, 5_000) == devices.kind_of(0, 300, 2000, 50_000)


def test_a_missing_gpu_is_an_error_of_one_line(no_gpu):
    panel = sample_panel().between("2020-01-01", "2020-03-01")
    for run in (lambda: evaluate(PROGRAM, panel, panel.values, "ic", device="cuda"),
                lambda: signals(PROGRAM, panel, device="cuda")):  # fmt: skip
        with pytest.raises(DeviceError, match="no NVIDIA GPU.* is found; or use the device 'cpu'") as error:
            run()
        assert "\n" not in str(error.value)


def test_auto_chooses_the_cpu_without_a_gpu(no_gpu, monkeypatch):
    monkeypatch.setattr(devices, "_SMALL", 0)
    monkeypatch.setattr(gpu, "is_installed", lambda: True)
    panel = sample_panel().between("2020-01-01", "2020-03-01")
    np.testing.assert_array_equal(
        evaluate(PROGRAM, panel, panel.values, "ic", device="auto"),
        evaluate(PROGRAM, panel, panel.values, "ic"),
    )


def test_an_unknown_device_is_refused():
    panel = sample_panel().between("2020-01-01", "2020-03-01")
    with pytest.raises(DeviceError, match="no device 'tpu'; name one of auto, cpu, cuda"):
        signals(PROGRAM, panel, device="tpu")


def test_numba_cuda_is_only_loaded_if_a_gpu_is_requested():
    code = (
        "import sys, quarva.engine, quarva.runs, quarva.cli\n"
        "assert not [name for name in sys.modules if name.startswith(('numba.cuda', 'numba_cuda.numba'))]"
    )
    subprocess.run([sys.executable, "-c", code], timeout=300, check=True)
