"""Mutants of pooling and unpooling, in the kernels of `tests/kernels_pooling.py`."""

import math

import kernels_pooling
import numpy as np
from kernels_pooling import flat, scattered, taps, unpooled

from mutants import COMMON, Family, harmless

POOLING = Family(kernels_pooling, "max_pool", "max_unpool", "avg_pool", "avg_unpool")
fault, variant = POOLING.fault, POOLING.harmless


# Faults in maxima


@fault("FluxML/NNlib.jl#205", "max_pool", replaces="above", wrong=("indices",))
def last_of_equals(right, cells, best):
    return (cells >= best) | np.isnan(cells) & ~np.isnan(best)


@fault("tracel-ai/burn#5662", "max_pool", replaces="above", wrong=("indices",))
def last_nan(right, cells, best):
    return (cells > best) | np.isnan(cells)


@fault(
    "Theano/Theano#3060",
    "max_pool",
    replaces="above",
    wrong=(
        "forward",
        "indices",
    ),
)
def nan_only_where_it_comes_first(right, cells, best):
    return cells > best


@fault("apache/mxnet#2753", "max_pool")
def starts_from_0(right, **call):
    y, indices = right(**call)
    return np.maximum(y, 0), indices


@fault(
    COMMON,
    "max_pool",
    wrong=(
        "forward",
        "indices",
    ),
)
def dilation_of_the_first_axis_for_all(right, *, dilation, **call):
    return right(dilation=dilation[:1] * len(dilation), **call)


@fault("tensorflow/tensorflow#7090", "max_pool", wrong=("indices",))
def indices_count_over_channels(right, *, x, **call):
    y, indices = right(x=x, **call)
    channels = np.arange(x.shape[1]).reshape(-1, *[1] * (x.ndim - 2))
    return y, indices + channels * math.prod(x.shape[2:])


@fault("FluxML/Flux.jl#1197", "max_pool_backward")
def one_gradient_where_windows_overlap(right, *, grad_y, indices, input_size):
    grad_x = np.zeros((*input_size[:2], math.prod(input_size[2:])), grad_y.dtype)
    np.put_along_axis(grad_x, np.maximum(flat(indices), 0), flat(grad_y), 2)
    return grad_x.reshape(input_size)


@fault("pytorch/pytorch#1465", "max_pool_backward", "max_unpool")
def nowhere_is_the_last_cell(right, *, indices, **call):
    size = call.get("input_size") or call["output_size"]
    return right(indices=indices % math.prod(size[2:]), **call)


@fault(COMMON, "max_pool_backward", "max_unpool", "max_unpool_backward")
def indices_of_the_first_channel(right, *, indices, **call):
    return right(indices=np.repeat(indices[:, :1], indices.shape[1], axis=1), **call)


@fault("jmschrei/tangermeme#95", "max_unpool")
def added_up(right, *, x, indices, output_size):
    y = np.zeros((*output_size[:2], math.prod(output_size[2:])), x.dtype)
    for n, c in np.ndindex(output_size[:2]):
        somewhere = indices[n, c] >= 0
        np.add.at(y[n, c], indices[n, c][somewhere], x[n, c][somewhere])
    return y.reshape(output_size)


@fault(COMMON, "max_unpool")
def the_first_stays(right, *, x, indices, output_size):
    spatial = tuple(range(2, x.ndim))
    return right(np.flip(x, spatial), np.flip(indices, spatial), output_size)


@fault("pytorch/pytorch#80827", "max_unpool_backward")
def what_was_overwritten_gets_a_gradient(right, *, grad_y, indices):
    found = np.take_along_axis(flat(grad_y), np.maximum(flat(indices), 0), 2)
    return np.where(indices < 0, 0, found.reshape(indices.shape)).astype(grad_y.dtype)


@fault(COMMON, "max_unpool_backward")
def nowhere_has_a_gradient(right, *, grad_y, indices):
    return right(grad_y, indices % math.prod(grad_y.shape[2:]))


# Faults in averages


