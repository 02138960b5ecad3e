"""``import deconv_ref`` costs what importing NumPy costs."""

import json
import statistics
import subprocess
import sys

import pytest

LATER = (
    *("numba", "llvmlite", "scipy", "hypothesis", "PIL", "typer", "rich", "torch", "tensorflow"),
    *("keras", "jax", "onnx", "onnxruntime", "mpmath", "safetensors"),
)


def printed(program):
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(finished.stdout)


def imported(program):
    """Name the modules that a fresh Python holds after the program."""
    return set(printed(f"{program}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"))


def seconds(program):
    clock = "import json, time\nstart = time.perf_counter()\n{}\nprint(time.perf_counter() - start)"
    return printed(clock.format(program))


def test_import_loads_numpy_and_nothing_else_from_outside():
    ours = imported("import deconv_ref") - imported("import numpy")
    outside = {name.partition(".")[0] for name in ours} - {"deconv_ref"}
    assert not outside & set(LATER)
    assert outside <= set(sys.stdlib_module_names)


def test_import_loads_no_kernels_and_no_checker():
    ours = imported("import deconv_ref")
    assert "deconv_ref.ops.convolution.conv" in ours
    for name in ours:
        first, *rest = name.split(".")
        if first == "deconv_ref" and name != "deconv_ref.cuda":  # which imports Numba when asked
            assert not {"cpu", "literal", "cuda", "conformance", "cli", "nn", "imaging"} & set(rest)


def test_the_command_line_loads_no_command_before_it_runs():
    loaded = imported("import deconv_ref.cli")
    outside = {name.partition(".")[0] for name in loaded}
    assert not outside & {"numba", "scipy", "hypothesis", "PIL", "safetensors", "matplotlib"}
    ours = {name.split(".")[1] for name in loaded if name.startswith("deconv_ref.")}
    assert "commands" in ours
    assert not ours & {"conformance", "documents", "imaging", "nn"}


@pytest.mark.parametrize("name", LATER)
def test_nothing_that_is_loaded_later_has_to_be_installed(name):
    blocked = f"import sys\nsys.modules[{name!r}] = None\nimport deconv_ref\nprint('true')"
    assert printed(blocked)


def test_import_time_is_told():
    """Told, not judged: time belongs to the machine. Show it with ``pytest -s``."""
    runs = [(seconds("import numpy"), seconds("import numpy, deconv_ref")) for _ in range(3)]
    alone, with_ours = map(statistics.median, zip(*runs, strict=True))
    print(f"numpy {alone * 1e3:.0f} ms, with deconv_ref {with_ours * 1e3:.0f} ms")
