"""What the tests of the checker share: kernel files to judge, and the checker to judge them."""

import inspect
import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from deconv_ref.conformance import judge, report, runner
from deconv_ref.conformance.here import Here
from deconv_ref.conformance.operators import OPERATORS

SLICES = Path(__file__).with_name("slices.py")
FUNCTIONS = ("conv", "conv_backward", "conv_transpose", "conv_transpose_backward")


def kernel_file(changes=None, *, of=SLICES, keep=FUNCTIONS, extra="", **constants):
    """Give the source of `tests/slices.py`, or of another file, right but for some changes.

    Parameters
    ----------
    changes : dict of str to function
        What stands in for which of the file's functions. A substitute is called with the function
        that it replaces, then with that function's own arguments; it sees `np` and `constants`.
    of : path
        The file.
    keep : tuple of str
        Which of the four functions to have.
    extra : str
        Lines to add.
    """
    parts = [of.read_text(encoding="utf-8"), "import functools\n"]
    parts += [f"{name} = {value!r}\n" for name, value in constants.items()]
    for name, substitute in (changes or {}).items():
        source = textwrap.dedent(inspect.getsource(substitute))
        parts.append(source[source.index("def ") :])  # less its decorators
        parts.append(f"{name} = functools.partial({substitute.__name__}, {name})\n")
    parts += [f"del {name}\n" for name in FUNCTIONS if of == SLICES and name not in keep]
    return "\n\n".join([*parts, extra])


@dataclass(frozen=True)
class Checked:
    """What was found, and the report of it."""

    results: list[runner.Result]
    seed: int

    @property
    def document(self):
        """The JSON report, as a program would read it."""
        text = json.dumps(report.json_report(self.results, self.seed), allow_nan=False)
        return json.loads(text)

    def verdicts(self, function):
        """Give the verdicts of one function, by quantity."""
        return {q: record["verdict"] for q, record in self.of(function).items()}

    def of(self, function):
        """Give the records of one function (of one target), by quantity."""
        op, backward = function.removesuffix("_backward"), function.endswith("_backward")
        return {
            record["quantity"]: record
            for record in self.document["results"]
            if record["op"] == op and (record["quantity"] in OPERATORS[op].gradients) == backward
        }


def check(*targets, ops=("conv", "conv_transpose"), worker=Here, shrink=True, **plan):
    """Check targets, without a command line around it.

    Parameters
    ----------
    targets : str or path
        What to check.
    ops : tuple of str
        Operators.
    worker : type
        `Here`; or `Worker`, for what ends or outlives its process, or minds which one it is in.
    shrink : bool
        Whether to shrink and explain what is found; else counterexamples are as they were drawn.
    plan : dict
        More for `runner.Plan`.
    """
    planned = runner.Plan(tuple(map(str, targets)), ops=ops, **plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "Worker", worker)
        patch.setattr(sys, "path", [*sys.path])  # as it was, once the files are loaded
        patch.setattr(sys, "dont_write_bytecode", True)  # files of a name may follow each other
        if not shrink:
            patch.setattr(judge.Judge, "_shrink", lambda *_: None)
            patch.setattr(judge.Judge, "_explain", lambda *_: None)
        return Checked(runner.check(planned, lambda *_: None, lambda *_: None), planned.seed)


def check_source(folder, source, **plan):
    """Check a kernel file of this source."""
    path = Path(folder) / "kernel.py"
    path.write_text(source, encoding="utf-8")
    return check(path, **plan)


def run_script(script, folder):
    """Run a counterexample's program by itself, without paths and settings from outside."""
    path = Path(folder) / "repro.py"
    path.write_text(script, encoding="utf-8")
    command = [sys.executable, "-I", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)


def as_array(record):
    """Turn an array of the report into an array."""
    values = [float(v) for v in record["data"]]
    return np.array(values, record["dtype"]).reshape(record["shape"])
