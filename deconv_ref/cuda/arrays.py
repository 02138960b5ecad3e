"""Arrays on a GPU: how those of others are taken in, and how results are made.

Whatever a caller's array is, of Numba, CuPy or PyTorch, kernels see a C-contiguous Numba array
that is bound to the caller's stream. No element passes through the host: what is not contiguous is
copied by a kernel.
"""

import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from numba import cuda
from numba.core import config
from numba.cuda.cudadrv import devicearray

from deconv_ref.cuda import on_gpu
from deconv_ref.cuda.kernels import PointKernel, grid, launch, on_device, place_of

__all__ = [
    "Array",
    "adopted",
    "assign",
    "copied",
    "empty",
    "filled",
    "joined",
    "kept",
    "least",
    "on_device",
    "on_host",
    "picked",
    "repeated",
    "rotated",
    "spread",
    "taken",
]

STRIPES = 1024  # so many threads look for a least value
PER_THREAD = 2  # the interface's name for the default stream of a thread; 1 is the legacy one

if config.ENABLE_CUDASIM:

    class Array(devicearray.FakeCUDAArray):  # type: ignore[misc]
        """A simulated device array, with what the simulator leaves out."""

        @property
        def shape(self) -> tuple[int, ...]:
            """The sizes of its axes, as a plain tuple."""
            return tuple(self._ary.shape)

        def reshape(self, *shape: Any) -> "Array":
            """View the elements in another shape."""
            return Array(self._ary.reshape(*shape), self.stream)

else:

    class Array(devicearray.DeviceNDArray):  # type: ignore[misc, no-redef]
        """A Numba device array whose views stay on its stream."""

        def reshape(self, *shape: Any) -> "Array":
            """View the elements in another shape."""
            return super().reshape(*shape).bind(self.stream)


def empty(shape: tuple[int, ...], dtype: Any, stream: Any = 0) -> Any:
    """Make a C-contiguous array of no particular values, bound to a stream."""
    return _bound(cuda.device_array(shape, dtype, stream=stream), stream)


def taken(array: Any) -> Any:
    """View an array of anybody as a C-contiguous `Array`, or copy it on its device to make it one.

    Parameters
    ----------
    array : object
        It offers ``__cuda_array_interface__``, or is an array of Numba's simulator.

    Returns
    -------
    Array
        Bound to the stream that the array is used on.
    """
    if isinstance(array, Array):
        view = array
    elif config.ENABLE_CUDASIM or isinstance(array, devicearray.DeviceNDArray):
        view = _bound(array, array.stream)
    else:
        _select_device(array)
        view = _bound(cuda.as_cuda_array(array, sync=False), _stream(array))
    return view if view.size == 0 or view.is_c_contiguous() else copied(view)


def adopted(operands: Iterable[Any]) -> list[Any]:
    """Take in the operands of one call, and bind them to one stream.

    It is the first that is not the default stream, and waits for what is under way on the others.

    Parameters
    ----------
    operands : iterable of object
        Arrays on a GPU, which are `taken`; anything else stays as it is.

    Returns
    -------
    list of object
        In their order.
    """
    values = [taken(value) if on_gpu(value) else value for value in operands]
    arrays = [value for value in values if on_gpu(value)]
    streams = [array.stream for array in arrays if array.stream]
    if not streams:
        return values
    for other in streams[1:]:
        if int(other) != int(streams[0]):
            event = cuda.event(timing=False)
            event.record(other)
            event.wait(streams[0])
    return [value.bind(streams[0]) if on_gpu(value) else value for value in values]


def on_host(array: Any) -> Any:
    """Copy an array to a NumPy array, when its stream has come so far."""
    copy = array.copy_to_host()
    if array.stream:
        array.stream.synchronize()
    return copy


def filled(array: Any, value: Any) -> Any:
    """Write one value everywhere."""
    VALUE(array.reshape(array.size), array.dtype.type(value))
    return array


def copied(array: Any, dtype: Any = None) -> Any:
    """Copy an array of any strides, each element rounded to a dtype, `array`'s by default."""
    result = empty(array.shape, array.dtype if dtype is None else dtype, array.stream)
    assign(result, array)
    return result


def assign(array: Any, values: Any) -> None:
    """Write the values of one array into another of its shape."""
    if array.size:
        launch(_copier(array.ndim), *grid(array.size), array, values)


def picked(array: Any, rows: Any) -> Any:
    """Copy the items of the first axis that stand at these places."""
    items = taken(array)
    width = items.size // max(1, items.shape[0])
    result = empty((len(rows), width), items.dtype, items.stream)
    PICK(result, items.reshape(items.shape[0], width), rows)
    return result.reshape(len(rows), *items.shape[1:])


