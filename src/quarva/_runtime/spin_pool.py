"""A thread pool for compiled code whose workers spin between two jobs.

`threads.share` goes through the interpreter: waking a thread and handing it a piece of work takes tens of
microseconds, which is as long as breeding or scoring a hundred formulas on a small table. A worker of this
pool is a helper thread of `threads` that spins in machine code for about a millisecond after its last job.
During that time it joins a new job within a microsecond. Then the thread is free for other work. The calling
thread starts the job itself and never waits for a worker to join, so a worker that is late or has no core
only costs its share of the speed.

A job calls a compiled function once per item:

    @compiled
    def square_all(pool, values):
        submit(pool, square_one, values.size, (values,))
        run_submitted(pool)

This calls square_one(i, values) for every i, in any order and on any thread. No call may depend on another
one, and no call may raise an exception.
"""

import os
import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva._runtime.threads import start

__all__ = ["SpinPool", "run_submitted", "submit"]

# Words of a pool's shared state: the number of the open job (0 = none), workers in the job, items taken,
# items taken from the back, items of the job, address of the function, address of its arguments, jobs so far.
# Each word has its own cache lines, because threads that write to one line wait for each other.
_OPEN, _ACTIVE, _TAKEN, _FROM_BACK, _ITEMS, _FUNCTION, _ARGUMENTS, _JOBS = range(0, 128, 16)
_WORDS = 128
_SPINS = 20_000  # polls without a job before a worker sleeps: about a millisecond
_SPINS_PER_YIELD = 64  # polls between two offers of the core to other threads
_PAUSE = "llvm.x86.sse2.pause" if platform.machine() in ("x86_64", "AMD64") else ""


@intrinsic
def _read(typing_context: Any, words: Any, i: Any) -> Any:
    """Atomic load of word i, sequentially consistent."""

    def generate(context, builder, signature, arguments):
        return builder.load_atomic(_address(context, builder, signature, arguments), "seq_cst", 8)

    return types.int64(words, types.intp), generate


@intrinsic
def _write(typing_context: Any, words: Any, i: Any, value: Any) -> Any:
    """Atomic store to word i, sequentially consistent."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], address, "seq_cst", 8)
        return context.get_dummy_value()

    return types.none(words, types.intp, types.int64), generate


@intrinsic
def _add(typing_context: Any, words: Any, i: Any, value: Any) -> Any:
    """Atomic addition to word i; returns its previous value."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        return builder.atomic_rmw("add", address, arguments[2], "seq_cst")

    return types.int64(words, types.intp, types.int64), generate


def _address(context, builder, signature, arguments):
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


@intrinsic
def _pause(typing_context: Any) -> Any:
    """Hint to the processor that this is a spin loop."""

    def generate(context, builder, signature, arguments):
        if _PAUSE:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, _PAUSE), [])
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def _yield_core(typing_context: Any) -> Any:
    """Yield the core to another thread that waits for it."""

    def generate(context, builder, signature, arguments):
        if os.name == "posix":
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def submit(typing_context: Any, pool: Any, function: Any, n_items: Any, arguments: Any) -> Any:
    """Set the next job: function(i, *arguments) for i in 0 … n_items − 1.

    `run_submitted` has to follow in the same function, because the arguments are stored in its stack frame.

    Parameters
    ----------
    pool : ndarray of int64, shape (_WORDS,)
        The value that `SpinPool` yields.
    function : compiled function
        Called once per item.
    n_items : int
        Number of items.
    arguments : tuple
        Further arguments of `function`.
    """
    call = function.get_call_type(typing_context, (types.intp, *arguments.types), {})

    def generate(context, builder, signature, values):
        held = cgutils.alloca_once_value(builder, values[3])
        wrapper = _wrapper(context, builder.module, function, call, arguments)
        words = context.make_array(signature.args[0])(context, builder, values[0])
        word = ir.IntType(64)
        for index, value in (
            (_ITEMS, values[2]),
            (_FUNCTION, builder.ptrtoint(wrapper, word)),
            (_ARGUMENTS, builder.ptrtoint(held, word)),
        ):
            builder.store(value, builder.gep(words.data, [ir.Constant(word, index)]))
        return context.get_dummy_value()

    return types.none(pool, function, types.intp, arguments), generate


