"""Test vectors: what is written, what is judged, and a program in C that reads them."""

import hashlib
import itertools
import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from checking import run_script
from commanding import runner
from hypothesis import given
from hypothesis import strategies as st

from deconv_ref.conformance.case import Case, Operand
from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.vectors import export
from deconv_ref.conformance.vectors.flags import FLAGS, flags
from deconv_ref.conformance.vectors.index import check_schema, read_case, read_index, schema
from deconv_ref.conformance.vectors.npy import npy_bytes, read_npy
from deconv_ref.conformance.vectors.results import judge_results

OPS = ("conv", "max_pool", "mse")
SOURCE = Path(__file__).parents[1] / "examples" / "vectors.c"
COMPILER = shutil.which("cc")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1")
DTYPES = ("float32", "float64")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    export.write_vectors(folder, OPS, 12, 0, DTYPES)
    return folder


@pytest.fixture
def results(vectors, tmp_path):
    """What a program without a fault makes of the vectors."""
    return shutil.copytree(vectors / "expected", tmp_path / "results")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    return runner(tmp_path, monkeypatch, capsys)


def tree(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# What is written


def test_the_same_seed_writes_the_same_bytes(vectors, tmp_path):
    for name, seed in (("same", 0), ("other", 1)):
        (tmp_path / name).mkdir()
        export.write_vectors(tmp_path / name, OPS, 12, seed, DTYPES)
    assert tree(tmp_path / "same") == tree(vectors)
    assert tree(tmp_path / "other") != tree(vectors)


def test_the_index_names_every_file_and_describes_it(vectors):
    index = read_index(vectors)
    contents = tree(vectors)
    named = {"index.json"}
    for record in index["cases"]:
        arrays = [described["array"] for described in record["inputs"].values()]
        for result in record["results"].values():
            arrays += [result[name] for name in ("expected", "truth", "bound") if name in result]
            assert (result["rule"] == "bound") == ("bound" in result) == ("truth" in result)
        for array in arrays:
            named.add(array["file"])
            assert_array(array, contents[array["file"]])
    assert named == set(contents)
    assert {flag for record in index["cases"] for flag in record["flags"]} == set(index["flags"])


def assert_array(described, content):
    """Read a file as its format says, without NumPy's reader."""
    assert hashlib.sha256(content).hexdigest() == described["sha256"]
    assert content[:8] == b"\x93NUMPY\x01\x00"
    (length,) = struct.unpack("<H", content[8:10])
    header = eval(content[10 : 10 + length])
    kind = {"float32": "<f4", "float64": "<f8", "int64": "<i8"}[described["dtype"]]
    shape = tuple(described["shape"])
    assert header == {"descr": kind, "fortran_order": False, "shape": shape}
    assert len(content) == 10 + length + int(np.prod(shape)) * int(kind[-1])


def test_there_are_as_many_different_cases_as_asked_for(vectors):
    index = read_index(vectors)
    for function in {record["function"] for record in index["cases"]}:
        records = [record for record in index["cases"] if record["function"] == function]
        cases = {read_case(vectors, record).key() for record in records}
        assert len(cases) == len(records) == 12


@pytest.mark.parametrize("op", OPERATORS)
def test_cases_of_every_operator_come_back_and_their_results_conform(op, tmp_path):
    export.write_vectors(tmp_path, (op,), 2, 0, DTYPES)
    index = read_index(tmp_path)
    judged = judge_results(tmp_path, index, tmp_path / "expected")
    assert {result.verdict for result in judged} == {Verdict.CONFORMS}
    for record in index["cases"]:
        drawn = list(export._distinct(record["function"], 2, 0, DTYPES))
        assert read_case(tmp_path, record) == drawn[int(record["id"][-4:])]


def test_the_rules_written_down_are_those_of_the_judge(vectors, results):
    """Results are moved to either side of what is allowed; the files are read by themselves."""
    random = np.random.default_rng(0)
    seen = set()
    for record in read_index(vectors)["cases"]:
        wanted = {}
        for quantity, result in record["results"].items():
            got, wanted[quantity] = moved(vectors, result, random)
            (results / f"{record['id']}.{quantity}.npy").write_bytes(npy_bytes(got))
        judged = judge_results(vectors, {"cases": [record]}, results)
        assert {r.quantity: r.verdict is Verdict.CONFORMS for r in judged} == wanted
        seen |= {*wanted.values()}
    assert seen == {True, False}


def moved(vectors, result, random):
    """Move a result, and tell by the rule whether it is right still."""
    expected = np.load(vectors / result["expected"]["file"])
    if result["rule"] == "exact" or not expected.size:
        return expected, True
    truth, bound = (np.load(vectors / result[name]["file"]) for name in ("truth", "bound"))
    factor = random.choice([0.5, 0.9, 1.1]) if result["expected"]["dtype"] == "float32" else 0.5
    got = (truth + factor * bound * random.choice([-1, 1], bound.shape)).astype(expected.dtype)
    with np.errstate(invalid="ignore"):
        near = np.abs(got.astype(np.float64) - truth) <= bound
    return got, bool(np.all(near | (got == expected) | np.isnan(expected)))


# Flags


def test_every_flag_is_met_and_says_what_it_catches():
    met = {
        flag
        for op in ("conv", "max_pool", "avg_pool", "upsample", "mae", "batch_norm")
        for function in OPERATORS[op].functions()
        for case in export._distinct(function, 50, 0, ("float32",))
        for flag in flags(case)
    }
    met |= {f for case in export._distinct("conv_transpose", 20, 0, DTYPES) for f in flags(case)}
    assert met == set(FLAGS)


def conv(layout="contiguous", **parameters):
    given = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
    x, weight = np.ones((1, 2, 4, 4)), np.ones((2, 2 // parameters.get("groups", 1), 2, 2))
    operands = {"x": Operand(x, layout), "weight": Operand(weight)}
    return Case("conv", given | {"flip_kernel": False} | parameters, operands, exact=True)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (conv(), set()),
        (conv(padding=((1, 1), (0, 0))), {"padding"}),
        (conv(padding=((1, 0), (0, 0))), {"padding", "asymmetric-padding"}),
        (conv(padding="same"), {"same-padding"}),
        (conv(padding="valid"), set()),
        (conv(stride=(2, 2)), {"stride"}),
        (conv(stride=(1, 3)), {"stride", "unequal-stride", "gaps-between-windows"}),
        (conv(stride=(3, 3), dilation=(2, 2)), {"stride", "dilation"}),
        (conv(dilation=(1, 2)), {"dilation", "unequal-dilation"}),
        (conv(groups=2), {"groups", "depthwise"}),
        (conv(flip_kernel=True), {"flip-kernel"}),
        (conv("reversed"), {"negative-strides"}),
        (conv("sliced"), {"gapped-strides"}),
    ],
)
def test_flags_name_what_a_case_has(case, expected):
    assert set(flags(case)) == expected | {"2d"}


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, np.nan, -np.inf]), min_size=2, max_size=6))
def test_ties_are_maxima_that_a_window_has_twice(values):
    x = np.array(values).reshape(1, 1, -1)
    parameters = {"kernel_size": (2,), "stride": (1,), "padding": ((0, 0),), "dilation": (1,)}
    case = Case("max_pool", parameters | {"ceil_mode": False}, {"x": Operand(x)}, exact=True)
    pairs = itertools.pairwise(values)
    assert ("ties" in flags(case)) == any(a == b for a, b in pairs)


