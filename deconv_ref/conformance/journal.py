"""The report of a run that is under way: written as results come, read to go on.

It is the report as ever, of what is known so far, and has ``"unfinished"`` beside the results: the
plan that it belongs to, and the results once more with all that a program needs to go on.
"""

import base64
import dataclasses
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np

from deconv_ref.conformance.case import Case, Operand
from deconv_ref.conformance.compare import Finding, Verdict
from deconv_ref.conformance.explain import Explanation
from deconv_ref.conformance.floating import named
from deconv_ref.conformance.frameworks import is_file
from deconv_ref.conformance.report import json_report, write_json
from deconv_ref.conformance.runner import Plan, Result
from deconv_ref.conformance.tally import Tally
from deconv_ref.conformance.taps import Tap
from deconv_ref.version import __version__

__all__ = ["Journal", "JournalError", "decoded", "encoded"]

PAUSE = 10  # times as long as writing took: no more than a tenth of a run goes into it
CLASSES = {cls.__name__: cls for cls in (Result, Tally, Case, Operand, Finding, Explanation, Tap)}


class JournalError(Exception):
    """A report that a run cannot go on with; the message is one line for the command's user."""


class Journal:
    """The report of a run, kept in a file as results come, for as long as the context lasts.

    What the context ends with is written only where an exception ends it: else the run is finished,
    and writes its report.

    Parameters
    ----------
    path : path or None
        The file, if there is to be one. A device or a pipe is left to the end of the run.
    plan : Plan
        Of the run.
    """

    def __init__(self, path: Path | None, plan: Plan) -> None:
        self._path = path if path is None or path.is_file() or not path.exists() else None
        self._seed = plan.seed
        self._plan = _described(plan)
        self._lock = threading.Lock()
        self._found: list[tuple[Any, Any]] = []  # records for people, and for `decoded`
        self._written = 0
        self._next = 0.0
        self._later: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._lock:
            if self._later:
                self._later.cancel()
            if kind is not None:  # Ctrl-C, say
                self._write()
            self._path = None

    def resume(self) -> list[Result]:
        """Read what was found before; nothing if there is no file yet.

        Raises
        ------
        JournalError
            If the file is no unfinished report of the same plan.
        """
        if self._path is None or not self._path.exists():
            return []
        try:
            unfinished = json.loads(self._path.read_bytes()).get("unfinished")
            plan = unfinished and unfinished["plan"]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise JournalError(f"{self._path} is no report of deconv-ref") from error
        if plan is None:
            raise JournalError(f"{self._path} is finished: there is nothing to resume")
        if plan != self._plan:
            raise JournalError(f"{self._path} is of another run: {_difference(plan, self._plan)}")
        try:
            results = [decoded(record) for record in unfinished["found"]]
            self._keep(results)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise JournalError(f"{self._path} is damaged: {error!r}") from error
        return results

    def add(self, results: list[Result]) -> None:
        """Keep results and write the file: soon, if that was done just now; from any thread."""
        if self._path is None:
            return
        with self._lock:
            self._keep(results)
            wait = self._next - time.monotonic()
            if wait <= 0:
                self._write()
            elif self._later is None:
                self._later = threading.Timer(wait, self._catch_up)
                self._later.daemon = True
                self._later.start()

    def _catch_up(self) -> None:
        with self._lock:
            self._later = None
            self._write()

    def _keep(self, results: list[Result]) -> None:
        records = json_report(results, self._seed)["results"]
        self._found += zip(records, map(encoded, results), strict=True)

    def _write(self) -> None:
        if self._path is None or self._written == len(self._found):
            return
        start = time.monotonic()
        document = json_report([], self._seed)
        document["unfinished"] = {"plan": self._plan, "found": [state for _, state in self._found]}
        document["results"] = [record for record, _ in self._found]
        with suppress(OSError):  # a full disk may have room at the end, which tells if it has not
            write_json(self._path, document)
            self._written = len(self._found)
        end = time.monotonic()
        self._next = end + PAUSE * (end - start)


def _described(plan: Plan) -> Any:
    """Say what a report depends on, as it comes back from JSON."""
    described = {"deconv_ref": __version__, **dataclasses.asdict(plan)}
    del described["jobs"]
    files = [target for target in plan.targets if is_file(target)]
    described["files"] = {file: _digest(Path(file)) for file in files}
    return json.loads(json.dumps(described))


def _digest(path: Path) -> str | None:
    with suppress(OSError):  # that it cannot be read is told when it is loaded
        return sha256(path.read_bytes()).hexdigest()
    return None


def _difference(plan: Any, wanted: dict[str, Any]) -> str:
    """Name the first thing in which two plans differ."""
    plan = plan if isinstance(plan, dict) else {}
    name = next(n for n in (*wanted, *plan) if plan.get(n) != wanted.get(n))
    if name == "files":
        return "a target's file has changed"
    return f"{name} {plan.get(name)}, not {wanted.get(name)}"


def encoded(value: Any) -> Any:
    """Spell a result, and all that is in it, in JSON without loss.

    Examples
    --------
    >>> encoded((1, 0.5, float("nan")))
    [1, 0.5, {'float': 'nan'}]
    >>> decoded(encoded({"stride": (2, 1)}))
    {'stride': (2, 1)}
    """
    if isinstance(value, Verdict):
        return {"Verdict": value.name}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, tuple):
        return [encoded(item) for item in value]
    if isinstance(value, list):
        return {"list": [encoded(item) for item in value]}
    if isinstance(value, np.ndarray):
        content = base64.b64encode(value.tobytes()).decode()
        return {"array": [str(value.dtype), list(value.shape), content]}
    if isinstance(value, Mapping):
        kind = "Counter" if isinstance(value, Counter) else "dict"
        return {kind: [[encoded(k), encoded(v)] for k, v in value.items()]}
    names = [field.name for field in dataclasses.fields(value)]
    return {type(value).__name__: {name: encoded(getattr(value, name)) for name in names}}


def decoded(record: Any) -> Any:
    """Turn back what `encoded` gave.

    Raises
    ------
    ValueError, LookupError, TypeError, AttributeError
        If it gave no such thing.
    """
    if isinstance(record, list):
        return tuple(map(decoded, record))
    if not isinstance(record, dict):
        return record
    ((kind, content),) = record.items()
    match kind:
        case "Verdict":
            return Verdict[content]
        case "float":
            return float(content)
        case "array":
            dtype, shape, text = content
            return np.frombuffer(base64.b64decode(text), named(dtype)).reshape(shape).copy()
        case "list":
            return list(map(decoded, content))
        case "dict":
            return dict(map(decoded, content))
        case "Counter":
            return Counter(dict(map(decoded, content)))
    return CLASSES[kind](**{name: decoded(field) for name, field in content.items()})
