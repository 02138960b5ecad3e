"""Functions made kernels: every element of every part, sums in lanes, one set of bits."""

import math
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from deconv_ref import threads
from deconv_ref.elementwise import Elementwise
from deconv_ref.ops.activations.rectifiers import prelu_backward, relu, relu_backward
from deconv_ref.ops.losses.distances import mse, mse_backward
from deconv_ref.ops.normalization.batch_norm import batch_norm, batch_norm_backward
from deconv_ref.ops.normalization.dropout import dropout
from deconv_ref.sums import BLOCK, LANES

SIZES = (0, 1, LANES - 1, LANES, LANES + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 77)


def product(x, y):
    return x * y


PRODUCT = Elementwise(product)


def drawn(seed, *shape, dtype="float64"):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) * 2.0 ** rng.integers(-9, 9, shape)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES)
def test_sums_are_right_to_the_last_bit_and_elements_to_all(size, dtype):
    x, y = drawn(size, size, dtype=dtype), drawn(size + 1, size, dtype=dtype)
    exact = math.fsum(np.float64(x) * np.float64(y))
    assert abs(PRODUCT.sum(x, y) - exact) <= math.ulp(exact)
    np.testing.assert_array_equal(PRODUCT(x, y), x * y)


@pytest.mark.parametrize("size", SIZES[3:])
def test_what_rounding_takes_off_is_carried_along(size):
    """Without it, the ones would be lost beside their large neighbours."""
    x = np.ones(size)
    x[0], x[-1] = 2.0**60, -(2.0**60)
    assert PRODUCT.sum(x, np.ones(size)) == size - 2


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_a_special_value_at_any_place_reaches_the_sum(special):
    for place in (0, LANES - 1, LANES, BLOCK, BLOCK + LANES + 3):
        x = np.ones(BLOCK + LANES + 4)
        x[place] = special
        np.testing.assert_equal(PRODUCT.sum(x, np.ones(x.size)), special)


def results(dtype):
    """Evaluate what is spread over threads, on sizes that fill neither lanes nor blocks."""
    x, grad_y = (drawn(seed, 131, 7, 37, dtype=dtype) for seed in (1, 2))
    slope, gamma, beta, mean = (drawn(seed, 7, dtype=dtype) for seed in range(3, 7))
    yield from (relu(x), relu_backward(grad_y, x), mse(x, grad_y), mse_backward(x, grad_y))
    yield from prelu_backward(grad_y, x, slope)
    yield dropout(x, 0.25, mask=x > 0)
    for cells in (1, 37):
        part, grads = x[:, :, :cells], grad_y[:, :, :cells]
        yield from batch_norm(part, gamma, beta, mean, abs(beta), training=True)
        yield from batch_norm_backward(grads, part, gamma, mean, abs(beta))


def digest(dtypes):
    """Make one word of all results."""
    arrays = [result.tobytes() for dtype in dtypes for result in results(dtype)]
    return sha256(b"".join(arrays)).hexdigest()


def test_any_number_of_threads_gives_the_same_bits(monkeypatch):
    alone = digest(("float32", "float64"))
    monkeypatch.setattr(threads, "ALONE", 2)
    for number in (2, 16):
        monkeypatch.setattr(threads, "threads", lambda number=number: number)
        assert digest(("float32", "float64")) == alone


def test_narrower_vectors_give_the_same_bits():
    here = str(Path(__file__).parent)
    program = f"import sys; sys.path.insert(0, {here!r}); import {Path(__file__).stem} as t; "
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+sse2"}
    run = subprocess.run(
        [sys.executable, "-c", program + 'print(t.digest(["float32"]))'],
        env=os.environ | plain,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [digest(["float32"])]
