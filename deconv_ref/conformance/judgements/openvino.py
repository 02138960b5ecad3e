"""Judgements of what OpenVINO gets wrong."""

from deconv_ref.conformance.judgements.judgement import Judgement, Kind

__all__ = ["JUDGEMENTS"]

JUDGEMENTS = (
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
