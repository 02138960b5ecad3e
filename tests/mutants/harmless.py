"""Harmless variants of any function: what memory, threads and a higher precision do to results."""

import collections
import concurrent.futures

import numpy as np


def in_float64(right, *arrays, **call):
    """Compute in float64 and cast back to the dtype of the first floating array."""

    def is_floating(value):
        return isinstance(value, np.ndarray) and value.dtype.kind == "f"

    def widened(value):
        return value.astype(np.float64) if is_floating(value) else value

    dtype = next(a.dtype for a in (*arrays, *call.values()) if is_floating(a))
    result = right(*map(widened, arrays), **{n: widened(value) for n, value in call.items()})
    if isinstance(result, tuple):
        return [a if a.dtype.kind == "i" else a.astype(dtype) for a in result]  # and a list
    return np.asarray(result, dtype)


def as_lists(right, **call):
    """Give a list of arrays that are read-only and, of several axes, not contiguous."""
    result = right(**call)
    arrays = [np.array(a, order="F") for a in (result if isinstance(result, tuple) else (result,))]
    for array in arrays:
        array.flags.writeable = False
    return arrays


def as_views(right, **call):
    """Give views of larger arrays, and several of them under names."""
    result = right(**call)
    several = result if isinstance(result, tuple) else (result,)
    views = [np.repeat(a, 2, -1)[..., ::2] if np.ndim(a) else np.asarray(a) for a in several]
    named = collections.namedtuple("Named", [f"field_{k}" for k in range(len(views))])
    return named(*views) if isinstance(result, tuple) else views[0]


def of_copies(right, **call):
    """Copy what comes in to memory in the order of C first."""
    return right(**{n: np.array(v) if isinstance(v, np.ndarray) else v for n, v in call.items()})


def in_threads(right, *, x, **call):
    """Give each image of the batch to a thread."""
    if len(x) < 2:
        return right(x=x, **call)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda one: right(x=one[None], **call), x))
    if isinstance(parts[0], tuple):
        return tuple(map(np.concatenate, zip(*parts, strict=True)))
    return np.concatenate(parts)


def plant(family, batched):
    """List these variants of every function of a family, the last of those that are named."""
    for substitute in (in_float64, as_lists, as_views, of_copies):
        family.harmless(*family.functions)(substitute)
    family.harmless(*batched)(in_threads)
