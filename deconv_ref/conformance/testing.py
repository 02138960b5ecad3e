"""The checker in other people's tests: its cases one by one, or its judgement as an assertion."""

import io
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray
from rich.console import Console

from deconv_ref.conformance import report
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.compare import Finding, Verdict, compare, no_results
from deconv_ref.conformance.draws import Draws
from deconv_ref.conformance.explain import explain
from deconv_ref.conformance.floating import HALVES, named
from deconv_ref.conformance.halves import in_half_precision
from deconv_ref.conformance.here import Given
from deconv_ref.conformance.judge import ask
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.runner import Plan, Result, Run, judge_function
from deconv_ref.conformance.script import call_text
from deconv_ref.conformance.serve import as_results, memory
from deconv_ref.conformance.tally import Tally
from deconv_ref.conformance.worker import Answer
from deconv_ref.errors import ParameterError, message

__all__ = ["Call", "assert_conforms", "cases", "complaint", "planned"]

DTYPES = ("float32", "float64")


class Call:
    """One call of a function, and the judge of what comes of it; `cases` gives them.

    Attributes
    ----------
    function : str
        The function to call.
    operands : dict of array
        Its arrays by name, each in a memory layout of its own: strided, reversed, read-only.
    parameters : dict
        Its other parameters: a tuple per axis, `padding` as pairs or as one of the strings.
    """

    def __init__(self, name: str, case: Case) -> None:
        self.function = case.function
        self.operands = {name: operand.array() for name, operand in case.operands.items()}
        self.parameters = dict(case.parameters)
        self._name = name
        self._case = case

    def __repr__(self) -> str:
        """Spell the call, which tests are named by."""
        return f"<{self._name}: {call_text(self._case)}>"

    @property
    def expected(self) -> dict[str, NDArray[Any]]:
        """The right results by quantity, rounded to the dtype of the call."""
        return {name: right for name, (right, _) in self._right().items()}

    @property
    def allowed(self) -> dict[str, NDArray[Any] | None]:
        """How far each element may be from the value before it was so rounded; None for equal."""
        return {name: tolerance for name, (_, tolerance) in self._right().items()}

    def check(self, results: Any, *, allow_inexact: bool = False) -> None:
        """Judge what the function under test gave for this call.

        Parameters
        ----------
        results : array, or tuple of arrays
            What it returned. Of a forward function, results after the first may be left out.
        allow_inexact : bool
            Whether a lower precision than that of the dtype will do.

        Raises
        ------
        AssertionError
            If it is wrong, or wrote to an operand; the text is that of `deconv-ref check`.

        Examples
        --------
        >>> import numpy as np
        >>> for call in cases("relu", number=20):
        ...     call.check(np.maximum(call.operands["x"], 0))
        """
        __tracebackhide__ = True
        written = (n for n, o in self._case.operands.items() if self._is_written(n, o.array()))
        answer = Answer(as_results(results), harm=next(written, None))
        findings = compare(ask(self._case), answer)
        text = complaint([self._result(*found) for found in findings.items()], allow_inexact)
        if text:
            raise AssertionError(text)

    def _right(self) -> dict[str, tuple[Any, Any]]:
        findings = no_results(ask(self._case), Verdict.CONFORMS, "")
        return {name: (found.expected, found.tolerance) for name, found in findings.items()}

    def _is_written(self, name: str, fresh: NDArray[Any]) -> bool:
        return memory(self.operands[name]) != memory(fresh)

    def _result(self, quantity: str, finding: Finding) -> Result:
        """Tell of one case as of a run of one case."""
        tally, operator = Tally(), OPERATORS[self._case.op]
        tally.add(self._case, finding)
        tally.settle()
        if tally.verdict > Verdict.CONFORMS:
            worst = tally.worst[tally.verdict]
            tally.explanation = explain(operator, quantity, *worst, tally.failing)
        return Result("", self._name, "", operator.name, quantity, tally, Counter(), True, 1)


def cases(
    function: str, *, number: int = 200, seed: int = 0, dtypes: Sequence[str] = DTYPES
) -> Iterator[Call]:
    """Draw the cases that the checker draws of a function, for a test of your own to loop over.

    Empty batches, which a function may refuse, are left out. The checker asks some cases again with
    one parameter changed, or with arrays turned round; it shrinks what fails; and it asks
    `unsupported`. `assert_conforms` does all that.

    Parameters
    ----------
    function : str
        A function of the contract: ``"conv"``, ``"conv_backward"``, ``"softmax"``.
    number : int
        How many.
    seed : int
        The same seed draws the same cases.
    dtypes : sequence of str
        Some of ``"float32"``, ``"float64"`` and, of `deconv_ref.conformance.halves`'s operators,
        ``"float16"`` and ``"bfloat16"``.

    Returns
    -------
    iterator of Call
        What to call, and what it has to give.

    Raises
    ------
    ParameterError
        If there is no such function, or nothing to draw.

    Examples
    --------
    >>> call = next(cases("linear", dtypes=["float64"]))
    >>> sorted(call.operands), call.parameters, call.operands["x"].dtype
    (['bias', 'weight', 'x'], {}, dtype('float64'))
    >>> call.check(call.operands["x"] @ call.operands["weight"].T + call.operands["bias"])
    """
    op = function.removesuffix("_backward")
    if op not in OPERATORS or function not in OPERATORS[op].functions():
        known = ", ".join(name for o in OPERATORS.values() for name in o.functions())
        raise ParameterError(message("cases", "function", f"one of {known}", function))
    plan = planned("cases", (op,), number, seed, dtypes, number_is="number")
    draws = Draws(OPERATORS[op].drawn, function, plan.dtypes, seed)
    drawn = ((n, draws.case(n)) for n in itertools.count())
    calls = (Call(f"case {n} of seed {seed}", case) for n, case in drawn if not case.empty)
    return itertools.islice(calls, number)


