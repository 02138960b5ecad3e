"""How Keras spells our operators, key by key: see the package's docstring for the keys."""

SPELLINGS: dict[str, str] = {
    "operators.prediction": "`y_pred`",
    "operators.target": "`y_true`",
    "gradients gradients.grad_y gradients.grad_loss": "the backend's",
    "gradients.input_size": "the shape of x",
    # Convolution
    "conv": "`keras.ops.conv`",
    "conv_transpose": "`keras.ops.conv_transpose`",
    "conv.x conv_transpose.x": "`inputs`, channels last",
    "conv.weight": "`kernel`, `(*kernel, C_in // groups, C_out)`",
    "conv_transpose.weight": "`kernel`, `(*kernel, C_out, C_in)`",
    "conv.bias conv_transpose.bias": "not offered; here a sum",
    "conv.stride conv_transpose.stride": "`strides`",
    "conv.padding conv_transpose.padding": 'not offered; but for zeros, which are `"valid"`',
    'conv.padding="same_lower" conv_transpose.padding="same_lower"': "not offered",
    'conv.padding="full" conv_transpose.padding="full"': "not offered",
    "conv.dilation conv_transpose.dilation": "`dilation_rate`; not with stride, as the layers' "
    "documentation says",
    "conv.groups": "`C` over the kernels' channels",
    "conv_transpose.groups": "not offered",
    "conv_transpose.output_padding": "same; below stride; given at all it changes the meaning of "
    '"same", and left at None it stretches "valid" where the kernel is shorter than the stride: '
    'here None for "same", numbers for "valid"',
    "conv.flip_kernel conv_transpose.flip_kernel": "not offered; here `keras.ops.flip` of the "
    "weight",
    # Pooling
    "max_pool": "`keras.ops.max_pool`; y alone, there are no indices",
    "avg_pool": "`keras.ops.average_pool`",
    "max_pool.x avg_pool.x": "`inputs`, channels last",
    "max_pool.kernel_size avg_pool.kernel_size": "`pool_size`",
    "max_pool.stride avg_pool.stride": "`strides`",
    "max_pool.padding avg_pool.padding": 'not offered; but for zeros, which are `"valid"`',
    'avg_pool.padding="same"': "same; it divides by the cells inside the input, as "
    "`count_include_pad=False` does",
    'max_pool.padding="same_lower" avg_pool.padding="same_lower"': "not offered",
    'max_pool.padding="full" avg_pool.padding="full"': "not offered",
    "max_pool.dilation": "not offered",
    "max_pool.ceil_mode avg_pool.ceil_mode": "not offered",
    "avg_pool.count_include_pad": 'not offered; False with `"same"`',
    "max_pool_backward": "no indices, and so no gradient that takes them",
    # Resampling and padding
    "upsample": "`keras.ops.image.resize`; of images; for one or three axes "
    "`keras.layers.UpSampling1D` and `UpSampling3D`, nearest alone",
    "upsample.x": "`images`, channels last",
    "upsample.scale_factor": "`size`; of the image, which implies the scale: ours where that is a "
    "whole number, others are not offered. The layers' `size` is the scale",
    "upsample.mode": "`interpolation`",
    'upsample.mode="linear"': '`"bilinear"`; of images alone',
    "upsample.align_corners": "not offered",
    "pixel_shuffle": "`keras.ops.depth_to_space`; of images alone; of an output's place in its "
    "block and its channel it counts the place slowest, where ours is the channel",
    "pixel_unshuffle": "`keras.ops.space_to_depth`; of images alone; of an input's place in its "
    "block and its channel it counts the place slowest, where ours is the channel",
    "pixel_shuffle.x pixel_unshuffle.x": "`x`, channels last",
    "pixel_shuffle.factor pixel_unshuffle.factor": "`block_size`; one number, of 2 or more",
    "pad": "`keras.ops.pad`",
    "pad.padding": "`pad_width`, of all axes",
    'pad.mode="zeros"': '`"constant"`',
    'pad.mode="replicate"': '`"edge"`; on JAX alone',
    'pad.mode="circular"': '`"wrap"`; on JAX; `"circular"` on PyTorch; not offered on TensorFlow',
    "pad.value": "`constant_values`",
    # Dense and normalization
    "linear": "`keras.ops.matmul`; with the weight transposed",
    "linear.x": "`x1`",
    "linear.weight": "`x2`, transposed",
    "linear.bias": "a sum",
    "batch_norm": "`keras.ops.batch_normalization`; y alone; with `axis=1`",
    "batch_norm.gamma": "`scale`",
    "batch_norm.beta": "`offset`",
    "batch_norm.running_mean": "`mean`; not updated",
    "batch_norm.running_var": "`variance`; not updated",
    "batch_norm.training": "mean and variance of `keras.ops.moments`",
    "batch_norm.momentum": "not offered",
    "batch_norm.epsilon": "same; 0.001 by default",
    # Activations
    "relu": "`keras.ops.relu`",
    "leaky_relu": "`keras.ops.leaky_relu`",
    "leaky_relu.negative_slope": "same; 0.2 by default",
    "prelu": "`keras.layers.PReLU`; with all spatial axes in `shared_axes`",
    "prelu.slope": "the layer's weight `alpha`; one slope shares the channels too",
    "elu": "`keras.ops.elu`",
    "sigmoid": "`keras.ops.sigmoid`",
    "tanh": "`keras.ops.tanh`",
    "softplus": "`keras.ops.softplus`",
    "gelu": "`keras.ops.gelu`; with `approximate=False`",
    "silu": "`keras.ops.silu`",
    "softmax": "`keras.ops.softmax`",
    "log_softmax": "`keras.ops.log_softmax`",
    "softmax.axis log_softmax.axis": "same; the last by default",
    # Losses
    "mse": "`keras.losses.MeanSquaredError`",
    "mae": "`keras.losses.MeanAbsoluteError`",
    "huber": "`keras.losses.Huber`",
    "binary_cross_entropy": "`keras.losses.BinaryCrossentropy`",
    "binary_cross_entropy_with_logits": "`keras.losses.BinaryCrossentropy`; with "
    "`from_logits=True`",
    "categorical_cross_entropy": "`keras.losses.CategoricalCrossentropy`; with `axis=1`",
    "softmax_cross_entropy": "`keras.losses.CategoricalCrossentropy`; with `axis=1` and "
    "`from_logits=True`",
    "mse.reduction mae.reduction huber.reduction binary_cross_entropy.reduction "
    "binary_cross_entropy_with_logits.reduction": 'same; "mean" is `"sum_over_batch_size"`; the '
    "last axis is averaged whatever the reduction, so that here one of size 1 is added",
    "categorical_cross_entropy.reduction softmax_cross_entropy.reduction": 'same; "mean" is '
    '`"sum_over_batch_size"`',
    "l1_penalty": "`keras.regularizers.L1`",
    "l2_penalty": "`keras.regularizers.L2`",
    "l1_penalty.weight l2_penalty.weight": "`x`",
    "l1_penalty.strength": "`l1`",
    "l2_penalty.strength": "`l2`",
}
