"""How JAX spells our operators, key by key: see the package's docstring for the keys."""

SPELLINGS: dict[str, str] = {
    "gradients": "`jax.vjp`",
    "gradients.grad_y": "the argument of its second result",
    "gradients.input_size": "the shape of `primals`",
    # Convolution
    "conv": "`jax.lax.conv_general_dilated`",
    "conv_transpose": "`jax.lax.conv_transpose`; with `transpose_kernel=True`: without, the kernel "
    "is not rotated and its channels change places",
    "conv.x": "`lhs`; any layout, by `dimension_numbers`: left at None, it is ours",
    "conv_transpose.x": "`lhs`; any layout, by `dimension_numbers`",
    "conv.weight": "`rhs`; any layout, by `dimension_numbers`",
    "conv_transpose.weight": "`rhs`; as ours with `transpose_kernel=True`",
    "conv.bias conv_transpose.bias": "not offered; here a sum",
    "conv.stride": "`window_strides`",
    "conv_transpose.stride": "`strides`",
    "conv.dilation conv_transpose.dilation": "`rhs_dilation`",
    "conv.padding": "pairs",
    'conv.padding="valid"': '`"VALID"`',
    'conv.padding="same"': '`"SAME"`',
    'conv.padding="same_lower"': '`"SAME_LOWER"`',
    'conv.padding="full"': "pairs",
    "conv_transpose.padding": "pairs of `dilation * (kernel - 1) - padding`; they count the zeros "
    "around the stretched input, negative where that crops",
    'conv_transpose.padding="valid"': 'pairs, likewise; its `"VALID"` gives `n * stride` cells '
    "where the kernel is shorter than the stride",
    'conv_transpose.padding="same"': '`"SAME"`',
    'conv_transpose.padding="same_lower"': "not offered",
    'conv_transpose.padding="full"': "pairs of zeros",
    "conv_transpose.output_padding": "added to the second number of each pair",
    "conv.groups": "`feature_group_count`",
    "conv_transpose.groups": "not offered",
    "conv.flip_kernel conv_transpose.flip_kernel": "not offered; here `jax.numpy.flip` of the "
    "weight",
    # Pooling
    "max_pool": "`jax.lax.reduce_window(x, -inf, lax.max, ...)`; y alone, there are no indices",
    "avg_pool": "`jax.lax.reduce_window(x, 0, lax.add, ...)`; and a division",
    "max_pool.x avg_pool.x": "`operand`",
    "max_pool.kernel_size avg_pool.kernel_size": "`window_dimensions`, of all axes",
    "max_pool.stride avg_pool.stride": "`window_strides`, of all axes; left at None, 1",
    "max_pool.padding avg_pool.padding": "pairs, of all axes",
    'max_pool.padding="valid" avg_pool.padding="valid"': '`"VALID"`',
    'max_pool.padding="same" avg_pool.padding="same"': '`"SAME"`',
    'max_pool.padding="same_lower" avg_pool.padding="same_lower"': '`"SAME_LOWER"`',
    'max_pool.padding="full" avg_pool.padding="full"': "pairs, of all axes",
    "max_pool.dilation": "`window_dilation`, of all axes",
    "max_pool.ceil_mode avg_pool.ceil_mode": "not offered",
    "avg_pool.count_include_pad": "the divisor; the size of the window, or without padding the "
    "same sum of ones",
    "max_pool_backward max_unpool": "there are no indices",
    # Resampling and padding
    "upsample": "`jax.image.resize` or `jax.image.scale_and_translate`",
    "upsample.x": "`image`",
    "upsample.scale_factor": '`shape`, `scale`; the latter with "linear" alone',
    "upsample.mode": "`method`, and the function",
    'upsample.mode="nearest"': '`"nearest"` of `resize`; with `antialias=False`; only the size is '
    "given, and the scale is its ratio: ours where that is a whole number, others are not offered",
    'upsample.mode="linear"': '`"linear"` of `scale_and_translate`; `(x, shape, axes, scale, 0, '
    '"linear", antialias=False)`, half-pixel centres; `resize` is the same with the scale that '
    "the size gives",
    "upsample.align_corners": "not offered",
    "pad": "`jax.numpy.pad`",
    "pad.x": "`array`",
    "pad.padding": "`pad_width`, of all axes",
    'pad.mode="zeros"': '`"constant"`',
    'pad.mode="replicate"': '`"edge"`',
    'pad.mode="circular"': '`"wrap"`',
    "pad.value": '`constant_values`; of `"constant"` alone',
    # Dense
    "linear": "`jax.numpy.dot(x, weight.T)`; at `Precision.HIGHEST`",
    "linear.x": "`a`",
    "linear.weight": "`b`, transposed",
    "linear.bias": "a sum",
    # Activations
    "relu": "`jax.nn.relu`",
    "leaky_relu": "`jax.nn.leaky_relu`",
    "prelu": "`jax.nn.leaky_relu`",
    "prelu.slope": "`negative_slope`, an array",
    "elu": "`jax.nn.elu`",
    "sigmoid": "`jax.nn.sigmoid`",
    "tanh": "`jax.numpy.tanh`",
    "softplus": "`jax.nn.softplus`",
    "gelu": "`jax.nn.gelu`; with `approximate=False`",
    "silu": "`jax.nn.silu`",
    "softmax": "`jax.nn.softmax`",
    "log_softmax": "`jax.nn.log_softmax`",
    "softmax.axis log_softmax.axis": "same; the last by default",
    # Frequency domain
    "fft_convolve": "`jax.scipy.signal.fftconvolve`; channel by channel",
    "fft_convolve.x": "`in1`",
    "fft_convolve.psf": "`in2`",
    "fft_convolve.boundary": "`mode`",
    'fft_convolve.boundary="zeros"': '`"same"`',
    'fft_convolve.boundary="circular"': "not offered",
    # Other libraries add these.
    "batch_norm dropout mse mae huber binary_cross_entropy binary_cross_entropy_with_logits "
    "categorical_cross_entropy softmax_cross_entropy l1_penalty l2_penalty ssim ssim_loss "
    "inverse_filter wiener richardson_lucy": "offered by other libraries",
}
