"""Threads that share the pieces of one call, in compiled code from beginning to end.

To hand work from thread to thread through the interpreter takes longer than a small operator takes
in all: it lets one thread in at a time, and to wake the next costs the operating system some fifty
microseconds. Here a compiled function hands out *its own call*: `shared`, its first statement, puts
down its arguments where the helpers look, and each of them calls the very same function on piece
after piece. They look out for the next call for a while before they go to sleep.

This module imports Numba; only `deconv_ref.threads` and pieces import it, when first needed.
"""

import ctypes
import os
import threading

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["HELPERS", "Helpers", "look", "shared"]

LOOKS = 1 << 18  # at memory that does not change, a quarter of a millisecond or less
YIELDING = 1 << 12  # looks before the core is offered to the thread that is waited for

# Places in the mailbox, each in a line of the cache of its own.
LINE = 8  # int64
(WANTED, ENTRIES, LEFT, TICKET, PIECES, CODE, CALL, FAILED, YIELD) = range(0, 9 * LINE, LINE)
PLACES = 9 * LINE

WORD = ir.IntType(64)
BYTES = ir.IntType(8).as_pointer()


@intrinsic
def shared(typing_context, first, last):  # type: ignore[no-untyped-def]
    """Share the call of the function that this stands in, if it is the whole of a shared one.

    The function's last two parameters are `first` and `last`, of a range that can be cut anywhere.
    Called with the address of a mailbox and a negative length instead, it has pieces of the range
    done by whoever comes, in calls of the function itself, and returns when all are done.

    Returns
    -------
    bool
        Whether all is done.
    """
    signature = types.boolean(types.int64, types.int64)

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        done = cgutils.alloca_once_value(builder, cgutils.false_bit)
        mailbox, length = arguments
        with builder.if_then(builder.icmp_signed("<", length, WORD(0)), likely=False):
            _share(builder, builder.inttoptr(mailbox, WORD.as_pointer()), builder.neg(length))
            builder.store(cgutils.true_bit, done)
        return builder.load(done)

    return signature, codegen


def _share(builder: ir.IRBuilder, mailbox: ir.Value, length: ir.Value) -> None:
    """Publish the call, take part in it, and wait for those who came."""

    def place(index: int) -> ir.Value:
        return builder.gep(mailbox, [WORD(index)])

    function = builder.function
    # Numba's convention: where the result goes, where an exception goes, then the arguments.
    values = [mailbox, length, *function.args[2:-2]]
    call = cgutils.alloca_once(builder, ir.LiteralStructType([v.type for v in values]))
    for index, value in enumerate(values):
        builder.store(value, cgutils.gep_inbounds(builder, call, 0, index))
    work = _worker(function, call.type)
    builder.store(builder.ptrtoint(work, WORD), place(CODE))
    builder.store(builder.ptrtoint(call, WORD), place(CALL))
    for index in (LEFT, TICKET, FAILED):
        builder.store(WORD(0), place(index))
    wanted = builder.load(place(WANTED))
    builder.store_atomic(wanted, place(ENTRIES), "release", LINE)
    builder.call(work, [builder.bitcast(call, BYTES)])
    late = builder.atomic_rmw("xchg", place(ENTRIES), WORD(0), "seq_cst")
    _wait(builder, place(LEFT), builder.sub(wanted, late), builder.load(place(YIELD)))


def _worker(function: ir.Function, kind: ir.PointerType) -> ir.Function:
    """Make the function that does pieces of a call until none is left."""
    name = function.module.get_unique_name("work")
    work = ir.Function(function.module, ir.FunctionType(ir.VoidType(), [BYTES]), name)
    work.linkage = "internal"
    builder = ir.IRBuilder(work.append_basic_block("entry"))
    call = builder.bitcast(work.args[0], kind)
    mailbox, length, *arguments = (
        builder.load(cgutils.gep_inbounds(builder, call, 0, index))
        for index in range(len(kind.pointee.elements))
    )
    outlets = [cgutils.alloca_once(builder, pointer.type.pointee) for pointer in function.args[:2]]

    def place(index: int) -> ir.Value:
        return builder.gep(mailbox, [WORD(index)])

    pieces = builder.load(place(PIECES))
    loop, body, end = (work.append_basic_block(part) for part in ("loop", "body", "end"))
    builder.branch(loop)
    builder.position_at_end(loop)
    ticket = builder.atomic_rmw("add", place(TICKET), WORD(1), "monotonic")
    builder.cbranch(builder.icmp_signed("<", ticket, pieces), body, end)
    builder.position_at_end(body)
    first = builder.sdiv(builder.mul(length, ticket), pieces)
    last = builder.sdiv(builder.mul(length, builder.add(ticket, WORD(1))), pieces)
    status = builder.call(function, [*outlets, *arguments, first, last])
    with builder.if_then(builder.icmp_signed("!=", status, status.type(0)), likely=False):
        builder.store(WORD(1), place(FAILED))
    builder.branch(loop)
    builder.position_at_end(end)
    builder.ret_void()
    return work


