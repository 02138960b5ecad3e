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
)
