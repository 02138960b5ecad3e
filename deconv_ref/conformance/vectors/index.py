"""Read test vectors back: the index, held to its schema, and the cases that it describes."""

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from deconv_ref.conformance.case import Case, Operand
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.reading import ReportError, read_json
from deconv_ref.conformance.vectors.npy import read_npy

__all__ = ["check_schema", "read_case", "read_index", "schema"]

Json = Mapping[str, Any]
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def schema() -> dict[str, Any]:
    """Read the schema of an index, which is published with the package."""
    text = files(__package__).joinpath("schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def read_index(folder: Path) -> dict[str, Any]:
    """Read the index of test vectors.

    Parameters
    ----------
    folder : path
        Where ``deconv-ref vectors`` wrote them.

    Returns
    -------
    dict
        The index, which is as its schema says, of functions that there are.

    Raises
    ------
    ReportError
        If the folder has no such index.
    OSError
        If it cannot be read.
    """
    path = folder / "index.json"
    index = read_json(path)
    rules = schema()
    check_schema(index, rules, str(path), rules["$defs"])
    for record in index["cases"]:
        operator = OPERATORS.get(record["operator"])
        functions = operator.functions() if operator else {}
        if functions.get(record["function"]) != tuple(record["results"]):
            what = f"{record['function']!r} with results {', '.join(record['results'])}"
            raise ReportError(f"{path}: case {record['id']}: there is no function {what}")
    return dict(index)


def read_case(folder: Path, record: Json) -> Case:
    """Read the arrays of a case.

    Parameters
    ----------
    folder : path
        Where the index is.
    record : mapping
        One of its cases.

    Returns
    -------
    Case
        The case as it was drawn.

    Raises
    ------
    ReportError
        If an array is not as it was written.
    OSError
        If one cannot be read.
    """
    operands = {}
    for name, described in record["inputs"].items():
        path = folder / described["array"]["file"]
        if sha256(path.read_bytes()).hexdigest() != described["array"]["sha256"]:
            raise ReportError(f"{path} is not as it was written; write the vectors anew")
        try:
            operands[name] = Operand(read_npy(path), described["layout"])
        except ValueError as error:
            raise ReportError(f"{path}: {error}") from error
    parameters = {name: _parameter(value) for name, value in record["parameters"].items()}
    return Case(record["function"], parameters, operands, record["exact"])


def check_schema(value: Any, rules: Json, where: str, shared: Json) -> None:
    """Hold a JSON value to a schema, of which this knows what that of the index needs.

    Parameters
    ----------
    value : object
        What was read.
    rules : mapping
        The schema.
    where : str
        Name of the value in messages.
    shared : mapping
        Schemas to refer to, by name.

    Raises
    ------
    ReportError
        If the value is not as the schema says.

    Examples
    --------
    >>> sizes = {"type": "array", "items": {"type": "integer", "minimum": 1}}
    >>> check_schema([2, 0], sizes, "size", {})
    Traceback (most recent call last):
    deconv_ref.conformance.reading.ReportError: size[1] must be at least 1, got 0
    """
    if "$ref" in rules:
        rules = shared[rules["$ref"].rpartition("/")[2]]
    _check_value(value, rules, where)
    if rules.get("type") == "array":
        for number, item in enumerate(value):
            check_schema(item, rules.get("items", {}), f"{where}[{number}]", shared)
    if rules.get("type") == "object":
        for name in rules.get("required", ()):
            if name not in value:
                raise ReportError(f"{where} lacks {name}")
        others = rules.get("additionalProperties", {})
        for name, item in value.items():
            inner = rules.get("properties", {}).get(name, others)
            if inner is False:
                raise ReportError(f"{where} has {name!r}, which is none of its own")
            check_schema(item, inner, f"{where}: {name}", shared)


def _check_value(value: Any, rules: Json, where: str) -> None:
    """Hold a value to a schema, but for what is in it."""
    kind = rules.get("type")
    numeric = kind != "integer" or not isinstance(value, bool)  # to Python, True is an integer
    if kind is not None and not (isinstance(value, TYPES[kind]) and numeric):
        raise ReportError(f"{where} must be of type {kind}, got {_shortened(value)}")
    wanted = rules.get("enum", [rules["const"]] if "const" in rules else None)
    if wanted is not None and value not in wanted:
        spelled = " or ".join(map(repr, wanted))
        raise ReportError(f"{where} must be {spelled}, got {_shortened(value)}")
    if kind == "integer" and value < rules.get("minimum", value):
        raise ReportError(f"{where} must be at least {rules['minimum']}, got {value}")


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _parameter(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_parameter, value))
    return float(value) if value in ("nan", "inf", "-inf") else value
