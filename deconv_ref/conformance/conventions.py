"""``python -m deconv_ref.conformance.conventions``: how each framework spells each operator.

It prints docs/conventions.md, from what the adapters say of themselves. No framework is imported.
"""

import inspect
from collections.abc import Iterable, Iterator, Sequence

import deconv_ref
from deconv_ref.conformance.frameworks import REQUIRES
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.sources import Adapter, read

__all__ = ["CHAPTERS", "VALUES", "keys", "page", "spelling"]

CHAPTERS = (
    "convolution",
    "pooling",
    "resampling",
    "padding",
    "dense",
    "normalization",
    "activations",
    "losses",
    "similarity",
    "fourier",
)
"""Chapters of `deconv_ref.ops`, in the page's order."""

RULES = ('"valid"', '"same"', '"same_lower"', '"full"')

VALUES = {
    "conv.padding": RULES,
    "conv_transpose.padding": RULES,
    "max_pool.padding": RULES,
    "avg_pool.padding": RULES,
    "upsample.mode": ('"nearest"', '"linear"'),
    "pad.mode": ('"zeros"', '"reflect"', '"replicate"', '"circular"'),
    "ssim.window": ("None", '"gaussian"'),
    "ssim_loss.window": ("None", '"gaussian"'),
    "fft_convolve.boundary": ('"zeros"', '"circular"'),
    "wiener.regularization": ("None", '"laplacian"'),
}
"""Values of parameters that frameworks spell one by one."""

OURS = ("needs_x", "relu")
"""Parameters that save work and change no meaning: no framework is asked how it spells them."""

INTRODUCTION = """\
# Conventions of the frameworks

How each framework spells each operator, and where it differs. The tables are those of the
[adapters](../deconv_ref/conformance/frameworks), by which the checker calls the frameworks; this
page is printed from them by `python -m deconv_ref.conformance.conventions`.

A table has a row for the operator and one for each of its parameters, by our names, and a column
for each framework that has it. `padding` alone is padding in numbers. The gradient follows, with
those parameters that it adds.

| cell | says |
|---|---|
| `strides` | that is its name there, and it means the same |
| same | it has our name and our meaning |
| not offered | there is no such thing; unless done here, the checker leaves out what needs it |
| — | there is no such function |

Numbers lead to remarks below the table; "here" is the adapter, which does some things in front of
the framework's function or behind it. *By design* lists results that are different on purpose, or
by a formula that loses digits; the checker tells them from faults.
"""


def page() -> str:
    """Build docs/conventions.md.

    Returns
    -------
    str
        Markdown.
    """
    adapters = [read(name) for name in REQUIRES]
    adapters.sort(key=lambda adapter: "conv_backward" not in adapter.names)  # gradients first
    blocks = [INTRODUCTION, "## Contents\n", _contents(), "## Frameworks\n"]
    for adapter in adapters:
        blocks += [f"### {adapter.name}\n", adapter.summary.replace("``", "`") + "\n"]
    for chapter in CHAPTERS:
        blocks.append(f"## {chapter.capitalize()}\n")
        for op in _operators(chapter):
            blocks += _section(op, adapters)
    return "\n".join(blocks)


def keys(op: str) -> list[str]:
    """List what a framework may spell of an operator.

    Parameters
    ----------
    op : str
        Name of the operator.

    Returns
    -------
    list of str
        The operator, its parameters and their values, its gradient and the parameters that this
        adds: "op", "op.parameter", "op.parameter=value", "op_backward", "op_backward.parameter".
    """
    listed, seen = [], set()
    for function in OPERATORS[op].functions():
        listed.append(function)
        for parameter in inspect.signature(getattr(deconv_ref, function)).parameters:
            if parameter not in seen and parameter not in OURS:
                key = f"{function}.{parameter}"
                listed += [key, *(f"{key}={value}" for value in VALUES.get(key, ()))]
                seen.add(parameter)
    return listed


