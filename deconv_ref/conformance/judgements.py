"""What is thought of the findings in docs/findings.md.

A judgement is of a release: it says what that release's documentation says. When a finding is gone,
its judgement goes too, and what has none is printed as not yet judged.
"""

import re
from enum import Enum
from typing import Any, NamedTuple

__all__ = ["JUDGEMENTS", "Judgement", "Kind", "judgement_of"]


class Kind(Enum):
    """What a finding is taken for."""

    BUG = "bug"
    DIFFERENCE = "undocumented difference"
    HOLE = "hole in the specification"


class Judgement(NamedTuple):
    """What is thought of a finding.

    Parameters
    ----------
    targets : str
        Frameworks, as the checker is asked for them, with spaces between.
    shows : str
        Regular expression, found in the line "operator quantity: reason" or in the counterexample's
        text below it.
    kind : Kind
        What it is taken for.
    says : str
        What the framework documents, and where, in Markdown.
    threads : tuple of str
        Where others have reported it, as owner/name#number.
    """

    targets: str
    shows: str
    kind: Kind
    says: str
    threads: tuple[str, ...] = ()


JUDGEMENTS = (
    Judgement(
        "torch",
        r"^pixel_unshuffle forward: shape \(0,",
        Kind.BUG,
        "`torch.nn.PixelUnshuffle` documents C r² channels of H / r by W / r, with no exception "
        "for an empty batch; here the shape stays as it was. `pixel_shuffle` of an empty batch is "
        "right.",
        ("pytorch/pytorch#192816",),
    ),
    Judgement(
        "torch",
        r"^gelu forward: .*expected inf, got nan",
        Kind.BUG,
        "`torch.nn.functional.gelu` is documented as x Φ(x), and Φ is 1 at infinity. An array of "
        "one element, and float64, give infinity.",
        ("pytorch/pytorch#185770",),
    ),
    Judgement(
        "tensorflow keras",
        r"^conv(_transpose)? \w+: shape \(0,",
        Kind.BUG,
        "`tf.nn.conv2d` documents out_height by out_width and as many channels as there are "
        "filters; of an empty batch, convolutions give the shape that went in, its channels too, "
        "in one, two and three axes. So does the gradient of a transposed convolution, which is "
        "one.",
    ),
    Judgement(
        "tensorflow keras",
        r"(?s)^conv(_transpose)? \w+: .*stride=\(\d+, \d+, \d+\), padding='same'.*float64",
        Kind.BUG,
        "The guide to padding in `tf.nn` says that SAME pads by max(kernel - stride, 0) where the "
        "stride divides the axis. In float64 `tf.nn.conv3d` takes the negative number for "
        "padding, so windows begin too far inside: with a kernel of 1, a stride of 6 over 6 cells "
        "gives cell 2, not cell 0. float32, and `tf.nn.conv2d`, give cell 0.",
    ),
    Judgement(
        "tensorflow keras",
        r"^max_pool forward: .*expected nan",
        Kind.BUG,
        "`tf.nn.max_pool` documents 'the maximum value within that window'. NaN is passed over, "
        "and the lowest number of the dtype, which is in no window, comes from one that is all "
        "NaN.",
        ("tensorflow/tensorflow#2501", "tensorflow/tensorflow#125965", "keras-team/keras#16158"),
    ),
    Judgement(
        "tensorflow",
        r"^max_pool indices: .*NaN counted only",
        Kind.HOLE,
        "`tf.raw_ops.MaxPoolWithArgmax` says nothing of NaN: here it is the maximum where it "
        "comes first in its window, and passed over elsewhere.",
    ),
    Judgement(
        "tensorflow keras",
        r"(?s)^gelu \w+: .*float64",
        Kind.BUG,
        "`tf.nn.gelu` documents x P(X <= x), and takes float64. It multiplies by 1/√2 rounded to "
        "float32, a Python number that went through `tf.cast`: 9 digits of 16 are right.",
    ),
    Judgement(
        "keras",
        r"^huber prediction: .*got nan",
        Kind.BUG,
        "`keras.losses.Huber` documents delta |x| - delta² / 2 beyond delta, whose slope is "
        "delta. The gradient goes through the square too, which was not chosen, and 0 times "
        "infinity is NaN.",
    ),
    Judgement(
        "keras",
        r"^softmax_cross_entropy forward: shape \(0,\)",
        Kind.BUG,
        "`keras.losses.CategoricalCrossentropy` documents that 'sum_over_batch_size' sums and "
        "divides by the sample size, which gives one number; an empty batch comes back as it is.",
    ),
    Judgement(
        "onnx",
        r"^conv_transpose forward: .*bias of the first group",
        Kind.BUG,
        "ConvTranspose says that `group` divides input and output channels. The evaluator takes "
        "each group's weights by counts of output channels along the axis of input channels, "
        "gives each group the first values of the bias, and puts each group's channels down one "
        "place after the last group's.",
    ),
    Judgement(
        "onnx",
        r"^upsample forward: .*expected inf, got 3.40",
        Kind.BUG,
        "Resize calculates 'a weighted average of neighborhood'; nearest takes one cell, and at "
        "scale 1 its own. The evaluator's cast to the dtype saturates: infinity becomes the "
        "largest finite number.",
    ),
    Judgement(
        "onnx",
        r"(?s)^gelu forward: .*float64",
        Kind.BUG,
        "Gelu is documented as 0.5 x (1 + erf(x / √2)), and takes double. The evaluator computes "
        "erf in float32.",
    ),
    Judgement(
        "onnxruntime",
        r"(?s)^max_pool \w+: shape .*padding='same.*dilation=",
        Kind.BUG,
        "MaxPool gives ceil(input / stride) cells for SAME_UPPER and SAME_LOWER, and pads for "
        "(kernel - 1) dilation + 1 cells. The kernel is padded as if it had no dilation, then "
        "applied with it; ONNX Runtime itself warns that the shape is not the model's. ONNX's "
        "evaluator gives that shape.",
    ),
    Judgement(
        "onnxruntime",
        r"(?s)^upsample forward: .*got nan.*mode='linear'",
        Kind.BUG,
        "Resize calculates 'a weighted average of neighborhood' along the axes that scales "
        "resize. Arrays of three axes are resized along the batch and the channels too, by 1: a "
        "NaN times a weight of 0 gets into other cells, other channels and other samples. ONNX's "
        "evaluator keeps it where it is.",
    ),
    Judgement(
        "skimage",
        r"^wiener forward: ",
        Kind.BUG,
        "`skimage.restoration.wiener` takes a real `psf` for an impulse response, with 'no "
        "constraint' on its shape. One whose shape is that of half the spectrum, `(N1, N2, ..., "
        "ND // 2 + 1)`, is taken for a transfer function: only shapes are compared.",
    ),
)
"""Judgements, of which the first that fits counts."""


def judgement_of(record: dict[str, Any]) -> Judgement | None:
    """Find what is thought of a result.

    Parameters
    ----------
    record : dict
        A result with its counterexample, from a report.

    Returns
    -------
    Judgement or None
        The first judgement that fits; None if there is none.
    """
    shown = record["counterexample"]["text"]
    told = f"{record['op']} {record['quantity']}: {record['reason']}\n{shown}"
    for judgement in JUDGEMENTS:
        if record["target"] in judgement.targets.split() and re.search(judgement.shows, told):
            return judgement
    return None
