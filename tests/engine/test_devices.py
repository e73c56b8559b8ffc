"""Which device runs a job, and what is said where there is none."""

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
    """A machine without a GPU, whatever this one has."""
    monkeypatch.setattr(gpu, "why_no_device", lambda: "no NVIDIA GPU with its driver and compiler is found")
    gpu.find_device.cache_clear()
    yield
    gpu.find_device.cache_clear()


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """An empty cache folder, and the file in it."""
    monkeypatch.setenv("QUARVA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(devices, "_known", {})
    return tmp_path / "cache" / "devices.json"


class Clock:
    """A clock that jobs move: `takes(s)` is one of s seconds, which counts how often it ran."""

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
    ("gpu_seconds", "cpu_seconds", "wanted"), [(1, 2, "cuda"), (2, 1, "cpu"), (1, 1, "cpu")]
)
def test_the_faster_device_is_taken_and_a_tie_stays_on_the_cpu(gpu_seconds, cpu_seconds, wanted, memory):
    assert decide(Clock(), gpu_seconds, cpu_seconds) == wanted


def test_a_kind_of_job_is_measured_once_also_over_processes(memory, monkeypatch):
    clock = Clock()
    decide(clock, 1, 2)
    assert clock.runs == 4  # each once to warm up and once by the clock
    assert decide(clock, 9, 1) == "cuda"
    monkeypatch.setattr(devices, "_known", {})  # as a new process begins
    assert decide(clock, 9, 1) == "cuda"
    assert clock.runs == 4
    assert decide(clock, 9, 1, kind="0:6") == "cpu"
    assert decide(clock, 9, 1, where="another card") == "cpu"
    assert set(json.loads(memory.read_text())) == {"card", "another card"}


@pytest.mark.parametrize("content", ["", "[]", '{"card": 3}', '{"card": {"0:5": {"cuda": 1}}}', "\x00"])
def test_a_damaged_memory_is_measured_anew(content, memory):
    memory.parent.mkdir()
    memory.write_text(content)
    assert decide(Clock(), 2, 1) == "cpu"
    assert json.loads(memory.read_text())["card"]["0:5"] == {"cuda": 2, "cpu": 1}


def test_kinds_tell_sizes_and_statistics_apart_but_no_small_differences():
    kind = devices.kind_of(0, 300, 2000, 500)
    assert kind == devices.kind_of(0, 310, 2040, 510)
    assert len({kind, devices.kind_of(1, 300, 2000, 500), devices.kind_of(0, 5000, 2000, 500)}) == 3
    assert devices.kind_of(0, 300, 2000, 5_000) == devices.kind_of(0, 300, 2000, 50_000)


def test_a_gpu_that_is_not_there_is_an_error_of_one_line(no_gpu):
    panel = sample_panel().between("2020-01-01", "2020-03-01")
    for run in (lambda: evaluate(PROGRAM, panel, panel.values, "ic", device="cuda"),
                lambda: signals(PROGRAM, panel, device="cuda")):  # fmt: skip
        with pytest.raises(DeviceError, match="no NVIDIA GPU.* is found; or use the device 'cpu'") as error:
            run()
        assert "\n" not in str(error.value)


def test_auto_without_a_gpu_is_the_cpu(no_gpu, monkeypatch):
    monkeypatch.setattr(devices, "_SMALL", 0)
    monkeypatch.setattr(gpu, "is_installed", lambda: True)
    panel = sample_panel().between("2020-01-01", "2020-03-01")
    np.testing.assert_array_equal(
        evaluate(PROGRAM, panel, panel.values, "ic", device="auto"),
        evaluate(PROGRAM, panel, panel.values, "ic"),
    )


def test_a_device_of_another_name_is_refused():
    panel = sample_panel().between("2020-01-01", "2020-03-01")
    with pytest.raises(DeviceError, match="no device 'tpu'; name one of auto, cpu, cuda"):
        signals(PROGRAM, panel, device="tpu")


def test_numba_cuda_is_not_loaded_before_a_gpu_is_asked_for():
    code = (
        "import sys, quarva.engine, quarva.runs, quarva.cli\n"
        "assert not [name for name in sys.modules if name.startswith(('numba.cuda', 'numba_cuda.numba'))]"
    )
    subprocess.run([sys.executable, "-c", code], timeout=300, check=True)
