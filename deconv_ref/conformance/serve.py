"""The target's end of `deconv_ref.conformance.worker`: load the target, answer requests."""

import inspect
import itertools
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.floating import is_numeric
from deconv_ref.conformance.frameworks import FILE, TargetError, load, one_line, trainer_of
from deconv_ref.conformance.process import fall_with, receive, send
from deconv_ref.conformance.settings import Settings
from deconv_ref.conformance.worker import Answer, Excuse, Identity, Trained, Trainer

if TYPE_CHECKING:
    from deconv_ref.conformance.network.systems import Task

__all__ = ["HANDLERS", "as_results", "memory", "serve", "unsupported"]


def serve(target: str, link: int | None = None) -> None:
    """Answer requests from standard input until it closes.

    Parameters
    ----------
    target : str
        What to load.
    link : int, optional
        The file of a pipe with the end of which this process is to end too.
    """
    if link is not None:
        fall_with(link)
    _die_first()
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)  # the target's prints must not mix with the answers
    module: Any = None
    settings = Settings()
    while True:
        try:
            kind, *arguments = receive(requests)
        except EOFError:
            return
        try:
            if module is None:
                module = load(target)
                settings = Settings()
            answer = HANDLERS[kind](module, *arguments)
        except TargetError as error:
            answer = error
        changes = settings.put_back()
        if isinstance(answer, Answer):
            answer = replace(answer, changes=changes)
        send(answers, answer)


def _die_first() -> None:
    """Where memory runs out, let Linux end this process rather than the checker."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _load(module: Any) -> None:
    """Answer that the target is loaded."""


def _identify(module: Any, wanted: tuple[str, ...]) -> Identity:
    functions = frozenset(name for name in wanted if callable(getattr(module, name, None)))
    if not functions and not hasattr(module, "NAME"):  # an adapter says what it is, and has others
        raise TargetError(
            f"{_origin(module)}: has none of the functions to check: {', '.join(wanted)}"
        )
    return Identity(
        *_name(module),
        functions,
        declines=hasattr(module, "unsupported"),
        differs=hasattr(module, "DIFFERENCES"),
    )


def _name(module: Any) -> tuple[str, str]:
    """Give name and version."""
    name = getattr(module, "NAME", module.__name__.removeprefix(FILE))
    return str(name), str(getattr(module, "VERSION", ""))


def _origin(module: Any) -> str:
    """Say where a module comes from: one that is built in has no file."""
    return getattr(module, "__file__", None) or module.__name__


def _call(module: Any, case: Case) -> Answer:
    operands = {name: operand.array() for name, operand in case.operands.items()}
    before = {name: memory(array) for name, array in operands.items()}
    try:
        results = as_results(getattr(module, case.function)(**operands, **case.parameters))
    except Exception as error:
        return Answer(error=one_line(error))
    written = (name for name, array in operands.items() if memory(array) != before[name])
    return Answer(results, harm=next(written, None))


def as_results(result: Any) -> tuple[NDArray[Any] | str | None, ...]:
    """List what a function gave, whether it is one array or several."""
    return tuple(map(_plain, result if isinstance(result, tuple | list) else (result,)))


def memory(array: NDArray[Any]) -> bytes:
    """Give all the memory that an array is a part of: the cells between its own too."""
    return (array if array.base is None else array.base).tobytes()


def _trainer(module: Any) -> Trainer:
    trainer = trainer_of(module)
    if trainer is None and not hasattr(module, "NAME"):
        raise TargetError(f"{_origin(module)}: has no function train to check")
    convention = getattr(trainer, "CONVENTION", "keras") if trainer else None
    if convention not in ("keras", "torch", None):
        wanted = 'CONVENTION must be "keras" or "torch"'
        raise TargetError(f"{_origin(module)}: {wanted}, got {convention!r}")
    return Trainer(*_name(module), convention)


def _train(module: Any, task: "Task") -> Trained:
    trainer: Any = trainer_of(module)
    try:
        steps = trainer.train(task.layers, task.weights, task.batches, task.loss, task.optimizer)
        few = itertools.islice(steps, len(task.batches) + 1)  # one too many is enough to tell
        return Trained([_told(step) for step in few])
    except Exception as error:
        return Trained([], one_line(error))


def _told(step: Mapping[str, Any]) -> dict[str, Any]:
    """Copy what a trainer tells of a step: it may go on to change its arrays."""
    return {
        name: {key: _plain(np.array(array)) for key, array in value.items()}
        if isinstance(value, Mapping)
        else _plain(np.array(value))
        for name, value in step.items()
    }


def _excuses(module: Any, case: Case) -> list[Excuse]:
    excuses = []
    for difference in getattr(module, "DIFFERENCES", {}).get(case.function, ()):
        if difference.allowance is not None:
            allowance = np.asarray(
                difference.allowance(**case.arrays(), **case.parameters), np.float64
            )
            excuses.append(Excuse(difference.reason, allowance, difference.quantity))
    return excuses


def _takes_dtype(function: Callable[..., Any]) -> bool:
    try:
        return "dtype" in inspect.signature(function).parameters
    except ValueError:  # of what is written in C
        return False


def _plain(result: Any) -> NDArray[Any] | str | None:
    """Pass NumPy arrays, scalars and None on; of anything else, its type's name."""
    if result is None:
        return None
    if isinstance(result, np.ndarray | np.generic):
        array = np.asarray(result)
        if is_numeric(array.dtype):
            return array
        return f"an array of {array.dtype}"
    return f"a {type(result).__name__}"


def _unsupported(
    module: Any, op: str, several: list[tuple[dict[str, Any], str]]
) -> list[str | None]:
    return [unsupported(module, op, parameters, dtype) for parameters, dtype in several]


def unsupported(module: Any, op: str, parameters: dict[str, Any], dtype: str) -> str | None:
    """Ask a target why it does not offer a call; the dtype it is told if it takes it."""
    ask = getattr(module, "unsupported", None)
    if ask is None:
        return None
    try:
        reason = ask(op, parameters, **({"dtype": dtype} if _takes_dtype(ask) else {}))
    except Exception as error:
        return f"unsupported() raised {one_line(error)}"
    if reason is None or isinstance(reason, str):
        return reason
    return f"unsupported() gave a {type(reason).__name__}, not a reason or None"


HANDLERS: dict[str, Callable[..., Any]] = {
    "load": _load,
    "identify": _identify,
    "call": _call,
    "excuses": _excuses,
    "unsupported": _unsupported,
    "trainer": _trainer,
    "train": _train,
}


if __name__ == "__main__":
    serve(sys.argv[1], *map(int, sys.argv[2:]))
