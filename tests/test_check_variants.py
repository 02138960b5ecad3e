"""Other ways to run a framework: what they promise, in a process of their own."""

import os
import shutil
import subprocess
import sys

import pytest
from checking import run_script

from deconv_ref.conformance import frameworks
from deconv_ref.conformance.script import _target_source

COMPILED = """
import numpy as np
import torch
from torch._dynamo.utils import counters

before = counters["stats"]["unique_graphs"]
weight = np.arange(6.0).reshape(1, 2, 3)
for size in (7, 9):
    x = np.arange(2.0 * size).reshape(1, 2, size)
    y, = conv(x, weight, stride=(1,), padding="valid", dilation=(1,), groups=1, flip_kernel=False)
    slid = np.lib.stride_tricks.sliding_window_view(x[0], 3, 1)
    assert np.array_equal(y[0], np.einsum("cpk,ck->p", slid, weight[0])), y
assert counters["stats"]["unique_graphs"] - before == 1  # for both sizes
assert not counters["graph_break"]
"""

TRACED = """
import jax
from deconv_ref.conformance import frameworks
from deconv_ref.conformance.frameworks.jax import _value

for target, traced in [("jax-jit", True), ("jax-eager", False)]:
    module = frameworks.load(target)
    assert module.NAME == target
    met = []
    _value(lambda x: met.append(isinstance(x, jax.core.Tracer)) or x, 1.0)
    assert met == [traced], (target, met)
"""


@pytest.mark.skipif(not shutil.which("g++"), reason="there is no C++ compiler")
def test_torch_compile_compiles_and_stands_alone(tmp_path):
    pytest.importorskip("torch")
    source = _target_source("torch-compile", "conv")
    assert "deconv_ref" not in source
    finished = run_script("import numpy as np\n" + source + COMPILED, tmp_path)
    assert finished.returncode == 0, finished.stderr


def test_jax_jit_is_traced_and_jax_eager_is_not():
    pytest.importorskip("jax")
    environment = {**os.environ, "JAX_DISABLE_JIT": "1"}
    command = [sys.executable, "-P", "-c", TRACED]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("target", frameworks.VARIANTS)
def test_a_variant_is_asked_for_by_name_alone(target):
    assert target not in frameworks.installed()
    assert target not in frameworks.OWN_TIERS
