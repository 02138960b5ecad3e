"""Threads that share the pieces of one call, in compiled code from beginning to end.

To hand work from thread to thread through the interpreter takes longer than a small operator takes
in all: it lets one thread in at a time, and to wake the next costs the operating system some fifty
microseconds. Here a compiled function hands out *its own call*: `shared`, its first statement, puts
down its arguments where the helpers look, and each of them calls the very same function on piece
after piece. They look out for the next call for a while before they go to sleep.

Each thread starts at a place of its own in the range, the same in every call, and goes to others'
when it is done: what a call reads was most often written by the same thread in the call before, and
to fetch it from another core's cache takes longer than to compute it.

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
(WANTED, ENTRIES, LEFT, PIECES, CODE, CALL, FAILED, YIELD, TICKETS) = range(0, 9 * LINE, LINE)
MOST = max(numba.config.NUMBA_NUM_THREADS, 16)  # threads in a call

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
    for index in (LEFT, FAILED):
        builder.store(WORD(0), place(index))
    wanted = builder.load(place(WANTED))
    builder.store_atomic(wanted, place(ENTRIES), "release", LINE)
    builder.call(work, [builder.bitcast(call, BYTES), WORD(0)])
    late = builder.atomic_rmw("xchg", place(ENTRIES), WORD(0), "seq_cst")
    _wait(builder, place(LEFT), builder.sub(wanted, late), builder.load(place(YIELD)))


def _worker(function: ir.Function, kind: ir.PointerType) -> ir.Function:
    """Make the function that does pieces of a call until none is left, in the n-th thread."""
    name = function.module.get_unique_name("work")
    work = ir.Function(function.module, ir.FunctionType(ir.VoidType(), [BYTES, WORD]), name)
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

    def part(number: ir.Value, of: ir.Value, index: ir.Value) -> ir.Value:
        return builder.sdiv(builder.mul(number, index), of)

    pieces = builder.load(place(PIECES))
    threads = builder.add(builder.load(place(WANTED)), WORD(1))
    with cgutils.for_range(builder, threads) as turn:
        own = builder.srem(builder.add(work.args[1], turn.index), threads)
        begin = part(pieces, threads, own)
        end = part(pieces, threads, builder.add(own, WORD(1)))
        ticket = builder.gep(mailbox, [builder.add(WORD(TICKETS), builder.mul(own, WORD(LINE)))])
        take, body, done = (builder.append_basic_block(name) for name in ("take", "body", "done"))
        builder.branch(take)
        builder.position_at_end(take)
        piece = builder.add(begin, builder.atomic_rmw("add", ticket, WORD(1), "monotonic"))
        builder.cbranch(builder.icmp_signed("<", piece, end), body, done)
        builder.position_at_end(body)
        first = part(length, pieces, piece)
        last = part(length, pieces, builder.add(piece, WORD(1)))
        status = builder.call(function, [*outlets, *arguments, first, last])
        with builder.if_then(builder.icmp_signed("!=", status, status.type(0)), likely=False):
            builder.store(WORD(1), place(FAILED))
        builder.branch(take)
        builder.position_at_end(done)
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
def _enter(typing_context, mailbox, entries, number):  # type: ignore[no-untyped-def]
    """Take one of so many entries, take part in the call, leave; do nothing if others came.

    `number` is the thread's own, counted from 1; the caller is thread 0.
    """

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        _, entries, number = arguments

        def place(index: int) -> ir.Value:
            return builder.gep(data, [WORD(index)])

        left = builder.sub(entries, WORD(1))
        taken = builder.cmpxchg(place(ENTRIES), entries, left, "acq_rel", "monotonic")
        with builder.if_then(builder.extract_value(taken, 1)):
            kind = ir.FunctionType(ir.VoidType(), [BYTES, WORD]).as_pointer()
            work = builder.inttoptr(builder.load(place(CODE)), kind)
            call = builder.inttoptr(builder.load(place(CALL)), BYTES)
            builder.call(work, [call, number])
            builder.atomic_rmw("add", place(LEFT), WORD(1), "release")
        return context.get_dummy_value()

    return types.void(mailbox, types.int64, types.int64), codegen


@numba.njit(cache=True, nogil=True)
def _help(mailbox, looks, number):  # type: ignore[no-untyped-def]
    """Take part in calls, until none came for so many looks."""
    quiet = 0
    while quiet < looks:
        entries = look(mailbox, ENTRIES)
        quiet += 1
        if entries > 0:
            _enter(mailbox, entries, number)
            quiet = 0


class Helpers:
    """Threads beside the one that calls, started when first asked for."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin without threads: a forked child has none of its parent's."""
        self.mailbox = np.zeros(TICKETS + LINE * MOST, np.int64)
        self.mailbox[YIELD] = _address_of_yield()
        self.address = self.mailbox.ctypes.data
        self.free = threading.Lock()  # held while the mailbox has a call
        self._count = self._sleeping = 0
        self._lock, self._alarm = threading.Lock(), threading.Semaphore(0)

    def invite(self, count: int, pieces: int) -> None:
        """Get ready for a call of so many pieces, in which so many helpers may take part."""
        count = min(count, MOST - 1)
        self.mailbox[WANTED], self.mailbox[PIECES] = count, pieces
        self.mailbox[TICKETS : TICKETS + LINE * (count + 1)] = 0
        if self._count < count or self._sleeping:
            self._wake(count)

    def _wake(self, count: int) -> None:
        with self._lock:
            missing = max(count - self._count, 0)
            sleeping = min(self._sleeping, count)
            numbers = range(self._count + 1, self._count + 1 + missing)
            self._count += missing
            self._sleeping -= sleeping
        for number in numbers:
            name = "deconv_ref helper"
            threading.Thread(target=self._serve, args=(number,), name=name, daemon=True).start()
        for _ in range(sleeping):
            self._alarm.release()

    @property
    def failed(self) -> bool:
        """Whether a piece of the last call had no memory."""
        return bool(self.mailbox[FAILED])

    def _serve(self, number: int) -> None:
        while True:
            _help(self.mailbox, LOOKS, number)
            self._rest()

    def _rest(self) -> None:
        """Sleep until woken, unless a call is there that took this thread to be awake.

        It does so if it began while the thread waited for the interpreter, to go to sleep.
        """
        with self._lock:
            self._sleeping += 1
            if self.mailbox[ENTRIES]:
                self._sleeping -= 1
                return
        self._alarm.acquire()


def _address_of_yield() -> int:
    """Find the C library's function that offers the core to other threads; 0 if there is none."""
    function = getattr(ctypes.CDLL(None), "sched_yield", None) if os.name == "posix" else None
    return ctypes.cast(function, ctypes.c_void_p).value or 0 if function else 0


HELPERS = Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=HELPERS.forget)