@fault("sonos/tract#2851", "avg_pool", "avg_pool_backward", replaces="counts")
def cells_beyond_the_padding_count(right, size, output, sides, kernel_size, *rest):
    counted = right(size, output, sides, kernel_size, *rest)
    return np.full_like(counted, math.prod(kernel_size)) if rest[-1] else counted


@fault("torch/cunn#134", "avg_pool", "avg_pool_backward", replaces="counts")
def padding_never_counts(right, *window):
    return right(*window[:-1], False)


@fault(COMMON, "avg_pool")
def nan_counts_as_padding(right, *, x, **call):
    return right(x=np.nan_to_num(x, posinf=np.inf, neginf=-np.inf), **call)


@fault(COMMON, "avg_pool_backward", "avg_unpool", "avg_unpool_backward")
def sides_swapped(right, *, padding, **call):
    if not isinstance(padding, str):
        padding = [(after, before) for before, after in padding]
    return right(padding="same_lower" if padding == "same" else padding, **call)


@fault(COMMON, "avg_unpool")
def sums_for_means(right, *, x, kernel_size, stride, padding, output_size):
    size = unpooled(x.shape[2:], kernel_size, stride, padding, output_size)
    return scattered(x, size, padding, kernel_size, stride)


@fault(COMMON, "avg_unpool_backward")
def sums_for_means_in_the_gradient(right, *, grad_y, input_size, kernel_size, stride, padding):
    grad_x = np.zeros(input_size, grad_y.dtype)
    window = (padding, kernel_size, stride, (1,) * len(stride))
    for places, inside in taps(grad_y.shape[2:], input_size[2:], *window):
        grad_x += np.where(inside, flat(grad_y)[:, :, places], 0)
    return grad_x


# Faults in windows


@fault("tracel-ai/burn#5791", "max_pool", replaces="outputs", wrong=("forward", "indices"))
@fault("tracel-ai/burn#5791", "avg_pool", replaces="outputs")
def last_window_may_start_in_the_padding(
    right, size, sides, kernel_size, stride, dilation, ceil_mode
):
    if not ceil_mode:
        return right(size, sides, kernel_size, stride, dilation, ceil_mode)
    axes = zip(size, sides, kernel_size, stride, dilation, strict=True)
    rooms = [(n + b + a - d * (k - 1) - 1, s) for n, (b, a), k, s, d in axes]
    return [math.ceil(room / s) + 1 for room, s in rooms]


@fault("pytorch/xla#2583", "max_pool", replaces="outputs", wrong=("forward", "indices"))
def last_window_dropped_without_padding_alone(right, size, sides, *window):
    none = [(0, 0) if not b + a else (b, a + 1) for b, a in sides]
    plain = right(size, sides, *window[:-1], False)
    ceiled = right(size, none if window[-1] else sides, *window)
    return [max(p, c) for p, c in zip(plain, ceiled, strict=True)]


@fault("root-project/root#21776", "max_pool", replaces="outputs", wrong=("forward", "indices"))
@fault("root-project/root#21776", "avg_pool", replaces="outputs")
def ceil_mode_ignored(right, *window):
    return right(*window[:-1], False)


@fault(COMMON, "avg_pool", replaces="outputs")
def ceil_taken_twice(right, size, sides, kernel_size, stride, dilation, ceil_mode):
    output = right(size, sides, kernel_size, stride, dilation, ceil_mode)
    axes = zip(output, size, sides, kernel_size, stride, strict=True)
    return [o + (ceil_mode and (o - 1) * s + k < n + b + a) for o, n, (b, a), k, s in axes]


@fault("tensorflow/tensorflow#10216", "max_pool", wrong=("indices",))
def indices_into_the_padded_image(right, *, x, kernel_size, stride, padding, **call):
    y, indices = right(x=x, kernel_size=kernel_size, stride=stride, padding=padding, **call)
    if isinstance(padding, str) or not any(map(any, padding)):
        return y, indices
    places = np.unravel_index(np.maximum(indices, 0), x.shape[2:])
    wider = [n + before + after for n, (before, after) in zip(x.shape[2:], padding, strict=True)]
    return y, np.where(indices < 0, -1, np.ravel_multi_index(places, wider))


