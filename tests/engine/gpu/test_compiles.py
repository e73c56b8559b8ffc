"""The kernel compiles for a GPU. This needs numba-cuda and its compiler, but no GPU.

The simulator runs any Python code; only the compiler checks that all types can be inferred.
"""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
from numba import typeof

from quarva.engine import Program, evaluate
from quarva.engine.gpu import device as gpu
from quarva.karva import parse
from quarva.panel import sample_panel


class Launch(Exception):
    """Carries the arguments of a launch."""


class Host(gpu.Device):
    """A device whose arrays are NumPy's."""

    def room(self):
        return 2**30

    def __getitem__(self, blocks_and_threads):
        return self.launch

    def launch(self, *arguments):
        raise Launch(arguments)


def arguments_of_a_launch(monkeypatch):
    """Types of the arguments that the host passes to the kernel."""
    from quarva.engine.gpu import run

    host = Host("none", 8, 256, 32)
    monkeypatch.setattr(run, "find_device", lambda: host)
    monkeypatch.setattr(run, "run", host)
    monkeypatch.setattr(run, "cuda", SimpleNamespace(to_device=np.array, device_array=np.empty))
    panel = sample_panel().between("2020-01-01", "2020-03-01")
    program = Program.from_expressions([parse("rank(mean(close, 5))")])
    with pytest.raises(Launch) as caught:
        evaluate(program, panel, panel.values, "rank_ic", device="cuda")
    return tuple(map(typeof, caught.value.args[0]))


def test_the_kernel_compiles_for_the_arguments_of_a_launch(monkeypatch):
    pytest.importorskip("numba_cuda")
    from numba import cuda

    from quarva.engine.gpu.kernel import run

    types = arguments_of_a_launch(monkeypatch)
    dispatcher = importlib.import_module(
        "numba.cuda.dispatcher"
    )  # compiles device functions for a GPU at hand
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: SimpleNamespace(compute_capability=(8, 0)))
    try:
        code, result = cuda.compile_ptx(run.py_func, types, cc=(8, 0))
    except Exception as error:
        if "libnvvm" in str(error) or "NvvmSupportError" in type(error).__name__:
            pytest.skip("numba-cuda is installed without its compiler")
        raise
    assert ".entry" in code
    assert str(result) == "none"
