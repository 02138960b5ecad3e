"""Hold a report of ``deconv-ref check`` against what is known of today's frameworks."""

import json
import subprocess
import sys
from pathlib import Path

FRAMEWORKS = {"torch", "tensorflow", "keras", "jax", "onnx", "onnxruntime", "scipy", "skimage"}
FAULTS = ("wrong", "crashes")


def reproduces(counterexample: dict | None) -> bool:
    """Tell whether a counterexample's program, run by itself, ends with status 1."""
    if counterexample is None:
        return False
    script = counterexample["script"].encode()  # too long for an argument, where an axis is
    run = subprocess.run([sys.executable, "-"], input=script, capture_output=True, check=False)
    return run.returncode == 1


def complaints(results: list[dict], status: int) -> list[str]:
    """Say what in a report, or in the exit status beside it, is not as it has to be."""
    found = []
    missing = FRAMEWORKS - {result["framework"] for result in results}
    if missing:
        found.append(f"not judged: {', '.join(sorted(missing))}")

    expected = int(any(result["verdict"] in FAULTS for result in results))
    if status != expected:
        found.append(f"exit status {status}, but the verdicts ask for {expected}")

    for result in results:
        name = f"{result['framework']} {result['op']} {result['quantity']}"
        convolution = result["op"] in ("conv", "conv_transpose")
        right = convolution and result["framework"] in ("torch", "jax")
        if right and result["verdict"] in FAULTS:
            found.append(f"{name} is {result['verdict']}: {result['reason']}")
        wavers = "not so in a fresh process" in result["reason"]  # uninitialized memory, say
        if result["verdict"] == "wrong" and not wavers and not reproduces(result["counterexample"]):
            found.append(f"{name} is wrong, without a program that shows it")

    # ONNX's reference evaluator fails on grouped transposed convolutions.
    onnx = [
        result["verdict"]
        for result in results
        if (result["framework"], result["op"], result["quantity"])
        == ("onnx", "conv_transpose", "forward")
    ]
    if onnx not in (["wrong"], ["refuses"]):
        found.append(f"onnx conv_transpose forward is {onnx}, neither wrong nor refused")
    return found


if __name__ == "__main__":
    report, exit_status = sys.argv[1:]
    problems = complaints(json.loads(Path(report).read_text())["results"], int(exit_status))
    sys.exit("\n".join(problems) or 0)
