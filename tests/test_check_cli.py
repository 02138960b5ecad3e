"""The command line: statuses, messages, what is printed where, interruptions."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from checking import kernel_file

import deconv_ref
from deconv_ref import cli
from deconv_ref.conformance import runner
from deconv_ref.conformance.operators import OPERATORS

pty = pytest.importorskip("pty", reason="terminals are emulated as POSIX systems do")

COMMAND = [sys.executable, "-m", "deconv_ref"]
ESCAPE = "\x1b"
GROUPS = {  # of quantities, and their fields; what contains what in the report
    "document": {"deconv_ref", "environment", "command", "seed", "results"},
    "environment": {"python", "numpy", "system"},
    "result": {
        *("target", "framework", "version", "op", "quantity", "offered", "cases", "exact"),
        *("refused", "verdict", "reason", "differences", "worst", "ulps", "counterexample"),
    },
    "worst": {"ulp", "of_bound"},
    "counterexample": {
        *("function", "parameters", "inputs", "expected", "got"),
        *("wrong", "equation", "element", "taps", "guess", "text", "script"),
    },
    "array": {"shape", "dtype", "data"},
}
VERDICTS = {"conforms", "inexact", "wrong", "crashes", "refuses", "absent"}
QUANTITIES = ["forward", "x", "weight", "bias"]


def doubled(right, **call):
    return right(**call) * 2


def refusing(right, **call):
    raise ValueError("not here")


def not_numbers(right, **call):
    return right(**call) * np.nan  # noqa: F821


FILES = {
    "right": kernel_file(),
    "half": kernel_file({"conv": doubled}, keep=["conv", "conv_backward"]),
    "refusing": kernel_file({"conv": refusing}, keep=["conv"]),
    "nan": kernel_file({"conv": not_numbers}, keep=["conv"]),
    "slow": kernel_file(
        keep=["conv"],
        extra="import pathlib, time\npathlib.Path('loaded').touch()\n\n\n"
        "def conv(**_):\n    time.sleep(9)\n",
    ),
}


def with_kernels(folder):
    """Write the kernel files into a folder."""
    for name, source in FILES.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return with_kernels(tmp_path_factory.mktemp("kernels"))


@pytest.fixture(scope="module")
def program(folder):
    """Run the command in the folder of the kernel files, as a program."""

    def command(*arguments, **options):
        options = {"capture_output": True, "text": True, "timeout": 120, "cwd": folder} | options
        return subprocess.run([*COMMAND, *map(str, arguments)], **options)

    return command


@pytest.fixture
def run(folder, monkeypatch, capsys):
    """Run the command in the folder of the kernel files, in this process."""
    monkeypatch.chdir(folder)

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["deconv-ref", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return subprocess.CompletedProcess(arguments, ended.value.code or 0, *capsys.readouterr())

    return command


# Statuses


def test_right_is_status_0(program):
    finished = program("check", "right.py", "--op", "conv", "--cases", 5)
    assert (finished.returncode, finished.stderr) == (0, "")


def test_wrong_is_status_1(program):
    assert program("check", "half.py", "right.py", "--op", "conv", "--cases", 5).returncode == 1


def test_a_crash_is_status_1(run):
    finished = run("check", "slow.py", "--op", "conv", "--cases", 2, "--timeout", 0.3)
    assert finished.returncode == 1
    assert "no answer within 0.3 s" in finished.stdout


def test_a_refusal_is_status_0(run):
    finished = run("check", "refusing.py", "--op", "conv", "--cases", 5)
    assert finished.returncode == 0
    assert "ValueError: not here" in finished.stdout


# Misuse


MISUSED_FILES = {
    "syntax.py": b"def conv(\n",
    "raises.py": b"raise OSError('two\\nlines')\n",
    "aborts.py": b"import os\nos.abort()\n",
    "leaves.py": b"import sys\nsys.exit(0)\n",
    "empty.py": b"",
    "others.py": b"def convolve(x):\n    return x\nconv = 3\n",
    "latin.py": b"x = '\xff\xfe'\n",
    "zeros.py": b"\x00\x00\x00",
    "text.txt": b"def conv(x):\n    return x\n",
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such"], "unknown target 'no_such'; known: scipy, torch, .*equations, cpu"),
        ([""], "unknown target ''"),
        (["right.py", "--op", "no_such"], "unknown operator 'no_such'; known: conv, conv_tr"),
        (["right.py", "--op", "conv_backward"], "unknown operator 'conv_backward'"),
        (["no_such.py"], "no_such.py: no such file"),
        (["./"], "no such file"),
        (["folder.py"], "folder.py: no such file"),
        (["syntax.py"], "syntax.py: cannot be imported: SyntaxError"),
        (["raises.py"], "raises.py: cannot be imported: OSError: two lines"),
        (["aborts.py"], "aborts.py: process killed by signal 6 .* while it was imported"),
        (["leaves.py"], "leaves.py: process exited with status 0 while it was imported"),
        (["empty.py"], "empty.py: has none of the functions to check: conv, conv_backward"),
        (["others.py"], "others.py: has none of the functions to check"),
        (["latin.py"], "latin.py: cannot be imported: SyntaxError"),
        (["zeros.py"], "zeros.py: cannot be imported"),
        (["./text.txt"], "text.txt: not a Python file"),
        (["right.py", "empty.py"], "empty.py: has none of the functions"),
        (["right.py", "--json", "no/such/folder.json"], "cannot write no/such/folder.json"),
        (["right.py", "--json", "folder.py"], "cannot write folder.py"),
        (["right.py", "--cases", "0"], "--cases.*1"),
        (["right.py", "--cases", "x"], "--cases.*integer"),
        (["right.py", "--seed", "-1"], "--seed.*0"),
        (["right.py", "--dtype", "int8"], "--dtype.*int8.*float32"),
        (["right.py", "--timeout", "0"], "--timeout"),
        (["right.py", "--timeout", "nan"], "--timeout"),
        (["right.py", "--timeout", "inf"], "--timeout"),
        (["right.py", "--timeout", "1e300"], "--timeout"),
        (["right.py", "--jobs", "0"], "--jobs.*1"),
        (["right.py", "--no-such"], "No such option.*--no-such"),
        (["right.py", "--cases"], "--cases"),
        (["right.py", "--steps", "3"], "--steps is for --network alone"),
        (["--network"], "--network trains .* without --cases"),  # which stands before all of these
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_status_2_and_one_line(arguments, message, run, folder):
    (folder / "folder.py").mkdir(exist_ok=True)
    for name, content in MISUSED_FILES.items():
        (folder / name).write_bytes(content)
    finished = run("check", "--cases", 3, *arguments)
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert finished.stdout == ""
    assert re.fullmatch(f"deconv-ref: .*{message}.*\n", finished.stderr)


def test_an_unknown_command_is_misuse(program):
    finished = program("chek")
    assert finished.returncode == 2
    assert re.fullmatch("deconv-ref: .*chek.*\n", finished.stderr)


def test_no_command_shows_help(run):
    finished = run()
    assert finished.returncode == 2
    assert "check" in finished.stdout
    assert "Traceback" not in finished.stderr
    assert finished.stderr.strip() != "deconv-ref:"  # an empty complaint


def test_help_and_version(run):
    assert "--timeout" in run("check", "--help").stdout
    assert run("--version").stdout == f"deconv-ref {deconv_ref.__version__}\n"


# What is printed


def test_a_pipe_gets_plain_lines_and_a_table(run):
    finished = run("check", "half.py", "--op", "conv", "--cases", 20)
    assert ESCAPE not in finished.stdout
    lines = finished.stdout.splitlines()
    assert lines[0] == "half conv: forward wrong"
    assert lines[1] == "half conv: x conforms  weight conforms  bias conforms"
    rows = [re.findall(r"\w+", line) for line in lines if line.startswith("│")]
    assert rows == [
        ["conv", "forward", "wrong"],
        *(["conv", quantity, "conforms"] for quantity in QUANTITIES[1:]),
    ]
    tail = finished.stdout[finished.stdout.rindex("┘") :]
    assert "half, conv: result (wrong)" in tail
    assert "conv(x=x, weight=weight" in tail
    for name in ("x", "weight", "expected", "got"):
        assert re.search(rf"^    {name} +float(32|64) \(", tail, re.M)


def test_quiet_prints_the_table_alone(run):
    finished = run("check", "half.py", "--op", "conv", "--cases", 5, "--quiet")
    assert finished.returncode == 1
    lines = finished.stdout.splitlines()
    assert lines[0].startswith("┏")
    assert lines[-1].startswith("└")


def test_a_column_for_each_target(run):
    finished = run("check", "half.py", "right.py", "--op", "conv", "--cases", 5, "--quiet")
    rows = [re.findall(r"\w+", line) for line in finished.stdout.splitlines() if line[0] == "│"]
    assert rows[0] == ["conv", "forward", "wrong", "conforms"]


def test_a_terminal_gets_a_progress_bar(folder):
    main, side = pty.openpty()
    command = [*COMMAND, "check", "right.py", "--op", "conv", "--cases", "60"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(command, stdout=side, stderr=side, cwd=folder, env=environment)
    os.close(side)
    seen = b""
    while True:
        try:
            part = os.read(main, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(main)
    assert process.wait(60) == 0
    assert re.search(r"\d+/120", seen.decode())
    assert ESCAPE in seen.decode()
    assert "conforms" in seen.decode()


# The report


@pytest.fixture(scope="module")
def document(program, folder):
    path = folder / "report.json"
    names = [f"{name}.py" for name in ("right", "half", "refusing", "nan")]
    arguments = [*names, "--op", "conv", "--op", "conv_transpose", "--cases", 30, "--seed", 5]
    assert program("check", *arguments, "--json", path).returncode == 1
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_the_report_is_as_the_contract_says(document):
    assert set(document) == GROUPS["document"]
    assert (document["deconv_ref"], document["seed"]) == (deconv_ref.__version__, 5)
    assert set(document["environment"]) == GROUPS["environment"]
    assert document["command"].startswith("deconv-ref check right.py half.py")
    assert {r["framework"] for r in document["results"]} == {"right", "half", "refusing", "nan"}
    for result in document["results"]:
        assert_result(result)


def test_every_quantity_has_a_result(document):
    names = [(r["framework"], r["op"], r["quantity"]) for r in document["results"]]
    expected = [
        (framework, operator, quantity)
        for framework in ("right", "half", "refusing", "nan")
        for operator in ("conv", "conv_transpose")
        for quantity in QUANTITIES
    ]
    assert names == expected


def test_all_operators_are_checked_unless_told():
    expected = {
        function: operator.name
        for operator in OPERATORS.values()
        for function in operator.functions()
    }
    assert runner.Plan(("right.py",)).functions() == expected


def assert_result(result):
    assert set(result) == GROUPS["result"]
    for name in ("target", "framework", "version", "op", "quantity", "verdict", "reason"):
        assert type(result[name]) is str
    assert type(result["offered"]) is bool
    assert type(result["cases"]) is int
    assert 0 <= result["exact"] <= result["cases"]
    assert sum(cases for _, cases in result["ulps"]) <= result["cases"]
    assert type(result["refused"]) is int
    assert 0 <= result["refused"] <= result["cases"] <= 30
    assert result["verdict"] in VERDICTS
    assert result["reason"]
    assert "\n" not in result["reason"]
    assert set(result["worst"]) == GROUPS["worst"]
    for value in result["worst"].values():
        assert value is None or (type(value) is float and value >= 0)
    found = result["verdict"] not in ("conforms", "absent")
    assert (result["counterexample"] is not None) == found
    if found:
        assert_counterexample(result["counterexample"], result["op"])


def assert_counterexample(counterexample, op):
    assert set(counterexample) == GROUPS["counterexample"]
    names = {"stride", "padding", "dilation", "groups", "flip_kernel"}
    names |= {"output_padding"} if op == "conv_transpose" else set()
    assert set(counterexample["parameters"]) == names
    inputs = counterexample["inputs"]
    assert list(inputs) in (["x", "weight"], ["x", "weight", "bias"], ["grad_y", "x", "weight"])
    for array in inputs.values():
        assert_array({name: value for name, value in array.items() if name != "strides"})
        assert len(array.get("strides", array["shape"])) == len(array["shape"])
    assert_array(counterexample["expected"])
    if list(counterexample["got"]) == ["error"]:
        assert type(counterexample["got"]["error"]) is str
    else:
        assert_array(counterexample["got"])
    assert counterexample["text"].startswith(f"{counterexample['function']}(")
    assert all(set(tap["cells"]) <= set(inputs) for tap in counterexample["taps"])
    compile(counterexample["script"], "script", "exec")


def assert_array(array):
    assert set(array) == GROUPS["array"]
    assert array["dtype"] in ("float32", "float64")
    count = 1
    for n in array["shape"]:
        assert type(n) is int
        count *= n
    assert len(array["data"]) == count
    for value in array["data"]:
        assert type(value) is float or value in ("nan", "inf", "-inf")


def test_numbers_that_json_has_not_travel_as_strings(document):
    (result,) = [
        r for r in document["results"] if (r["framework"], r["verdict"]) == ("nan", "wrong")
    ]
    assert set(result["counterexample"]["got"]["data"]) == {"nan"}


@pytest.fixture(scope="module")
def page(program, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "<i>.html"
    program("check", "half.py", "right.py", "--op", "conv", "--cases", 40, "--html", path)
    return path.read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_whole_in_itself(page):
    opened = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attributes):
            links = dict(attributes)
            assert "src" not in links and links.get("href", "#").startswith("#"), "asks the network"
            if tag not in ("meta", "br", "wbr"):
                opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Parser(convert_charrefs=True).feed(page)
    assert not opened
    assert "<script" not in page and "url(" not in page


def test_the_page_shows_verdicts_counterexamples_and_the_command(page):
    assert '<td class="wrong"' in page and '<td class="conforms"' in page
    assert "expected" in page and "raise SystemExit" in page
    assert "deconv-ref check half.py right.py --op conv --cases 40" in page
    assert "&lt;i&gt;.html" in page and "<i>" not in page


def test_an_old_report_survives_a_run_that_fails(run, tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")
    assert run("check", "no_such.py", "--json", path).returncode == 2
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="no device that is always full")
@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_full_disk_is_told_in_one_line(option, run):
    finished = run("check", "right.py", "--op", "conv", "--cases", 2, option, "/dev/full")
    assert finished.returncode == 2
    assert re.fullmatch("deconv-ref: .*No space left on device.*\n", finished.stderr)


def test_an_old_report_is_replaced_and_nothing_else_left(run, tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old" * 100_000)
    arguments = ("--op", "conv", "--cases", 3, "--json", path)
    assert run("check", "right.py", *arguments).returncode == 0
    assert json.loads(path.read_text())["seed"] == 0
    assert [*tmp_path.iterdir()] == [path]


def test_a_report_may_be_read_like_any_new_file(run, tmp_path):
    (tmp_path / "other").touch()
    path = tmp_path / "report.json"
    run("check", "right.py", "--op", "conv", "--cases", 3, "--json", path)
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_report_may_go_where_a_link_leads(run, tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "report.json")
    run("check", "right.py", "--op", "conv", "--cases", 3, "--json", tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "report.json").read_text())["seed"] == 0


def test_a_report_into_a_pipe_leaves_the_pipe(run, tmp_path):
    """And /dev/stdout or /dev/null, where replacing them would break the machine."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    run("check", "right.py", "--op", "conv", "--cases", 3, "--json", path)
    assert path.is_fifo()
    assert json.loads(os.read(reading, 1_000_000))["seed"] == 0
    os.close(reading)


# The documents


def test_documents_are_listed_and_told(run):
    listed = run("documents")
    assert listed.returncode == 0
    assert "system-d1" in listed.stdout
    told = run("documents", "c2")
    assert told.returncode == 0
    assert "conv" in told.stdout


def test_an_unknown_entry_is_one_line(run):
    finished = run("documents", "Z9")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith("deconv-ref: ")
    assert finished.stderr.count("\n") == 1


# What a terminal lacks, and memory


@pytest.mark.parametrize("arguments", [("documents", "A"), ("documents",), ("check", "--help")])
def test_signs_that_the_output_lacks_are_replaced(program, arguments):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    finished = program(*arguments, env=environment)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.isascii() and len(finished.stdout) > 500


def test_too_little_memory_is_one_line(monkeypatch, capsys):
    for error, told in (
        (MemoryError(), "not enough memory"),
        (MemoryError("Unable to allocate 9 TiB"), "not enough memory: Unable to allocate 9 TiB"),
    ):

        def fail(error=error, **_):
            raise error

        monkeypatch.setattr(cli, "app", fail)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        assert capsys.readouterr().err == f"deconv-ref: {told}\n"
