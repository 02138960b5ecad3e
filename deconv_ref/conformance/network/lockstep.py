"""Compare a target's training with ours, step by step.

Twice, after each step. *By itself*: from the target's own parameters before the step, what were its
results, its gradients and its update by them to be? Errors of earlier steps do not show, so that
the first array that is off, in the order of computing, has its layer to blame. *Over the run*: how
far is it from training that was exact from the start?
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.network.course import ROUNDOFF, Key, Trace, courses
from deconv_ref.conformance.network.systems import Task

__all__ = ["Allowance", "Growth", "Lockstep", "Parting", "compare", "measure_growth"]

Array = NDArray[Any]

AMONG_NOISY = 2  # times the largest deviation of the noisy courses, which are only so many
# Roundoffs of the largest value. n numbers of one sign, added one after the other, err by about
# sqrt(n) / 4 roundoffs, and seldom by five times as many, though the noise in them averages out;
# the longest sums, of the losses, have 3,136 terms.
SUMMED = 64

PHRASES = {
    "output": "result of {}",
    "loss": "loss",
    "passed": "gradient that {} passes back",
    "gradient": "gradient of {}",
    "parameter": "{} after the update",
    "field": "{}",
}
FIELDS = ("outputs", "output_gradients", "gradients", "parameters")  # arrays by name
OVER_THE_RUN = ("loss", "gradient", "parameter")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an array should be, and how far from it each element may be."""

    truth: Array
    tolerance: float


Growth = Sequence[Mapping[Key, Allowance]]
"""What is allowed after each step of the run."""


@dataclass(frozen=True, slots=True)
class Parting:
    """Where a target's training parts from ours.

    Attributes
    ----------
    step : int
        The step, from 1.
    key : (str, str)
        What array, see `deconv_ref.conformance.network.course.Key`; "field" and its name if it is a
        whole field of the step that cannot be read.
    problem : str
        What is wrong with it.
    index : tuple of int
        The element that is farthest off.
    expected, got : float or None
        That element.
    """

    step: int
    key: Key
    problem: str
    index: tuple[int, ...] = ()
    expected: float | None = None
    got: float | None = None

    @property
    def layer(self) -> str:
        """The layer that is to blame, "loss", or nothing."""
        kind, name = self.key
        return {"loss": "loss", "field": ""}.get(kind, name.partition(".")[0])

    @property
    def reason(self) -> str:
        """All of it in one line."""
        kind, name = self.key
        return f"step {self.step}: {PHRASES[kind].format(name)} {self.problem}"


@dataclass(frozen=True, slots=True)
class Lockstep:
    """How near a target's training stays to ours.

    Attributes
    ----------
    parting : Parting or None
        The first one, if there is one.
    by_itself, over_the_run : float
        The largest errors before, as parts of what is allowed.
    """

    parting: Parting | None
    by_itself: float
    over_the_run: float


def measure_growth(task: Task, seed: int) -> Growth:
    """Train exactly and with noise from the start, and measure how far these part.

    Parameters
    ----------
    task : Task
        What is trained.
    seed : int
        What the noise depends on.

    Returns
    -------
    sequence of mapping of (str, str) to Allowance
        By step: losses, gradients and parameters.
    """
    running = courses(task, seed)
    growth = []
    for batch in task.batches:
        allowances = _measure([course.step(batch) for course in running])
        growth.append({key: a for key, a in allowances.items() if key[0] in OVER_THE_RUN})
    return growth


