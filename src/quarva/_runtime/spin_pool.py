"""Compiled work shared among threads that wait for it in compiled code.

`threads.share` goes through the interpreter: to wake a thread, and to hand it each piece, takes tens of
microseconds, as long as breeding or scoring a hundred formulas of a small table. Here a helper spins in
machine code for about a millisecond after its last work, joins what is offered within a microsecond, and
sleeps when nothing more comes. Whoever offers work begins it and never waits for a helper to join: one that
still sleeps, or has no core, is only missed.

    @compiled
    def square_all(crew, values):
        offer(crew, square_one, values.size, (values,))
        carry_out(crew)

calls square_one(i, values) for every i, in any order, on any thread; no call may depend on another, and none
may raise.
"""

import atexit
import os
import platform
import threading
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva._runtime.threads import idle_helper

__all__ = ["crew", "run_submitted", "submit"]

# Words of a crew, each on cache lines of its own: threads that write to one line wait for each other.
_OPEN, _INSIDE, _TAKEN, _BACK, _MANY, _WORK, _ARGUMENTS, _OFFERS = range(0, 128, 16)
_WORDS = 128
_LOOKS = 20_000  # at work that is not there before a helper sleeps: about a millisecond
_PARTING = 1.0  # seconds that the end of the process waits for a helper
_YIELDS = 64  # every so many looks whoever else needs the core may have it
_PAUSE = "llvm.x86.sse2.pause" if platform.machine() in ("x86_64", "AMD64") else ""


@intrinsic
def _read(typing_context: Any, words: Any, i: Any) -> Any:
    """Word i, as it stands in memory now, in one order for all threads."""

    def generate(context, builder, signature, arguments):
        return builder.load_atomic(_address(context, builder, signature, arguments), "seq_cst", 8)

    return types.int64(words, types.intp), generate


@intrinsic
def _write(typing_context: Any, words: Any, i: Any, value: Any) -> Any:
    """Write word i, in one order for all threads."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], address, "seq_cst", 8)
        return context.get_dummy_value()

    return types.none(words, types.intp, types.int64), generate


@intrinsic
def _add(typing_context: Any, words: Any, i: Any, value: Any) -> Any:
    """Add to word i in one step; what it was before."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        return builder.atomic_rmw("add", address, arguments[2], "seq_cst")

    return types.int64(words, types.intp, types.int64), generate


def _address(context, builder, signature, arguments):
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


@intrinsic
def _pause(typing_context: Any) -> Any:
    """Tell the processor that this is a loop that waits."""

    def generate(context, builder, signature, arguments):
        if _PAUSE:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, _PAUSE), [])
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def _give_way(typing_context: Any) -> Any:
    """Let another thread have the core, where one waits for it."""

    def generate(context, builder, signature, arguments):
        if os.name == "posix":
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def submit(typing_context: Any, crew: Any, function: Any, many: Any, arguments: Any) -> Any:
    """Name the work: function(i, *arguments) for i in 0 … many − 1, with a compiled function and a tuple.

    `carry_out` has to follow in the same function, for the arguments stand in its frame.
    """
    call = function.get_call_type(typing_context, (types.intp, *arguments.types), {})

    def generate(context, builder, signature, values):
        held = cgutils.alloca_once_value(builder, values[3])
        work = _worker(context, builder.module, function, call, arguments)
        words = context.make_array(signature.args[0])(context, builder, values[0])
        word = ir.IntType(64)
        for place, value in (
            (_MANY, values[2]),
            (_WORK, builder.ptrtoint(work, word)),
            (_ARGUMENTS, builder.ptrtoint(held, word)),
        ):
            builder.store(value, builder.gep(words.data, [ir.Constant(word, place)]))
        return context.get_dummy_value()

    return types.none(crew, function, types.intp, arguments), generate


def _worker(context, module, function, call, arguments):
    """A function of an item's number and the address of the arguments, which is what helpers can call."""
    word, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [word, pointer])
    work = ir.Function(module, kind, module.get_unique_name("quarva.offered"))
    work.linkage = "internal"
    builder = ir.IRBuilder(work.append_basic_block("entry"))
    held = context.get_value_type(arguments).as_pointer()
    values = cgutils.unpack_tuple(builder, builder.load(builder.bitcast(work.args[1], held)))
    compiled_one = function.dispatcher.overloads[tuple(call.args)]
    context.active_code_library.add_linking_library(compiled_one.library)
    context.call_internal_no_propagate(builder, compiled_one.fndesc, call, [work.args[0], *values])
    builder.ret_void()
    return work


