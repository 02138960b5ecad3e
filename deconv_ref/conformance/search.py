"""Draw cases with Hypothesis until one is found, and look for simpler ones."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample, Unsatisfiable
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.strategies import SearchStrategy

from deconv_ref.conformance.case import Case

__all__ = ["search", "simpler"]


class PlainProvider(HypothesisProvider):
    """Draw without the constants that Hypothesis finds in modules that happen to be loaded.

    Otherwise one seed would draw other cases wherever something else is imported or installed.
    """

    NAME = "deconv_ref"

    def _maybe_draw_constant(self, *_: Any, **__: Any) -> None:
        return None


AVAILABLE_PROVIDERS[PlainProvider.NAME] = f"{__name__}.{PlainProvider.__name__}"


def search(
    strategy: SearchStrategy[Case],
    condition: Callable[[Case], bool],
    cases: int,
    seed: int,
    phases: list[Phase],
) -> None:
    """Draw cases until the condition holds, the same ones for the same seed, and shrink if told."""
    quiet = settings(
        max_examples=cases,
        phases=phases,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        backend=PlainProvider.NAME,
    )
    with suppress(NoSuchExample, Unsatisfiable):
        find(strategy, condition, settings=quiet, random=random.Random(seed))


def simpler(case: Case) -> Iterator[Case]:
    """Give variants of a case with fewer axes, a plain layout, more zeros, or simpler values."""
    yield from _fewer_axes(case)
    for name, operand in case.operands.items():
        if operand.layout != "contiguous":
            yield case.with_operand(name, layout="contiguous")
    for name, operand in case.operands.items():
        values = operand.values
        nonzero = np.flatnonzero(values)
        for parts in (1, 2, 4, 8, 16, 64):
            if parts <= len(nonzero) and (parts < 64 or len(nonzero) <= 64):
                for chosen in np.array_split(nonzero, min(parts, len(nonzero))):
                    fewer = values.copy()
                    fewer.flat[chosen] = 0
                    yield case.with_operand(name, values=fewer)
        if np.any(values < 0):
            yield case.with_operand(name, values=np.abs(values))
        if case.exact and np.abs(values).max(initial=0) > 1:
            yield case.with_operand(name, values=np.sign(values))
            yield case.with_operand(name, values=np.trunc(values / 2) + (values == 1))


def _fewer_axes(case: Case) -> Iterator[Case]:
    """Leave out one spatial axis: of its cells keep the first, of its parameters none."""
    axes = max(operand.values.ndim for operand in case.operands.values()) - 2
    for axis in range(axes if axes > 1 else 0):
        parameters = {
            name: value[:axis] + value[axis + 1 :] if isinstance(value, tuple) else value
            for name, value in case.parameters.items()
        }
        operands = {
            name: replace(operand, values=operand.values.take(0, axis=2 + axis))
            if operand.values.ndim > 2
            else operand
            for name, operand in case.operands.items()
        }
        yield replace(case, parameters=parameters, operands=operands)