def _wait(builder: ir.IRBuilder, place: ir.Value, value: ir.Value, offer: ir.Value) -> None:
    """Look at a place until it holds a value; after many looks, offer the core to others."""
    looks = cgutils.alloca_once_value(builder, WORD(0))
    loop, again, end = (builder.append_basic_block(part) for part in ("look", "again", "seen"))
    builder.branch(loop)
    builder.position_at_end(loop)
    seen = builder.load_atomic(place, "acquire", LINE)
    builder.cbranch(builder.icmp_signed("==", seen, value), end, again)
    builder.position_at_end(again)
    count = builder.add(builder.load(looks), WORD(1))
    builder.store(count, looks)
    patient = builder.icmp_signed(">", count, WORD(YIELDING))
    with builder.if_then(builder.and_(patient, builder.icmp_signed("!=", offer, WORD(0)))):
        kind = ir.FunctionType(ir.IntType(32), []).as_pointer()
        builder.call(builder.inttoptr(offer, kind), [])
    builder.branch(loop)
    builder.position_at_end(end)


@intrinsic
def look(typing_context, mailbox, index):  # type: ignore[no-untyped-def]
    """Read a place that another thread may be changing."""

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(builder.gep(data, [arguments[1]]), "acquire", LINE)

    return types.int64(mailbox, types.int64), codegen


@intrinsic
def _enter(typing_context, mailbox, entries):  # type: ignore[no-untyped-def]
    """Take one of so many entries, take part in the call, leave; do nothing if others came."""

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        entries = arguments[1]

        def place(index: int) -> ir.Value:
            return builder.gep(data, [WORD(index)])

        left = builder.sub(entries, WORD(1))
        taken = builder.cmpxchg(place(ENTRIES), entries, left, "acq_rel", "monotonic")
        with builder.if_then(builder.extract_value(taken, 1)):
            kind = ir.FunctionType(ir.VoidType(), [BYTES]).as_pointer()
            work = builder.inttoptr(builder.load(place(CODE)), kind)
            builder.call(work, [builder.inttoptr(builder.load(place(CALL)), BYTES)])
            builder.atomic_rmw("add", place(LEFT), WORD(1), "release")
        return context.get_dummy_value()

    return types.void(mailbox, types.int64), codegen


@numba.njit(cache=True, nogil=True)
def _help(mailbox, looks):  # type: ignore[no-untyped-def]
    """Take part in calls, until none came for so many looks."""
    quiet = 0
    while quiet < looks:
        entries = look(mailbox, ENTRIES)
        quiet += 1
        if entries > 0:
            _enter(mailbox, entries)
            quiet = 0


class Helpers:
    """Threads beside the one that calls, started when first asked for."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin without threads: a forked child has none of its parent's."""
        self.mailbox = np.zeros(PLACES, np.int64)
        self.mailbox[YIELD] = _address_of_yield()
        self.address = self.mailbox.ctypes.data
        self.free = threading.Lock()  # held while the mailbox has a call
        self._count = self._sleeping = 0
        self._lock, self._alarm = threading.Lock(), threading.Semaphore(0)

    def invite(self, count: int, pieces: int) -> None:
        """Get ready for a call of so many pieces, in which so many helpers may take part."""
        self.mailbox[WANTED], self.mailbox[PIECES] = count, pieces
        if self._count < count or self._sleeping:
            self._wake(count)

    def _wake(self, count: int) -> None:
        with self._lock:
            missing = max(count - self._count, 0)
            sleeping = min(self._sleeping, count)
            self._count += missing
            self._sleeping -= sleeping
        for _ in range(missing):
            name = "deconv_ref helper"
            threading.Thread(target=self._serve, name=name, daemon=True).start()
        for _ in range(sleeping):
            self._alarm.release()

    @property
    def failed(self) -> bool:
        """Whether a piece of the last call had no memory."""
        return bool(self.mailbox[FAILED])

    def _serve(self) -> None:
        while True:
            _help(self.mailbox, LOOKS)
            with self._lock:
                self._sleeping += 1
            self._alarm.acquire()


def _address_of_yield() -> int:
    """Find the C library's function that offers the core to other threads; 0 if there is none."""
    function = getattr(ctypes.CDLL(None), "sched_yield", None) if os.name == "posix" else None
    return ctypes.cast(function, ctypes.c_void_p).value or 0 if function else 0


HELPERS = Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=HELPERS.forget)
