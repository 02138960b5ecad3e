"""Writing vector instructions: what kernels say to LLVM where Numba's loops are too slow.

``builder`` appends instructions to the function that Numba is compiling. A vector type such as
``<16 x float>`` holds sixteen numbers side by side, its lanes; LLVM cuts it to the registers that
the processor has. A stack slot that is only loaded and stored becomes a register.
"""

from contextlib import contextmanager

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target

__all__ = ["REGISTERS", "VECTOR_BYTES", "Emitter"]

# The processor that Numba compiles for. Its cache is kept by the same three values, so that what
# is chosen here may differ between machines that share a cache.
_, _, FEATURES = cpu_target.target_context.codegen().magic_tuple()


def _has(feature: str) -> bool:
    return f"+{feature}" in FEATURES.split(",")


VECTOR_BYTES = 64 if _has("avx512f") else 32 if _has("avx") else 16
REGISTERS = 32 if _has("avx512f") else 16


class Emitter:
    """LLVM instructions on arrays of one element type, gathered into vectors of `size` bytes."""

    def __init__(self, context, builder, array_type, size):
        self.context, self.builder = context, builder
        self.scalar = context.get_data_type(array_type.dtype)
        self.lanes = size * 8 // array_type.dtype.bitwidth
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.alignment = array_type.dtype.bitwidth // 8
        suffix = f"v{self.lanes}f{array_type.dtype.bitwidth}"
        signature = ir.FunctionType(self.vector, [self.vector] * 3)
        self._fma = cgutils.get_or_insert_function(builder.module, signature, f"llvm.fma.{suffix}")

    def data(self, array_type, array):
        """Point to the first element of an array."""
        return self.context.make_array(array_type)(self.context, self.builder, array).data

    def unpacked(self, kinds, arguments):
        """Point to the first element of each array among a function's arguments."""
        return [
            self.data(kind, value) if isinstance(kind, types.Array) else value
            for kind, value in zip(kinds, arguments, strict=True)
        ]

    def at(self, pointer, *indices):
        """Move a pointer on by so many elements."""
        for index in indices:
            pointer = self.builder.gep(pointer, [index])
        return pointer

    def number(self, value):
        """Make an integer constant."""
        return ir.Constant(ir.IntType(64), value)

    def numbers(self, address):
        """Take an address for that of numbers."""
        return self.builder.inttoptr(address, self.scalar.as_pointer())

    def load(self, pointer, align=None):
        """Load a vector; memory is aligned to `align` bytes, or to an element."""
        pointer = self.builder.bitcast(pointer, self.vector.as_pointer())
        return self.builder.load(pointer, align=align or self.alignment)

    def store(self, vector, pointer):
        """Store a vector."""
        pointer = self.builder.bitcast(pointer, self.vector.as_pointer())
        self.builder.store(vector, pointer, align=self.alignment)

    def first_lanes(self, count):
        """Choose so many lanes."""
        kind = ir.VectorType(ir.IntType(1), self.lanes)
        return ir.Constant(kind, [lane < count for lane in range(self.lanes)])

    def lanes_until(self, end):
        """Choose the lanes before one."""
        ends = self.everywhere(self.builder.trunc(end, ir.IntType(32)))
        lanes = ir.Constant(ends.type, list(range(self.lanes)))
        return self.builder.icmp_signed("<", lanes, ends)

    def lanes_between(self, begin, end):
        """Choose the lanes from one up to another."""
        return self.builder.and_(self.builder.not_(self.lanes_until(begin)), self.lanes_until(end))

    def prefetch(self, place, write=False):
        """Ask for what lies at a place, which need not exist, to be read soon, or written."""
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        ask = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        place = self.builder.bitcast(place, byte)
        self.builder.call(ask, [place, flag(int(write)), flag(3), flag(1)])

    def load_some(self, pointer, mask, others=0.0):
        """Load the chosen lanes; the others are `others`, and their memory is not touched."""
        align = ir.Constant(ir.IntType(32), 1)
        rest = ir.Constant(self.vector, [others] * self.lanes)
        load = self._masked("load", self.vector, [pointer.type, align.type, mask.type, self.vector])
        return self.builder.call(load, [pointer, align, mask, rest])

    def store_some(self, vector, pointer, mask):
        """Store the chosen lanes; the memory of the others is not touched."""
        align = ir.Constant(ir.IntType(32), 1)
        kinds = [self.vector, pointer.type, align.type, mask.type]
        store = self._masked("store", ir.VoidType(), kinds)
        self.builder.call(store, [vector, pointer, align, mask])

    def _masked(self, verb, result, kinds):
        name = f"llvm.masked.{verb}.v{self.lanes}f{self.alignment * 8}.p0"
        signature = ir.FunctionType(result, kinds)
        return cgutils.get_or_insert_function(self.builder.module, signature, name)

    def everywhere(self, number):
        """Put one number, of any type, into every lane of a vector."""
        undefined = ir.Constant(ir.VectorType(number.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
        return self.shuffled(first, undefined, [0] * self.lanes)

    def spread(self, pointer):
        """Load one number into every lane."""
        return self.everywhere(self.builder.load(pointer))

    def multiply_add(self, slot, a, b):
        """Add a * b to a slot, rounding once."""
        self.builder.store(self.builder.call(self._fma, [a, b, self.builder.load(slot)]), slot)

    def positive(self, vector):
        """Make zeros positive: products of zeros then leave no trace, not even in a sign."""
        return self.builder.fadd(vector, ir.Constant(self.vector, None))

    def raised(self, vector, low):
        """Raise numbers to one that they must reach; NaN stays."""
        lows = self.everywhere(low)
        return self.builder.select(self.builder.fcmp_ordered("<=", vector, lows), lows, vector)

    def slots(self, count):
        """Reserve stack slots of one vector each."""
        return [cgutils.alloca_once(self.builder, self.vector) for _ in range(count)]

    def across(self, vectors):
        """Add the lanes of each vector by halving: lane i and lane i + half, until one is left.

        As many vectors as there are lanes go together and become one vector of their sums, for
        after each halving two half-filled vectors are put into one.
        """
        width = self.lanes
        while width > 1:
            starts = range(0, self.lanes, width)
            lower = [start + lane for start in starts for lane in range(width // 2)]
            lower += [self.lanes + lane for lane in lower]
            upper = [lane + width // 2 for lane in lower]
            vectors = [
                self.builder.fadd(self.shuffled(a, b, lower), self.shuffled(a, b, upper))
                for a, b in zip(vectors[::2], vectors[1::2], strict=True)
            ]
            width //= 2
        return vectors[0]

    def transposed(self, rows):
        """Turn rows, at most as many as there are lanes, into one vector for each lane."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        rows = rows + [undefined] * (self.lanes - len(rows))
        half = self.lanes // 2
        low = [lane // 2 + lane % 2 * self.lanes for lane in range(self.lanes)]
        high = [lane + half for lane in low]
        for _ in range(self.lanes.bit_length() - 1):
            pairs = zip(rows[:half], rows[half:], strict=True)
            rows = [self.shuffled(a, b, way) for a, b in pairs for way in (low, high)]
        return rows

    def shuffled(self, a, b, lanes):
        """Gather lanes of two vectors, those of the second counted on from the first's."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)
        return self.builder.shuffle_vector(a, b, mask)

    @contextmanager
    def between(self, first, last):
        """Emit a loop over the numbers from one up to another."""
        one, kind = self.number(1), ir.IntType(64)
        with cgutils.for_range_slice(self.builder, first, last, one, kind) as (index, _):
            yield index

    def switch(self, rows, heights, emit):
        """Emit one version of a kernel for each number of rows, and choose when it runs."""
        end = self.builder.append_basic_block("end")
        choice = self.builder.switch(rows, end)
        for count in heights:
            block = self.builder.append_basic_block(f"rows{count}")
            choice.add_case(self.number(count), block)
            self.builder.position_at_end(block)
            emit(count)
            self.builder.branch(end)
        self.builder.position_at_end(end)
