"""``python -m benchmarks.cuda`` from end to end, in the simulator."""

import json
import os
import subprocess
import sys
from pathlib import Path

from numba import cuda

ROOT = Path(__file__).parents[2]


def run(*arguments, **environment):
    command = [sys.executable, "-m", "benchmarks.cuda", *arguments]
    surroundings = os.environ | environment
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True)


def test_it_runs_from_end_to_end_in_the_simulator(tmp_path):
    figures, picture = tmp_path / "figures.json", tmp_path / "roofline.png"
    done = run("--quick", "--op", "--json", str(figures), "--plot", str(picture))
    assert done.returncode == 0, done.stderr
    assert "whose times mean nothing" in done.stdout
    assert done.stdout.count("right: ") == 3
    assert "WRONG" not in done.stdout
    report = json.loads(figures.read_text())
    assert report["sound"]
    assert set(report["machine"]) == {"float32", "float64", "copy"}
    assert len(report["rows"]) == 3
    for row in report["rows"]:
        for mode in ("forward", "forward+backward"):
            assert row[mode]["seconds"]["deconv_ref"] > 0
    assert {row["mode"] for row in report["operators"]} == {"forward", "backward"}
    assert picture.stat().st_size > 0


def test_a_wrong_kernel_is_told(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import cuda as script
    from deconv_ref.ops.convolution import cuda as tuned

    forward = tuned.forward
    monkeypatch.setattr(tuned, "forward", lambda *a: shifted(forward(*a)))
    assert not script.is_right(script.SMALL[2])
    assert "WRONG: conv 2x3x3x5" in capsys.readouterr().out


def shifted(result):
    """Change one element a little more than rounding does."""
    numbers = result.copy_to_host()
    numbers[0, 0, 0, 1, 1] += 1e-4
    return cuda.to_device(numbers)
