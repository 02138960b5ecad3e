"""What fast kernels say to LLVM where Numba's own way is slow on a GPU.

Memory is moved 16 bytes at a time and without Python's negative indices; divisions are of 32 bits.
Arrays are flat and contiguous. Where a whole vector is moved, `at` is a multiple of its numbers and
the array starts at a multiple of 16 bytes, as allocations and shared memory do. Registers are a
local array whose indices are known when a kernel is compiled.

In the simulator the same functions move one number after another.
"""

from llvmlite import ir
from numba import config, types
from numba.cuda.extending import intrinsic

__all__ = ["LANES", "divide", "fma", "load", "load_vector", "store", "store_vector", "within"]

BYTES = 16

LANES = {4: BYTES // 4, 8: BYTES // 8}
"""Numbers in a vector, by the bytes of a number."""


def load(array, at, near):
    """Read the number at ``at + near``; `near` has 32 bits, with its sign."""
    return array[at + near]


def store(array, at, value):
    """Write one number; `at` is not negative."""
    array[at] = value


def load_vector(array, at, registers, first):
    """Read a vector from `at` on, into registers from `first` on."""
    for lane in range(LANES[array.itemsize]):
        registers[first + lane] = array[at + lane]


def store_vector(array, at, registers, first):
    """Write a vector to `at`, of registers from `first` on."""
    for lane in range(LANES[array.itemsize]):
        array[at + lane] = registers[first + lane]


def divide(number, divisor):
    """Give quotient and remainder of numbers from 0, and from 1, to 2^31 - 1."""
    return divmod(number, divisor)


def fma(a, b, c):
    """Give ``a * b + c``, rounded once (in the simulator, twice)."""
    return a * b + c


def within(number, size):
    """Tell whether a number of 32 bits, with its sign, is from 0 to ``size - 1``."""
    return 0 <= number < size


class _Pointers:
    """Pointers into two arrays, and the vector type of their numbers."""

    def __init__(self, context, builder, signature):
        self._context, self._builder = context, builder
        self.lanes = BYTES * 8 // signature.args[0].dtype.bitwidth
        self.vector = ir.VectorType(context.get_value_type(signature.args[0].dtype), self.lanes)

    def element(self, kind, array, at):
        data = self._context.make_array(kind)(self._context, self._builder, array).data
        return self._builder.gep(data, [at])

    def whole(self, kind, array, at):
        return self._builder.bitcast(self.element(kind, array, at), self.vector.as_pointer())

    def lane(self, first, lane):
        return self._builder.gep(first, [ir.IntType(64)(lane)]), ir.IntType(32)(lane)


def _load(typing_context, array, at, near):
    def emit(context, builder, signature, arguments):
        source, place, offset = arguments
        pointer = _Pointers(context, builder, signature).element(array, source, place)
        narrow = builder.trunc(offset, ir.IntType(32))
        return builder.load(builder.gep(pointer, [builder.sext(narrow, ir.IntType(64))]))

    return array.dtype(array, types.int64, types.int64), emit


def _store(typing_context, array, at, value):
    def emit(context, builder, signature, arguments):
        target, place, number = arguments
        pointers = _Pointers(context, builder, signature)
        builder.store(number, pointers.element(array, target, place))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), emit


def _load_vector(typing_context, array, at, registers, first):
    def emit(context, builder, signature, arguments):
        source, place, target, start = arguments
        pointers = _Pointers(context, builder, signature)
        vector = builder.load(pointers.whole(array, source, place), align=BYTES)
        register = pointers.element(registers, target, start)
        for number in range(pointers.lanes):
            here, index = pointers.lane(register, number)
            builder.store(builder.extract_element(vector, index), here)
        return context.get_dummy_value()

    return types.void(array, types.int64, registers, types.int64), emit


def _store_vector(typing_context, array, at, registers, first):
    def emit(context, builder, signature, arguments):
        target, place, source, start = arguments
        pointers = _Pointers(context, builder, signature)
        register = pointers.element(registers, source, start)
        vector = ir.Constant(pointers.vector, ir.Undefined)
        for number in range(pointers.lanes):
            here, index = pointers.lane(register, number)
            vector = builder.insert_element(vector, builder.load(here), index)
        builder.store(vector, pointers.whole(array, target, place), align=BYTES)
        return context.get_dummy_value()

    return types.void(array, types.int64, registers, types.int64), emit


def _divide(typing_context, number, divisor):
    def emit(context, builder, signature, arguments):
        narrow, wide = ir.IntType(32), ir.IntType(64)
        a, b = (builder.trunc(argument, narrow) for argument in arguments)
        both = (builder.zext(part, wide) for part in (builder.udiv(a, b), builder.urem(a, b)))
        return context.make_tuple(builder, signature.return_type, list(both))

    return types.UniTuple(types.int64, 2)(types.int64, types.int64), emit


def _fma(typing_context, a, b, c):
    def emit(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return a(a, b, c), emit


def _within(typing_context, number, size):
    def emit(context, builder, signature, arguments):
        a, b = (builder.trunc(argument, ir.IntType(32)) for argument in arguments)
        return builder.zext(builder.icmp_unsigned("<", a, b), context.get_value_type(types.boolean))

    return types.boolean(types.int64, types.int64), emit


if not config.ENABLE_CUDASIM:
    divide, fma, within = intrinsic(_divide), intrinsic(_fma), intrinsic(_within)
    load, store = intrinsic(_load), intrinsic(_store)
    load_vector, store_vector = intrinsic(_load_vector), intrinsic(_store_vector)
