"""--device: a missing GPU and unknown names are refused."""

import pytest

from quarva.engine.gpu import device as gpu


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """A machine without a GPU, whatever this one has."""
    monkeypatch.setattr(gpu, "why_no_device", lambda: "no NVIDIA GPU with its driver and compiler is found")
    gpu.find_device.cache_clear()
    yield
    gpu.find_device.cache_clear()


def lines(text):
    return [line for line in text.splitlines() if line.strip()]


def test_evaluate_without_a_gpu_is_refused_in_one_line(quarva, bars):
    said = quarva("evaluate", "close", "--panel", bars, "--device", "cuda")
    assert said.status == 2
    assert said.out == ""
    assert len(lines(said.err)) == 1
    assert "device 'cuda': no NVIDIA GPU" in said.err


def test_search_without_a_gpu_is_refused_and_leaves_no_folder(quarva, bars, tmp_path):
    said = quarva("search", "--panel", bars, "--device", "cuda", "--budget", 50, "--out", tmp_path / "run")
    assert said.status == 2
    assert "device 'cuda': no NVIDIA GPU" in lines(said.err)[-1]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", [("evaluate", "close"), ("search",)])
def test_a_device_of_another_name_is_refused(quarva, bars, command):
    said = quarva(*command, "--panel", bars, "--device", "tpu")
    assert said.status == 2
    assert len(lines(said.err)) == 1
    assert "--device = tpu" in said.err
    assert "'auto', 'cpu' or 'cuda'" in said.err


def test_a_resumed_run_keeps_its_device(quarva, tmp_path):
    said = quarva("search", "--resume", tmp_path, "--device", "cpu")
    assert said.status == 2
    assert "--device: a resumed run keeps its recipe" in said.err