def assert_conforms(
    target: Any,
    *ops: str,
    cases: int = 200,
    seed: int = 0,
    dtypes: Sequence[str] = DTYPES,
    allow_inexact: bool = False,
) -> None:
    """Assert that functions compute what the equations say, as `deconv-ref check` judges them.

    They run in this process. One that may abort or hang is better judged in a process of its own,
    by ``pytest --deconv-ref``, which also tells of settings of the process that a call changes.

    Parameters
    ----------
    target : module, object, or mapping of str to callable
        What has functions of the contract's names, any subset of them; NumPy arrays go in and come
        out. It may have ``unsupported(op, parameters)``, which gives a reason for what it openly
        does not offer; a third parameter ``dtype`` receives the name of the arrays' dtype.
    *ops : str
        Operators, by the names of their forward functions; all that the target has by default.
    cases : int
        Cases for each operator and quantity.
    seed : int
        The same seed draws the same cases.
    dtypes : sequence of str
        As in `cases`; with half precision, of the operators that are judged in it.
    allow_inexact : bool
        Whether a lower precision than that of the dtype will do.

    Raises
    ------
    AssertionError
        If something is wrong, inexact or refused; the text is that of the command, with minimal
        counterexamples. Also if a function declines every case, so that nothing was judged.
    ParameterError
        If the target lacks an operator, there is none of that name, or nothing to draw.

    Examples
    --------
    >>> import numpy as np
    >>> assert_conforms({"relu": lambda x: np.maximum(x, 0)}, cases=20)
    >>> assert_conforms({"relu": lambda x: abs(x)}, cases=20)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: dict, relu: result (wrong)
      1 of 1 elements differ, ...; as if x had no sign; ...
    """
    __tracebackhide__ = True
    name = "assert_conforms"
    plan = planned(name, ops, cases, seed, dtypes)
    worker = Given(target)
    functions = plan.functions()
    run = Run(worker, worker.start(tuple(functions)))
    offered = [function for function in functions if function in run.identity.functions]
    lacking = set(ops or functions.values()) - {functions[function] for function in offered}
    if not offered or (ops and lacking):
        wanted = f"a target with functions for {', '.join(ops) or 'at least one operator'}"
        raise ParameterError(message(name, "target", wanted, target))
    texts = []
    for function in offered:
        results = judge_function(plan, run, function)
        texts.append(complaint(results, allow_inexact))
        if all(result.verdict is Verdict.ABSENT for result in results):
            texts.append(f"{report.title(*results)}\n  {report.reason(results[0])}")
    if any(texts):
        raise AssertionError("\n\n".join(filter(None, texts)))


def complaint(results: Sequence[Result], allow_inexact: bool) -> str:
    """Tell what does not conform as the command does; nothing if all is well."""
    fine = (Verdict.ABSENT, Verdict.CONFORMS, *([Verdict.INEXACT] if allow_inexact else []))
    text = io.StringIO()
    failing = [result for result in results if result.verdict not in fine]
    report.explain(Console(file=text, color_system=None), failing)
    return text.getvalue().strip()


def planned(
    function: str,
    ops: Sequence[str],
    cases: int,
    seed: int,
    dtypes: Sequence[str] = DTYPES,
    number_is: str = "cases",
) -> Plan:
    """Check what is to be judged; without operators, all of them.

    Raises
    ------
    ParameterError
        If there is no such operator or dtype, also in half precision, or nothing to draw.
    """
    known = (*DTYPES, *HALVES)
    judged = in_half_precision(OPERATORS) if set(dtypes) & set(HALVES) else list(OPERATORS)
    wanted: Mapping[str, tuple[bool, str, object]] = {
        "ops": (set(ops) <= set(judged), f"of {', '.join(judged)}", ops),
        number_is: (cases >= 1, "at least 1", cases),
        "seed": (seed >= 0, "at least 0", seed),
        "dtypes": (len(dtypes) > 0 and set(dtypes) <= set(known), f"of {known}", dtypes),
    }
    for parameter, (holds, what, got) in wanted.items():
        if not holds:
            raise ParameterError(message(function, parameter, what, got))
    for dtype in dtypes:
        named(dtype)  # what has it is installed
    return Plan((), tuple(dict.fromkeys(ops)) or tuple(judged), cases, seed, tuple(dtypes))
