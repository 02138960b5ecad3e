"""Judgements of what PaddlePaddle gets wrong."""

from deconv_ref.conformance.judgements.judgement import Judgement, Kind

__all__ = ["JUDGEMENTS"]

JUDGEMENTS = (
    Judgement(
        "paddlepaddle",
        r"^max_pool forward: .*expected nan",
        Kind.BUG,
        "`paddle.nn.functional.max_pool2d` takes the maximum of each window. NaN is passed over, "
        "and one that is all NaN gives the lowest finite number, which is in no window.",
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
        "paddlepaddle",
        r"^batch_norm saved_inv_std: .*expected inf, got nan",
        Kind.BUG,
        "`paddle.nn.functional.batch_norm` takes `epsilon`, without a bound. Of a variance of 0 "
        "and an epsilon of 0, each eight channels give NaN, and those left over infinity.",
    ),
)
