"""The target's end of `deconv_ref.conformance.worker`: load the target, answer requests."""

import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.frameworks import TargetError, load
from deconv_ref.conformance.worker import Answer, Excuse, Identity

__all__ = ["serve"]


def serve(target: str) -> None:
    """Answer requests from standard input until it closes."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)  # the target's prints must not mix with the answers
    module: Any = None
    while True:
        try:
            kind, *arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            module = load(target) if module is None else module
            answer = HANDLERS[kind](module, *arguments)
        except TargetError as error:
            answer = error
        pickle.dump(answer, answers)
        answers.flush()


def _load(module: Any) -> None:
    """Answer that the target is loaded."""


def _identify(module: Any, wanted: tuple[str, ...]) -> Identity:
    functions = frozenset(name for name in wanted if callable(getattr(module, name, None)))
    if not functions and not hasattr(module, "NAME"):  # an adapter says what it is, and has others
        raise TargetError(
            f"{module.__file__}: has none of the functions to check: {', '.join(wanted)}"
        )
    name = getattr(module, "NAME", Path(module.__file__).stem)
    return Identity(str(name), str(getattr(module, "VERSION", "")), functions)


def _call(module: Any, case: Case) -> Answer:
    operands = {name: operand.array() for name, operand in case.operands.items()}
    try:
        result = getattr(module, case.function)(**operands, **case.parameters)
        results = tuple(map(_plain, result if isinstance(result, tuple | list) else (result,)))
    except Exception as error:
        return Answer(error=" ".join(f"{type(error).__name__}: {error}".split())[:500])
    for name, operand in case.operands.items():
        if not np.array_equal(operands[name], operand.values, equal_nan=True):
            return Answer(results, harm=name)
    return Answer(results)


def _excuses(module: Any, case: Case) -> list[Excuse]:
    excuses = []
    for difference in getattr(module, "DIFFERENCES", {}).get(case.function, ()):
        if difference.allowance is not None:
            allowance = np.asarray(
                difference.allowance(**case.arrays(), **case.parameters), np.float64
            )
            excuses.append(Excuse(difference.reason, allowance, difference.quantity))
    return excuses


def _plain(result: Any) -> NDArray[Any] | str | None:
    """Pass NumPy arrays, scalars and None on; of anything else, its type's name."""
    if result is None:
        return None
    if isinstance(result, np.ndarray | np.generic):
        array = np.asarray(result)
        if array.dtype.kind in "biuf":
            return array
        return f"an array of {array.dtype}"
    return f"a {type(result).__name__}"


def _unsupported(module: Any, op: str, parameters: dict[str, Any]) -> str | None:
    ask = getattr(module, "unsupported", None)
    try:
        reason = ask(op, parameters) if ask is not None else None
    except Exception as error:
        return " ".join(f"unsupported() raised {type(error).__name__}: {error}".split())[:500]
    if reason is None or isinstance(reason, str):
        return reason
    return f"unsupported() gave a {type(reason).__name__}, not a reason or None"


HANDLERS: dict[str, Callable[..., Any]] = {
    "load": _load,
    "identify": _identify,
    "call": _call,
    "excuses": _excuses,
    "unsupported": _unsupported,
}


if __name__ == "__main__":
    serve(sys.argv[1])
