"""Mutants of resampling and padding, in the kernels of `tests/kernels_resampling.py`."""

import math

import kernels_resampling
import numpy as np
from kernels_resampling import PADS

from mutants import COMMON, Family, harmless

RESAMPLING = Family(kernels_resampling, "upsample", "pixel_shuffle", "pixel_unshuffle", "pad")
fault, variant = RESAMPLING.fault, RESAMPLING.harmless


# Faults in resampling


@fault(COMMON, "upsample_backward", "pad_backward", replaces="collect")
def one_gradient_per_cell(right, values, cells, axis, n):
    total = np.zeros((*values.shape[:axis], n, *values.shape[axis + 1 :]), values.dtype)
    total[(slice(None),) * axis + (cells,)] = values
    return total


@fault(COMMON, "upsample")
def scales_reversed(right, *, scale_factor, **call):
    return right(scale_factor=scale_factor[::-1], **call)


@fault("VeriSilicon/TIM-VX#263", "upsample", "upsample_backward", replaces="nearest_cells")
def nearest_to_the_corner(right, n, scale):
    return np.floor(np.arange(math.floor(n * scale)) / scale).astype(int)


@fault(COMMON, "upsample", "upsample_backward", replaces="nearest_cells")
def halves_round_down(right, n, scale):
    source = (np.arange(math.floor(n * scale)) + 0.5) / scale
    return np.maximum(np.ceil(source) - 1, 0).astype(int)


@fault("tenstorrent/tt-metal#27001", "upsample", "upsample_backward", replaces="neighbours")
def corners_never_aligned(right, n, scale, align_corners):
    return right(n, scale, False)


@fault("robertknight/rten#1418", "upsample", "upsample_backward", replaces="neighbours")
def scale_of_the_sizes(right, n, scale, align_corners):
    return right(n, math.floor(n * scale) / n, align_corners)


@fault(COMMON, "upsample", "upsample_backward", replaces="neighbours")
def weights_of_11_bits(right, *axis):
    lower, upper, f = right(*axis)
    return lower, upper, np.round(f * 2048) / 2048


