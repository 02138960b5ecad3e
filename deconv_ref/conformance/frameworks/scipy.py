"""How SciPy spells our operators: `scipy.signal.correlate` and `scipy.signal.convolve`.

===============  ================================================================================
ours             SciPy
===============  ================================================================================
conv             ``correlate(x, weight, mode, method="direct")`` of one channel
conv_transpose   ``convolve(x, weight, mode, method="direct")`` of one channel
flip_kernel      the other of the two functions
"valid", "full"  the ``mode`` of that name; a transposed convolution crops where the convolution
                 pads, so that there they change places
"same"           for an even kernel ``mode="same"`` puts the odd zero at the start: "same_lower" of
                 conv, and by the same alignment the crop of conv_transpose's "same"
pairs of zero    "valid"; other numbers are not offered, nor are stride and dilation
channels, groups not offered: sums and loops here
gradients        not offered: the functions are absent
===============  ================================================================================
"""

import numpy as np
import scipy
from scipy import signal

NAME = "scipy"
VERSION = scipy.__version__

CONV_MODES = {"valid": "valid", "full": "full", "same_lower": "same"}
CONV_TRANSPOSE_MODES = {"valid": "full", "full": "valid", "same": "same"}


def unsupported(op, parameters):
    """Say what SciPy does not offer."""
    if max(parameters["stride"]) > 1 or max(parameters["dilation"]) > 1:
        return "there is neither stride nor dilation"
    if max(parameters.get("output_padding", (0,))) > 0:
        return "there is no output_padding"
    modes = CONV_MODES if op == "conv" else CONV_TRANSPOSE_MODES
    if _name(parameters["padding"]) in modes:
        return None
    if parameters["padding"] in ("same", "same_lower"):
        return 'mode="same" centres an even kernel the other way'
    return "padding is a mode, not numbers"


def conv(x, weight, bias=None, *, stride, padding, dilation, groups, flip_kernel):
    """Correlate, or convolve where the kernel is flipped, channel by channel."""
    function = signal.convolve if flip_kernel else signal.correlate
    return _by_channel(function, x, weight, bias, CONV_MODES[_name(padding)], groups)


def conv_transpose(
    x, weight, bias=None, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    """Convolve, or correlate where the kernel is flipped, channel by channel."""
    function = signal.correlate if flip_kernel else signal.convolve
    # (C_in, C_out / groups, ...) to (C_out, C_in / groups, ...), as conv has it
    grouped = np.stack(np.split(weight, groups)).swapaxes(1, 2)
    weight = grouped.reshape(-1, *grouped.shape[2:])
    return _by_channel(function, x, weight, bias, CONV_TRANSPOSE_MODES[_name(padding)], groups)


def _name(padding):
    return "valid" if not isinstance(padding, str) and not np.any(padding) else padding


def _by_channel(function, x, weight, bias, mode, groups):
    channels, filters = weight.shape[1], weight.shape[0] // groups
    sizes = {
        "valid": lambda n, k: n - k + 1,
        "full": lambda n, k: n + k - 1,
        "same": lambda n, k: n,
    }
    size = map(sizes[mode], x.shape[2:], weight.shape[2:])
    y = np.zeros((x.shape[0], weight.shape[0], *size), x.dtype)
    if bias is not None:
        y += bias.reshape(-1, *[1] * (x.ndim - 2))
    for n, m, c in np.ndindex(x.shape[0], weight.shape[0], channels):
        y[n, m] += function(x[n, m // filters * channels + c], weight[m, c], mode, "direct")
    return y
