"""What the four public functions of this chapter check, and the gradients they return."""

import math
from typing import Any, NamedTuple

from deconv_ref.arrays import rotated
from deconv_ref.checks import check_choice, check_floating, check_shape, check_spatial, volume
from deconv_ref.errors import ParameterError, ShapeError, message
from deconv_ref.parameters import is_size

__all__ = ["ConvGradients", "check_operands", "oriented", "restored"]


class ConvGradients(NamedTuple):
    """Gradients of a scalar with respect to the operands of a (transposed) convolution.

    Each has the shape and dtype of its operand. `bias` is always given: it depends on ``grad_y``
    alone. `x` is None where it was not needed.
    """

    x: Any
    weight: Any
    bias: Any


def check_operands(
    function: str,
    x: Any,
    weight: Any,
    bias: Any,
    groups: int,
    flip_kernel: bool,
    *,
    transposed: bool,
) -> None:
    """Check everything about ``x``, ``weight``, ``bias`` and ``groups`` but the spatial sizes.

    Parameters
    ----------
    function : str
        Public function to name in errors.
    x, weight, bias : array
        As passed; `bias` may be None.
    groups : int
        As passed.
    flip_kernel : bool
        As passed.
    transposed : bool
        Whether `x` enters on the side of ``weight.shape[0]``.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        Naming the argument at fault.
    """
    check_floating(function, x=x, weight=weight, **({} if bias is None else {"bias": bias}))
    first, second = ("C_in", "C_out") if transposed else ("C_out", "C_in")
    layout = f"({first}, {second} // groups, *kernel)"
    check_spatial(function, "x", x)
    check_spatial(function, "weight", weight, layout)
    check_choice(function, "flip_kernel", flip_kernel, (False, True))
    if weight.ndim != x.ndim:
        got = f"{weight.ndim} axes for an x of {x.ndim}"
        raise ShapeError(message(function, "weight", f"of x's rank, {layout}", got))
    if 0 in weight.shape:
        got = f"shape {tuple(weight.shape)}"
        raise ShapeError(message(function, "weight", f"{layout} without empty axes", got))

    filters, channels = weight.shape[:2]
    if not is_size(groups, least=1, most=math.inf):
        raise ParameterError(message(function, "groups", "an int of at least 1", repr(groups)))
    if filters % groups:
        wanted = f"a divisor of weight.shape[0] = {filters}"
        raise ParameterError(message(function, "groups", wanted, groups))
    x_channels = filters if transposed else channels * groups
    if x.shape[1] != x_channels:
        source = "weight.shape[0]" if transposed else "weight.shape[1] * groups"
        wanted = f"of {x_channels} channels ({source}) for a weight of {tuple(weight.shape)}"
        got = f"{x.shape[1]} channels in shape {tuple(x.shape)}"
        raise ShapeError(message(function, "x", wanted, got))
    if bias is not None:
        y_channels = channels * groups if transposed else filters
        check_shape(function, "bias", bias, (y_channels,), "It has one value per output channel")


def oriented(weight: Any, flip_kernel: bool) -> Any:
    """Give `weight` as kernels want it: three spatial axes, rotated by 180 degrees if asked."""
    return rotated(volume(weight)) if flip_kernel else volume(weight)


def restored(grad_weight: Any, shape: tuple[int, ...], flip_kernel: bool) -> Any:
    """Undo `oriented` on a gradient, giving a contiguous array."""
    return (rotated(grad_weight) if flip_kernel else grad_weight).reshape(shape)
