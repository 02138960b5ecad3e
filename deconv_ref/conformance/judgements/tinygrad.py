"""Judgements of what tinygrad gets wrong."""

from deconv_ref.conformance.judgements.judgement import Judgement, Kind

__all__ = ["JUDGEMENTS"]

JUDGEMENTS = (
    Judgement(
        "tinygrad",
        r"^(relu|elu) forward: .*expected nan, got 0",
        Kind.HOLE,
        "`Tensor.relu` and `Tensor.elu` say no more than whose functions they are. NaN, which is "
        "not above 0, gives 0.",
    ),
    Judgement(
        "tinygrad",
        r"^elu x: .*expected [01]\.\d+, got 0",
        Kind.BUG,
        "`Tensor.elu` cites arXiv:1511.07289, where the derivative is alpha e^x for all x that are "
        "not above 0. At 0 it is 0: both of the rectifiers that it is made of have none there.",
    ),
    Judgement(
        "tinygrad",
        r"^(sigmoid|silu) \w+: |^softplus x: ",
        Kind.DIFFERENCE,
        "`Tensor.sigmoid` and `Tensor.silu` cite pages with e^-x, of which 2 to the power of "
        "x / log 2 is taken. That quotient is rounded: the farther x is from 0, the fewer digits "
        "are right, and no page says how many.",
    ),
    Judgement(
        "tinygrad",
        r"^tanh forward: .*got 0",
        Kind.BUG,
        "`Tensor.tanh` cites the hyperbolic tangent, and computes 2 sigmoid(2x) - 1: near 0, where "
        "the tangent is x, float32 keeps nothing of it.",
    ),
    Judgement(
        "tinygrad",
        r"^softplus forward: .*got 0",
        Kind.BUG,
        "`Tensor.softplus` is the logarithm of 1 + e^x, and computed by 1 + e^x: in float32 "
        "nothing is left of it below -17.",
    ),
    Judgement(
        "tinygrad",
        r"(?s)^gelu \w+: .*float64",
        Kind.BUG,
        "`Tensor.gelu` cites x Φ(x), and takes float64. `Tensor.erf` is formula 7.1.26 of "
        "Abramowitz and Stegun, which is right to 1.5e-7.",
    ),
    Judgement(
        "tinygrad",
        r"^binary_cross_entropy (forward|prediction): .*got nan",
        Kind.BUG,
        "`Tensor.binary_crossentropy` refers to `torch.nn.BCELoss`, which documents logarithms "
        "clamped at -100. Where prediction and target are both 0, or both 1, 0 times the logarithm "
        "of 0 is NaN here.",
    ),
    Judgement(
        "tinygrad",
        r"^max_pool forward: .*expected nan",
        Kind.HOLE,
        "`Tensor.max_pool2d` says nothing of NaN: here it is the maximum where it comes first in "
        "its window, and passed over elsewhere.",
    ),
    Judgement(
        "tinygrad",
        r"^max_pool indices: ",
        Kind.BUG,
        "`Tensor.max_pool2d` documents 'the argmax'. NaN equals no maximum, and a window of NaN "
        "alone has the place behind the last cell, which is none.",
    ),
    Judgement(
        "tinygrad",
        r"^upsample \w+: .*got nan",
        Kind.BUG,
        "`Tensor.interpolate` documents `align_corners`, of any size. Of a single cell that comes "
        "out single, it divides 0 by 0.",
    ),
    Judgement(
        "tinygrad",
        r"^(log_softmax|softmax|softmax_cross_entropy) \w+: .*expected nan",
        Kind.BUG,
        "`Tensor.softmax` rescales a line by its maximum. A line of one cell gives 1, and 0 for "
        "its logarithm, if that is infinite or NaN too, and has a gradient of 0, whatever comes "
        "in; a longer one gives NaN.",
    ),
    Judgement(
        "tinygrad",
        r"^binary_cross_entropy_with_logits prediction: .*got nan",
        Kind.HOLE,
        "`Tensor.binary_crossentropy_logits` says nothing of infinite logits: the gradient is NaN, "
        "where the slope of the loss has a limit, 1.",
    ),
    Judgement(
        "tinygrad",
        r"^binary_cross_entropy_with_logits forward: ",
        Kind.DIFFERENCE,
        "The loss is the logarithm of 1 + e^-x where the target is 1, and computed by 1 + e^-x, "
        "which keeps few digits of a small loss; no page says how many.",
    ),
)
