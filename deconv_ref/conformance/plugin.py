"""What ``pytest --deconv-ref`` collects: a test for each result of each function of a target.

The options stand in ``_deconv_ref_pytest``, which pytest imports in every run.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deconv_ref.conformance import report
from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.frameworks import TargetError, is_file
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.process import cores
from deconv_ref.conformance.runner import Plan, Result, Run, judge_function
from deconv_ref.conformance.testing import complaint, planned
from deconv_ref.conformance.worker import Worker
from deconv_ref.errors import ParameterError

__all__ = ["Judging", "Quantity", "Target"]

TIMEOUT = 30.0  # seconds that a target has for one case


class Judging:
    """Loads the targets when pytest starts, adds their tests, and ends their processes."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.getoption
        try:
            self.plan = planned(
                "--deconv-ref",
                option("deconv_ref_op"),
                option("deconv_ref_cases"),
                option("deconv_ref_seed"),
            )
            self.runs = {name: _started(name, self.plan) for name in option("deconv_ref")}
        except (ParameterError, TargetError) as error:
            raise pytest.UsageError(" ".join(str(error).split())) from error

    @pytest.hookimpl(tryfirst=True)  # before others choose among all tests
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Add the tests, which are of no file that pytest would look into."""
        for name, run in self.runs.items():
            target = Target.from_parent(
                session, name=name, nodeid=name, path=session.path / name, run=run, plan=self.plan
            )
            items.extend(target.collect())

    def pytest_unconfigure(self) -> None:
        """End the processes."""
        for run in self.runs.values():
            run.worker.close()


class Target(pytest.Collector):
    """A target, of which each function is judged once, when the first of its tests runs."""

    def __init__(self, *, run: Run, plan: Plan, **more: Any) -> None:
        super().__init__(**more)
        self._run = run
        self._plan = plan
        self._results: dict[str, dict[str, Result]] = {}

    def collect(self) -> "Iterator[Quantity]":
        """Give a test for each result of the functions that the target has."""
        for function, op in self._plan.functions().items():
            if function in self._run.identity.functions:
                for quantity in OPERATORS[op].functions()[function]:
                    yield Quantity.from_parent(self, function=function, quantity=quantity)

    def result(self, function: str, quantity: str) -> Result:
        """Judge a function, unless it was, and give what was found of one of its results."""
        if function not in self._results:
            results = judge_function(self._plan, self._run, function)
            self._results[function] = {result.quantity: result for result in results}
        return self._results[function][quantity]


class Quantity(pytest.Item):
    """The test of one result of one function."""

    def __init__(self, *, function: str, quantity: str, **more: Any) -> None:
        super().__init__(f"{function}[{quantity}]", **more)
        self._asked = function, quantity
        self.add_marker("deconv_ref")

    def runtest(self) -> None:
        """Judge, and fail with the checker's text."""
        assert isinstance(self.parent, Target)
        result = self.parent.result(*self._asked)
        if result.verdict is Verdict.ABSENT:
            pytest.skip(report.reason(result))
        text = complaint([result], self.config.getoption("deconv_ref_allow_inexact"))
        if text:
            pytest.fail(text, pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Head the report of a failure."""
        assert self.parent is not None
        return self.path, None, f"{self.parent.name}: {self.name}"


def _started(target: str, plan: Plan) -> Run:
    """Load a target in a process of its own, which finds the modules that this one finds."""
    shared = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    threads = max(1, cores() // shared)
    name = str(Path(target).resolve()) if is_file(target) else target
    folders = [folder or str(Path.cwd()) for folder in sys.path]
    worker = Worker(name, TIMEOUT, threads, folders=folders)
    try:
        return Run(worker, worker.start(tuple(plan.functions())))
    except TargetError:
        worker.close()
        raise
