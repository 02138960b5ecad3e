"""Write a counterexample as a stand-alone Python program.

The program carries the adapter's own source, less what the case does not need, so that it runs with
NumPy and the framework alone.
"""

import ast
import re
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.compare import Finding
from deconv_ref.conformance.floating import BFLOAT16
from deconv_ref.conformance.frameworks import OWN_TIERS, is_file, is_module, module_of
from deconv_ref.conformance.operators import OPERATORS

__all__ = ["call_text", "write_script"]

WIDTH = 100
MANY = 8  # values alike that are not written out
PACKAGE = "deconv_ref.conformance.frameworks"

BUILD = '''
def build(values, shape, dtype, layout="contiguous"):
    """Make an array in the memory layout in which it was passed."""
    values = np.array(values, dtype).reshape(shape)
    if layout == "fortran":
        return np.asfortranarray(values)
    if layout == "reversed":
        reverse = (slice(None, None, -1),) * values.ndim
        return np.ascontiguousarray(values[reverse])[reverse]
    if layout == "sliced":
        buffer = np.full(values.shape[:-1] + (2 * values.shape[-1] + 1,), 12345, dtype)
        buffer[..., 1::2] = values
        return buffer[..., 1::2]
    values.flags.writeable = layout != "read-only"
    return values


def close(got, expected, truth, tolerance):
    """Tell whether values are as expected, NaN and infinities too, or near enough to the truth."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    with np.errstate(invalid="ignore"):
        distance = np.abs(got.astype(np.float64) - truth).ravel()
    same = (got == expected) | ((got != got) & (expected != expected))
    return bool(np.all(same.ravel() | (distance <= tolerance)))
'''


def write_script(
    target: str, title: str, told: str, case: Case, quantity: str, finding: Finding
) -> str:
    """Write the program that shows a finding.

    Parameters
    ----------
    target : str
        Name of the adapter or path of the file.
    title : str
        First line of the program's docstring.
    told : str
        What is known of the counterexample, for that docstring.
    case : Case
        The counterexample.
    quantity : str
        Which of the call's results is at fault.
    finding : Finding
        What was found.

    Returns
    -------
    str
        A Python program that prints the expected and the actual result, and exits with status 1
        as long as they differ.
    """
    quantities = OPERATORS[case.op].functions()[case.function]
    expected = finding.expected
    assert expected is not None
    operands = ", ".join(case.operands)
    place = quantities.index(quantity)
    # A forward function may give its first result alone.
    whole = f"len(results) == {len(quantities)}" + (" or len(results) == 1" if place == 0 else "")
    lines = [
        f'"""{_escaped(title)}\n\n{_escaped(finding.reason)}\n\n{_lines_escaped(told)}\n"""\n',
        "import numpy as np\n",
        *(["import ml_dtypes  # NumPy's bfloat16\n"] if case.dtype.name == BFLOAT16 else []),
        _recorded_source(case, place, len(quantities), finding)
        if is_file(target) and Path(target).is_dir()
        else _target_source(target, case.function),
        BUILD,
        *(
            f"{name} = {_build_text(operand.values, operand.layout)}"
            for name, operand in case.operands.items()
        ),
        f"expected = {_build_text(expected)}",
        f"truth = {'expected' if finding.truth is None else _build_text(finding.truth)}",
        f"tolerance = {_list_text(finding.tolerance) if finding.tolerance is not None else 0}",
        "",
        f"operands = [{operands}]",
        "before = [operand.copy() for operand in operands]",
        f"results = {call_text(case)}",
        "results = results if isinstance(results, (tuple, list)) else [results]",
        f"got = results[{place}] if {whole} else results  # {quantity}",
        "",
        "is_array = isinstance(got, (np.ndarray, np.generic))",
        'print("expected", expected.shape, expected.dtype, expected, sep="\\n")',
        'print("got", *((got.shape, got.dtype) if is_array else [type(got)]), got, sep="\\n")',
        "right = is_array and close(np.asarray(got), expected, truth, tolerance)",
        "untouched = all(map(close, operands, before, before, [0] * len(operands)))",
        "right = right and untouched  # nothing was written to the operands",
        'print("right" if right else "WRONG")',
        "raise SystemExit(0 if right else 1)",
    ]
    return "\n".join(lines) + "\n"