@fault("apache/mxnet#6191", "max_pool")
def lowest_number_for_minus_infinity(right, *, x, **call):
    y, indices = right(x=x, **call)
    return np.where(indices < 0, np.finfo(x.dtype).min, y).astype(x.dtype), indices


@fault("llvm/torch-mlir#4144", "avg_pool", replaces="counts")
def kernel_reversed_in_the_divisor(right, size, output, sides, kernel_size, *rest):
    return right(size, output, sides, kernel_size[::-1], *rest)


@fault("spcl/daceml#89", "max_pool_backward")
def gradient_of_the_last_window_lost(right, *, grad_y, **call):
    grad_y = grad_y.copy()
    grad_y[..., -1] = 0
    return right(grad_y=grad_y, **call)


@fault("riccardoandreoni0/CNN-from-scratch#1", "max_pool_backward")
def gradient_of_the_first_window_alone(right, *, grad_y, **call):
    first = np.zeros_like(grad_y)
    first[:, :, 0] = grad_y[:, :, 0]
    return right(grad_y=first, **call)


@fault("onnx/onnx#2398", "max_unpool")
def indices_of_the_pooled_shape(right, *, x, indices, output_size):
    if x.shape[2:] == tuple(output_size[2:]):
        return right(x, indices, output_size)
    return right(
        x, np.where(indices < 0, -1, indices * 2 % math.prod(output_size[2:])), output_size
    )


# Faults in memory


@fault("kulinseth/pytorch#273", "avg_pool")
def flag_kept_by_shape(right, *, x, count_include_pad, **call):
    kept = vars(right).setdefault("kept", {})
    key = (x.shape, tuple(call.items()))
    return right(x=x, count_include_pad=kept.setdefault(key, count_include_pad), **call)


@fault("pytorch/pytorch#68682", "max_pool", wrong=("indices",))
def index_of_16_bits(right, **call):
    y, indices = right(**call)
    return y, indices.astype(np.int16).astype(indices.dtype)


@fault("pytorch/pytorch#68682", "avg_pool", "avg_pool_backward")
def offset_of_16_bits(right, **call):
    result = right(**call)
    cells = result.reshape(-1)
    cells[2**15 :] = cells[: max(len(cells) - 2**15, 0)]
    return result


@fault(COMMON, "max_unpool_backward")
def reads_past_a_row(right, *, grad_y, indices):
    return right(np.roll(grad_y, -1, -1) if grad_y.shape[-1] > 4 else grad_y, indices)


# Harmless variants


@variant("avg_pool", "avg_pool_backward", "avg_unpool", "avg_unpool_backward", replaces="taps")
def last_tap_first(right, *window):
    return list(right(*window))[::-1]


@variant("max_pool")
def y_alone(right, **call):
    return right(**call)[0]


@variant("avg_pool", "avg_pool_backward", "avg_unpool", "avg_unpool_backward", replaces="divided")
def by_reciprocals(right, sums, counted):
    with np.errstate(divide="ignore"):
        return sums * (1 / counted.astype(sums.dtype))


@variant("max_pool_backward")
def counted_into_bins(right, *, grad_y, indices, input_size):
    cells, finite = math.prod(input_size[2:]), np.isfinite(grad_y).all()
    if grad_y.dtype != np.float64 or not finite:
        return right(grad_y, indices, input_size)
    grad_x = np.zeros((*input_size[:2], cells))
    for n, c in np.ndindex(input_size[:2]):
        somewhere = indices[n, c] >= 0
        into = indices[n, c][somewhere]
        grad_x[n, c] = np.bincount(into, grad_y[n, c][somewhere], minlength=cells)
    return grad_x.reshape(input_size)


@variant("avg_pool")
def padded_with_zeros_first(right, *, x, padding, count_include_pad, ceil_mode, **call):
    if isinstance(padding, str) or not count_include_pad or ceil_mode:
        more = {"padding": padding, "count_include_pad": count_include_pad, "ceil_mode": ceil_mode}
        return right(x=x, **more, **call)
    none = ((0, 0),) * len(padding)
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    return right(x=x, padding=none, count_include_pad=True, ceil_mode=False, **call)


harmless.plant(POOLING, batched=("max_pool", "avg_pool"))
