"""Go through systems and targets, several targets at a time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.frameworks import TargetError
from deconv_ref.conformance.network.lockstep import (
    Growth,
    Lockstep,
    Parting,
    compare,
    measure_growth,
)
from deconv_ref.conformance.network.systems import SYSTEMS, Task, make_task
from deconv_ref.conformance.process import cores
from deconv_ref.conformance.worker import MEMORY, DiedError, Trainer, Worker

__all__ = ["Plan", "Result", "check"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train, and how long.

    Attributes
    ----------
    targets : tuple of str
        Names of adapters or paths of files.
    systems : tuple of str
        Systems by name.
    steps : int
        Updates of each system.
    seed : int
        What weights, batches and noise depend on.
    jobs : int
        Targets checked at a time.
    timeout : float
        Seconds that a target has for one system.
    memory : int
        MiB that a target's process may hold.
    """

    targets: tuple[str, ...]
    systems: tuple[str, ...] = tuple(SYSTEMS)
    steps: int = 20
    seed: int = 0
    jobs: int = 1
    timeout: float = 300.0
    memory: int = MEMORY


@dataclass(frozen=True, slots=True)
class Result:
    """What was found of one system of one target.

    Attributes
    ----------
    target, framework, version : str
        Whose training it is.
    system : str
        The system.
    verdict : Verdict
        As of an operator.
    reason : str
        Why, in one line.
    lockstep : Lockstep or None
        How near the training stayed, if there was any.
    """

    target: str
    framework: str
    version: str
    system: str
    verdict: Verdict
    reason: str
    lockstep: Lockstep | None = None

    @property
    def parting(self) -> Parting | None:
        """Where the training parts from ours."""
        return self.lockstep.parting if self.lockstep else None


def check(
    plan: Plan,
    finished: Callable[[Result], None],
    left_out: Callable[[TargetError], None] | None = None,
) -> list[Result]:
    """Train every system of a plan with every target, and judge.

    Parameters
    ----------
    plan : Plan
        What to check.
    finished : callable
        Told each result as it comes.
    left_out : callable, optional
        Told of each target that cannot be loaded; there are no results of it then.

    Returns
    -------
    list of Result
        By target and system, in the plan's order.

    Raises
    ------
    TargetError
        If a target cannot be loaded and nobody is to be told; nothing has been judged then.
    """
    threads = max(1, cores() // plan.jobs)
    workers = [Worker(target, plan.timeout, threads, plan.memory) for target in plan.targets]
    pool = ThreadPoolExecutor(plan.jobs)
    try:

        def started(worker: Worker) -> tuple[Worker, Trainer] | None:
            try:
                return worker, worker.trainer()
            except TargetError as error:
                if left_out is None:
                    raise
                left_out(error)
                return None

        there = [pair for pair in pool.map(started, workers) if pair is not None]
        found: dict[str, list[Result]] = {target: [] for target in plan.targets}
        for system in plan.systems:
            prepared = _prepare(plan, system, [trainer for _, trainer in there])
            jobs = [
                pool.submit(_judge, plan, system, worker, trainer, prepared.get(trainer.convention))
                for worker, trainer in there
            ]
            for job in as_completed(jobs):
                result = job.result()
                found[result.target].append(result)
                finished(result)
        return [result for results in found.values() for result in results]
    finally:
        for worker in workers:
            worker.close()
        pool.shutdown(cancel_futures=True)


Prepared = tuple[Task, Growth]


def _prepare(plan: Plan, system: str, trainers: list[Trainer]) -> dict[str | None, Prepared]:
    """Make the task and measure its growth, for each convention that is asked for."""
    conventions = dict.fromkeys(t.convention for t in trainers if t.convention is not None)
    tasks = {c: make_task(system, c, plan.seed, plan.steps) for c in conventions}
    return {c: (task, measure_growth(task, plan.seed)) for c, task in tasks.items()}


def _judge(
    plan: Plan, system: str, worker: Worker, trainer: Trainer, prepared: Prepared | None
) -> Result:
    def result(verdict: Verdict, reason: str, lockstep: Lockstep | None = None) -> Result:
        who = (worker.target, trainer.name, trainer.version, system)
        return Result(*who, verdict, reason, lockstep)

    if prepared is None:
        return result(Verdict.ABSENT, "trains no networks")
    task, growth = prepared
    try:
        trained = worker.train(task)
    except DiedError as error:
        return result(Verdict.CRASHES, str(error))
    if trained.error is not None:
        return result(Verdict.REFUSES, trained.error)
    lockstep = compare(task, trained.steps, growth, plan.seed)
    if lockstep.parting is not None:
        return result(Verdict.WRONG, lockstep.parting.reason, lockstep)
    reason = (
        f"{plan.steps} steps: within {lockstep.by_itself:.2f} of what rounding explains, each by "
        f"itself, and {lockstep.over_the_run:.2f} over the run"
    )
    return result(Verdict.CONFORMS, reason, lockstep)