@fault("onnx/onnx#2163", "pixel_shuffle")
def the_block_counts_slowest(right, *, x, factor):
    n, channels, *size = x.shape
    block = math.prod(factor)
    x = x.reshape(n, block, channels // block, *size).swapaxes(1, 2)
    return right(x=x.reshape(n, channels, *size), factor=factor)


@fault("microsoft/onnxscript#2891", "pixel_unshuffle")
def the_block_counts_slowest_back(right, *, x, factor):
    y = right(x=x, factor=factor)
    n, channels, *size = y.shape
    block = math.prod(factor)
    return y.reshape(n, channels // block, block, *size).swapaxes(1, 2).reshape(y.shape)


@fault(COMMON, "pixel_shuffle", "pixel_unshuffle")
def blocks_by_columns(right, *, x, factor):
    """Count the cells of a square block column by column."""
    if x.ndim != 4 or factor[0] != factor[1]:
        return right(x=x, factor=factor)
    return right(x=x.swapaxes(2, 3), factor=factor).swapaxes(2, 3)


# Faults in padding


@fault("pytorch/pytorch#37881", "pad", "pad_backward")
def last_axis_first(right, *, padding, **call):
    return right(padding=padding[::-1], **call)


@fault(COMMON, "pad", "pad_backward")
def sides_swapped(right, *, padding, **call):
    return right(padding=tuple((after, before) for before, after in padding), **call)


@fault("ASEM000/kernex#14", "pad")
def the_edge_is_repeated(right, *, x, padding, mode, value):
    if mode == "reflect":
        return np.pad(x, [(0, 0), (0, 0), *padding], "symmetric")
    return right(x=x, padding=padding, mode=mode, value=value)


@fault(COMMON, "pad_backward")
def always_a_crop(right, *, mode, **call):
    return right(mode="zeros", **call)


@fault(COMMON, "pad")
def zeros_are_zeros(right, *, value, **call):
    return right(value=0.0, **call)


@fault("microsoft/onnxruntime#16401", "pad")
def reflects_one_cell_alone(right, *, x, padding, mode, value):
    y = right(x=x, padding=padding, mode=mode, value=value)
    first = max(padding[-1][0] - 1, 0)
    if mode == "reflect":
        y[..., :first] = 0
    return y


@fault("CortexFoundation/StyleTransferTrilogy#8", "pad")
def reflected_from_the_other_end(right, *, x, padding, mode, value):
    mode = "circular" if mode == "reflect" else mode
    return right(x=x, padding=padding, mode=mode, value=value)


@fault(COMMON, "pad")
def circular_sides_exchanged(right, *, x, padding, mode, value):
    if mode == "circular":
        padding = tuple((after, before) for before, after in padding)
    return right(x=x, padding=padding, mode=mode, value=value)


@fault("kymatio/kymatio#412", "pad")
def reflection_of_the_whole_axis_less_1(right, *, x, padding, mode, value):
    widest = any(max(p) == n - 1 > 0 for p, n in zip(padding, x.shape[2:], strict=True))
    mode = "replicate" if mode == "reflect" and widest else mode
    return right(x=x, padding=padding, mode=mode, value=value)


# More faults in resampling


@fault("ml-explore/mlx#3908", "upsample", "upsample_backward", replaces="neighbours")
def aligned_where_the_scale_is_a_fraction(right, n, scale, align_corners):
    return right(n, scale, align_corners or (scale % 1 != 0 and math.floor(n * scale) > 1))


@fault("intel/torch-xpu-ops#4380", "upsample_backward")
def column_of_the_gradient_by_the_height(right, *, grad_y, input_size, scale_factor, **call):
    if len(scale_factor) == 2 and call["mode"] == "linear" and input_size[2] > input_size[3]:
        grad_y = np.roll(grad_y, 1, -1)
    return right(grad_y=grad_y, input_size=input_size, scale_factor=scale_factor, **call)


@fault("flagos-ai/FlagGems#5218", "upsample_backward")
def window_of_the_gradient_too_narrow(right, *, grad_y, input_size, scale_factor, **call):
    n, outputs = input_size[-1], grad_y.shape[-1]
    if call["align_corners"] and n > 1 and outputs > 2 * n * n:
        grad_y = grad_y.copy()
        grad_y[..., outputs // 2] = 0
    return right(grad_y=grad_y, input_size=input_size, scale_factor=scale_factor, **call)


@fault("pytorch/pytorch#5511", "upsample", replaces="neighbours")
def corners_always_aligned(right, n, scale, align_corners):
    return right(n, scale, True)


@fault(COMMON, "upsample", replaces="neighbours")
def below_the_first_cell_not_held(right, n, scale, align_corners):
    lower, upper, f = right(n, scale, align_corners)
    if not align_corners and scale > 1:
        f[0] = 0.5 / scale + 0.5
    return lower, upper, f


@fault("PINTO0309/onnx2tf#92", "pixel_shuffle")
def factors_reversed(right, *, x, factor):
    if len(set(factor)) == 1:
        return right(x=x, factor=factor)
    y = right(x=x, factor=factor[::-1])
    wanted = [m * f for m, f in zip(x.shape[2:], factor, strict=True)]
    return y.reshape(*y.shape[:2], *wanted)


# Harmless variants


def turned(x):
    return x.transpose(0, 1, *range(x.ndim - 1, 1, -1))


@variant("upsample", "upsample_backward")
def axes_from_the_last(right, *, scale_factor, **call):
    arrays = {n: turned(v) if n in ("x", "grad_y") else v for n, v in call.items()}
    if "input_size" in call:
        arrays["input_size"] = (*call["input_size"][:2], *call["input_size"][:1:-1])
    return turned(right(scale_factor=scale_factor[::-1], **arrays))


@variant("upsample", "upsample_backward", replaces="neighbours")
def coordinates_by_multiplication(right, n, scale, align_corners):
    outputs = math.floor(n * scale)
    source = (np.arange(outputs) + 0.5) * (1 / scale) - 0.5
    if align_corners:
        source = np.linspace(0, n - 1, outputs) if outputs > 1 else np.zeros(outputs)
    source = np.clip(source, 0, n - 1)
    lower = np.floor(source).astype(int)
    return lower, np.minimum(lower + 1, n - 1), source - lower


@variant("upsample", replaces="nearest_cells")
def nearest_of_whole_numbers(right, n, scale):
    twice = 2 * np.arange(math.floor(n * scale)) + 1
    numerator, denominator = scale.as_integer_ratio()
    return twice * denominator // (2 * numerator)


@variant("pixel_shuffle")
def one_cell_of_the_block_after_the_other(right, *, x, factor):
    n, channels, *size = x.shape
    kept = channels // math.prod(factor)
    y = np.empty((n, kept, *(m * f for m, f in zip(size, factor, strict=True))), x.dtype)
    for k, cell in enumerate(np.ndindex(*factor)):
        places = tuple(slice(c, None, f) for c, f in zip(cell, factor, strict=True))
        y[:, :, *places] = x[:, k :: math.prod(factor)]
    return y


@variant("pad")
def cells_taken_by_index(right, *, x, padding, mode, value):
    if mode == "zeros":
        return right(x=x, padding=padding, mode=mode, value=value)
    for axis, sides in enumerate(padding, 2):
        cells = np.pad(np.arange(x.shape[axis]), sides, PADS[mode])
        x = x.take(cells, axis)
    return x


@variant("upsample_backward", "pad_backward", replaces="collect")
def collected_from_the_last(right, values, cells, axis, n):
    total = np.zeros((*values.shape[:axis], n, *values.shape[axis + 1 :]), values.dtype)
    at = (slice(None),) * axis
    for k in range(len(cells))[::-1]:
        total[(*at, cells[k])] += values[(*at, k)]
    return total


harmless.plant(RESAMPLING, batched=("upsample", "pixel_shuffle", "pixel_unshuffle", "pad"))
