"""PaddlePaddle: functions of `paddle.nn.functional` unless another place is named.

Here `conv2d` stands for `conv1d`, `conv2d` and `conv3d`, and so in pooling. Arrays have the same
layouts as ours. Gradients come from `paddle.grad`, at the operator's own input, or from the
function that it would call where one is named.
"""

import paddle
from paddle.nn import functional

from deconv_ref.conformance.frameworks._activation_losses import (
    ELU,
    ELU_GRADIENT,
    GELU,
    GELU_GRADIENT,
    INFINITE,
    LOG_SOFTMAX,
    LOG_SOFTMAX_GRADIENT,
    MASKED_NAN,
    MINUS_INFINITY,
    MULTIPLIED_INFINITY,
    SIGMOID_GRADIENT,
    SILU_GRADIENT,
    SOFTMAX_GRADIENT,
    TANH_GRADIENT,
    derivative_at_0,
    nan_in_x,
)
from deconv_ref.conformance.frameworks._allowances import (
    at_repeated_places,
    beside_infinities,
    fed_by_infinities,
    of_overwritten,
    with_nowhere,
)
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._loss_differences import (
    CLIPPED_DENOMINATOR,
    CLIPPED_LOGARITHMS,
    INFINITE_DISTANCES,
    INFINITE_LOGITS,
    LOGARITHM_OF_SUM,
    LOSS_BELOW_ITS_TERMS,
    NAN_REFUSED,
    OUT_OF_SUPPORT,
    SIGMOID_LESS_TARGET,
    SOFTMAX_LESS_TARGET,
    TARGETS_THAT_SUM_TO_1,
)
from deconv_ref.conformance.frameworks._paddle_arrays import (
    of_prediction,
    of_weights,
    of_x,
    of_x_and_slope,
    sides,
    tensor,
)
from deconv_ref.conformance.frameworks._paddle_images import (  # noqa: F401
    avg_pool,
    avg_pool_backward,
    max_pool,
    max_pool_backward,
    max_unpool,
    max_unpool_backward,
    pad,
    pad_backward,
    pixel_shuffle,
    pixel_unshuffle,
    upsample,
    upsample_backward,
)
from deconv_ref.conformance.frameworks._paddle_spellings import SPELLINGS  # noqa: F401
from deconv_ref.conformance.frameworks._translation import pairs

NAME = "paddlepaddle"
VERSION = paddle.__version__

NOWHERE = Difference("there is no index for nowhere", with_nowhere)

DIFFERENCES: dict[str, list[Difference]] = {
    "max_pool_backward": [NOWHERE],
    "max_unpool": [
        NOWHERE,
        Difference("of several values for one place any may stay", at_repeated_places),
    ],
    "max_unpool_backward": [
        NOWHERE,
        Difference(
            "a value that was overwritten gets the gradient of the place it lost", of_overwritten
        ),
    ],
    "upsample": [
        Difference("linear: a cell of weight 0 is multiplied, so NaN spreads", beside_infinities)
    ],
    "upsample_backward": [
        Difference("linear: a cell of weight 0 is multiplied, so NaN spreads", fed_by_infinities)
    ],
    "batch_norm": [Difference("the running variance is the biased one, and left out here")],
    "relu_backward": [MULTIPLIED_INFINITY, MASKED_NAN, Difference("NaN in x gives 0", nan_in_x)],
    "leaky_relu_backward": [
        Difference("the derivative at 0 is 1, as for positive numbers", derivative_at_0(1)),
        Difference("NaN in x counts as negative", nan_in_x),
    ],
    "prelu_backward": [Difference("NaN in x counts as negative", nan_in_x, "x")],
    "elu": [ELU],
    "elu_backward": [ELU_GRADIENT, Difference("NaN in x lets the gradient pass", nan_in_x)],
    "sigmoid_backward": [SIGMOID_GRADIENT],
    "tanh_backward": [TANH_GRADIENT],
    "gelu": [GELU, MINUS_INFINITY],
    "gelu_backward": [GELU_GRADIENT, INFINITE],
    "silu": [MINUS_INFINITY],
    "silu_backward": [SILU_GRADIENT, INFINITE],
    "softmax_backward": [SOFTMAX_GRADIENT],
    "log_softmax": [LOG_SOFTMAX],
    "log_softmax_backward": [LOG_SOFTMAX_GRADIENT],
    "mae_backward": [INFINITE_DISTANCES],
    "binary_cross_entropy": [CLIPPED_LOGARITHMS, NAN_REFUSED],
    "binary_cross_entropy_backward": [CLIPPED_DENOMINATOR, NAN_REFUSED],
    "binary_cross_entropy_with_logits": [LOSS_BELOW_ITS_TERMS, INFINITE_LOGITS],
    "binary_cross_entropy_with_logits_backward": [SIGMOID_LESS_TARGET],
    "softmax_cross_entropy": [LOGARITHM_OF_SUM, OUT_OF_SUPPORT],
    "softmax_cross_entropy_backward": [SOFTMAX_LESS_TARGET, TARGETS_THAT_SUM_TO_1],
}
"""What PaddlePaddle does otherwise by design, by function; no parameter changes it."""

