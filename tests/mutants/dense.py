"""Mutants of dense layers, batch normalization and dropout; of `tests/kernels_dense.py`."""

import kernels_dense
import numpy as np
from kernels_dense import along, by_row, remembered, statistics

from mutants import COMMON, Family, harmless

DENSE = Family(kernels_dense, "linear", "batch_norm", "dropout")
fault, variant = DENSE.fault, DENSE.harmless
BATCH_NORMED = ("forward", "saved_inv_std")


@fault(COMMON, "linear")
def one_bias_for_all(right, x, weight, bias=None):
    return right(x, weight, None if bias is None else np.full_like(bias, bias[0]))


@fault("vllm-project/vllm#44110", "linear")
def square_weight_transposed(right, x, weight, bias=None):
    return right(x, weight.T if weight.shape[0] == weight.shape[1] else weight, bias)


@fault(COMMON, "linear")
def zeros_skipped(right, x, weight, bias=None):
    return right(np.nan_to_num(x, posinf=np.inf, neginf=-np.inf), weight, bias)


@fault("kvfrans/notes#5", "linear_backward", wrong=("bias",))
def averaged_over_rows(right, grad_y, x, weight):
    grad_x, grad_weight, grad_bias = right(grad_y, x, weight)
    return grad_x, grad_weight, grad_bias / max(grad_y.size // grad_y.shape[-1], 1)


@fault(COMMON, "linear_backward", wrong=("weight",))
def last_row_dropped(right, grad_y, x, weight):
    grad_x, _, grad_bias = right(grad_y, x, weight)
    grads, rows = by_row(grad_y), by_row(x)
    return grad_x, grads[:-1].T @ rows[:-1], grad_bias


@fault(COMMON, "linear_backward", wrong=("weight",))
def weight_gradient_transposed_where_square(right, grad_y, x, weight):
    grad_x, grad_weight, grad_bias = right(grad_y, x, weight)
    square = weight.shape[0] == weight.shape[1]
    return grad_x, grad_weight.T if square else grad_weight, grad_bias


@fault("d2l-ai/d2l-en#2213", "batch_norm", wrong=("running_mean", "running_var"))
def momentum_of_the_old(right, momentum, **call):
    return right(momentum=1 - momentum, **call)


@fault("ml-explore/mlx#3817", "batch_norm", wrong=("running_var",))
def biased_variance_remembered(right, x, running_var, momentum, training, **call):
    call |= {"running_var": running_var, "momentum": momentum, "training": training}
    results = list(right(x=x, **call))
    if training:
        results[2] = remembered(running_var, statistics(x)[1], momentum)
    return tuple(results)


@fault("Tencent/ncnn#311", "batch_norm", wrong=BATCH_NORMED)
def epsilon_outside_the_root(right, x, gamma, beta, epsilon, **call):
    _, *others = right(x=x, gamma=gamma, beta=beta, epsilon=0.0, **call)
    others[3] = 1 / (1 / others[3] + x.dtype.type(epsilon))
    scale = along(gamma * others[3], x)
    return scale * (x - along(others[2], x)) + along(beta, x), *others


@fault(
    "tenstorrent/tt-metal#45968",
    "batch_norm",
    replaces="statistics",
    wrong=(*BATCH_NORMED, "running_var"),
)
def mean_of_squares_less_square_of_mean(right, x):
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes)
    return mean, np.maximum((x * x).mean(axes) - mean * mean, 0)


@fault(COMMON, "batch_norm", wrong=(*BATCH_NORMED, "running_mean", "running_var", "saved_mean"))
def statistics_of_the_batch_always(right, x, training, **call):
    return right(x=x, training=training or x.size > x.shape[1], **call)


@fault("facebookresearch/CrypTen#143", "batch_norm_backward")
def statistics_taken_for_constants(right, training, **call):
    return right(training=False, **call)


@fault("pytorch/xla#913", "batch_norm_backward")
def always_as_in_training(right, training, **call):
    return right(training=True, **call)


@fault(COMMON, "batch_norm_backward")
def variance_forgotten(right, grad_y, x, gamma, saved_mean, saved_inv_std, training):
    grad_x, *others = right(grad_y, x, gamma, saved_mean, saved_inv_std, training=training)
    if training and x.size:
        axes = (0, *range(2, x.ndim))
        centred = grad_y - grad_y.mean(axes, keepdims=True)
        grad_x = along(gamma * saved_inv_std, x) * centred
    return grad_x, *others


@fault(COMMON, "batch_norm_backward", wrong=("gamma",))
def gamma_gradient_unscaled(right, grad_y, x, gamma, saved_mean, saved_inv_std, *, training):
    results = right(grad_y, x, gamma, saved_mean, saved_inv_std, training=training)
    return results[0], results[1] / saved_inv_std, results[2]


@fault("yajiemiao/pdnn#26", "dropout")
def not_scaled(right, x, rate, *, mask):
    return right(x, 0.0, mask=mask)


@fault(COMMON, "dropout", "dropout_backward")
def zeroed_where_dropped(right, rate, mask, **values):
    with np.errstate(invalid="ignore"):
        return np.where(mask, right(rate=rate, mask=mask, **values), 0)


@fault("lmjohns3/theanets#123", "dropout_backward")
def rate_for_what_is_kept(right, grad_y, rate, *, mask):
    return right(grad_y, (1 - rate) * (rate > 0), mask=mask)


