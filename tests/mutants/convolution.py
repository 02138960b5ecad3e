"""Mutants of convolution and transposed convolution, in the kernels of `tests/slices.py`."""

import numpy as np
import slices
from slices import by_group, canvas_of, flat, seen, taps_of

from mutants import COMMON, Family, harmless

CONVOLUTION = Family(slices, "conv", "conv_transpose")
fault, variant = CONVOLUTION.fault, CONVOLUTION.harmless


# Padding


@fault("root-project/root#21793", "conv", "conv_transpose", replaces="conv_sides")
def same_on_the_wrong_side(right, padding, *window):
    return right({"same": "same_lower", "same_lower": "same"}.get(padding, padding), *window)


@fault("webmachinelearning/webnn-polyfill#57", "conv", replaces="conv_sides")
def same_lower_taken_for_same(right, padding, *window):
    return right("same" if padding == "same_lower" else padding, *window)


@fault("onnx/onnx-mlir#11", "conv", "conv_transpose", replaces="conv_sides")
def even_totals_get_one_more(right, padding, *window):
    sides = right(padding, *window)
    if padding == "same_lower":
        return [(b + 1, a) if a + b and a == b else (b, a) for b, a in sides]
    return sides


@fault("root-project/root#21793", "conv", replaces="conv_sides")
def same_as_if_the_stride_were_1(right, padding, size, kernel, stride, dilation):
    ones = [1] * len(stride) if padding == "same" else stride
    return right(padding, size, kernel, ones, dilation)


@fault(COMMON, "conv", "conv_transpose", replaces="conv_sides")
def full_without_dilation(right, padding, size, kernel, stride, dilation):
    dilation = [1] * len(stride) if padding == "full" else dilation
    return right(padding, size, kernel, stride, dilation)


@fault("PaddlePaddle/Paddle#26921", "conv", replaces="conv_sides")
@fault("robertknight/rten#1399", "conv_transpose", replaces="conv_sides")
@fault(COMMON, "conv_backward", replaces="conv_sides", wrong=("x", "weight"))
def sides_swapped(right, *window):
    return [(after, before) for before, after in right(*window)]


@fault("microsoft/onnxruntime#2518", "conv", "conv_transpose", replaces="conv_sides")
def effective_kernel_as_k_plus_d_less_1(right, padding, size, kernel, stride, dilation):
    kernel = [k + d - 1 for k, d in zip(kernel, dilation, strict=True)]
    return right(padding, size, kernel, stride, [1] * len(kernel))


@fault("tenstorrent/tt-metal#19542", "conv", replaces="conv_sides")
def kernel_of_the_first_axis_for_all(right, padding, size, kernel, *window):
    return right(padding, size, [kernel[0]] * len(kernel), *window)


@fault(COMMON, "conv", replaces="conv_sides")
def never_wider_than_the_kernel(right, padding, size, kernel, stride, dilation):
    reaches = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    sides = right(padding, size, kernel, stride, dilation)
    return [(min(b, e), min(a, e)) for (b, a), e in zip(sides, reaches, strict=True)]


@fault(COMMON, "conv_transpose")
def output_padding_at_the_start(right, *, output_padding, **call):
    y = right(output_padding=output_padding, **call)
    return np.roll(y, output_padding, tuple(range(2, y.ndim)))