# What is judged


@pytest.mark.parametrize(
    ("damage", "verdict", "reason"),
    [
        (
            lambda path, y: path.unlink(),
            "refuses",
            r"no file conv-0003.forward.npy; in case conv-0",
        ),
        (lambda path, y: path.write_bytes(b""), "wrong", "gave no whole .npy file"),
        (lambda path, y: path.write_bytes(b"text\n" * 99), "wrong", "gave no whole .npy file"),
        (lambda path, y: path.write_bytes(npy_bytes(y)[:-1]), "wrong", "gave no whole .npy file"),
        (lambda path, y: path.write_bytes(npy_bytes(y)[:40]), "wrong", "gave no whole .npy file"),
        (lambda path, y: np.savez(path.open("wb"), y), "wrong", "gave no whole .npy file"),
        (lambda path, y: (path.unlink(), path.mkdir()), "wrong", "gave .*directory"),
        (lambda path, y: np.save(path, y.astype("f2")), "wrong", "dtype float16 where"),
        (lambda path, y: np.save(path, y.astype(object)), "wrong", "gave no whole .npy file"),
        (lambda path, y: np.save(path, y.astype("U9")), "wrong", "gave an array of <U9"),
        (lambda path, y: np.save(path, y[..., None]), "wrong", "shape .* where the equations give"),
        (lambda path, y: np.save(path, y + 1), "wrong", "elements differ"),
        (lambda path, y: np.save(path, y.astype(y.dtype.newbyteorder(">"))), "conforms", "exact"),
        (lambda path, y: np.save(path, np.asfortranarray(y)), "conforms", "exact"),
    ],
    ids=range(14),
)
def test_what_is_no_right_result_is_told(damage, verdict, reason, run, results, vectors):
    path = results / "conv-0003.forward.npy"
    damage(path, np.load(path))
    status, printed, complaints = run(f"judge {vectors} {results} --json report.json")
    assert (status, complaints) == (verdict == "wrong", "")
    assert "conv" in printed
    report = json.loads(Path("report.json").read_text())["results"]
    found = {(r["op"], r["quantity"]): r for r in report}
    record = found.pop(("conv", "forward"))
    assert record["verdict"] == verdict
    assert re.search(reason, record["reason"])
    assert {other["verdict"] for other in found.values()} == {"conforms"}


