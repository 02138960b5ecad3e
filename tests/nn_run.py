"""A small training run, with everything that has a state; as a program, one that can be killed.

``python nn_run.py CHECKPOINT`` trains, or goes on from the checkpoint that is there, prints a line
for each batch, and at the end the digest of all weights and of the history.
"""

import hashlib
import sys
import time
from pathlib import Path

import numpy as np

from deconv_ref import nn

SAMPLES, BATCH, EPOCHS, EVERY = 22, 4, 3, 2
BATCHES = EPOCHS * -(-SAMPLES // BATCH)


def data(dtype="float32"):
    """Draw inputs of shape (SAMPLES, 2, 8) and one of three categories for each."""
    random = np.random.default_rng(12)
    x = random.normal(size=(SAMPLES, 2, 8)).astype(dtype)
    return x, np.eye(3, dtype=dtype)[random.integers(0, 3, SAMPLES)]


def network(optimizer="adam", seed=3):
    """Compile a network with dropout, running statistics and a penalty."""
    layers = [
        nn.Conv(4, 3, padding="same", weight_penalty=nn.L2(0.01)),
        nn.BatchNorm(),
        nn.Relu(),
        nn.MaxPool(2, name="pool"),
        nn.Dropout(0.25),
        nn.MaxUnpool("pool"),
        nn.Conv(2, 3, 2, learning_rate_factor=0.5),
        nn.Prelu(),
        nn.Flatten(),
        nn.Dropout(0.125),
        nn.Dense(3, weight_penalty="l1"),
    ]
    model = nn.Sequential(layers, seed=seed)
    model.compile(optimizer, "softmax_cross_entropy", ["accuracy"])
    return model


def fit(model, **options):
    """Train as every run here does."""
    x, y = data()
    plan = {"epochs": EPOCHS, "batch_size": BATCH, "validation_data": (x[:7], y[:7])}
    return model.fit(x, y, **{**plan, **options})


def digest(model, history):
    """Make one text of all bits that a run ends with."""
    sha = hashlib.sha256(repr(sorted(history.items())).encode())
    for name, array in sorted(model.get_weights().items()):
        sha.update(name.encode() + array.tobytes())
    return sha.hexdigest()


def main(checkpoint):
    """Train with pauses, so that there is time to be killed in."""

    def progress(told):
        print(told.epoch, told.batch, flush=True)
        time.sleep(0.02)

    model = nn.Sequential.load(checkpoint) if Path(checkpoint).exists() else network()
    print("begin", flush=True)
    history = fit(model, checkpoint=checkpoint, checkpoint_every=EVERY, progress=progress)
    print("end", digest(model, history), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