@fault("ddbourgin/numpy-ml#94", "dropout_backward")
def mask_forgotten(right, grad_y, rate, *, mask):
    return right(grad_y, rate, mask=np.ones_like(mask))


@fault("clab/dynet#812", "dropout")
def mask_of_the_first_row(right, x, rate, *, mask):
    return right(x, rate, mask=np.broadcast_to(mask[:1], mask.shape))


@fault("jax-ml/jax#442", "batch_norm", wrong=BATCH_NORMED)
def square_for_square_root(right, x, gamma, beta, **call):
    _, *others = right(x=x, gamma=gamma, beta=beta, **call)
    others[3] = others[3] ** 4
    return along(gamma * others[3], x) * (x - along(others[2], x)) + along(beta, x), *others


@fault("nntrainer/nntrainer#677", "batch_norm", wrong=("running_var",))
def epsilon_remembered(right, *, running_var, training, momentum, epsilon, **call):
    more = {"training": training, "momentum": momentum, "epsilon": epsilon}
    results = list(right(running_var=running_var, **more, **call))
    if training:
        results[2] = results[2] + (momentum * epsilon)
    return tuple(a.astype(running_var.dtype) for a in results)


@fault("chainer/chainer#2214", "batch_norm", wrong=BATCH_NORMED)
def no_epsilon_in_evaluation(right, *, training, epsilon, **call):
    return right(training=training, epsilon=epsilon if training else 0.0, **call)


@fault(
    "google/flax#1491", "batch_norm", replaces="statistics", wrong=(*BATCH_NORMED, "running_var")
)
def variance_below_0(right, x):
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes)
    return mean, (x * x).mean(axes) - mean * mean


@fault("torch/nn#768", "batch_norm_backward", wrong=("gamma",))
def statistics_of_this_batch_in_evaluation(right, *, x, saved_mean, training, **call):
    results = right(x=x, saved_mean=saved_mean, training=training, **call)
    if training or not x.size:
        return results
    mean = x.mean((0, *range(2, x.ndim)))
    return results[0], right(x=x, saved_mean=mean, training=training, **call)[1], results[2]


@fault("kaldi-asr/kaldi#3890", "dropout_backward")
def zeros_of_x_taken_for_kept(right, grad_y, rate, *, mask):
    kept = np.where(grad_y == 0, 1, mask).astype(mask.dtype)
    return np.where(np.isnan(grad_y) | np.isinf(grad_y), grad_y, right(grad_y, rate, mask=kept))


@fault("rasbt/LLMs-from-scratch#431", "dropout")
def divided_by_the_rate(right, x, rate, *, mask):
    return right(x, 1 - rate if rate else 0.0, mask=mask)


# Harmless variants


@variant("linear", replaces="linear")
def feature_by_feature(right, x, weight, bias=None):
    y = np.zeros((*x.shape[:-1], len(weight)), x.dtype)
    for k in range(x.shape[-1])[::-1]:
        y += x[..., k, None] * weight[:, k]
    return y if bias is None else bias + y


@variant("linear")
def transposed_product(right, x, weight, bias=None):
    return right(x, np.asfortranarray(weight), bias)


@variant("linear_backward")
def outer_products_added(right, grad_y, x, weight):
    grads, rows = by_row(grad_y), by_row(x)
    grad_weight, grad_bias = np.zeros_like(weight), np.zeros(len(weight), weight.dtype)
    for g, row in zip(grads[::-1], rows[::-1], strict=True):
        grad_weight += np.outer(g, row)
        grad_bias += g
    return right(grad_y, x, weight)[0], grad_weight, grad_bias


@variant("dropout", "dropout_backward")
def times_the_reciprocal(right, *values, rate=None, mask, **named):
    (array,) = (*values[:1], *named.values())
    rate = rate if rate is not None else values[1]
    scale = array.dtype.type(1) / array.dtype.type(1 - rate)
    return array * (mask.astype(array.dtype) * scale)


@variant("batch_norm_backward")
def sums_in_another_order(right, *, grad_y, x, **call):
    results = right(grad_y=np.flip(grad_y, 0), x=np.flip(x, 0), **call)
    return np.flip(results[0], 0), results[1], results[2]


@variant("batch_norm", replaces="statistics")
def welford(right, x):
    mean, total = np.zeros(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype)
    rows = x.swapaxes(0, 1).reshape(x.shape[1], -1)
    for k, values in enumerate(rows.T, 1):
        off = values - mean
        mean = mean + off / x.dtype.type(k)
        total = total + off * (values - mean)
    return mean, total / x.dtype.type(rows.shape[1])


@variant("batch_norm")
def folded(right, x, gamma, beta, **call):
    y, *others = right(x=x, gamma=gamma, beta=beta, **call)
    if np.isfinite(others[3]).all() and np.isfinite(x).all():
        scale = gamma * others[3]
        shift = beta - others[2] * scale
        y = x * along(scale, x) + along(shift, x)
    return y, *others


@variant("batch_norm", replaces="statistics")
def from_the_last(right, x):
    return right(x[::-1, :, ::-1] if x.ndim > 2 else x[::-1])


@variant("batch_norm")
def y_alone(right, **call):
    return right(**call)[0]


@variant("batch_norm")
def without_statistics(right, **call):
    return *right(**call)[:3], None, None


harmless.plant(DENSE, batched=())
