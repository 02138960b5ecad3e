"""Judgements of what MLX gets wrong."""

from deconv_ref.conformance.judgements.judgement import Judgement, Kind

__all__ = ["JUDGEMENTS"]

JUDGEMENTS = (
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
        r"(?s)^(elu|sigmoid|softplus|gelu|silu|softmax|\w+_cross_entropy\w*) \w+: .*float64",
        Kind.BUG,
        "float64 is offered on the CPU, and e^x and erf are documented without an exception; they "
        "are computed in float32 there, range and all.",
        ("ml-explore/mlx#3047",),
    ),
    Judgement(
        "mlx",
        r"^elu x: .*got nan",
        Kind.BUG,
        "`mlx.nn.elu` is documented as x where x is positive, whose slope is 1. The gradient goes "
        "through e^x too, which was not chosen: from x = 89 on it overflows, and 0 times infinity "
        "is NaN.",
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
        r"^conv \w+: process killed",
        Kind.BUG,
        "`mlx.core.conv_general` documents an input of (N, ..., C_in); an empty batch in groups "
        "ends the process by a division by 0, in the gradient.",
    ),
    Judgement(
        "mlx",
        r"(?s)^(sigmoid|softplus|silu) forward: .*float32",
        Kind.DIFFERENCE,
        "e^x in float32 loses digits with the size of x, to a relative error of 2e-6 at -87, "
        "which no page says.",
    ),
    Judgement(
        "mlx",
        r"(?s)^log_softmax x: .*float64",
        Kind.BUG,
        "float64 is offered on the CPU, and e^x is documented without an exception; it is "
        "computed in float32 there, range and all.",
    ),
    Judgement(
        "mlx",
        r"^binary_cross_entropy_with_logits prediction: .*got 0",
        Kind.BUG,
        "`mlx.nn.losses.binary_cross_entropy` takes logits for 'a faster and more precise loss'. "
        "Its slope is s(x) - t; of a logit of -24 whose target is 0 it is 0 here.",
    ),
)