@intrinsic
def _call(typing_context: Any, work: Any, i: Any, arguments: Any) -> Any:
    """Call what stands at an address with an item's number and the address of the arguments."""

    def generate(context, builder, signature, values):
        word, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [word, pointer]).as_pointer()
        builder.call(builder.inttoptr(values[0], kind), [values[1], builder.inttoptr(values[2], pointer)])
        return context.get_dummy_value()

    return types.none(types.int64, types.intp, types.int64), generate


@compiled
def _take(crew, is_helper):
    """Do items as long as there are some, from the front; helpers from the back.

    So what was written in one offer is read in the next by the same of two threads, from its own cache.
    """
    work, arguments, many = crew[_WORK], crew[_ARGUMENTS], crew[_MANY]
    front = 0
    while _add(crew, _TAKEN, 1) < many:
        if is_helper:
            _call(work, many - 1 - _add(crew, _BACK, 1), arguments)
        else:
            _call(work, front, arguments)
            front += 1


@compiled
def run_submitted(crew):
    """Do what was offered, with the helpers that come; returns when all is done.

    A helper that is inside may still read the arguments: the door is closed first, and then waited for.
    """
    crew[_OFFERS] += 1
    crew[_TAKEN] = 0
    crew[_BACK] = 0
    _write(crew, _OPEN, crew[_OFFERS])
    _take(crew, False)
    _write(crew, _OPEN, 0)
    looks = 0
    while _read(crew, _INSIDE) > 0:
        looks += 1
        _rest(looks)


@compiled
def _rest(looks):
    """Pause, and now and then give way."""
    _pause()
    if looks % _YIELDS == 0:
        _give_way()


@compiled
def _serve(crew, patience):
    """Take part in what is offered, until there was nothing for so many looks."""
    looks, seen = 0, 0
    while looks < patience:
        offered = _read(crew, _OPEN)
        if offered == 0 or offered == seen:
            looks += 1
            _rest(looks)
            continue
        _add(crew, _INSIDE, 1)
        if _read(crew, _OPEN) == offered:  # it can not end now before this helper is outside again
            _take(crew, True)
            looks = 0
        _add(crew, _INSIDE, -1)
        seen = offered


class _Helper:
    """A thread of a crew."""

    def __init__(self, words: NDArray[np.int64]) -> None:
        self._words = words
        self.asleep = True
        self._bed = threading.Lock()
        self._bed.acquire()
        self._goes = False
        self._thread = threading.Thread(target=self._live, name="quarva", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Let it look for work."""
        self.asleep = False
        self._bed.release()

    def dismiss(self) -> None:
        """End the thread, once it has fallen asleep."""
        self._goes = True
        if self.asleep:
            self.wake()
        self._thread.join(_PARTING)

    def _live(self) -> None:
        while not self._goes:
            self._bed.acquire()
            _serve(self._words, 0 if self._goes else _LOOKS)
            self.asleep = True


class _Crew:
    """Words that threads speak by, and those who listen to them."""

    def __init__(self) -> None:
        self.words = np.zeros(_WORDS, np.int64)
        self.helpers: list[_Helper] = []

    def muster(self, many: int) -> None:
        """Have so many helpers, awake."""
        while len(self.helpers) < many:
            self.helpers.append(_Helper(self.words))
        for helper in self.helpers:
            if helper.asleep:
                helper.wake()


_idle: dict[int, list[_Crew]] = {}  # by the number of threads; lists are popped and appended to in one step
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a child process has no threads but its own


@atexit.register
def _dismiss_all() -> None:
    """End the threads that wait: one found in machine code by the interpreter's end dies where it stands."""
    for crews in _idle.values():
        while crews:
            for helper in crews.pop().helpers:
                helper.dismiss()


class crew:
    """What `offer` and `carry_out` take, int64[_WORDS], for this thread and so many − 1 helpers.

    A context manager; one that `contextlib` makes takes three times as long.
    """

    __slots__ = ("_idle", "_one", "_threads")

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def __enter__(self) -> NDArray[np.int64]:
        self._idle = _idle.setdefault(self._threads, [])
        self._one = idle_helper(self._idle, _Crew)
        self._one.muster(self._threads - 1)
        return self._one.words

    def __exit__(self, *_: object) -> None:
        self._idle.append(self._one)
