"""Verdicts on the frequency domain: right kernels pass, faults do not."""

import numpy as np
import pytest
from mutants import sampled
from mutants.fourier import FOURIER
from mutants.measuring import assert_found
from planting import drawn

from deconv_ref.conformance.case import LAYOUTS
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import Question

OPS = FOURIER.ops


# Mutants


@pytest.mark.parametrize("mutant", sampled(FOURIER.faults), ids=str)
def test_a_fault_is_found_and_nothing_else(mutant):
    assert_found(mutant)


@pytest.mark.parametrize("mutant", sampled(FOURIER.variants), ids=str)
def test_a_harmless_variant_conforms(mutant):
    assert_found(mutant)


# What is drawn


def kernel(case):
    return case.arrays()["psf"].shape[-(case.arrays()["x"].ndim - 2) :]


REACHED = {
    **{f"{n} axes": lambda c, n=n: c.arrays()["x"].ndim == n + 2 for n in (1, 2, 3)},
    "empty batch": lambda c: c.arrays()["x"].size == 0,
    "longer than two vectors": lambda c: c.arrays()["x"].shape[-1] > 32,
    "odd sizes": lambda c: all(k % 2 and k > 1 for k in kernel(c)),
    "even sizes": lambda c: all(k % 2 == 0 for k in kernel(c)),
    "one for all channels": lambda c: (
        c.arrays()["psf"].ndim < c.arrays()["x"].ndim - 1 and c.arrays()["x"].shape[1] > 1
    ),
    "one each": lambda c: (
        c.arrays()["psf"].ndim == c.arrays()["x"].ndim - 1 and c.arrays()["x"].shape[1] > 1
    ),
    "as large as the image": lambda c: kernel(c) == c.arrays()["x"].shape[2:],
    **{x: lambda c, x=x: any(o.layout == x for o in c.operands.values()) for x in LAYOUTS},
}
VALUES = {
    "fft_convolve": {"boundary": ("zeros", "circular")},
    "inverse_filter": {"threshold": (1e-12, 0.0, 0.25, 0.5)},
    "wiener": {"regularization": (None, "laplacian"), "balance": (0.125, 0.01)},
    "richardson_lucy": {"iterations": (0, 1, 2, 5), "boundary": ("zeros", "circular")},
}


@pytest.mark.parametrize("op", OPS)
def test_what_real_bugs_needed_is_drawn(op):
    cases = drawn(op, 300)
    counts = {name: sum(map(bool, map(holds, cases))) for name, holds in REACHED.items()}
    for name, values in VALUES[op].items():
        found = [case.parameters[name] for case in cases]
        counts |= {f"{name} {value}": found.count(value) for value in values}
    assert {name: n for name, n in counts.items() if n < len(cases) / 100} == {}


@pytest.mark.parametrize("op", OPS)
def test_bounds_are_finite_and_far_below_the_results(op):
    """A bound that allowed any result would find no fault."""
    shares = []
    for case in drawn(op, 300)[:100]:
        question = Question(OPERATORS[op], case, OPERATORS[op].evaluate(case))
        truth = np.abs(question.truth["forward"])
        if truth.any():
            allowed = question.operator.margin(question, "forward").allowed
            shares.append(float(np.median(allowed) / np.median(truth[truth > 0])))
    assert np.mean(np.isfinite(shares)) > 0.8
    assert np.median(shares) < 1e-3