def spelling(adapter: Adapter, key: str) -> str:
    """Spell an operator or a parameter.

    Parameters
    ----------
    adapter : Adapter
        The framework's.
    key : str
        One of `keys`.

    Returns
    -------
    str
        What the page shows, with a remark after a semicolon: "same" where the adapter says nothing
        of a parameter, "—" where it has no such function.
    """
    function, dot, parameter = key.partition(".")
    own = adapter.spellings.get(key)
    if function not in adapter.names:
        return f"—; {own}" if own else "—"
    everyone = "gradients" if function.endswith("_backward") else "operators"
    return own or adapter.spellings.get(everyone + dot + parameter, "same" if dot else "?")


def _operators(chapter: str) -> list[str]:
    home = f"deconv_ref.ops.{chapter}."
    return [op for op in OPERATORS if getattr(deconv_ref, op).__module__.startswith(home)]


def _contents() -> str:
    lines = ["- [Frameworks](#frameworks)"]
    for chapter in CHAPTERS:
        links = ", ".join(f"[{op}](#{op})" for op in _operators(chapter))
        lines.append(f"- [{chapter.capitalize()}](#{chapter}): {links}")
    return _lines(lines)


def _section(op: str, adapters: Sequence[Adapter]) -> Iterator[str]:
    """Write an operator's table, with the remarks and the differences below it."""
    yield f"### {op}\n"
    having = [adapter for adapter in adapters if op in adapter.names]
    remarks: dict[tuple[str, str], list[str]] = {}
    columns = {adapter.name: _column(op, adapter, remarks) for adapter in having}
    if having:
        yield _table(op, columns)
    absent = [
        adapter.name + (f" ({adapter.spellings[op]})" if op in adapter.spellings else "")
        for adapter in adapters
        if adapter not in having
    ]
    if absent:
        yield f"Not in {', '.join(absent)}.\n"
    if remarks:
        yield _lines(
            f"{number}. {', '.join(names)}, {_label(key)}: {remark}."
            for number, ((key, remark), names) in enumerate(remarks.items(), 1)
        )
    differences = _differences(op, adapters)
    if differences:
        yield "By design:\n"
        yield _lines(f"- {', '.join(names)}, {text}." for text, names in differences.items())


def _column(op: str, adapter: Adapter, remarks: dict[tuple[str, str], list[str]]) -> list[str]:
    """Spell all rows of a framework, and note remarks, of which those that are alike share one."""
    cells = []
    for key in keys(op):
        cell, _, remark = spelling(adapter, key).partition("; ")
        if remark:
            remarks.setdefault((key, remark), []).append(adapter.name)
            cell += f"<sup>{list(remarks).index((key, remark)) + 1}</sup>"
        cells.append(cell)
    return cells


def _table(op: str, columns: dict[str, list[str]]) -> str:
    """Write a table, in which frameworks that spell all alike share a column."""
    shared: dict[tuple[str, ...], list[str]] = {}
    for name, column in columns.items():
        shared.setdefault(tuple(column), []).append(name)
    rows = [["", *map(", ".join, shared.values())], ["---"] * (len(shared) + 1)]
    rows += [[_label(key), *cells] for key, *cells in zip(keys(op), *shared, strict=True)]
    return _lines(f"| {' | '.join(row)} |" for row in rows)


def _label(key: str) -> str:
    function, _, parameter = key.partition(".")
    return f"`{parameter}`" if parameter else f"**{function}**"


def _differences(op: str, adapters: Sequence[Adapter]) -> dict[str, list[str]]:
    """Collect what differs by design in an operator and its gradient, and in which frameworks."""
    found: dict[str, list[str]] = {}
    for function in OPERATORS[op].functions():
        for adapter in adapters:
            for difference in adapter.differences.get(function, ()):
                of = f" ({difference.quantity})" if difference.quantity else ""
                found.setdefault(f"`{function}`{of}: {difference.reason}", []).append(adapter.name)
    return found


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
