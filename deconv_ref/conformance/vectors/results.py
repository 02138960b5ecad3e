"""Judge what a program made of test vectors, by the files that it left."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.compare import Finding, Verdict, compare, no_results
from deconv_ref.conformance.explain import explain
from deconv_ref.conformance.floating import is_numeric
from deconv_ref.conformance.judge import ask
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.reading import ReportError
from deconv_ref.conformance.runner import Result
from deconv_ref.conformance.tally import Tally
from deconv_ref.conformance.truth import Question
from deconv_ref.conformance.vectors.index import read_case
from deconv_ref.conformance.vectors.npy import read_npy
from deconv_ref.conformance.worker import Answer
from deconv_ref.errors import DeconvRefError

__all__ = ["judge_results"]


def judge_results(folder: Path, index: Mapping[str, Any], results: Path) -> list[Result]:
    """Judge the result files of a program.

    Parameters
    ----------
    folder : path
        Where the test vectors are.
    index : mapping
        Their index, as `deconv_ref.conformance.vectors.index.read_index` gives it.
    results : path
        The folder of ``<case>.<quantity>.npy``. It names the program.

    Returns
    -------
    list of Result
        By operator and quantity. A function of which there is no file at all is absent; a file that
        is missing beside others is a refusal, and one that holds no array is wrong.

    Raises
    ------
    ReportError
        If the test vectors are damaged, or there is no result of any of them.
    OSError
        If a file of them cannot be read.
    """
    records: dict[str, list[Any]] = {}
    for record in index["cases"]:
        records.setdefault(record["function"], []).append(record)
    found = []
    for function, ours in records.items():
        operator = OPERATORS[function.removesuffix("_backward")]
        tallies = {quantity: Tally() for quantity in operator.functions()[function]}
        offered = any(_path(results, record, q).exists() for record in ours for q in tallies)
        for record in ours if offered else ():
            question = _question(folder, record)
            for quantity, finding in _findings(question, record, results).items():
                reason = f"{finding.reason}; in case {record['id']}" if finding.reason else ""
                tallies[quantity].add(question.case, replace(finding, reason=reason))
        for quantity, tally in tallies.items():
            tally.settle()
            if tally.verdict is Verdict.WRONG:
                worst = tally.worst[Verdict.WRONG]
                tally.explanation = explain(operator, quantity, *worst, tally.failing)
            who = (f"{results}/", results.resolve().name, "", operator.name, quantity)
            found.append(Result(*who, tally, Counter(), offered, len(ours)))
    if not any(result.offered for result in found):
        example = _path(results, index["cases"][0], "forward").name if index["cases"] else "none"
        raise ReportError(f"{results} has no result of these cases, such as {example}")
    return found


def _path(results: Path, record: Mapping[str, Any], quantity: str) -> Path:
    return results / f"{record['id']}.{quantity}.npy"


def _question(folder: Path, record: Mapping[str, Any]) -> Question:
    case: Case = read_case(folder, record)
    try:
        return ask(case)
    except (DeconvRefError, TypeError, ValueError, LookupError) as error:  # an index from elsewhere
        raise ReportError(f"case {record['id']} is no legal call: {error}") from error


def _findings(question: Question, record: Mapping[str, Any], results: Path) -> dict[str, Finding]:
    """Judge a case; what a forward function may leave out is left out."""
    paths = {quantity: _path(results, record, quantity) for quantity in question.truth}
    missing = [quantity for quantity, path in paths.items() if not path.exists()]
    findings = compare(question, Answer(tuple(_read(path) for path in paths.values())))
    main = next(iter(question.truth))
    forward = question.case.function == question.case.op
    for quantity in missing:
        if quantity == main or not forward:
            reason = f"no file {paths[quantity].name}"
            findings[quantity] = no_results(question, Verdict.REFUSES, reason)[quantity]
    return findings


def _read(path: Path) -> Any:
    """Read a result; say what else the file is, and give None where there is none."""
    if not path.exists():
        return None
    try:
        array = read_npy(path)
    except (ValueError, OSError, MemoryError) as error:
        return " ".join(str(error).split())[:300]
    return array if is_numeric(array.dtype) else f"an array of {array.dtype}"
