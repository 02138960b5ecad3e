"""SciPy: functions of `scipy.signal`, `scipy.special` and `scipy.ndimage`.

They take one channel at a time where it has spatial axes, so that channels, groups and batches are
loops and sums here. There are no gradients.
"""

import numpy as np
import scipy
from scipy import ndimage, signal, special

from deconv_ref.conformance.frameworks._activation_losses import (
    INFINITE_LINE,
    LOG_SOFTMAX,
)
from deconv_ref.conformance.frameworks._allowances import beside_infinities
from deconv_ref.conformance.frameworks._difference import Difference

NAME = "scipy"
VERSION = scipy.__version__

DIFFERENCES: dict[str, list[Difference]] = {
    "log_softmax": [LOG_SOFTMAX, INFINITE_LINE],
    "upsample": [
        Difference("linear: a cell of weight 0 is multiplied, so NaN spreads", beside_infinities)
    ],
    "wiener": [
        Difference("signal.wiener smooths by local variance, and has no point-spread function")
    ],
}
"""What SciPy does otherwise, by design."""

SPELLINGS: dict[str, str] = {
    "conv": '`signal.correlate`; with `method="direct"`, of one channel',
    "conv_transpose": '`signal.convolve`; with `method="direct"`, of one channel',
    "conv.x conv_transpose.x": "`in1`",
    "conv.weight conv_transpose.weight": "`in2`",
    "conv.bias conv_transpose.bias": "not offered; here a sum",
    "conv.stride conv_transpose.stride": "not offered",
    "conv.padding conv_transpose.padding": 'not offered; but for zeros, which are "valid"',
    'conv.padding="valid" conv_transpose.padding="full"': '`mode="valid"`',
    'conv.padding="full" conv_transpose.padding="valid"': '`mode="full"`',
    'conv.padding="same"': 'not offered; for an even kernel `mode="same"` puts the odd zero at the '
    "start",
    'conv.padding="same_lower"': '`mode="same"`',
    'conv_transpose.padding="same"': '`mode="same"`; by the alignment that is "same_lower" of conv',
    'conv_transpose.padding="same_lower"': "not offered",
    "conv.dilation conv_transpose.dilation": "not offered",
    "conv.groups conv_transpose.groups": "not offered; here sums",
    "conv_transpose.output_padding": "not offered",
    "conv.flip_kernel": "`signal.convolve`; the other of the two functions",
    "conv_transpose.flip_kernel": "`signal.correlate`; the other of the two functions",
    "upsample": '`ndimage.zoom`; with `mode="nearest"`',
    "upsample.x": "`input`",
    "upsample.scale_factor": "`zoom`; sizes are rounded and then say the scale, so that only whole "
    "numbers are ours, and others are not offered",
    "upsample.mode": "`order`",
    'upsample.mode="nearest"': "0",
    'upsample.mode="linear"': "1",
    "upsample.align_corners": "`grid_mode=False`",
    "sigmoid": "`special.expit`",
    "softplus": "`special.softplus`; where this version has it",
    "softmax": "`special.softmax`",
    "log_softmax": "`special.log_softmax`",
    "softmax.axis log_softmax.axis": "same; all by default",
    "huber": "`special.huber(delta, prediction - target)`",
    "huber.reduction": 'not offered; as "none"',
    "fft_convolve": "`signal.fftconvolve`",
    "fft_convolve.x": "`in1`",
    "fft_convolve.psf": "`in2`",
    "fft_convolve.boundary": "`mode`",
    'fft_convolve.boundary="zeros"': '`"same"`',
    'fft_convolve.boundary="circular"': "not offered",
    "wiener": "`signal.wiener` is another filter, which has no point-spread function",
}

CONV_MODES = {"valid": "valid", "full": "full", "same_lower": "same"}
CONV_TRANSPOSE_MODES = {"valid": "full", "full": "valid", "same": "same"}


def unsupported(op, parameters):
    """Say what SciPy does not offer."""
    if op in ("conv", "conv_transpose"):
        return _unsupported_convolution(op, parameters)
    if op == "upsample" and any(scale % 1 for scale in parameters["scale_factor"]):
        return "sizes are rounded, and the scale is their ratio"
    if op == "huber" and parameters["reduction"] != "none":
        return "there are no reductions"
    if op == "softplus" and not hasattr(special, "softplus"):
        return "this version has no special.softplus"
    if op == "fft_convolve" and parameters["boundary"] == "circular":
        return "there is no circular boundary"
    return None


def _unsupported_convolution(op, parameters):
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


def upsample(x, scale_factor, *, mode, align_corners):
    """Resample channel by channel."""
    order = {"nearest": 0, "linear": 1}[mode]
    scale = [int(factor) for factor in scale_factor]
    size = (n * factor for n, factor in zip(x.shape[2:], scale, strict=True))
    y = np.empty((*x.shape[:2], *size), x.dtype)
    for n, c in np.ndindex(x.shape[:2]):
        y[n, c] = ndimage.zoom(
            x[n, c], scale, order=order, mode="nearest", grid_mode=not align_corners
        )
    return y


def sigmoid(x):
    """Compute y."""
    return special.expit(x)


def softplus(x):
    """Compute y."""
    return special.softplus(x)


def softmax(x, axis=1):
    """Compute y."""
    return special.softmax(x, axis)


def log_softmax(x, axis=1):
    """Compute y."""
    return special.log_softmax(x, axis)


def huber(prediction, target, *, delta, reduction):
    """Compute the losses."""
    return special.huber(prediction.dtype.type(delta), prediction - target)


def fft_convolve(x, psf, *, boundary):
    """Convolve channel by channel."""
    psf = np.broadcast_to(psf, (x.shape[1], *psf.shape[-(x.ndim - 2) :]))
    y = np.empty(x.shape, x.dtype)
    for n, c in np.ndindex(x.shape[:2]):
        y[n, c] = signal.fftconvolve(x[n, c], psf[c], "same")
    return y


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
