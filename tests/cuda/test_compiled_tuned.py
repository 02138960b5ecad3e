"""The tuned kernels, compiled for sm_90 and assembled: no GPU is needed, only NVVM and ptxas.

``pytest -rP tests/cuda`` prints what each of them takes.
"""

import re
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
from numba import cuda, float64, from_dtype, int32, int64, typeof, types
from numba.cuda import dispatcher
from numba.cuda.cudadrv import nvvm

from deconv_ref.cuda.channels import THREADS, channels_kernel
from deconv_ref.cuda.instructions import LANES
from deconv_ref.cuda.tuned import registers
from deconv_ref.ops.convolution import cuda as convolution
from deconv_ref.ops.convolution import cuda_plan as plan
from deconv_ref.ops.convolution.cuda_correlation import correlate, mend, pack
from deconv_ref.ops.convolution.cuda_plan import Extents
from deconv_ref.ops.convolution.cuda_thin import correlate_thin
from deconv_ref.ops.convolution.cuda_weights import add_stretches, weigh, weigh_thin
from deconv_ref.ops.normalization import cuda as normalization
from deconv_ref.ops.pooling.cuda_places import (
    add_to_claimed,
    maxima,
    put_in_claimed,
    take_from_claimed,
)
from deconv_ref.window import Taps

if not nvvm.is_available():
    pytest.skip("needs NVVM, of a CUDA toolkit", allow_module_level=True)

CAPABILITY = (9, 0)
FOUR, THREE = (1,) * 4, (1,) * 3
EXTENTS = typeof(Extents(FOUR, THREE, THREE, FOUR, FOUR, 1, 1, 1, 1, 1))
TAPS = typeof(Taps(THREE, THREE, THREE))
TABLE, PHASES, PLACES = int32[::1], int32[:, ::1], int64[::1]


def halved(tiles, dtype):
    part = dtype.itemsize // 4
    return [tile._replace(rows=tile.rows // part, columns=tile.columns // part) for tile in tiles]


def kernels(dtype):
    """Give every kernel of convolution: name, function, threads, types, and whether it is fast."""
    number = from_dtype(dtype)
    line, volume = number[::1], number[:, :, :, :, ::1]
    map_types = line, line, line, line, TABLE, PHASES, EXTENTS, TABLE
    sum_types = line, line, line, TABLE, int64, EXTENTS
    for tile in halved(plan.CORRELATING, dtype):
        name = f"correlate {tile.height}x{tile.width}"
        yield name, correlate(tile, dtype), tile.threads, map_types, True
    for rows in plan.THIN_ROWS:
        kernel = correlate_thin(rows, LANES[dtype.itemsize], plan.THIN_THREADS, dtype)
        yield f"correlate_thin {rows}", kernel, plan.THIN_THREADS, map_types, True
    for tile in halved(plan.WEIGHING, dtype):
        yield f"weigh {tile.height}x{tile.width}", weigh(tile, dtype), tile.threads, sum_types, True
    threads = plan.THIN_THREADS // 2
    yield "weigh_thin", weigh_thin(plan.THIN_TERMS, threads, dtype), threads, sum_types, True
    pack_types = line, line, PLACES, int64, int64, EXTENTS, TABLE
    yield "pack", pack, 128, pack_types, False
    mend_types = volume, volume, volume, line, TAPS, TABLE
    yield "mend", mend(False), 128, mend_types, False
    yield "mend, transposed", mend(True), 128, mend_types, False
    add_types = volume, line, int64, PLACES, int64, volume, volume, TAPS
    yield "add_stretches", add_stretches(dtype), 128, add_types, False


def others(dtype):
    """Give the kernels of the other chapters, likewise."""
    number = from_dtype(dtype)
    line, vector, lines = number[::1], float64[::1], number[:, ::1]
    indices, claims, volume = int64[:, ::1], int32[:, ::1], number[:, :, :, :, ::1]
    places = typeof((1, 1, 1))
    for point, operands in (
        (convolution.gradient, (line,)),
        (normalization.value, (line,)),
        (normalization.deviation, (line, vector)),
        (normalization.product, (line, line, vector)),
    ):
        signature = float64[:, :, ::1], places, int64, types.Tuple(operands)
        yield f"sums, {point.__name__}", channels_kernel(point), THREADS, signature, True
    by_index = lines, lines, indices, claims
    yield "max_pool_backward", add_to_claimed, THREADS, (*by_index, claims), True
    yield "max_unpool", put_in_claimed, THREADS, by_index, True
    yield "max_unpool_backward", take_from_claimed, THREADS, by_index, True
    pool_types = volume, int64[:, :, :, :, ::1], volume, number, TAPS, places
    yield "max_pool", maxima(), 128, pool_types, True


ALL = [
    pytest.param(*kernel, id=f"{kernel[0]} {dtype}")
    for dtype in (np.dtype(np.float32), np.dtype(np.float64))
    for kernel in (*kernels(dtype), *others(dtype))
]


@pytest.fixture(autouse=True)
def on_hopper(monkeypatch):
    device = SimpleNamespace(compute_capability=CAPABILITY)
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: device)


def assembled(ptx, threads, folder):
    """Assemble; give the registers, and the bytes of stack and of spilled registers."""
    ptxas = shutil.which("ptxas")
    if ptxas is None:
        pytest.skip("compiled; needs ptxas to be assembled")
    source = folder / "kernel.ptx"
    source.write_text(ptx)
    options = ["-v", "-arch=sm_90", f"-maxrregcount={registers(threads)}"]
    command = [ptxas, *options, str(source), "-o", str(folder / "kernel.cubin")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    number = lambda pattern: int(re.search(pattern, said)[1])  # noqa: E731
    spilled = number(r"(\d+) bytes spill stores") + number(r"(\d+) bytes spill loads")
    return number(r"Used (\d+) registers"), number(r"(\d+) bytes stack frame"), spilled


@pytest.mark.parametrize(("name", "kernel", "threads", "signature", "fast"), ALL)
def test_kernels_assemble_without_stack_and_spills(
    name, kernel, threads, signature, fast, tmp_path
):
    ptx, _ = cuda.compile_ptx(kernel, signature, cc=CAPABILITY)
    used, stack, spilled = assembled(ptx, threads, tmp_path)
    print(f"{name}: {used} registers, {stack} bytes of stack, {spilled} bytes spilled")
    if fast:
        assert (stack, spilled) == (0, 0)


def test_tiles_move_whole_vectors_and_multiply_with_one_rounding():
    for dtype, suffix, vector in ((np.float32, "f32", "v4"), (np.float64, "f64", "v2")):
        (_, kernel, _, signature, _), *_ = kernels(np.dtype(dtype))
        ptx, _ = cuda.compile_ptx(kernel, signature, cc=CAPABILITY)
        for instruction in ("ld.global", "ld.shared", "st.shared", "st.global"):
            assert f"{instruction}.{vector}.{suffix}" in ptx
        assert f"fma.rn.{suffix}" in ptx
        assert ".local" not in ptx
        assert not re.search(rf"\b(mul|add)(\.rn)?\.{suffix}", ptx)
        # The one array in shared memory starts where shared memory does, as its vectors need.
        assert len(re.findall(r"\.shared\s+\.align", ptx)) == 1


def test_the_check_for_spills_can_fail(tmp_path):
    (_, kernel, _, signature, _), *_ = kernels(np.dtype(np.float32))
    ptx, _ = cuda.compile_ptx(kernel, signature, cc=CAPABILITY)
    _, stack, spilled = assembled(ptx, 1024, tmp_path)
    assert stack > 0
    assert spilled > 0
