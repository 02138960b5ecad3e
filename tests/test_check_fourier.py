"""Verdicts on the frequency domain: right kernels pass, faults do not."""

import functools
from pathlib import Path

import numpy as np
import pytest
from checking import check_source, kernel_file
from planting import as_lists, drawn, in_float64

from deconv_ref.conformance.case import LAYOUTS
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import Question

KERNELS = Path(__file__).with_name("kernels_fourier.py")
OPS = ("fft_convolve", "inverse_filter", "wiener", "richardson_lucy")
CASES = 60


# Right kernels


def plain_sums(right, x, psf, *, boundary):
    axes, y = tuple(range(2, x.ndim)), np.zeros_like(x)
    kernel = psf.shape[-len(axes) :]
    sides = [(0, 0)] * 2 + [(k, k) for k in kernel]
    padded = np.pad(x, sides, mode="wrap" if boundary == "circular" else "constant")
    for tap in np.ndindex(kernel):
        starts = [k + at - t for k, at, t in zip(kernel, middle(kernel), tap, strict=True)]  # noqa: F821
        cells = [slice(a, a + n) for a, n in zip(starts, x.shape[2:], strict=True)]
        weight = psf[(..., *tap)]
        y += padded[:, :, *cells] * (
            weight.reshape(-1, *[1] * len(axes)) if psf.ndim > len(axes) else weight
        )
    return y


def roomier(right, x, psf, boundary):
    size = right(x, psf, boundary)
    return size if boundary == "circular" else tuple(2 ** int(n).bit_length() for n in size)


HARMLESS = {
    "float64 cast back": dict.fromkeys(OPS, in_float64),
    "plain sums": {"fft_convolve": plain_sums},
    "powers of two": {"room": roomier},
    "lists of read-only results": dict.fromkeys(OPS, as_lists),
}


def test_right_kernels_conform(tmp_path):
    checked = check_source(tmp_path, kernel_file(of=KERNELS), ops=OPS, cases=100, seed=1)
    for record in checked.document["results"]:
        assert record["verdict"] == "conforms", (record["op"], record["reason"])
        assert record["refused"] == 0
        assert 0 < record["worst"]["of_bound"] < 1


@pytest.mark.parametrize("changes", HARMLESS.values(), ids=HARMLESS)
def test_harmless_variants_conform(changes, tmp_path):
    ops = tuple(op for op in OPS if op in changes) or ("fft_convolve", "richardson_lucy")
    checked = check_source(
        tmp_path, kernel_file(changes, of=KERNELS), ops=ops, cases=CASES, shrink=False
    )
    for record in checked.document["results"]:
        assert record["verdict"] == "conforms", (record["op"], record["reason"])


# Faults


def middle_of_even_sizes_later(right, x, psf, *, boundary):
    later = [k // 2 - (k - 1) // 2 for k in psf.shape[-(x.ndim - 2) :]]
    return np.roll(right(x, psf, boundary=boundary), later, spatial(x))  # noqa: F821


def always_circular(right, x, psf, *, boundary):
    return right(x, psf, boundary="circular")


def correlated(right, x, psf, *, boundary):
    return right(x, np.flip(psf, range(psf.ndim - x.ndim + 2, psf.ndim)), boundary=boundary)


def threshold_not_of_the_largest(right, x, psf, *, threshold):
    largest = np.abs(transfer_of(x, psf, x.shape[2:])).max()  # noqa: F821
    return right(x, psf, threshold=threshold / largest)


def clipped_not_cut(right, x, psf, *, threshold):
    transfer = transfer_of(x, psf, x.shape[2:])  # noqa: F821
    size = np.abs(transfer)
    least = threshold * size.max(spatial(x), keepdims=True)  # noqa: F821
    return filtered(x, np.exp(-1j * np.angle(transfer)) / np.maximum(size, least))  # noqa: F821


def divided_by_the_conjugate(right, x, psf, *, threshold):
    return right(x, np.flip(psf, range(psf.ndim - x.ndim + 2, psf.ndim)), threshold=threshold)


def first_function_for_all(right, x, psf, **call):
    return right(x, np.full_like(psf, psf[0]) if psf.ndim == x.ndim - 1 else psf, **call)


def root_of_the_balance(right, x, psf, *, balance, regularization):
    return right(x, psf, balance=balance**0.5, regularization=regularization)


def laplacian_not_squared(right, size):
    return np.sqrt(right(size))


def laplacian_of_the_last_axis(right, size):
    return np.broadcast_to(right((*[1] * (len(size) - 1), size[-1])), size)


def one_step_too_many(right, x, psf, *, iterations, boundary):
    return right(x, psf, iterations=iterations + 1, boundary=boundary)


def borders_darkened(right, above, below):
    return above if np.all(below == below.flat[0]) else right(above, below)


def blurred_twice(right, x, psf, size, adjoint=False):
    return right(x, psf, size)


def not_weighed(right, x, psf, *, iterations, boundary):
    estimate, size = np.ones_like(x), room(x, psf, boundary)  # noqa: F821
    for _ in range(iterations):
        ratio = x / np.maximum(blurred(estimate, psf, size), 1e-12)  # noqa: F821
        estimate = estimate * blurred(ratio.astype(x.dtype), psf, size, adjoint=True)  # noqa: F821
    return estimate


ROUNDS = (
    {
        middle_of_even_sizes_later: ("fft_convolve",),
        threshold_not_of_the_largest: ("inverse_filter",),
        root_of_the_balance: ("wiener",),
        one_step_too_many: ("richardson_lucy",),
    },
    {
        always_circular: ("fft_convolve",),
        clipped_not_cut: ("inverse_filter",),
        laplacian_not_squared: ("wiener", "roughness"),
        not_weighed: ("richardson_lucy",),
    },
    {
        correlated: ("fft_convolve",),
        divided_by_the_conjugate: ("inverse_filter",),
        laplacian_of_the_last_axis: ("wiener", "roughness"),
        blurred_twice: ("richardson_lucy", "blurred"),
    },
    {first_function_for_all: ("wiener",)},
)


@functools.cache
def checked_round(number, folder):
    faults = ROUNDS[number]
    source = kernel_file({names[-1]: fault for fault, names in faults.items()}, of=KERNELS)
    ops = tuple(names[0] for names in faults.values())
    return check_source(folder, source, ops=ops, cases=CASES, shrink=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


@pytest.mark.parametrize(
    ("number", "fault"),
    [(number, fault) for number, faults in enumerate(ROUNDS) for fault in faults],
    ids=lambda value: getattr(value, "__name__", f"round {value}"),
)
def test_faults_are_found(number, fault, folder):
    op = ROUNDS[number][fault][0]
    assert checked_round(number, folder).verdicts(op) == {"forward": "wrong"}


def test_faults_of_one_function_accuse_no_other(tmp_path):
    source = kernel_file({"wiener": root_of_the_balance}, of=KERNELS)
    checked = check_source(tmp_path, source, ops=OPS, cases=CASES, shrink=False)
    verdicts = {op: checked.verdicts(op)["forward"] for op in OPS}
    assert verdicts == {op: "wrong" if op == "wiener" else "conforms" for op in OPS}


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