@fault("llvm/torch-mlir#4650", "conv_transpose")
def output_padding_on_both_sides(right, *, output_padding, **call):
    y = right(output_padding=output_padding, **call)
    return np.roll(y, [(o + 1) // 2 for o in output_padding], tuple(range(2, y.ndim)))


@fault("Tencent/ncnn#1122", "conv_transpose")
def output_padding_is_zeros(right, *, output_padding, **call):
    y = right(output_padding=output_padding, **call)
    for axis, (n, more) in enumerate(zip(y.shape[2:], output_padding, strict=True), 2):
        y[(slice(None),) * axis + (slice(max(n - more, 0), None),)] = 0
    return y


@fault("Samsung/TICO#420", "conv_transpose", replaces="scatter")
def crops_taken_from_the_input(right, y, weight, sides, *window):
    y = y.copy()
    for axis, (before, after) in enumerate(sides, 2):
        at = (slice(None),) * axis
        y[(*at, slice(min(before, after) // 2))] = 0
    return right(y, weight, sides, *window)


# Windows


@fault("webmachinelearning/webnn#222", "conv")
@fault("vlfeat/matconvnet#1010", "conv_transpose")
def dilation_forgotten_in_the_size(right, *, dilation, weight, **call):
    y = right(dilation=dilation, weight=weight, **call)
    more = [(d - 1) * (k - 1) for k, d in zip(weight.shape[2:], dilation, strict=True)]
    return np.pad(y, [(0, 0), (0, 0), *((0, m) for m in more)])


@fault("NVIDIA/cutlass#3502", "conv")
def size_by_kernel_times_dilation(right, *, dilation, stride, **call):
    y = right(dilation=dilation, stride=stride, **call)
    lost = [-(-(d - 1) // s) for d, s in zip(dilation, stride, strict=True)]
    left = (slice(max(n - less, 0)) for n, less in zip(y.shape[2:], lost, strict=True))
    return y[:, :, *left]


@fault("tenstorrent/tt-metal#19542", "conv", "conv_transpose", replaces="seen")
@fault(COMMON, "conv_backward", replaces="seen", wrong=("x", "weight"))
def dilation_forgotten_in_the_last_axis(right, tap, output, stride, dilation):
    return right(tap, output, stride, (*dilation[:-1], 1))


@fault("mlpack/mlpack#3146", "conv", replaces="seen")
def dilation_forgotten_in_the_first_axis(right, tap, output, stride, dilation):
    return right(tap, output, stride, (1, *dilation[1:]))


@fault("torch/nn#908", "conv", replaces="seen")
def dilations_reversed(right, tap, output, stride, dilation):
    return right(tap, output, stride, dilation[::-1])


@fault("pytorch/pytorch#187760", "conv")
@fault(COMMON, "conv_transpose")
def the_first_stride_for_all(right, *, stride, **call):
    return right(stride=(stride[0],) * len(stride), **call)


@fault("iree-org/iree-turbine#1223", "conv_backward", replaces="correlate", wrong=("weight",))
@fault(
    "huggingface/candle#2337", "conv_transpose_backward", replaces="correlate", wrong=("weight",)
)
def stride_and_dilation_swapped(right, y, x, sides, shape, stride, dilation, groups):
    roomy = [(b, a + 7 * n + 40) for (b, a), n in zip(sides, y.shape[2:], strict=True)]
    return right(y, x, roomy, shape, dilation, stride, groups)


@fault(COMMON, "conv", replaces="gather")
def nothing_where_the_kernel_is_longer(right, x, weight, *window):
    longer = any(k > n for n, k in zip(x.shape[2:], weight.shape[2:], strict=True))
    return right(x, weight * (not longer), *window)


# Kernels


@fault("tensorflow/tensorflow#11864", "conv", "conv_transpose", replaces="oriented")
def kernel_flipped(right, weight, flip_kernel):
    return right(weight, not flip_kernel)


@fault("FluxML/NNlib.jl#755", "conv", replaces="oriented")
def kernel_flipped_in_one_axis_alone(right, weight, flip_kernel):
    return weight[..., ::-1] if flip_kernel else weight


@fault(COMMON, "conv_backward", replaces="correlate", wrong=("weight",))
def gradient_of_the_kernel_flipped(right, *call):
    return np.flip(right(*call), -1)


@fault("Oneflow-Inc/oneflow#5239", "conv_transpose")
def square_weight_transposed(right, *, weight, **call):
    square = weight.shape[0] == weight.shape[1]
    return right(weight=weight.swapaxes(0, 1) if square else weight, **call)


# Groups and channels


@fault("robertknight/rten#1408", "conv", "conv_transpose", replaces="with_bias")
def bias_of_the_first_group_for_all(right, y, bias, groups):
    return right(y, None if bias is None else np.tile(bias[: len(bias) // groups], groups), groups)


@fault("pytorch/pytorch#60460", "conv", replaces="gather")
@fault(COMMON, "conv_transpose_backward", replaces="gather", wrong=("x",))
def one_channel_of_each_group(right, *call):
    y, groups = right(*call), call[-1]
    first = np.arange(y.shape[1]) % (y.shape[1] // groups) == 0
    return y * first.reshape(-1, *[1] * (y.ndim - 2))


@fault("tracel-ai/burn#1891", "conv_backward", replaces="correlate", wrong=("weight",))
def groups_ignored(right, y, x, sides, shape, stride, dilation, groups):
    x = np.concatenate([x[:, : shape[1]]] * groups, axis=1)
    return right(y, x, sides, shape, stride, dilation, groups)


@fault("yonghenglh6/DepthwiseConvolution#14", "conv", replaces="gather")
def depthwise_of_more_than_two_channels_lost(right, x, weight, *window):
    depthwise = window[-1] > 2 and weight.shape[1] == 1
    return right(x, weight * (not depthwise), *window)


@fault("KhronosGroup/NNEF-Tools#69", "conv", replaces="gather")
def filters_of_a_group_lie_apart(right, *call):
    y, groups = right(*call), call[-1]
    return by_group(y, groups, 1).swapaxes(1, 2).reshape(y.shape)


@fault("pytorch/pytorch#19912", "conv", replaces="gather")
def first_group_alone(right, *call):
    y, groups = right(*call), call[-1]
    y[:, y.shape[1] // groups :] = 0
    return y


@fault("apache/tvm#10223", "conv_transpose", replaces="scatter")
def channels_of_the_first_group_for_all(right, y, *call):
    groups = call[-1]
    return right(np.concatenate([y[:, : y.shape[1] // groups]] * groups, axis=1), *call)


@fault("bhuman/CompiledNN#16", "conv", replaces="gather", block=2)
@fault("bhuman/CompiledNN#16", "conv", replaces="gather", block=4)
def channels_beyond_the_last_block_lost(right, *call, block):
    y = right(*call)
    if y.shape[1] > block:
        y[:, y.shape[1] // block * block :] = 0
    return y


# Gradients


@fault(COMMON, "conv_backward", "conv_transpose_backward", replaces="correlate", wrong=("weight",))
def last_row_dropped(right, y, *call):
    y = y.copy()
    y[:, :, -1] = 0
    return right(y, *call)


@fault("kvfrans/notes#5", "conv_backward", replaces="bias_gradient", wrong=("bias",))
def averaged_not_summed(right, grad_y):
    return right(grad_y) * grad_y.shape[1] / grad_y.size


@fault("heyxhh/nnet-numpy#1", "conv_transpose_backward", replaces="bias_gradient", wrong=("bias",))
def averaged_over_the_batch(right, grad_y):
    return right(grad_y) / len(grad_y)


@fault("Oneflow-Inc/oneflow#255", "conv_backward", replaces="correlate", wrong=("weight",))
@fault("sebgao/cTensor#3", "conv_transpose_backward", replaces="correlate", wrong=("weight",))
def divided_by_the_positions(right, y, *call):
    positions = np.prod(y.shape[2:])
    return right(y, *call) / y.dtype.type(positions)


@fault(COMMON, "conv_backward", replaces="correlate", wrong=("weight",))
def first_of_the_batch_alone(right, y, x, *call):
    return right(y[:1], x[:1], *call)


@fault("mlpack/mlpack#2986", "conv_backward", replaces="scatter", wrong=("x",))
def remainder_cut_off(right, y, weight, sides, size, stride, dilation, groups):
    covered = [
        min(n, (o - 1) * s + d * (k - 1) + 1 - before)
        for n, o, k, s, d, (before, _) in zip(
            size, y.shape[2:], weight.shape[2:], stride, dilation, sides, strict=True
        )
    ]
    x = right(y, weight, sides, size, stride, dilation, groups)
    return x[:, :, *map(slice, covered)]


@fault("pytorch/pytorch#13008", "conv_backward", replaces="scatter", wrong=("x",))
def dilation_forgotten_in_the_gradient(right, y, weight, sides, size, stride, dilation, groups):
    return right(y, weight, sides, size, stride, [1] * len(dilation), groups)


@fault("yonghenglh6/DepthwiseConvolution#20", "conv_backward", replaces="scatter", wrong=("x",))
def stride_1_taken_for_granted_of_depthwise(right, y, weight, sides, size, stride, *rest):
    depthwise = rest[-1] > 1 and weight.shape[1] == 1
    ones = [1] * len(stride) if depthwise else stride
    return right(y, weight, sides, size, ones, *rest)


# Memory and arithmetic


@fault("pytorch/pytorch#1246", "conv")
def strides_ignored(right, *, x, **call):
    base = x if x.base is None else x.base
    return right(x=base.ravel()[: x.size].reshape(x.shape), **call)


@fault("pytorch/pytorch#192212", "conv_transpose")
def fortran_order_read_as_c(right, *, weight, **call):
    return right(weight=weight.ravel("K").reshape(weight.shape), **call)


@fault("huggingface/candle#3736", "conv")
def offset_of_a_sliced_weight_ignored(right, *, weight, **call):
    if weight.base is not None and weight.base.size > weight.size:
        weight = weight.base[..., : 2 * weight.shape[-1] : 2]
    return right(weight=weight, **call)


@fault("kulinseth/pytorch#273", "conv")
def answers_kept_by_shape(right, *, x, **call):
    answers = vars(right).setdefault("answers", {})
    return answers.setdefault(x.shape, right(x=x, **call))


@fault("openvinotoolkit/openvino#10760", "conv_transpose")
def parameters_kept_by_shape(right, *, x, weight, bias=None, **parameters):
    kept = vars(right).setdefault("kept", {})
    parameters = kept.setdefault((x.shape, weight.shape), parameters)
    return right(x=x, weight=weight, bias=bias, **parameters)


@fault("NVIDIA/apex#1587", "conv_backward", wrong=("x", "weight", "bias"))
def incoming_gradient_overwritten(right, *, grad_y, **call):
    results = right(grad_y=grad_y, **call)
    if grad_y.flags.writeable:
        grad_y *= 2
    return results


@fault("Tencent/ncnn#1014", "conv", replaces="gather", lane=4)
@fault("Tencent/ncnn#1014", "conv", replaces="gather", lane=8)
@fault("Tencent/ncnn#1014", "conv", replaces="gather", lane=16)
def off_by_one_after(right, *call, lane):
    y = right(*call)
    if y.shape[-1] > lane:
        y[..., lane] = y[..., lane - 1]
    return y


@fault("pytorch/pytorch#68682", "conv", replaces="gather")
@fault("pytorch/pytorch#68682", "conv_transpose", replaces="scatter")
def index_of_16_bits(right, *call):
    y = right(*call)
    last = 2**15 - 1
    if y.shape[-1] > last:
        y[..., last + 1 :] = 0
    return y


@fault(COMMON, "conv", replaces="gather")
def added_in_float16(right, x, *call):
    with np.errstate(all="ignore"):
        return right(x.astype(np.float16), *call).astype(x.dtype)


@fault("spillerrec/Overmix#9", "conv", replaces="gather")
@fault("spillerrec/Overmix#9", "conv_transpose_backward", replaces="gather", wrong=("x",))
def cut_to_whole_numbers(right, *call):
    return np.trunc(right(*call))


@fault(COMMON, "conv", replaces="gather")
def large_numbers_lose_bits(right, *call):
    y = right(*call)
    largest = 2 ** (np.finfo(y.dtype).nmant - 2)
    return np.where(np.abs(y) < largest, y, 64 * np.round(y / 64)).astype(y.dtype)


# Harmless variants


@variant("conv", "conv_transpose", replaces="taps_of")
@variant("conv_backward", "conv_transpose_backward", replaces="taps_of")
def taps_from_the_last(right, shape):
    return reversed(list(right(shape)))


@variant("conv", "conv_transpose_backward", replaces="gather")
def channels_from_the_last(right, x, weight, *window):
    return right(x[:, ::-1], weight[::-1, ::-1], *window)[:, ::-1]


@variant("conv", "conv_transpose_backward", replaces="gather")
def patches_times_a_matrix(right, x, weight, sides, output, stride, dilation, groups):
    canvas = by_group(canvas_of(x, sides), groups, 1)
    views = [canvas[:, :, :, *seen(t, output, stride, dilation)] for t in taps_of(weight.shape)]
    patches = np.stack([flat(view) for view in views], 3)  # (N, G, C / G, taps, positions)
    patches = patches.reshape(*patches.shape[:2], -1, patches.shape[-1])
    matrix = weight.reshape(groups, len(weight) // groups, -1)
    return (matrix @ patches).reshape(len(x), -1, *output)


@variant("conv", "conv_transpose_backward", replaces="gather")
def channels_last_inside(right, x, weight, sides, output, stride, dilation, groups):
    canvas = by_group(
        np.ascontiguousarray(np.moveaxis(canvas_of(x, sides), 1, -1)), groups, x.ndim - 1
    )
    taps = by_group(weight, groups, 0)
    y = np.zeros((len(x), *output, groups, taps.shape[1]), x.dtype)
    for tap in taps_of(weight.shape):
        part = canvas[:, *seen(tap, output, stride, dilation)]
        y += np.einsum("n...gc,gmc->n...gm", part, taps[:, :, :, *tap])
    return np.moveaxis(y.reshape(len(x), *output, -1), -1, 1)


@variant("conv", "conv_transpose_backward", replaces="gather")
def one_group_after_the_other(right, x, weight, *window):
    *window, groups = window
    parts = zip(np.split(x, groups, 1), np.split(weight, groups), strict=True)
    return np.concatenate([right(a, b, *window, 1) for a, b in parts], 1)


@variant("conv", "conv_transpose_backward", replaces="gather")
def halves_of_the_channels_added(right, x, weight, *window):
    *_, groups = window
    split = weight.shape[1] // 2
    if groups > 1 or not split:
        return right(x, weight, *window)
    return right(x[:, :split], weight[:, :split], *window) + right(
        x[:, split:], weight[:, split:], *window
    )


@variant("conv_transpose", "conv_backward", replaces="scatter")
def each_image_by_itself(right, y, *call):
    return np.concatenate([right(one[None], *call) for one in y]) if len(y) else right(y, *call)


@variant("conv_backward", "conv_transpose_backward", replaces="correlate")
def images_added_from_the_last(right, y, x, *call):
    if not len(y):
        return right(y, x, *call)
    total = right(y[-1:], x[-1:], *call)
    for k in range(len(y) - 1)[::-1]:
        total = total + right(y[k : k + 1], x[k : k + 1], *call)
    return total


@variant("conv_backward", "conv_transpose_backward", replaces="bias_gradient")
def rows_added_by_a_product(right, grad_y):
    rows = grad_y.swapaxes(0, 1).reshape(grad_y.shape[1], -1)
    return rows @ np.ones(rows.shape[1], grad_y.dtype)


@variant("conv", "conv_transpose", replaces="with_bias")
def bias_first(right, y, bias, groups):
    return y if bias is None else bias.reshape(-1, *[1] * (y.ndim - 2)) + y


harmless.plant(CONVOLUTION, batched=("conv", "conv_transpose"))
