"""What an adapter says of itself, read from its source: its framework need not be installed."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from deconv_ref.conformance import frameworks
from deconv_ref.conformance.frameworks._difference import Difference

__all__ = ["Adapter", "read"]

PACKAGE = frameworks.__name__
FOLDER = Path(frameworks.__file__).parent

Definition = tuple[str, ast.AST]
"""A module, and the expression, function or class in it that a name stands for."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """What an adapter says of itself.

    Attributes
    ----------
    name : str
        Its module.
    summary : str
        Its docstring.
    names : frozenset of str
        What it defines, functions of operators among them.
    spellings : mapping of str to str
        Texts by function or by function and parameter, a key each: see
        `deconv_ref.conformance.frameworks`.
    differences : mapping of str to sequence of Difference
        What is different by design, by function; allowances are not read.
    """

    name: str
    summary: str
    names: frozenset[str]
    spellings: Mapping[str, str]
    differences: Mapping[str, Sequence[Difference]]


@cache
def read(name: str) -> Adapter:
    """Read an adapter.

    Parameters
    ----------
    name : str
        Its module in `deconv_ref.conformance.frameworks`.

    Returns
    -------
    Adapter
        What it says.

    Raises
    ------
    ValueError
        If its tables hold more than text, names and `Difference`.
    """
    names = _names(name)
    spellings = {
        key: text for keys, text in _named(name, "SPELLINGS").items() for key in keys.split()
    }
    summary = ast.get_docstring(_tree(name)) or ""
    return Adapter(name, summary, frozenset(names), spellings, _named(name, "DIFFERENCES"))


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))


@cache
def _names(module: str) -> Mapping[str, Definition]:
    """Find what a module defines, or imports from its own folder."""
    found: dict[str, Definition] = {}
    for statement in _tree(module).body:
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] = module, statement
            case ast.Assign(targets=targets, value=value):
                found |= dict.fromkeys(_targets(targets), (module, value))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                found |= dict.fromkeys(_targets([target]), (module, value))
            case ast.ImportFrom(module=str(origin)) if origin.startswith(f"{PACKAGE}."):
                others = _names(origin.removeprefix(f"{PACKAGE}."))
                found |= {
                    alias.asname or alias.name: others[alias.name] for alias in statement.names
                }
    return found


def _targets(targets: Sequence[ast.expr]) -> Iterator[str]:
    for target in targets:
        yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def _named(module: str, name: str) -> Any:
    return _value(*_names(module)[name])


def _value(module: str, node: ast.AST) -> Any:
    """Evaluate an expression of text, names, dictionaries, lists and `Difference`."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return _named(module, name)
        case ast.Attribute(value=value, attr=name):
            return getattr(_value(module, value), name)
        case ast.Subscript(value=value, slice=key):
            return _value(module, value)[_value(module, key)]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _value(module, left) | _value(module, right)
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {k: v for pair in pairs for k, v in _items(module, *pair).items()}
        case ast.List(elts=elements):
            return [value for element in elements for value in _values(module, element)]
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _called(module, name, arguments)
    line = getattr(node, "lineno", 0)
    raise ValueError(f"{module}.py, line {line}: {ast.unparse(node)} is no text of a table")


def _called(module: str, name: str, arguments: Sequence[ast.expr]) -> Any:
    """Evaluate `Difference`, or a function that returns one whatever its arguments are."""
    if name == "Difference":
        reason, _, quantity = [*arguments, ast.Constant(None), ast.Constant(None)][:3]
        return Difference(_value(module, reason), quantity=_value(module, quantity))
    home, function = _names(module)[name]
    last = function.body[-1] if isinstance(function, ast.FunctionDef) else function
    return _value(home, last.value if isinstance(last, ast.Return) and last.value else last)


def _items(module: str, key: ast.expr | None, value: ast.expr) -> dict[Any, Any]:
    """Evaluate an entry of a dictionary, or another dictionary that is unpacked in it."""
    inner = _value(module, value)
    return dict(inner) if key is None else {_value(module, key): inner}


def _values(module: str, element: ast.expr) -> list[Any]:
    inner = _value(module, element.value if isinstance(element, ast.Starred) else element)
    return list(inner) if isinstance(element, ast.Starred) else [inner]
