"""Windows of many channels at once: fewer channels than lanes, as many, and more."""

import os
import subprocess
import sys
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from deconv_ref import backend
from deconv_ref.ops.pooling import cpu, rows
from deconv_ref.ops.pooling.average import avg_pool, avg_pool_backward
from deconv_ref.ops.pooling.max import max_pool
from deconv_ref.ops.pooling.unpooling import avg_unpool, avg_unpool_backward
from deconv_ref.window import pool_window

CHANNELS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33)  # around the lanes of every processor
SIZES = ((5, 1), (4, 15), (3, 16), (6, 17), (1, 33), (5, 34), (2, 3, 5))
WINDOWS = (  # kernel size, stride, padding along every axis
    (1, 1, 0),
    (2, 2, 1),
    (3, 1, 1),
    (3, 2, 2),
    (2, 3, 1),
    (7, 5, 3),
)


def values(seed, shape, dtype):
    """Draw numbers of many magnitudes, and a few zeros, ties, infinities and NaN."""
    rng = np.random.default_rng(seed)
    array = rng.standard_normal(shape) * 2.0 ** rng.integers(-12, 12, shape)
    special = rng.choice([0.0, -0.0, 1.0, -np.inf, np.inf, np.nan], shape)
    return np.where(rng.random(shape) < 0.1 * (seed % 3), special, array).astype(dtype)


def results(channels, size, window, dtype, arrange=np.copy):
    """Evaluate all that gathers, with a window and with one over the whole image."""
    kernel, stride, padding = window
    x = arrange(values(channels, (2, channels, *size), dtype))
    for k, p in (
        (kernel, {"stride": stride, "padding": padding}),
        (size, {"padding": [(0, 1)] * len(size)}),
    ):
        pooled = max_pool(x, k, **p, ceil_mode=True)
        yield from pooled
        y = avg_pool(x, k, **p, count_include_pad=False)
        yield y
        grad_y = arrange(values(channels + 1, y.shape, dtype))
        yield avg_pool_backward(grad_y, x.shape, k, **p)
        spread = avg_unpool(grad_y, k, **p, output_size=x.shape)
        yield spread
        yield avg_unpool_backward(x, grad_y.shape, k, **p)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channels", CHANNELS)
def test_any_number_of_channels_gives_the_bits_of_the_literal_kernels(channels, dtype):
    for size in SIZES:
        for window in WINDOWS:
            got = list(results(channels, size, window, dtype))
            with backend.using(backend.tier("literal")):
                expected = list(results(channels, size, window, dtype))
            for g, e in zip(got, expected, strict=True):
                np.testing.assert_array_equal(g, e, strict=True)
                assert bits(g) == bits(e)


@pytest.mark.parametrize("channels", [3, 17])
def test_strided_arrays_give_the_same_bits(channels):
    def apart(array):
        wide = np.repeat(array, 3, axis=-1)
        return np.asfortranarray(wide)[..., ::3]

    for size in SIZES:
        plain, strided = (
            list(results(channels, size, (3, 2, 1), "float32", arrange))
            for arrange in (np.copy, apart)
        )
        for p, s in zip(plain, strided, strict=True):
            np.testing.assert_array_equal(p, s, strict=True)


def bits(array):
    """Give an array's memory, zeros with their signs, and one pattern for NaN."""
    return np.where(array == array, array, 7).tobytes()


def digest():
    """Make one word of all results."""
    everything = sha256()
    for dtype in ("float32", "float64"):
        for channels in CHANNELS[-4:]:
            for result in results(channels, (6, 17), (3, 2, 1), dtype):
                everything.update(bits(result))
    return everything.hexdigest()


def test_narrower_vectors_give_the_same_bits():
    here = str(Path(__file__).parent)
    program = f"import sys; sys.path.insert(0, {here!r}); import {Path(__file__).stem} as t; "
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+sse2"}
    run = subprocess.run(
        [sys.executable, "-c", program + "print(t.digest())"],
        env=os.environ | plain,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [digest()]


def test_channels_with_more_cells_than_the_lanes_can_count_take_the_literal_kernels(monkeypatch):
    monkeypatch.setattr(cpu.literal, "max_pool", lambda x, window: "literal")
    for cells, literal in ((50, False), (2**31 - 1, False), (2**31, True)):
        x = np.broadcast_to(np.float32(0), (0, 1, 1, 1, cells))
        window = pool_window("max_pool", (1, 1, cells), (1, 1, 5), (1, 1, 2**30), 0, 1, False)
        try:
            assert (cpu.max_pool(x, window) == "literal") is literal
        except MemoryError:  # for a row of all lanes
            assert not literal


def test_taps_that_lie_outside_a_row_are_left_out():
    for column, span, taps, step, width in product(range(-9, 9), (0, 6), (1, 4), (1, 3), (1, 5)):
        inside = [
            tap
            for tap in range(taps)
            if column + tap * step < width and column + span + tap * step >= 0
        ]
        first, met = rows.met_taps.py_func(column, span, taps, step, width)
        assert met == len(inside)
        assert not inside or first == column + inside[0] * step