CONVS = (functional.conv1d, functional.conv2d, functional.conv3d)
CONV_TRANSPOSES = (
    functional.conv1d_transpose,
    functional.conv2d_transpose,
    functional.conv3d_transpose,
)
LAYOUTS = ("NC", "NCL", "NCHW", "NCDHW")
LINEAR_FROM = 40.0  # e^-40 is less than half an ulp of 40; the default of 20 is float32's alone


def unsupported(op, parameters):
    """Say what PaddlePaddle does not offer."""
    padding = parameters.get("padding")
    if padding == "same_lower":
        return 'there is no "same_lower"'
    if op in ("conv", "conv_transpose"):
        return _convolution_lacks(op, **parameters)
    if op in ("max_pool", "avg_pool") and "kernel_size" in parameters:
        return _pooling_lacks(**parameters)
    if op == "upsample" and parameters["mode"] == "nearest":
        scales = parameters["scale_factor"]
        if len(scales) == 1:
            return '"nearest" is for two and three spatial axes'
        if any(scale % 1 for scale in scales):
            return '"nearest" takes floor(o / scale), which is ours where scales are whole'
    if op == "batch_norm" and "epsilon" not in parameters and not parameters["training"]:
        return "the gradient in evaluation takes a variance, no inverse deviation"
    if op in ("pixel_shuffle", "pixel_unshuffle"):
        factor = parameters["factor"]
        if len(factor) != 2 or factor[0] != factor[1]:
            return "pixels are shuffled in images alone, by one factor for both axes"
    return None


def _pooling_lacks(
    *, kernel_size, stride, padding, ceil_mode, dilation=(1,), count_include_pad=False, **_
):
    if max(dilation) > 1:
        return "there is no dilation in pooling"
    if padding == "same":
        rules = "there is no ceil_mode, and the cells inside the input are counted"
        return f"with SAME {rules}" if ceil_mode or count_include_pad else None
    numbers = pairs(padding, kernel_size, (1,) * len(kernel_size))
    if any(max(pair) >= k for pair, k in zip(numbers, kernel_size, strict=True)):
        return "a window of padding alone has no place: padding is below kernel_size"
    axes = zip(numbers, stride, kernel_size, strict=True)
    if ceil_mode and any(after + s > k for (_, after), s, k in axes):
        return "ceil_mode keeps windows that start behind the input"
    return None


def _convolution_lacks(op, *, stride, padding, dilation, output_padding=(), **_):
    if padding == "same" and op == "conv_transpose":
        return '"SAME" pads as a convolution of x does, not one of the result'
    if padding == "same" and max(dilation) > 1:
        return '"SAME" sets the dilation to 1'
    if any(extra >= step for extra, step in zip(output_padding, stride, strict=False)):
        return "output_padding is below stride"
    return None


def _conv(x, weight, bias, *, stride, padding, dilation, groups, flip_kernel):
    given = _padding(padding, weight, dilation)
    function = CONVS[len(stride) - 1]
    return function(x, _oriented(weight, flip_kernel), bias, stride, given, dilation, groups)


