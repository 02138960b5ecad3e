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
        "MaxPool documents the places of its maxima. The search begins with the lowest finite "
        "float32: NaN is passed over, and a window of NaN or minus infinity alone has place 0, "
        "wherever it is.",
    ),
    Judgement(
        "openvino",
        r"(?s)^\w+ forward: .*expected (-?inf|nan), got .*float64",
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
        r"^silu forward: .*got -0.0",
        Kind.BUG,
        "Swish is documented as x / (1 + e^-x). What is below -87 gives 0 in float32, where the "
        "result is larger than its smallest normal number.",
    ),
)
