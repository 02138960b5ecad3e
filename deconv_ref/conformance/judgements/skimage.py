"""Judgements of what scikit-image gets wrong."""

from deconv_ref.conformance.judgements.judgement import Judgement, Kind

__all__ = ["JUDGEMENTS"]

JUDGEMENTS = (
    Judgement(
        "skimage",
        r"^wiener forward: ",
        Kind.BUG,
        "`skimage.restoration.wiener` takes a real `psf` for an impulse response, with 'no "
        "constraint' on its shape. One whose shape is that of half the spectrum, `(N1, N2, ..., "
        "ND // 2 + 1)`, is taken for a transfer function: only shapes are compared.",
    ),
)
