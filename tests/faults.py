"""Faults to plant in the kernel file `tests/slices.py`, one at a time; all of them have happened.

Each stands in for one function of that file, which it gets as its first argument, ``right``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Fault:
    """A function to judge, and the quantities of it that a substitute makes wrong."""

    function: str
    replaces: str
    substitute: Callable[..., Any]
    wrong: tuple[str, ...]
    constants: dict[str, Any]

    def __str__(self):
        values = [str(value) for value in self.constants.values()]
        return "-".join([self.substitute.__name__, *values, f"in {self.function}"]).replace(
            "_", " "
        )


FAULTS: list[Fault] = []


def plant(replaces, *functions, wrong=("forward",), **constants):
    """List a fault for each of the functions to judge: by default the one that it replaces."""

    def listed(substitute):
        FAULTS.extend(
            Fault(function, replaces, substitute, wrong, constants)
            for function in functions or (replaces,)
        )
        return substitute

    return listed


# Padding


@plant("conv_sides", "conv", "conv_transpose")
def same_on_the_wrong_side(right, padding, *window):
    return right({"same": "same_lower", "same_lower": "same"}.get(padding, padding), *window)


@plant("conv_sides", "conv")
def same_lower_taken_for_same(right, padding, *window):
    return right("same" if padding == "same_lower" else padding, *window)


@plant("conv_sides", "conv_backward", wrong=("x", "weight"))
@plant("conv_sides", "conv", "conv_transpose")
def sides_swapped(right, *window):
    return [(after, before) for before, after in right(*window)]


@plant("conv_sides", "conv", "conv_transpose")
def effective_kernel_as_k_plus_d_less_1(right, padding, size, kernel, stride, dilation):
    kernel = [k + d - 1 for k, d in zip(kernel, dilation, strict=True)]
    return right(padding, size, kernel, stride, [1] * len(kernel))


@plant("conv_sides", "conv")
def never_wider_than_the_kernel(right, padding, size, kernel, stride, dilation):
    reaches = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    sides = right(padding, size, kernel, stride, dilation)
    return [(min(b, e), min(a, e)) for (b, a), e in zip(sides, reaches, strict=True)]


@plant("conv_transpose")
def output_padding_at_the_start(right, *, output_padding, **call):
    y = right(output_padding=output_padding, **call)
    return np.roll(y, output_padding, tuple(range(2, y.ndim)))


# Windows


@plant("seen", "conv", "conv_transpose")
@plant("seen", "conv_backward", wrong=("x", "weight"))
def dilation_forgotten_in_the_last_axis(right, tap, output, stride, dilation):
    return right(tap, output, stride, (*dilation[:-1], 1))


@plant("seen", "conv")
def dilation_forgotten_in_the_first_axis(right, tap, output, stride, dilation):
    return right(tap, output, stride, (1, *dilation[1:]))


@plant("seen", "conv")
def dilations_reversed_in_volumes(right, tap, output, stride, dilation):
    return right(tap, output, stride, dilation[::-1] if len(dilation) == 3 else dilation)


@plant("conv")
@plant("conv_transpose")
def the_first_stride_for_all(right, *, stride, **call):
    return right(stride=(stride[0],) * len(stride), **call)


@plant("correlate", "conv_backward", "conv_transpose_backward", wrong=("weight",))
def stride_and_dilation_swapped(right, y, x, sides, shape, stride, dilation, groups):
    roomy = [(b, a + 3 * n + 15) for (b, a), n in zip(sides, y.shape[2:], strict=True)]
    return right(y, x, roomy, shape, dilation, stride, groups)


@plant("gather", "conv")
def nothing_where_the_kernel_is_longer(right, x, weight, *window):
    longer = any(k > n for n, k in zip(x.shape[2:], weight.shape[2:], strict=True))
    return right(x, weight * (not longer), *window)


# Kernels


@plant("oriented", "conv", "conv_transpose")
def kernel_flipped(right, weight, flip_kernel):
    return right(weight, not flip_kernel)


@plant("oriented", "conv")
def kernel_flipped_in_one_axis_alone(right, weight, flip_kernel):
    return weight[..., ::-1] if flip_kernel else weight


@plant("correlate", "conv_backward", wrong=("weight",))
def gradient_of_the_kernel_flipped(right, *call):
    return np.flip(right(*call), -1)


@plant("conv_transpose")
def square_weight_transposed(right, *, weight, **call):
    square = weight.shape[0] == weight.shape[1]
    return right(weight=weight.swapaxes(0, 1) if square else weight, **call)


# Groups and channels


@plant("with_bias", "conv", "conv_transpose")
def one_bias_for_all_groups(right, y, bias, groups):
    return right(y, None if bias is None else np.tile(bias[: len(bias) // groups], groups), groups)


@plant("gather", "conv")
@plant("gather", "conv_transpose_backward", wrong=("x",))
def one_channel_of_each_group(right, *call):
    y, groups = right(*call), call[-1]
    first = np.arange(y.shape[1]) % (y.shape[1] // groups) == 0
    return y * first.reshape(-1, *[1] * (y.ndim - 2))


@plant("correlate", "conv_backward", wrong=("weight",))
def groups_ignored(right, y, x, sides, shape, stride, dilation, groups):
    x = np.concatenate([x[:, : shape[1]]] * groups, axis=1)
    return right(y, x, sides, shape, stride, dilation, groups)


@plant("gather", "conv")
def fewer_channels_than_groups_lost(right, x, weight, sides, output, stride, dilation, groups):
    depthwise = groups > 2 and weight.shape[1] == 1
    return right(x, weight * (not depthwise), sides, output, stride, dilation, groups)


# Gradients


@plant("correlate", "conv_backward", "conv_transpose_backward", wrong=("weight",))
def last_row_dropped(right, y, *call):
    y = y.copy()
    y[:, :, -1] = 0
    return right(y, *call)


@plant("bias_gradient", "conv_backward", wrong=("bias",))
def averaged_not_summed(right, grad_y):
    return right(grad_y) * grad_y.shape[1] / grad_y.size


@plant("bias_gradient", "conv_transpose_backward", wrong=("bias",))
def averaged_over_the_batch(right, grad_y):
    return right(grad_y) / len(grad_y)


@plant("correlate", "conv_backward", wrong=("weight",))
def first_of_the_batch_alone(right, y, x, *call):
    return right(y[:1], x[:1], *call)


@plant("scatter", "conv_backward", wrong=("x",))
def remainder_cut_off(right, y, weight, sides, size, stride, dilation, groups):
    covered = [
        min(n, (o - 1) * s + d * (k - 1) + 1 - before)
        for n, o, k, s, d, (before, _) in zip(
            size, y.shape[2:], weight.shape[2:], stride, dilation, sides, strict=True
        )
    ]
    x = right(y, weight, sides, size, stride, dilation, groups)
    return x[:, :, *map(slice, covered)]


# Memory and arithmetic


@plant("conv")
def strides_ignored(right, *, x, **call):
    base = x if x.base is None else x.base
    return right(x=base.ravel()[: x.size].reshape(x.shape), **call)


@plant("conv_transpose")
def fortran_order_read_as_c(right, *, weight, **call):
    return right(weight=weight.ravel("K").reshape(weight.shape), **call)


@plant("conv")
def answers_kept_by_shape(right, *, x, weight, **call):
    key = (x.shape, weight.shape, str(call))
    answers = globals().setdefault("ANSWERS", {})
    return answers.setdefault(x.shape, (key, right(x=x, weight=weight, **call)))[1]


@plant("gather", "conv", LANE=4)
@plant("gather", "conv", LANE=8)
@plant("gather", "conv", LANE=16)
def off_by_one_after(right, *call):
    y = right(*call)
    if y.shape[-1] > LANE:  # noqa: F821
        y[..., LANE] = y[..., LANE - 1]  # noqa: F821
    return y


@plant("gather", "conv")
def added_in_float16(right, x, *call):
    with np.errstate(all="ignore"):
        return right(x.astype(np.float16), *call).astype(x.dtype)


@plant("gather", "conv", "conv_transpose_backward", wrong=("forward", "x"))
def cut_to_whole_numbers(right, *call):
    return np.trunc(right(*call))


@plant("gather", "conv")
def large_numbers_lose_bits(right, *call):
    y = right(*call)
    largest = 2 ** (np.finfo(y.dtype).nmant - 2)
    return np.where(np.abs(y) < largest, y, 64 * np.round(y / 64)).astype(y.dtype)
