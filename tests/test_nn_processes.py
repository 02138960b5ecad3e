"""Training in processes of its own: killed and gone on with, and on several threads."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nn_run
import numpy as np

PROGRAM = Path(nn_run.__file__)


def start(checkpoint, **environment):
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(checkpoint)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def finish(process):
    """Wait for a run's last line, and give the digest there."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    (line,) = [line for line in output.splitlines() if line.startswith("end")]
    return line.split()[1]


def kill_later(process, seconds):
    """Kill a run some time after it began, and tell whether it was still running."""
    while process.stdout.readline() != "begin\n":
        assert process.poll() is None
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def test_a_killed_run_ends_with_the_bits_of_one_left_alone(tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    random = np.random.default_rng()  # another moment on each run of the tests
    moments = random.uniform(0.1, 0.5, 3).tolist()
    killed = [kill_later(start(checkpoint), moment) for moment in moments]
    assert any(killed), moments
    model = nn_run.network()
    assert finish(start(checkpoint)) == nn_run.digest(model, nn_run.fit(model)), moments


THREADED = """
import numpy as np
from deconv_ref import nn, threads

from deconv_ref.helpers import HELPERS

shared, invite = [], HELPERS.invite

def spy(count, pieces):
    shared.append(count)
    return invite(count, pieces)

HELPERS.invite = spy

layers = [
    nn.Conv(6, 3, padding="same", padding_mode="reflect"), nn.BatchNorm(), nn.Prelu(),
    nn.MaxPool(2, name="pool"), nn.Dropout(0.25), nn.Conv(6, 3, padding=1), nn.MaxUnpool("pool"),
    nn.ConvTranspose(2, 4, 2, 1, weight_penalty="l2"), nn.AvgPool(2), nn.Sigmoid(),
]
model = nn.Sequential(layers, seed=1)
model.compile("adam", "mse")
x = np.random.default_rng(2).uniform(size=(6, 2, 96, 96)).astype(np.float32)
losses = model.fit(x, x, epochs=2, batch_size=4)["loss"]
bits = [array.tobytes() for array in model.parameters.values()]
print(threads.threads(), len(shared) > 50, losses, bits)
"""


def test_training_has_the_same_bits_on_any_number_of_threads():
    told = []
    for number in ("1", "3"):
        environment = {**os.environ, "NUMBA_NUM_THREADS": number}
        command = [sys.executable, "-c", THREADED]
        ran = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=200, env=environment
        )
        told.append(ran.stdout.split(maxsplit=2))
    (one, alone, first), (three, shared, second) = told
    assert (one, alone, three, shared) == ("1", "False", "3", "True")
    assert first == second
