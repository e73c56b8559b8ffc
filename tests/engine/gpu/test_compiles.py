"""The kernel compiles for a GPU. This needs numba-cuda and its compiler, but no GPU.

The simulator runs any Python code; only the compiler checks that all types can be inferred.
"""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from quarva.engine import Program, evaluate
from quarva.engine.gpu import device as gpu
from quarva.karva import parse
from quarva.panel import sample_panel


class Launch(Exception):
    """Carries the arguments of a launch."""


@pytest.fixture
def launched(monkeypatch):
    """The arguments of a launch, with NumPy arrays instead of device arrays."""
    pytest.importorskip("numba_cuda")
    from quarva.engine.gpu import run

    def launch(*args):
        raise Launch(args)

    monkeypatch.setattr(gpu, "find_device", None)
    monkeypatch.setattr(run, "find_device", lambda: gpu.Device("none", 8, 256, 32))
    monkeypatch.setattr(gpu.Device, "room", lambda self: 2**30)
    monkeypatch.setattr(run, "run", {(blocks, 256): launch for blocks in range(9)})
    monkeypatch.setattr(run, "cuda", SimpleNamespace(to_device=np.array, device_array=np.empty))
    panel = sample_panel().between("2020-01-01", "2020-03-01")
    program = Program.from_expressions([parse("rank(mean(close, 5))")])
    with pytest.raises(Launch) as caught:
        evaluate(program, panel, panel.values, "rank_ic", device="cuda")
    return caught.value.args[0]


def test_the_kernel_compiles_for_the_arguments_of_a_launch(launched, monkeypatch):
    from numba import cuda, typeof

    from quarva.engine.gpu.kernel import run

    dispatcher = importlib.import_module("numba.cuda.dispatcher")
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: SimpleNamespace(compute_capability=(8, 0)))
    try:
        code, result = cuda.compile_ptx(run.py_func, tuple(map(typeof, launched)), cc=(8, 0))
    except Exception as error:
        if "libnvvm" in str(error) or "NvvmSupportError" in type(error).__name__:
            pytest.skip("numba-cuda is installed without its compiler")
        raise
    assert ".entry" in code
    assert str(result) == "none"
