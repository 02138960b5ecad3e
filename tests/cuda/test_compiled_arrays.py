"""Arrays of Numba's own class, their views and streams, over memory that is nowhere."""

from ctypes import c_void_p
from types import SimpleNamespace

import numpy as np
import pytest
from numba import cuda
from numba.cuda.cudadrv import devicearray

from deconv_ref.cuda import arrays, kernels


class Memory:
    """What Numba's arrays lie in."""

    __cuda_memory__ = True
    device_ctypes_pointer = c_void_p(4096)

    def __init__(self, size):
        self._cuda_memsize_ = self.size = size

    def view(self, start, stop=None):
        return Memory((self.size if stop is None else stop) - start)


class Stream:
    """A stream that writes down what it waits for."""

    def __init__(self, handle):
        self.handle, self.waits = handle, []

    def __int__(self):
        return self.handle


@pytest.fixture(autouse=True)
def no_driver(monkeypatch):
    """Let Numba make streams and events without a driver."""

    class Event:
        def record(self, stream):
            self.recorded = stream

        def wait(self, stream):
            stream.waits.append(self.recorded)

    monkeypatch.setattr(cuda, "event", lambda timing: Event())
    monkeypatch.setattr(cuda, "external_stream", Stream)
    monkeypatch.setattr(cuda, "per_thread_default_stream", lambda: "per thread")
    monkeypatch.setattr(cuda, "get_current_device", lambda: SimpleNamespace(id=0))
    monkeypatch.setattr(devicearray.devices, "get_context", lambda *number: None)


def lying(shape, stream=0, dtype=np.float32, order="C"):
    """Make an array of Numba's."""
    like = np.zeros(shape, dtype, order)
    memory = Memory(like.nbytes)
    return devicearray.DeviceNDArray(shape, like.strides, dtype, stream, memory)


def test_views_stay_on_their_stream():
    stream = Stream(7)
    array = arrays.taken(lying((2, 3, 4), stream))
    assert isinstance(array, devicearray.DeviceNDArray)
    for view in (array.reshape(6, 4), array.reshape((24,)), array.reshape(2, 3, 4), array):
        assert view.stream is stream
        assert isinstance(view, arrays.Array)
        assert view.gpu_data is array.gpu_data
    assert array.__cuda_array_interface__["stream"] == 7


def test_what_is_not_contiguous_is_copied_on_its_stream(monkeypatch):
    stream, launched = Stream(7), []
    monkeypatch.setattr(arrays, "launch", lambda *given: launched.append(given))
    monkeypatch.setattr(cuda, "device_array", lambda shape, dtype, stream: lying(shape, stream))
    array = arrays.taken(lying((2, 3), stream, order="F"))
    assert array.is_c_contiguous()
    ((_, _, _, result, source),) = launched
    assert result is array
    assert result.stream is source.stream is stream


def test_slices_of_results_are_copied_too(monkeypatch):
    launched = []
    monkeypatch.setattr(arrays, "launch", lambda *given: launched.append(given))
    monkeypatch.setattr(cuda, "device_array", lambda shape, dtype, stream: lying(shape, stream))
    whole = arrays.taken(lying((4, 6)))
    part = arrays.Array((4, 3), (24, 8), whole.dtype, whole.stream, whole.gpu_data)  # whole[:, ::2]
    assert arrays.taken(part).is_c_contiguous()
    assert len(launched) == 1


def test_a_call_runs_on_one_stream_after_the_others():
    first, second = Stream(7), Stream(8)
    operands = [lying((2,)), lying((3,), first), None, lying((4,), second), lying((5,), first), 0.5]
    adopted = arrays.adopted(operands)
    assert [a.stream for a in adopted if isinstance(a, arrays.Array)] == [first] * 4
    assert first.waits == [second]
    assert second.waits == []
    assert [adopted[2], adopted[5]] == [None, 0.5]
    assert [a.shape for a in adopted if isinstance(a, arrays.Array)] == [(2,), (3,), (4,), (5,)]


@pytest.mark.parametrize(
    ("number", "stream"), [(None, 0), (0, 0), (1, 0), (2, "per thread"), (77, 77)]
)
def test_streams_come_by_number(number, stream):
    lent = SimpleNamespace(__cuda_array_interface__={"stream": number})
    found = arrays._stream(lent)
    assert (found.handle if isinstance(found, Stream) else found) == stream


def test_torchs_tensors_are_on_its_current_stream(monkeypatch):
    torch = pytest.importorskip("torch")

    class Tensor(torch.Tensor):
        __cuda_array_interface__ = {}  # noqa: RUF012 - as PyTorch gives it, without a stream
        device = "cuda:0"

    monkeypatch.setattr(
        torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=55)
    )
    assert arrays._stream(Tensor()).handle == 55


def test_another_gpu_is_made_the_current_one(monkeypatch):
    chosen = []
    monkeypatch.setattr(cuda, "select_device", chosen.append)
    for device in (None, SimpleNamespace(index=0), SimpleNamespace(index=1), SimpleNamespace(id=2)):
        arrays._select_device(SimpleNamespace(device=device))
    assert chosen == [1, 2]


def test_kernels_are_launched_on_the_stream_of_their_result():
    configured = []

    class Kernel:
        def __getitem__(self, configuration):
            configured.append(configuration)
            return lambda *arguments: configured.append(arguments)

    stream = Stream(7)
    result = arrays.taken(lying((2,), stream))
    kernels.launch(Kernel(), 3, 128, result, "more")
    assert configured == [(3, 128, stream), (result, "more")]
