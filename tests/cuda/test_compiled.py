"""Every literal kernel compiles to PTX for sm_90 and, where ptxas is there, assembles."""

import shutil

import pytest
from compiling import CAPABILITY, assembled, instead_of_running, standin
from numba import cuda

import deconv_ref as dr
from deconv_ref.conformance.draws import Draws
from deconv_ref.conformance.operators import OPERATORS

FUNCTIONS = [function for operator in OPERATORS.values() for function in operator.functions()]


@pytest.fixture(autouse=True)
def needs_nvvm():
    try:
        cuda.compile_ptx(lambda: None, (), cc=CAPABILITY)
    except Exception as fault:
        pytest.skip(f"no NVVM to compile with: {fault}")


def call(function):
    """Call a function on stand-ins for the arrays of a case that has elements."""
    operator = OPERATORS[function.removesuffix("_backward")]
    draws = Draws(operator.cases, function, ("float32",), seed=0)
    case = next(case for case in map(draws.case, range(8)) if not case.empty)
    operands = {
        name: standin(array.shape, array.dtype) if array.ndim else array[()]
        for name, array in case.arrays().items()
    }
    return getattr(dr, function)(**operands, **case.parameters)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_kernels_compile_and_assemble(function, tmp_path, capsys):
    with instead_of_running() as compiled:
        call(function)
    assert compiled, f"{function} launched nothing"
    for (kernel, _), ptx in compiled.items():
        assert ".target sm_90" in ptx
        if shutil.which("ptxas"):
            used = assembled(ptx, tmp_path)
            assert used["registers"] > 0
            with capsys.disabled():
                print(f"\n{function} {kernel.py_func.__qualname__}: {used}", end="")
