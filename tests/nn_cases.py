"""Layers for the tests of `deconv_ref.nn`, each with the shape of an input it takes."""

import numpy as np

from deconv_ref import nn

# Layers that are linear in their input once a bias is left out, or that choose among its values.
# On integers all their sums are exact: weights are integers, divisors powers of two.
LINEAR = [
    (nn.Conv(4, 3, 2, [(1, 0)], 2, 2), (2, 11)),
    (nn.Conv(3, (2, 3), (2, 1), [(0, 1), (2, 0)], flip_kernel=True), (2, 5, 6)),
    (nn.Conv(2, (2, 1, 3), padding="same", use_bias=False), (3, 3, 2, 4)),
    *[
        (nn.Conv(4, (3, 2), (1, 2), "same", groups=2, padding_mode=mode), (2, 5, 7))
        for mode in ("reflect", "replicate", "circular")
    ],
    (nn.ConvTranspose(4, 3, 3, [(1, 0)], 2, 2, output_padding=2), (2, 5)),
    (nn.ConvTranspose(3, (2, 3), (2, 1), [(0, 1), (2, 0)], flip_kernel=True), (2, 5, 6)),
    (nn.ConvTranspose(2, (2, 1, 3), 2, padding="same", use_bias=False), (3, 3, 2, 4)),
    *[
        (nn.ConvTranspose(4, (3, 2), (1, 3), "same", groups=2, padding_mode=mode), (2, 5, 7))
        for mode in ("reflect", "replicate", "circular")
    ],
    (nn.Dense(3), (5,)),
    (nn.Dense(2), (3, 4)),
    (nn.MaxPool((2, 3), (1, 2), 1), (2, 5, 7)),
    (nn.MaxPool(2, dilation=2, ceil_mode=True), (2, 6)),
    (nn.AvgPool((2, 4), (1, 3), [(1, 0), (0, 2)]), (2, 5, 7)),
    (nn.AvgPool(2, ceil_mode=True, count_include_pad=False), (2, 7)),
    (nn.AvgUnpool((2, 4), (1, 2), [(1, 0), (0, 1)], output_size=(6, 11)), (2, 5, 4)),
    (nn.Upsample((2, 3)), (2, 3, 4)),
    (nn.Upsample(2, mode="linear"), (2, 3, 4)),
    (nn.Pad([(1, 2), (0, 3)]), (2, 3, 4)),
    *[(nn.Pad([(2, 1)], mode=mode), (2, 5)) for mode in ("reflect", "replicate", "circular")],
    (nn.PixelShuffle((1, 2)), (6, 3, 4)),
    (nn.PixelUnshuffle((3, 2)), (2, 3, 4)),
    (nn.Flatten(), (2, 3, 4)),
    (nn.Reshape((4, -1)), (2, 3, 4)),
    (nn.Relu(), (2, 5)),
    (nn.LeakyRelu(0.25), (2, 5)),
    (nn.Prelu(), (2, 3, 4)),
    (nn.Prelu(shared=True, slope_initializer=nn.Constant(-0.5)), (2, 3)),
    (nn.Dropout(0.5), (2, 9)),
]

SMOOTH = [
    (nn.Elu(alpha=0.5), (2, 5)),
    (nn.Sigmoid(), (2, 5)),
    (nn.Tanh(), (2, 5)),
    (nn.Softplus(), (2, 5)),
    (nn.Gelu(), (2, 5)),
    (nn.Silu(), (2, 5)),
    (nn.Softmax(axis=2), (2, 5)),
    (nn.LogSoftmax(), (2, 5)),
    (nn.BatchNorm(momentum=0.25, epsilon=0.5), (2, 5)),
]


def name(case):
    """Name a case for the report."""
    layer, shape = case
    mode = getattr(layer, "padding_mode", getattr(layer, "mode", ""))
    return f"{type(layer).__name__}-{len(shape)}{mode and '-'}{mode}"


def integers(random, shape, most=4):
    """Draw small integers, as float64."""
    return random.integers(-most, most + 1, shape).astype(np.float64)


def fill(layer, random):
    """Give a built layer parameters that are small integers, or quarters for slopes."""
    for key, array in layer.parameters.items():
        if key != "slope":
            array[...] = integers(random, array.shape)


def again(layer):
    """Make an equal layer that is not built."""
    return type(layer)(**{k: v for k, v in vars(layer).items() if k in layer.__dataclass_fields__})
