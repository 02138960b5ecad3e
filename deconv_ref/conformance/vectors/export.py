"""Draw cases and write them as files that any language can read."""

import json
import math
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Draws
from deconv_ref.conformance.floating import rounded
from deconv_ref.conformance.judge import ask
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import Question
from deconv_ref.conformance.vectors.flags import FLAGS, flags
from deconv_ref.conformance.vectors.npy import npy_bytes
from deconv_ref.version import __version__

__all__ = ["FORMAT", "write_vectors"]

FORMAT = "deconv_ref vectors 1"
DRAWN = 4  # cases drawn for each that is wanted: some are drawn twice


def write_vectors(
    folder: Path, ops: tuple[str, ...], cases: int, seed: int, dtypes: tuple[str, ...]
) -> dict[str, Any]:
    """Write cases of operators into an empty folder: ``index.json``, and arrays.

    Parameters
    ----------
    folder : path
        Where to.
    ops : tuple of str
        Operators by forward name.
    cases : int
        Cases for each function; of some there are fewer.
    seed : int
        The same seed writes the same bytes.
    dtypes : tuple of str
        Some of ``"float32"``, ``"float64"`` and ``"float16"``.

    Returns
    -------
    dict
        The index.
    """
    for name in ("inputs", "expected", "truth", "bounds"):
        (folder / name).mkdir()

    def write(name: str, array: NDArray[Any]) -> dict[str, Any]:
        content = npy_bytes(array)
        (folder / name).write_bytes(content)
        described = {"dtype": str(array.dtype), "shape": list(array.shape)}
        return {"file": name, **described, "sha256": sha256(content).hexdigest()}

    records = [
        _record(f"{function}-{number:04d}", case, write)
        for op in ops
        for function in OPERATORS[op].functions()
        for number, case in enumerate(_distinct(function, cases, seed, dtypes))
    ]
    met = {flag for record in records for flag in record["flags"]}
    index = {
        "format": FORMAT,
        "deconv_ref": __version__,
        "seed": seed,
        "flags": {flag: FLAGS[flag] for flag in sorted(met)},
        "cases": records,
    }
    text = json.dumps(index, indent=1, allow_nan=False)
    (folder / "index.json").write_bytes(f"{text}\n".encode())
    return index


def _distinct(function: str, cases: int, seed: int, dtypes: tuple[str, ...]) -> Iterator[Case]:
    """Draw cases, none of them twice."""
    operator = OPERATORS[function.removesuffix("_backward")]
    draws = Draws(operator.drawn, function, dtypes, seed)
    distinct: set[Case] = set()
    for case in map(draws.case, range(DRAWN * cases)):
        if case not in distinct:
            distinct.add(case)
            yield case
        if len(distinct) == cases:
            return


def _record(name: str, case: Case, write: Callable[[str, NDArray[Any]], Any]) -> dict[str, Any]:
    """Write the arrays of a case, and describe it."""
    question = ask(case)
    inputs = {
        operand: {"array": write(f"inputs/{name}.{operand}.npy", o.values), "layout": o.layout}
        for operand, o in case.operands.items()
    }
    return {
        "id": name,
        "operator": case.op,
        "function": case.function,
        "parameters": {key: _plain(value) for key, value in case.parameters.items()},
        "exact": case.exact,
        "flags": flags(case),
        "inputs": inputs,
        "results": {q: _result(f"{name}.{q}.npy", question, q, write) for q in question.truth},
    }


def _result(
    file: str, question: Question, quantity: str, write: Callable[[str, NDArray[Any]], Any]
) -> dict[str, Any]:
    """Write a result, and how far from it one may be: not at all, or so far from the truth."""
    truth = question.truth[quantity]
    expected = rounded(truth, question.case.dtype) if truth.dtype.kind == "f" else truth
    described = {"expected": write(f"expected/{file}", expected), "rule": "exact"}
    if question.case.exact or truth.dtype.kind != "f":
        return described
    allowed = question.margin(quantity).allowed
    bound = np.where(np.isnan(allowed), 0.0, allowed)
    if not bound.any() and np.array_equal(truth, expected, equal_nan=True):
        return described
    arrays = {"truth": write(f"truth/{file}", truth), "bound": write(f"bounds/{file}", bound)}
    return {**described, "rule": "bound", **arrays}


def _plain(value: Any) -> Any:
    """Spell a parameter in JSON, which has no tuples, no NaN and no infinities."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