def test_a_function_of_which_there_is_nothing_is_absent(results, vectors):
    for path in (*results.glob("conv_backward-*"), *results.glob("max_pool-*.indices.npy")):
        path.unlink()
    judged = judge_results(vectors, read_index(vectors), results)
    absent = {(r.op, r.quantity) for r in judged if r.verdict is Verdict.ABSENT}
    assert absent == {("conv", "x"), ("conv", "weight"), ("conv", "bias"), ("max_pool", "indices")}


def test_what_is_wrong_is_shown_as_ever(run, results, vectors, tmp_path):
    path = results / "max_pool-0001.indices.npy"
    np.save(path, np.load(path) + 1)
    status, printed, _ = run(
        f"judge {vectors} {results} --json r.json --html r.html --markdown r.md"
    )
    assert status == 1 and "results, max_pool: result indices (wrong)" in printed
    assert "in case max_pool-0001" in printed
    assert "<svg" in (tmp_path / "r.html").read_text()
    assert "**wrong**" in (tmp_path / "r.md").read_text()
    report = json.loads((tmp_path / "r.json").read_text())["results"]
    (record,) = [record for record in report if record["verdict"] == "wrong"]
    shown = run_script(record["counterexample"]["script"], tmp_path)
    assert (shown.returncode, shown.stderr) == (1, "")
    assert "WRONG" in shown.stdout


# Misuse


def change(function):
    """Change an index and write it again."""

    def damage(folder):
        path = folder / "index.json"
        index = json.loads(path.read_text())
        function(index)
        path.write_text(json.dumps(index))

    return damage


def case(**changes):
    return change(lambda index: index["cases"][0].update(changes))


def call(**changes):
    return change(lambda index: index["cases"][0]["parameters"].update(changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "index.json").unlink(), "No such file"),
        (lambda folder: (folder / "index.json").write_bytes(b"{\xff"), "index.json: no JSON"),
        (lambda folder: (folder / "index.json").write_text("[]"), "must be of type object, got"),
        (
            change(lambda index: index.update(format="2")),
            "format must be 'deconv_ref vectors 1', g",
        ),
        (change(lambda index: index.pop("cases")), "index.json lacks cases"),
        (change(lambda index: index.update(seed=True)), "seed must be of type integer, got True"),
        (change(lambda index: index.update(cases=[])), "has no result of these cases"),
        (case(function="no_such"), "case conv-0000: there is no function 'no_such' with results f"),
        (case(operator="relu"), "there is no function 'conv' with"),
        (case(results={}), "there is no function 'conv' with results"),
        (case(surplus=1), r"cases\[0\] has 'surplus', which is none of its own"),
        (call(stride=[0]), "case conv-0000 is no legal call: conv: stride must be"),
        (case(parameters={"surplus": 1}), "case conv-0000 is no legal call: .*surplus"),
        (case(inputs={}), "case conv-0000 is no legal call: "),
        (lambda folder: (folder / "inputs/conv-0000.x.npy").write_bytes(b""), "not as it was writ"),
        (lambda folder: (folder / "inputs/conv-0000.x.npy").unlink(), "No such file"),
    ],
    ids=range(16),
)
def test_damaged_vectors_are_told_in_one_line(damage, message, run, vectors, tmp_path):
    folder = shutil.copytree(vectors, tmp_path / "damaged")
    damage(folder)
    status, printed, complaints = run(f"judge damaged {vectors}/expected")
    assert (status, printed) == (2, "")
    assert re.fullmatch(f"deconv-ref: .*{message}.*\n", complaints)


def test_results_of_something_else_are_told(run, vectors, tmp_path):
    (tmp_path / "empty").mkdir()
    for words in ("empty", "nowhere"):
        status, _, complaints = run(f"judge {vectors} {words}")
        assert status == 2
        assert f"{words} has no result of these cases, such as conv-0000.forward.npy" in complaints


