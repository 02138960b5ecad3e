"""Which kernels run for which arrays, and what is told where there is no GPU."""

import subprocess
import sys

import numba
import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref import backend, nn
from deconv_ref.cuda import numba_cuda, on_gpu


class Lent:
    """An array that says where it is, and is nowhere."""

    ndim, dtype, shape = 3, np.dtype("float32"), (1, 1, 4)

    def __init__(self, device):
        self.device = device

    @property
    def __cuda_array_interface__(self):
        if self.device == "cpu":
            raise AttributeError("on the CPU")  # as PyTorch does
        return np.zeros(self.shape, self.dtype).__array_interface__


@pytest.fixture
def no_gpu(monkeypatch):
    cuda = pytest.importorskip("numba.cuda")
    monkeypatch.setattr(cuda, "is_available", lambda: False)
    monkeypatch.setattr(cuda, "cuda_error", lambda: "no\ndriver")


def test_arrays_say_themselves_where_they_are():
    assert on_gpu(Lent("cuda"))
    assert not any(map(on_gpu, (Lent("cpu"), np.zeros(3), [1.0], None)))


def test_numpy_arrays_run_on_the_cpu_as_they_are():
    x = np.zeros((1, 1, 4))
    kernels, same, nothing = backend.kernels("relu", "activations", x=x, bias=None)
    assert kernels.__name__.endswith("activations.cpu")
    assert same is x
    assert nothing is None


def test_what_is_missing_is_told(no_gpu):
    told = r"CUDA needs an NVIDIA GPU .* finds none \(no driver\)\. .*deconv_ref\[cuda\]"
    with pytest.raises(dr.BackendError, match=f"^relu: {told}"):
        dr.relu(Lent("cuda"))
    with pytest.raises(dr.BackendError, match=f"^to: {told}"):
        nn.Sequential([nn.Relu()]).to("cuda")


def test_a_numba_without_cuda_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba.cuda", None)
    monkeypatch.delattr(numba, "cuda", raising=False)
    with pytest.raises(dr.BackendError, match=r"^f: .* numba.cuda, which is missing .* brings it"):
        numba_cuda("f")


def test_arrays_on_two_devices_do_not_meet():
    told = "^mse: all arrays must be on one device, got target on the GPU and prediction in NumPy"
    with pytest.raises(dr.BackendError, match=told):
        dr.mse(np.zeros((1, 1, 4), np.float32), Lent("cuda"))


def test_networks_know_two_devices():
    with pytest.raises(dr.ParameterError, match=r"^to: device must be 'cpu' or .*, got 'tpu'\."):
        nn.Sequential([nn.Relu()]).to("tpu")


@pytest.mark.parametrize("target", ["cuda", "torch-cuda", "jax-cuda"])
def test_checking_on_a_gpu_that_is_not_there_is_one_line(target):
    program = [sys.executable, "-m", "deconv_ref", "check", target, "--op", "relu", "--cases", "1"]
    finished = subprocess.run(program, capture_output=True, text=True, timeout=120)
    if finished.returncode == 0:
        pytest.skip("there is a GPU")
    assert finished.returncode == 2
    assert finished.stderr.startswith(f"deconv-ref: {target}: ")
    assert finished.stderr.count("\n") == 1


def test_torchs_arrays_go_to_its_default_device():
    torch = pytest.importorskip("torch")
    from deconv_ref.conformance.frameworks._torch_arrays import tensor

    try:
        torch.set_default_device("meta")
        assert tensor(np.zeros(3)).device.type == "meta"
    finally:
        torch.set_default_device(None)
    assert tensor(np.zeros(3)).device.type == "cpu"
