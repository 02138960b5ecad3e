"""Judgements of what ONNX's reference evaluator and ONNX Runtime gets wrong."""

from deconv_ref.conformance.judgements.judgement import Judgement, Kind

__all__ = ["JUDGEMENTS"]

JUDGEMENTS = (
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
        "onnx",
        r"(?s)^max_pool \w+: shape .*padding='same_lower'",
        Kind.BUG,
        "MaxPool gives ceil(input / stride) cells for SAME_LOWER. The evaluator cuts the result "
        "short: of 3 cells by 2 one is left, where SAME_UPPER gives two.",
    ),
    Judgement(
        "onnx",
        r"^avg_pool forward: .*expected nan",
        Kind.BUG,
        "AveragePool averages the values of a window. The evaluator pads with NaN where padding "
        "does not count, and leaves out what is NaN: the input's NaN too.",
    ),
    Judgement(
        "onnx",
        r"(?s)^avg_pool forward: .*ceil_mode=True",
        Kind.BUG,
        "AveragePool with ceil_mode has one more window where cells are left over, which reaches "
        "beyond the end. The evaluator pads for it in front as well, so that all windows begin too "
        "early: of 1, 2, 3, 4 by 3 it gives 1.5 and 3, and 2 alone without ceil_mode.",
    ),
    Judgement(
        "onnxruntime",
        r"^log_softmax forward: .*expected nan",
        Kind.BUG,
        "LogSoftmax is documented as log(Softmax), which is NaN in all of a line with a NaN; "
        "46.05 is -log(1e-20).",
    ),
)