def test_vectors_go_to_a_new_folder_or_an_empty_one(run, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        status, printed, _ = run(f"vectors {name} --op relu --cases 3 --dtype float32")
        assert (status, printed) == (0, f"{name}: 6 cases of 2 functions\n")
    assert tree(tmp_path / "new") == tree(tmp_path / "empty")
    assert b"float64" not in (tmp_path / "new/index.json").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("full", "full is there already"),
        ("full/file", "full/file is there already"),
        ("no/such", "cannot write no/such: no is no folder"),
        ("new --op no_such", "unknown operator 'no_such'; known: conv"),
        ("new --cases 0", "--cases.*1"),
    ],
)
def test_nothing_that_is_there_is_written_over(words, message, run, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("mine")
    status, printed, complaints = run(f"vectors {words}")
    assert (status, printed) == (2, "")
    assert re.fullmatch(f"deconv-ref: .*{message}.*\n", complaints)
    assert tree(tmp_path) == {"full/file": b"mine"}


def test_vectors_are_written_whole_or_not_at_all(run, tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "flags", full_disk)  # the first arrays are on the disk by then
    status, _, complaints = run("vectors new --op relu --cases 3")
    assert status == 2 and "No space left on device" in complaints
    assert not [*tmp_path.iterdir()]


def test_the_schema_knows_no_words_that_are_not_held_to():
    known = {"$schema", "$defs", "$ref", "title", "description", "type", "required", "properties"}
    known |= {"additionalProperties", "items", "enum", "const", "minimum"}

    def words(rules):
        assert set(rules) <= known
        inner = [*rules.get("properties", {}).values(), *rules.get("$defs", {}).values()]
        inner += [rules[name] for name in ("items", "additionalProperties") if rules.get(name)]
        for part in inner:
            words(part)

    words(schema())
    check_schema({}, {"type": "object"}, "nothing", {})


def test_arrays_come_back_in_this_machines_order(tmp_path):
    array = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "a.npy", np.asfortranarray(array.astype(">f8")))
    back = read_npy(tmp_path / "a.npy")
    assert back.dtype == np.float64 and back.flags.c_contiguous
    assert np.array_equal(back, array)


# In C


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Compile the reader, as it is or with changes."""
    if COMPILER is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("c")

    def build(old="", new=""):
        source, program = folder / "vectors.c", folder / f"program{len([*folder.iterdir()])}"
        text = SOURCE.read_text(encoding="utf-8")
        assert text.count(old) == 1 or not old
        source.write_text(text.replace(old, new) if old else text, encoding="utf-8")
        subprocess.run([COMPILER, *STRICT, "-o", program, source], check=True, timeout=60)
        return program

    return build


@pytest.fixture(scope="module")
def convolutions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("convolutions")
    export.write_vectors(folder, ("conv", "relu"), 60, 0, DTYPES)
    return folder


def test_a_program_in_c_reads_vectors_and_conforms(compiled, convolutions, run, tmp_path):
    (tmp_path / "results").mkdir()
    command = [compiled(), convolutions, tmp_path / "results"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (finished.returncode, finished.stdout) == (0, "60 cases of conv\n")
    status, printed, _ = run(f"judge {convolutions} results")
    assert status == 0
    assert re.search(r"conv +│ forward +│ conforms", printed)
    assert len(printed.splitlines()) == 6, "what it has no results of is left out"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total / 2 : total - total / 2", "total - total / 2 : total / 2"),
        ("flip ? taps", "!flip ? taps"),
        ("first + c, tap", "0 * first + c, tap"),
        ("window->stride[axis], sides", "window->stride[0], sides"),
    ],
)
def test_a_fault_in_c_is_found(old, new, compiled, convolutions, tmp_path):
    (tmp_path / "results").mkdir()
    command = [compiled(old, new), convolutions, tmp_path / "results"]
    subprocess.run(command, capture_output=True, timeout=60)
    judged = judge_results(convolutions, read_index(convolutions), tmp_path / "results")
    assert judged[0].verdict is Verdict.WRONG


@pytest.mark.parametrize("content", ["", "{", '{"format": "x', "[1, 2]", '{"cases": 3}', "null"])
def test_the_program_in_c_refuses_what_is_no_index(content, compiled, tmp_path):
    (tmp_path / "index.json").write_text(content)
    finished = subprocess.run([compiled(), tmp_path, tmp_path], capture_output=True, text=True)
    assert finished.returncode == 2
    assert finished.stderr.startswith("vectors: ") and finished.stderr.count("\n") == 1
