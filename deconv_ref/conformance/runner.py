"""Go through targets, operators and functions, several targets at a time."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.frameworks import TargetError
from deconv_ref.conformance.judge import Judge
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.process import cores
from deconv_ref.conformance.tally import Tally
from deconv_ref.conformance.worker import MEMORY, Identity, Worker

__all__ = ["Plan", "Progress", "Result", "Run", "check", "judge_function"]

SLOW = ("jax", "keras", "tensorflow", "tinygrad", "openvino")
"""Those that compile, or trace, every new shape."""

Progress = Callable[["Run", str, int], None]
"""Told the target's run, the function being called and the number of its cases done."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to check, and how hard.

    Attributes
    ----------
    targets : tuple of str
        Names of adapters or paths of files.
    ops : tuple of str
        Operators by forward name.
    cases : int
        Cases for each operator and quantity.
    seed : int
        The same seed draws the same cases.
    dtypes : tuple of str
        ``"float32"``, ``"float64"`` or both.
    jobs : int
        Targets checked at a time.
    timeout : float
        Seconds that a target has for one case.
    memory : int
        MiB that a target's process may hold.
    """

    targets: tuple[str, ...]
    ops: tuple[str, ...] = tuple(OPERATORS)
    cases: int = 200
    seed: int = 0
    dtypes: tuple[str, ...] = ("float32", "float64")
    jobs: int = 1
    timeout: float = 30.0
    memory: int = MEMORY

    def functions(self) -> dict[str, str]:
        """Functions to call, with the operator of each."""
        return {function: op for op in self.ops for function in OPERATORS[op].functions()}


@dataclass(frozen=True, slots=True)
class Result:
    """What was found of one quantity of one operator of one target."""

    target: str
    framework: str
    version: str
    op: str
    quantity: str
    tally: Tally
    unsupported: Counter[str]
    offered: bool
    wanted: int

    @property
    def function(self) -> str:
        """The function that gives the quantity."""
        functions = OPERATORS[self.op].functions()
        return next(name for name, given in functions.items() if self.quantity in given)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict seen."""
        return self.tally.verdict


@dataclass(frozen=True, slots=True)
class Run:
    """A target that was loaded and is to be judged."""

    worker: Worker
    identity: Identity


def check(
    plan: Plan,
    progress: Progress,
    finished: Callable[[list[Result]], None],
    left_out: Callable[[TargetError], None] | None = None,
    found: Sequence[Result] = (),
    judged_by: "Callable[[Run, str, Plan], Judge] | None" = None,
) -> list[Result]:
    """Check every target of a plan.

    Parameters
    ----------
    plan : Plan
        What to check.
    progress : callable
        Told of every case, from several threads.
    finished : callable
        Told the results of each function of a target as they come, from several threads.
    left_out : callable, optional
        Told of each target that cannot be loaded; there are no results of it then.
    found : sequence of Result
        What an earlier run of the same plan came to, which is not judged again.
    judged_by : callable, optional
        Gives the judge of a function of a target.

    Returns
    -------
    list of Result
        By target, operator and quantity, in the plan's order.

    Raises
    ------
    TargetError
        If a target cannot be loaded and nobody is to be told, or is not what it was; nothing has
        been judged then.
    """
    threads = max(1, cores() // plan.jobs)
    workers = [Worker(target, plan.timeout, threads, plan.memory) for target in plan.targets]
    known: dict[tuple[str, str], list[Result]] = {}
    for result in found:
        known.setdefault((result.target, result.function), []).append(result)
    pool = ThreadPoolExecutor(plan.jobs)
    try:
        started = pool.map(partial(_started, plan, left_out, found), workers)
        runs = [run for run in started if run is not None]

        def judge(run: Run) -> list[Result]:
            results = []
            for function in plan.functions():
                part = known.get((run.worker.target, function))
                if part is None:
                    part = judge_function(plan, run, function, progress, judged_by or _alone)
                    if run.worker.closed:
                        break
                    finished(part)
                results += part
            run.worker.close()
            return results

        # The slow ones first, so that none of them is left to run alone at the end.
        slow_first = sorted(runs, key=lambda run: run.worker.target not in SLOW)
        judged = {run.worker.target: pool.submit(judge, run) for run in slow_first}
        return [result for run in runs for result in judged[run.worker.target].result()]
    finally:
        for worker in workers:
            worker.close()
        pool.shutdown(cancel_futures=True)


def _started(
    plan: Plan,
    left_out: Callable[[TargetError], None] | None,
    found: Sequence[Result],
    worker: Worker,
) -> Run | None:
    """Load a target, which has to be what it was; None if it is left out."""
    before = [(r.framework, r.version) for r in found if r.target == worker.target]
    try:
        identity = worker.start(tuple(plan.functions()))
    except TargetError as error:
        if left_out is None or before:
            raise
        left_out(error)
        return None
    now = (identity.name, identity.version)
    for then in before:
        if then != now:
            was, is_ = (" ".join(who).strip() for who in (then, now))
            raise TargetError(f"{worker.target}: was {was} in the report, is {is_} now")
    return Run(worker, identity)


def _alone(run: Run, function: str, plan: Plan) -> Judge:
    return Judge(run.worker, function, plan.cases, plan.seed, plan.dtypes)


def judge_function(
    plan: Plan,
    run: Run,
    function: str,
    progress: Progress = lambda *_: None,
    judged_by: Callable[[Run, str, Plan], Judge] = _alone,
) -> list[Result]:
    """Judge one function of a target that was started."""
    judge = judged_by(run, function, plan)
    offered = function in run.identity.functions
    if offered:
        judge.judge(partial(progress, run, function))
    judged = any(tally.cases for tally in judge.tallies.values())
    return [
        Result(
            run.worker.target,
            run.identity.name,
            run.identity.version,
            plan.functions()[function],
            quantity,
            tally,
            # What is left out of results is absent whatever else was declined.
            judge.unsupported if tally.cases or not judged else Counter(),
            offered,
            plan.cases,
        )
        for quantity, tally in judge.tallies.items()
    ]
