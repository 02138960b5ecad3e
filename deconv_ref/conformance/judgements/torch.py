"""Judgements of what PyTorch gets wrong."""

from deconv_ref.conformance.judgements.judgement import Judgement, Kind

__all__ = ["JUDGEMENTS"]

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
        "torch",
        r"(?s)^batch_norm x: .*gamma    float32 \(\d+,\) (sliced|reversed)",
        Kind.BUG,
        "`torch.nn.functional.batch_norm` documents one gamma for each channel. In training, the "
        "gradient of x takes those that lie side by side in memory: with `weight=b[1::2]` it is "
        "another than with `weight=b[1::2].clone()`.",
    ),
    Judgement(
        "torch",
        r"(?s)^batch_norm (gamma|beta): .*x        float32 \(\d+, \d+, [\d, ]+\) fortran",
        Kind.BUG,
        "`torch.nn.functional.batch_norm` documents statistics for each channel. Where the strides "
        "of x are those of channels that come last, in training, and the incoming gradient's are "
        "not, the gradients of weight and bias are added up over other channels' cells.",
    ),
    Judgement(
        "torch",
        r"^max_pool indices: .*expected -1",
        Kind.HOLE,
        "`torch.nn.MaxPool1d` documents indices 'useful for' unpooling, and nothing of a window "
        "whose taps, dilated, all lie in padding. Here it has the index 1 in an array of one cell.",
    ),
)