def _conv_transpose(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    given = _padding(padding, weight, dilation)
    function = CONV_TRANSPOSES[len(stride) - 1]
    window = {"output_padding": list(output_padding), "groups": groups, "dilation": dilation}
    return function(x, _oriented(weight, flip_kernel), bias, stride, given, **window)


def _padding(padding, weight, dilation):
    return "SAME" if padding == "same" else sides(padding, weight.shape[2:], dilation)


def _oriented(weight, flip_kernel):
    return weight.flip(list(range(2, weight.ndim))) if flip_kernel else weight


conv, conv_backward = of_weights(_conv)
conv_transpose, conv_transpose_backward = of_weights(_conv_transpose)
linear, linear_backward = of_weights(
    lambda x, weight, bias: functional.linear(x, weight.t(), bias), channels=-1
)


def batch_norm(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, epsilon=1e-5):
    """Compute y, the next running statistics and those used: what `batch_norm` calls."""
    tensors = map(tensor, (x, running_mean, running_var, gamma, beta))
    modes = (not training, 1 - momentum, epsilon, "NCHW", not training, False)
    y, mean, var, *saved = paddle._C_ops.batch_norm(*tensors, *modes)
    if not training:
        return y.numpy(), mean.numpy(), var.numpy(), None, None
    return (y.numpy(), mean.numpy(), None, *(used.numpy() for used in saved[:2]))


def batch_norm_backward(grad_y, x, gamma, saved_mean, saved_inv_std, *, training=True):
    """Compute the gradients of x, gamma and beta: what automatic differentiation calls."""
    if not training:
        raise NotImplementedError("the gradient takes a variance, no inverse deviation")
    x, gamma, mean, inv_std, grad_y = map(tensor, (x, gamma, saved_mean, saved_inv_std, grad_y))
    operands = (x, gamma, gamma, None, None, mean, inv_std, None, grad_y)
    modes = (0.9, 1e-5, "NCHW", False, False, False)
    return tuple(grad.numpy() for grad in paddle._C_ops.batch_norm_grad(*operands, *modes))


relu, relu_backward = of_x(functional.relu)
leaky_relu, leaky_relu_backward = of_x(
    lambda x, negative_slope=0.01: functional.leaky_relu(x, negative_slope)
)
prelu, prelu_backward = of_x_and_slope(
    lambda x, slope: functional.prelu(x, slope, LAYOUTS[x.ndim - 2])
)
elu, elu_backward = of_x(lambda x, alpha=1.0: functional.elu(x, alpha))
sigmoid, sigmoid_backward = of_x(functional.sigmoid)
tanh, tanh_backward = of_x(functional.tanh)
softplus, softplus_backward = of_x(lambda x: functional.softplus(x, threshold=LINEAR_FROM))
gelu, gelu_backward = of_x(lambda x: functional.gelu(x, approximate=False))
silu, silu_backward = of_x(functional.silu)
softmax, softmax_backward = of_x(lambda x, axis=1: functional.softmax(x, axis))
log_softmax, log_softmax_backward = of_x(lambda x, axis=1: functional.log_softmax(x, axis))

mse, mse_backward = of_prediction(functional.mse_loss)
mae, mae_backward = of_prediction(functional.l1_loss)
huber, huber_backward = of_prediction(functional.smooth_l1_loss)
binary_cross_entropy, binary_cross_entropy_backward = of_prediction(functional.binary_cross_entropy)
binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_backward = of_prediction(
    functional.binary_cross_entropy_with_logits
)


def _cross_entropy(prediction, target, use_softmax, reduction="mean"):
    losses = functional.cross_entropy(
        prediction,
        target,
        reduction="none",
        soft_label=True,
        axis=1,
        use_softmax=use_softmax,
    ).squeeze(1)
    return {"mean": paddle.mean, "sum": paddle.sum, "none": lambda all: all}[reduction](losses)


categorical_cross_entropy, categorical_cross_entropy_backward = of_prediction(
    lambda prediction, target, **parameters: _cross_entropy(prediction, target, False, **parameters)
)
softmax_cross_entropy, softmax_cross_entropy_backward = of_prediction(
    lambda prediction, target, **parameters: _cross_entropy(prediction, target, True, **parameters)
)