def _wrapper(context, module, function, call, arguments):
    """Wrap `function` so that every job has one signature: the item and the address of the arguments."""
    word, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [word, pointer])
    wrapper = ir.Function(module, kind, module.get_unique_name("quarva.submitted"))
    wrapper.linkage = "internal"
    builder = ir.IRBuilder(wrapper.append_basic_block("entry"))
    held = context.get_value_type(arguments).as_pointer()
    values = cgutils.unpack_tuple(builder, builder.load(builder.bitcast(wrapper.args[1], held)))
    overload = function.dispatcher.overloads[tuple(call.args)]
    context.active_code_library.add_linking_library(overload.library)
    context.call_internal_no_propagate(builder, overload.fndesc, call, [wrapper.args[0], *values])
    builder.ret_void()
    return wrapper


@intrinsic
def _call(typing_context: Any, wrapper: Any, i: Any, arguments: Any) -> Any:
    """Call the wrapper at an address with an item and the address of the arguments."""

    def generate(context, builder, signature, values):
        word, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [word, pointer]).as_pointer()
        builder.call(builder.inttoptr(values[0], kind), [values[1], builder.inttoptr(values[2], pointer)])
        return context.get_dummy_value()

    return types.none(types.int64, types.intp, types.int64), generate


@compiled
def _run_items(pool, is_worker):
    """Run items until none is left. The calling thread takes them from the front, workers from the back.

    With two threads, each thread then finds the items of its last job in its own cache.
    """
    wrapper, arguments, n_items = pool[_FUNCTION], pool[_ARGUMENTS], pool[_ITEMS]
    front = 0
    while _add(pool, _TAKEN, 1) < n_items:
        if is_worker:
            _call(wrapper, n_items - 1 - _add(pool, _FROM_BACK, 1), arguments)
        else:
            _call(wrapper, front, arguments)
            front += 1


@compiled
def run_submitted(pool):
    """Run the submitted job together with the workers that join; return when all items are done.

    The job is closed to new workers before its end, and the calling thread waits for the workers that are in
    it, because they may still read the arguments.

    Parameters
    ----------
    pool : ndarray of int64, shape (_WORDS,)
        The value that `SpinPool` yields.
    """
    pool[_JOBS] += 1
    pool[_TAKEN] = 0
    pool[_FROM_BACK] = 0
    _write(pool, _OPEN, pool[_JOBS])
    _run_items(pool, False)
    _write(pool, _OPEN, 0)
    spins = 0
    while _read(pool, _ACTIVE) > 0:
        spins += 1
        _back_off(spins)


@compiled
def _back_off(spins):
    """Pause, and yield the core from time to time."""
    _pause()
    if spins % _SPINS_PER_YIELD == 0:
        _yield_core()


@compiled
def _serve(pool, max_spins):
    """Join jobs until none was open for `max_spins` polls."""
    spins, joined = 0, 0
    while spins < max_spins:
        job = _read(pool, _OPEN)
        if job == 0 or job == joined:
            spins += 1
            _back_off(spins)
            continue
        _add(pool, _ACTIVE, 1)
        if _read(pool, _OPEN) == job:  # from here on the job cannot end before this worker has left it
            _run_items(pool, True)
            spins = 0
        _add(pool, _ACTIVE, -1)
        joined = job


class _Workers:
    """The helper threads that serve one state, int64 of shape (_WORDS,)."""

    def __init__(self) -> None:
        self.words = np.zeros(_WORDS, np.int64)
        self.awake: list[None] = []  # one entry a thread; `pop` and `append` are atomic

    def wake(self, n_workers: int) -> None:
        """Let `n_workers` helper threads poll for jobs."""
        while len(self.awake) < n_workers:
            self.awake.append(None)
            start(self._serve)

    def _serve(self) -> None:
        _serve(self.words, _SPINS)
        self.awake.pop()


# By the number of threads. `pop` and `append` are atomic, so that no lock is needed.
_idle: dict[int, list[_Workers]] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # threads do not survive a fork


class SpinPool:
    """Context manager that provides a pool of `threads` threads, the calling thread included.

    It yields the state that `submit` and `run_submitted` take, int64 of shape (_WORDS,). Workers are reused.
    It is a class because entering a `contextlib.contextmanager` takes three times as long.

    Parameters
    ----------
    threads : int
        Number of threads, at least 1.
    """

    __slots__ = ("_idle", "_threads", "_workers")

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def __enter__(self) -> NDArray[np.int64]:
        self._idle = _idle.setdefault(self._threads, [])
        try:
            self._workers = self._idle.pop()
        except IndexError:
            self._workers = _Workers()
        self._workers.wake(self._threads - 1)
        return self._workers.words

    def __exit__(self, *_: object) -> None:
        self._idle.append(self._workers)