def joined(parts: list[Any]) -> Any:
    """Join arrays along their first axis."""
    first, rows = parts[0], [part.shape[0] for part in parts]
    result = empty((sum(rows), *first.shape[1:]), first.dtype, first.stream)
    flat, start = result.reshape(result.size), 0
    for part in parts:
        assign(flat[start : start + part.size], part.reshape(part.size))
        start += part.size
    return result


def rotated(weight: Any) -> Any:
    """Rotate kernels, (A, B, *three axes), by 180 degrees."""
    return ROTATION(empty(weight.shape, weight.dtype, weight.stream), weight)


def repeated(array: Any, times: int) -> Any:
    """Repeat each item of the first of four axes so many times."""
    shape = (array.shape[0] * times, *array.shape[1:])
    return REPETITION(empty(shape, array.dtype, array.stream), array, times)


def spread(values: Any, count: int) -> Any:
    """Copy (A, B) as (A, count, B), the same along the new axis."""
    shape = (values.shape[0], count, values.shape[1])
    return SPREAD(empty(shape, values.dtype, values.stream), values)


def kept(like: Any, rate: float, key: int) -> Any:
    """Make a mask for dropout, True with probability ``1 - rate``, that depends on a key."""
    mask = empty((like.size,), np.bool_, like.stream)
    return KEPT(mask, np.uint64(key), rate).reshape(*like.shape)


def least(array: Any) -> Any:
    """Find the least value of some; NaN does not count."""
    stripes = empty((min(array.size, STRIPES),), array.dtype, array.stream)
    return on_host(LEAST(stripes, array.reshape(array.size), stripes.size)).min()


def rotated_point(weight, m, c, r, s, t):  # type: ignore[no-untyped-def]
    """Read the element that a rotation by 180 degrees brings here."""
    _, _, R, S, T = weight.shape
    return weight[m, c, R - 1 - r, S - 1 - s, T - 1 - t]


def value_point(value, i):  # type: ignore[no-untyped-def]
    """Give the same everywhere."""
    return value


def repeated_point(x, times, c, r, s, t):  # type: ignore[no-untyped-def]
    """Read the item that stands here when each stands so many times."""
    return x[c // times, r, s, t]


def spread_point(values, a, k, b):  # type: ignore[no-untyped-def]
    """Read the value that is the same for every k."""
    return values[a, b]


def picked_point(x, rows, n, i):  # type: ignore[no-untyped-def]
    """Read element i of the item at the n-th of some places."""
    return x[rows[n], i]


def kept_point(key, rate, i):  # type: ignore[no-untyped-def]
    """Compare the i-th number of a sequence of uniform ones with the rate.

    SplitMix64 of Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA
    2014, of which the upper 24 bits are taken.
    """
    z = key + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(40)) / 16777216.0 >= rate


def least_point(x, stripes, i):  # type: ignore[no-untyped-def]
    """Find the least of every so manyth number, from number i on."""
    best = x[i]
    for k in range(i, x.size, stripes):
        if x[k] < best or best != best:
            best = x[k]
    return best


ROTATION, REPETITION = PointKernel(rotated_point), PointKernel(repeated_point)
SPREAD, LEAST = PointKernel(spread_point), PointKernel(least_point)
VALUE, PICK = PointKernel(value_point), PointKernel(picked_point)
KEPT = PointKernel(kept_point)


@cache
def _copier(axes: int) -> Any:
    place = place_of(axes)

    def copy(result, x):  # type: ignore[no-untyped-def]
        for i in range(cuda.grid(1), result.size, cuda.gridsize(1)):
            at = place(i, result.shape)
            result[at] = x[at]

    return cuda.jit(copy)


def _bound(array: Any, stream: Any) -> Any:
    if config.ENABLE_CUDASIM:
        return Array(array._ary, stream)
    memory = array.gpu_data
    return Array(array.shape, array.strides, array.dtype, stream=stream, gpu_data=memory)


def _select_device(array: Any) -> None:
    """Make the GPU that holds an array Numba's current one."""
    device = getattr(array, "device", None)  # as PyTorch and CuPy have it
    number = getattr(device, "index", getattr(device, "id", None))
    if number is not None and number != cuda.get_current_device().id:
        cuda.select_device(number)


def _stream(array: Any) -> Any:
    """Find the stream that an array is used on, 0 where nothing says so."""
    number = array.__cuda_array_interface__.get("stream")
    torch = sys.modules.get("torch")
    if number is None and torch is not None and isinstance(array, torch.Tensor):
        # Its interface does not tell; what it computes with the array goes to this one.
        number = torch.cuda.current_stream(array.device).cuda_stream
    if not number or number == 1:
        return 0
    return (
        cuda.per_thread_default_stream() if number == PER_THREAD else cuda.external_stream(number)
    )
