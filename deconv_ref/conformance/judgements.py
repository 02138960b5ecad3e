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
    Judgement(
        "paddlepaddle",
        r"^max_pool forward: .*expected -inf, got -",
        Kind.BUG,
        "`paddle.nn.functional.max_pool2d` takes the maximum of each window. It begins with the "
        "lowest finite number, so that minus infinity alone gives that number, which is in no "
        "window.",
    ),
    Judgement(
        "paddlepaddle",
        r"^max_pool indices: .*expected \d+, got -1",
        Kind.BUG,
        "`paddle.nn.functional.max_pool2d` documents a mask of the places of the maxima. A window "
        "of minus infinity alone has place -1: its search begins with the lowest finite number.",
    ),
    Judgement(
        "paddlepaddle",
        r"^avg_pool \w+: .*padding in front were on both sides",
        Kind.BUG,
        "`exclusive` of `paddle.nn.functional.avg_pool2d` says 'whether to exclude padding "
        "points'. Where it is False and there is more padding behind than in front, cells of the "
        "padding behind are not counted.",
    ),
    Judgement(
        "paddlepaddle",
        r"(?s)^upsample \w+: .*mode='linear'",
        Kind.BUG,
        "`paddle.nn.functional.interpolate` documents (i + 0.5) scale - 0.5 for the source of "
        "cell i. With two or three axes, one that comes out with a single cell takes cell 0 "
        "instead; 'linear', of one axis, does as documented.",
    ),
    Judgement(
        "paddlepaddle",
        r"^relu forward: .*expected nan, got 0",
        Kind.DIFFERENCE,
        "`paddle.nn.functional.relu` is documented as max(x, 0), and NaN gives 0; "
        "`paddle.maximum` of the two gives NaN.",
        ("PaddlePaddle/Paddle#79351",),
    ),
    Judgement(
        "paddlepaddle",
        r"(?s)^elu \w+: .*float64",
        Kind.BUG,
        "`paddle.nn.functional.elu` takes float64 and a Python number for `alpha`, which it "
        "rounds to float32: 0.1 is 1.5e-8 too large.",
    ),
    Judgement(
        "paddlepaddle",
        r"^softplus \w+: ",
        Kind.BUG,
        "`paddle.nn.Softplus` documents log(1 + e^x), and computes it by 1 + e^x: of float32 "
        "nothing is left below -17, of float64 below -37.",
    ),
    Judgement(
        "paddlepaddle",
        r"^silu x: .*got nan",
        Kind.BUG,
        "`paddle.nn.functional.silu` documents x / (1 + e^-x), whose slope is 0 far below; e^-x "
        "overflows there, and the gradient is NaN.",
    ),
    Judgement(
        "paddlepaddle",
        r"^(log_)?softmax \w+: ",
        Kind.BUG,
        "`paddle.nn.functional.softmax` documents e^x over the sum of them. What is more than 64 "
        "below the maximum is lifted to 64 below: minus infinity has a probability of 1.6e-28, "
        "and a logarithm of -64.",
    ),
    Judgement(
        "paddlepaddle",
        r"^huber prediction: .*expected nan",
        Kind.HOLE,
        "`paddle.nn.functional.smooth_l1_loss` documents cases of |x - y|, which NaN is in none "
        "of: the loss is NaN, its gradient is that of a large difference.",
    ),
    Judgement(
        "paddlepaddle",
        r"^binary_cross_entropy forward: .*got 0",
        Kind.BUG,
        "`paddle.nn.functional.binary_cross_entropy` documents log(1 - input), and computes it by "
        "1 - input: in float32 nothing is left of probabilities below 6e-8.",
    ),
    Judgement(
        "mlx",
        r"^conv_transpose \w+: shape \(",
        Kind.BUG,
        "`mlx.core.conv_transpose1d` documents `padding`, without a bound. What it crops beyond "
        "kernel - 1 it crops from x before the stride spreads it, so that each step takes stride "
        "cells of the result: n = 6, kernel 1, stride 2 and padding 1 give 7 cells, not 9.",
    ),
    Judgement(
        "mlx",
        r"^conv_transpose \w+: process killed",
        Kind.BUG,
        "`mlx.core.conv_transpose1d` documents an input of (N, L, C_in); an empty batch ends the "
        "process by a division by 0, in the gradient.",
    ),
    Judgement(
        "mlx",
        r"^upsample x: process killed",
        Kind.BUG,
        "`mlx.nn.Upsample` documents an input of (N, ..., C); an empty batch ends the process by "
        "a division by 0, in the gradient.",
    ),
    Judgement(
        "mlx",
        r"^(leaky_relu|prelu) x: (?!.*got nan)",
        Kind.HOLE,
        "`mlx.nn.leaky_relu` and `mlx.nn.prelu` are documented as max(slope x, x) and max(0, x) + "
        "slope min(0, x), which have no derivative at 0, and nothing says which is taken: here 1, "
        "elsewhere the slope.",
    ),
    Judgement(
        "mlx",
        r"^elu x: .*got nan",
        Kind.BUG,
        "`mlx.nn.elu` documents x where x > 0, whose slope is 1. The gradient goes through e^x "
        "too, which was not chosen; where that overflows, 0 times infinity is NaN.",
    ),
    Judgement(
        "mlx",
        r"(?s)^(elu|sigmoid|softplus|gelu|silu|softmax|\w+_cross_entropy\w*) \w+: .*float64",
        Kind.BUG,
        "float64 is offered on the CPU, and e^x and erf are documented without an exception; they "
        "are computed in float32 there, range and all.",
        ("ml-explore/mlx#3047",),
    ),
    Judgement(
        "mlx",
        r"^log_softmax forward: process killed",
        Kind.BUG,
        "`mlx.nn.log_softmax` documents x - log Σ e^x of any array. Of (1, 1) and (2, 1), a single "
        "class, the process dies by a segmentation fault; of (1, 2) and of (1,) it does not.",
    ),
    Judgement(
        "mlx",
        r"^huber prediction: ",
        Kind.BUG,
        "`mlx.nn.losses.huber_loss` documents a²/2, whose slope is a. The gradient adds delta, of "
        "the linear part, and takes it away: small differences lose their digits.",
    ),
    Judgement(
        "mlx",
        r"^binary_cross_entropy forward: ",
        Kind.BUG,
        "`mlx.nn.losses.binary_cross_entropy` of probabilities clips logarithms at -100, and says "
        "no more. log(1 - p) is computed by 1 - p: in float32 nothing is left of probabilities "
        "below 6e-8.",
    ),
    Judgement(
        "mlx",
        r"^binary_cross_entropy prediction: .*got nan",
        Kind.BUG,
        "`mlx.nn.losses.binary_cross_entropy` clips logarithms at -100 'for improved numerical "
        "stability'. The gradient at a probability of 0 or 1 is 0 times infinity, which is NaN.",
    ),
    Judgement(
        "mlx",
        r"^binary_cross_entropy_with_logits forward: ",
        Kind.BUG,
        "`mlx.nn.losses.binary_cross_entropy` takes logits for 'a faster and more precise loss'. "
        "It takes x t from log(1 + e^x): of a logit of 18 whose target is 1, nothing is left.",
    ),
    Judgement(
        "openvino",
        r"^max_pool forward: .*(nan|-inf), got -3.40",
        Kind.BUG,
        "MaxPool documents 'the largest value within the region', with padding of -inf. It begins "
        "with the lowest finite float32, so that NaN is passed over, and minus infinity alone "
        "gives a number that is in no window.",
    ),
    Judgement(
        "openvino",
        r"^max_pool indices: ",
        Kind.BUG,
        "MaxPool documents the places of its maxima; a window of minus infinity alone, or of NaN, "
        "has place 0, wherever it is: the search begins with the lowest finite float32.",
    ),
    Judgement(
        "openvino",
        r"(?s)^avg_pool forward: .*inf, got .*float64",
        Kind.BUG,
        "The page of the CPU device lists FP32 as a precision of its primitives, in which "
        "infinity is a number too. Arrays of float64 are cast by saturation: infinity becomes the "
        "largest finite float32.",
    ),
    Judgement(
        "paddlepaddle",
        r"^binary_cross_entropy_with_logits forward: ",
        Kind.BUG,
        "`paddle.nn.functional.binary_cross_entropy_with_logits` documents max(x, 0) - x t + "
        "log(1 + e^-|x|), and computes the last by 1 + e^-|x|: in float32 nothing is left of "
        "losses below 6e-8.",
    ),
    Judgement(
        "paddlepaddle",
        r"^binary_cross_entropy_with_logits prediction: ",
        Kind.BUG,
        "`paddle.nn.functional.binary_cross_entropy_with_logits` documents a loss whose "
        "slope is sigmoid(x) - t. At a logit of 0 it is 0.5 - t, and -0.5 comes "
        "for a target of 0.",
    ),
    Judgement(
        "paddlepaddle",
        r"^categorical_cross_entropy forward: .*expected inf",
        Kind.DIFFERENCE,
        "`paddle.nn.functional.cross_entropy` documents a sum of label log p where `use_softmax` "
        "is False. The logarithm of 0 is not infinite but 1e20, which nothing says.",
    ),
    Judgement(
        "paddlepaddle",
        r"^categorical_cross_entropy prediction: .*got nan",
        Kind.HOLE,
        "`paddle.nn.functional.cross_entropy` leaves open what a label of 0 has for a gradient at "
        "a probability of 0: here 0 / 0, which is NaN, elsewhere 0.",
    ),
    Judgement(
        "paddlepaddle",
        r"^softmax_cross_entropy \w+: ",
        Kind.BUG,
        "`paddle.nn.functional.cross_entropy` documents the logarithm of a softmax. As in "
        "`softmax`, what is more than 64 below the maximum is lifted to 64 below.",
    ),
    Judgement(
        "openvino",
        r"^softplus forward: .*got 0",
        Kind.BUG,
        "SoftPlus is documented as log(e^x + 1), and computed by e^x + 1: of float32 nothing is "
        "left below -17.",
    ),
    Judgement(
        "openvino",
        r"(?s)^\w+ forward: .*float64",
        Kind.DIFFERENCE,
        "The page of the CPU device lists FP32, BF16 and FP16 as floating-point precisions of its "
        "primitives, and models of float64 are taken without a word: they are computed in "
        "float32.",
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