def call_text(case: Case) -> str:
    """Spell the call as one would type it."""
    arguments = [*(f"{name}={name}" for name in case.operands)]
    arguments += [f"{name}={value!r}" for name, value in case.parameters.items()]
    return f"{case.function}({', '.join(arguments)})"


def _target_source(target: str, function: str) -> str:
    if is_file(target):
        path = str(Path(target).resolve())
        folder = str(Path(path).parent)
        return (
            f"import runpy\nimport sys\n\nsys.path.insert(0, {folder!r})\n"
            f"{function} = runpy.run_path({path!r})[{function!r}]"
        )
    if target in (*OWN_TIERS, "cuda"):
        return f"from {PACKAGE}.{target} import {function}"
    if is_module(target):
        return f"from {target} import {function}"
    return _pruned(_adapter_source(module_of(target)), function)


def _recorded_source(case: Case, place: int, count: int, finding: Finding) -> str:
    """Spell a function that gives what a foreign program once gave."""
    got = "None" if finding.got is None else _build_text(finding.got)
    results = ", ".join(got if number == place else "None" for number in range(count))
    return (
        f"\ndef {case.function}(**_):\n"
        f'    """Give what was judged: the result of a program that is none of Python\'s."""\n'
        f"    return [{results}]"
    )


def _adapter_source(name: str) -> str:
    """Read an adapter with the helpers that it imports from its own folder put in their place."""
    spec = find_spec(f"{PACKAGE}.{name}")
    assert spec is not None and spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    own = re.compile(rf"^from {re.escape(PACKAGE)}\.(\w+) import (?:\([^)]*\)|[^\n]*)$", re.M)
    return own.sub(lambda match: _adapter_source(match[1]), source)


def _pruned(source: str, function: str) -> str:
    """Keep the statements that `function` needs, directly or through others."""
    statements = ast.parse(source).body
    names = [_defined(statement) for statement in statements]
    needed, grew = {function}, True
    while grew:
        before = len(needed)
        for statement, defined in zip(statements, names, strict=True):
            if not defined or defined & needed:
                needed |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
        grew = len(needed) > before
    kept = []
    for statement, defined in zip(statements, names, strict=True):
        if _is_docstring(statement) or (defined and not defined & needed):
            continue
        first = min(
            [statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))]
        )
        text = "\n".join(source.splitlines()[first - 1 : statement.end_lineno])
        if text not in kept and text != "import numpy as np":
            kept += ["\n", text, ""] if isinstance(statement, ast.FunctionDef) else [text]
    return "\n".join(kept)


def _defined(statement: ast.stmt) -> set[str]:
    """Names that a statement defines; none for one that must be kept whatever is needed."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign):
        return {n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return {statement.target.id}
    return set()


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _build_text(values: NDArray[Any], layout: str = "contiguous") -> str:
    arguments = [_list_text(values), repr(values.shape), repr(str(values.dtype))]
    if layout != "contiguous":
        arguments.append(repr(layout))
    return f"build({', '.join(arguments)})"


def _list_text(values: NDArray[Any]) -> str:
    """Spell values flat: integers without their point, the rest to the last bit, and runs short."""
    numbers = [_number(v) for v in values.ravel().tolist()]
    parts: list[str] = []
    some: list[str] = []
    for number, alike in groupby(numbers):
        run = list(alike)
        if len(run) <= MANY:
            some += run
            continue
        parts += [f"[{', '.join(some)}]"] * bool(some) + [f"[{number}] * {len(run)}"]
        some = []
    parts += [f"[{', '.join(some)}]"] * (bool(some) or not parts)
    return " + ".join(parts)


def _number(value: float) -> str:
    if np.isfinite(value):
        short = value == int(value) and abs(value) < 2**63 and str(value) != "-0.0"
        return str(int(value)) if short else repr(value)
    return f'float("{value}")'


def _lines_escaped(text: str) -> str:
    return "\n".join(map(_escaped, text.splitlines()))


def _escaped(text: str) -> str:
    """Spell text so that it can stand in a docstring, whatever signs are in it."""
    plain = text.replace("\\", "\\\\").replace('"""', "'''")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)