def compare(task: Task, steps: Sequence[Any], growth: Growth, seed: int) -> Lockstep:
    """Compare what a trainer gave with what it should have.

    Parameters
    ----------
    task : Task
        What was trained.
    steps : sequence
        What came of it, see `deconv_ref.conformance.network`.
    growth : sequence of mapping
        As `measure_growth` gives it.
    seed : int
        What the noise depends on.

    Returns
    -------
    Lockstep
        The comparison.
    """
    running = courses(task, seed)
    drift = None
    by_itself = over_the_run = 0.0
    for number, (batch, allowed) in enumerate(zip(task.batches, growth, strict=True), 1):
        if number > len(steps):
            missing = Parting(number, ("loss", ""), f"is missing: {len(steps)} steps were made")
            return Lockstep(missing, by_itself, over_the_run)
        step = steps[number - 1]
        parting = next(_misfits(task, step, number), None)
        if parting is None:
            got = _trace(task, step)
            traces = [course.step(batch, step["gradients"]) for course in running]
            parting, error = _first_parting(_measure(traces), got, number)
            by_itself = max(by_itself, error)
        if parting is not None:
            return Lockstep(parting, by_itself, over_the_run)
        if drift is None:
            drift, error = _first_parting(allowed, got, number, " over the run")
            over_the_run = max(over_the_run, error)
        for course in running:
            course.parameters = {name: step["parameters"][name] for name in task.weights}
    if len(steps) > len(task.batches):
        surplus = Parting(len(steps), ("loss", ""), f"is one too many: of {len(task.batches)}")
        return Lockstep(surplus, by_itself, over_the_run)
    return Lockstep(drift, by_itself, over_the_run)


def _measure(traces: Sequence[Trace]) -> dict[Key, Allowance]:
    """Allow what the noisy traces part from the exact one, which comes first."""
    exact, *noisy = traces
    allowances = {}
    for key, truth in exact.items():
        strayed = max(np.max(np.abs(trace[key] - truth)) for trace in noisy)
        largest = np.max(np.abs(truth))
        tolerance = float(AMONG_NOISY * strayed + SUMMED * ROUNDOFF * largest)
        allowances[key] = Allowance(truth, tolerance)
    return allowances


def _misfits(task: Task, step: Mapping[str, Any], number: int) -> Iterator[Parting]:
    """Find what is missing in a step, or of another shape."""
    for field in FIELDS:
        given = step.get(field, {})
        if not (isinstance(given, Mapping) or given is None):
            yield Parting(number, ("field", field), "are not arrays by name")
            return
    for kind, field in (("gradient", "gradients"), ("parameter", "parameters")):
        given = step.get(field) or {}
        for name, weight in task.weights.items():
            problem = _misfit(given.get(name), weight.shape)
            if problem:
                yield Parting(number, (kind, name), problem)
    problem = _misfit(step.get("loss"), ())
    if problem:
        yield Parting(number, ("loss", ""), problem)


def _misfit(array: Any, shape: tuple[int, ...]) -> str | None:
    if array is None:
        return "is missing"
    if isinstance(array, str):  # what the worker says of anything else
        return f"is {array}, not an array"
    return f"has shape {array.shape}, not {shape}" if array.shape != shape else None


def _trace(task: Task, step: Mapping[str, Any]) -> Trace:
    """Arrange a step as a trace."""
    names = [layer["name"] for layer in task.layers]
    passes = dict(zip(names, [*names[1:], "loss"], strict=True))
    outputs, passed = step.get("outputs") or {}, step.get("output_gradients") or {}
    return {
        **{("output", name): array for name, array in outputs.items()},
        ("loss", ""): step["loss"],
        **{("passed", passes[name]): array for name, array in passed.items() if name in passes},
        **{("gradient", name): array for name, array in step["gradients"].items()},
        **{("parameter", name): array for name, array in step["parameters"].items()},
    }


def _first_parting(
    allowances: Mapping[Key, Allowance], got: Trace, number: int, where: str = ""
) -> tuple[Parting | None, float]:
    """Find the first array that is off, and the largest error of those before, in allowances."""
    worst = 0.0
    for key, allowance in allowances.items():
        if key not in got:
            continue
        truth, array = allowance.truth, got[key]
        misfit = _misfit(array, truth.shape)
        if misfit:
            return Parting(number, key, misfit), worst
        error = np.abs(array - truth)
        error = np.where(np.isfinite(error), error, np.inf)
        index = tuple(int(i) for i in np.unravel_index(np.argmax(error), error.shape))
        ratio = float(error[index] / allowance.tolerance) if error[index] else 0.0
        if ratio > 1:
            expected, found = float(truth[index]), float(array[index])
            at = f" at {index}" if index else ""
            problem = (
                f"parts{where}{at}: expected {expected:.9g}, got {found:.9g}, "
                f"{ratio:.2g} times what rounding explains"
            )
            return Parting(number, key, problem, index, expected, found), worst
        worst = max(worst, ratio)
    return None, worst
