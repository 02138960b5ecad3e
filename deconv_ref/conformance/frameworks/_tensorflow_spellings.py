"""How TensorFlow spells our operators, key by key: see the package's docstring for the keys."""

SPELLINGS: dict[str, str] = {
    "gradients": "`tf.GradientTape`",
    "gradients.grad_y gradients.grad_loss": "`output_gradients`",
    "gradients.input_size": "the shape of `sources`",
    # Convolution
    "conv": "`tf.nn.convolution`; `tf.nn.conv2d` with explicit paddings, and with both stride and "
    "dilation",
    "conv_transpose": "`tf.nn.conv_transpose`",
    "conv.x conv_transpose.x": "`input`, channels last",
    "conv.weight": "`filters`, `(*kernel, C_in // groups, C_out)`",
    "conv_transpose.weight": "`filters`, `(*kernel, C_out, C_in)`",
    "conv.bias conv_transpose.bias": "`tf.nn.bias_add`",
    "conv.stride conv_transpose.stride": "`strides`",
    "conv.padding conv_transpose.padding": "explicit paddings of all axes; for two spatial axes "
    "alone",
    'conv.padding="valid" conv_transpose.padding="valid"': '`"VALID"`',
    'conv.padding="same" conv_transpose.padding="same"': '`"SAME"`',
    'conv.padding="same_lower" conv_transpose.padding="same_lower"': "not offered",
    'conv.padding="full" conv_transpose.padding="full"': "explicit paddings; for two spatial axes "
    "alone",
    "conv.dilation": "`dilations`; in `tf.nn.convolution` not with stride, but with gradients; "
    "`tf.nn.conv2d`, of two spatial axes, has it with stride and with explicit paddings",
    "conv_transpose.dilation": "`dilations`",
    "conv.groups": "`C` over the kernels' channels; not offered for three spatial axes, as "
    '"`in_channels` must match" in `tf.nn.conv3d`',
    "conv_transpose.groups": "not offered",
    "conv_transpose.output_padding": "a longer `output_shape`; any size that the convolution maps "
    "back to the input, so that `output_padding < stride`",
    "conv.flip_kernel conv_transpose.flip_kernel": "not offered; here `tf.reverse` of the weight",
    # Pooling
    "max_pool": "`tf.nn.max_pool`; `tf.nn.pool` with dilation. Indices are those of "
    "`tf.nn.max_pool_with_argmax`, on images, without explicit paddings and dilation: they count "
    "channels too, fastest, and are divided by their number",
    "avg_pool": "`tf.nn.avg_pool`",
    "max_pool.x avg_pool.x": "`input`, channels last",
    "max_pool.kernel_size": "`ksize`; `window_shape` of `tf.nn.pool`",
    "avg_pool.kernel_size": "`ksize`",
    "max_pool.stride avg_pool.stride": "`strides`; written out where ours is None",
    "max_pool.padding": "explicit paddings of all axes; for images alone, below the size of the "
    "window, without dilation",
    'max_pool.padding="valid" avg_pool.padding="valid"': '`"VALID"`',
    'max_pool.padding="same"': '`"SAME"`; not with dilation',
    'avg_pool.padding="same"': '`"SAME"`; it divides by the cells inside the input, as '
    "`count_include_pad=False` does",
    'max_pool.padding="same_lower" avg_pool.padding="same_lower"': "not offered",
    'max_pool.padding="full"': "explicit paddings; for images alone, without dilation",
    "avg_pool.padding": 'not offered; but for zeros, which are `"VALID"`',
    'avg_pool.padding="full"': "not offered",
    "max_pool.dilation": "`dilations` of `tf.nn.pool`; without stride and padding alone",
    "max_pool.ceil_mode avg_pool.ceil_mode": "not offered",
    "avg_pool.count_include_pad": 'not offered; False with `"SAME"`',
    "max_pool_backward": "`tf.raw_ops.MaxPoolGradWithArgmax`; which is what the tape calls, on "
    "images: it goes by the indices, and by some window that gives as many outputs. No window "
    "gives more outputs than inputs",
    "max_pool_backward.grad_y": "`grad`, channels last",
    "max_pool_backward.indices": "`argmax`; they count channels too, fastest",
    "max_pool_backward.input_size": "the shape of `input`",
    # Resampling and padding
    "upsample": "`tf.image.resize`; of images alone",
    "upsample.x": "`images`, channels last",
    "upsample.scale_factor": "`size`; a scale that it implies: ours where that is a whole number, "
    "others are not offered but with align_corners",
    "upsample.mode": "`method`",
    'upsample.mode="linear"': '`"bilinear"`; results are float32',
    "upsample.align_corners": "of `tf.compat.v1.image.resize`; alone, and whatever the scales",
    "pixel_shuffle": "`tf.nn.depth_to_space`; of images alone; of an output's place in its block "
    "and its channel it counts the place slowest, where ours is the channel",
    "pixel_unshuffle": "`tf.nn.space_to_depth`; of images alone; of an input's place in its block "
    "and its channel it counts the place slowest, where ours is the channel",
    "pixel_shuffle.x pixel_unshuffle.x": "`input`, channels last",
    "pixel_shuffle.factor pixel_unshuffle.factor": "`block_size`; one number, of 2 or more",
    "pad": "`tf.pad`",
    "pad.x": "`tensor`",
    "pad.padding": "`paddings`, of all axes",
    'pad.mode="zeros"': '`"CONSTANT"`',
    'pad.mode="reflect"': '`"REFLECT"`; its third, SYMMETRIC, repeats the edge, and is none of '
    "ours",
    'pad.mode="replicate" pad.mode="circular"': "not offered",
    "pad.value": "`constant_values`",
    # Dense and normalization
    "linear": "`tf.tensordot`; over the last axis of both",
    "linear.x": "`a`",
    "linear.weight": "`b`",
    "linear.bias": "a sum",
    "batch_norm": "`tf.nn.batch_normalization`; y alone",
    "batch_norm.x": "`x`, channels last",
    "batch_norm.gamma": "`scale`",
    "batch_norm.beta": "`offset`",
    "batch_norm.running_mean": "`mean`; not updated",
    "batch_norm.running_var": "`variance`; not updated",
    "batch_norm.training": "mean and variance of `tf.nn.moments`",
    "batch_norm.momentum": "not offered",
    "batch_norm.epsilon": "`variance_epsilon`",
    # Activations
    "relu": "`tf.nn.relu`",
    "leaky_relu": "`tf.nn.leaky_relu`",
    "leaky_relu.negative_slope": "`alpha`; 0.2 by default",
    "elu": "`tf.nn.elu`",
    "elu.alpha": "not offered; it is 1",
    "sigmoid": "`tf.nn.sigmoid`",
    "tanh": "`tf.nn.tanh`",
    "softplus": "`tf.nn.softplus`",
    "gelu": "`tf.nn.gelu`; with `approximate=False`",
    "silu": "`tf.nn.silu`",
    "softmax": "`tf.nn.softmax`",
    "log_softmax": "`tf.nn.log_softmax`",
    "relu.x leaky_relu.x elu.x softplus.x gelu.x silu.x": "`features`",
    "softmax.x log_softmax.x": "`logits`",
    "softmax.axis log_softmax.axis": "same; the last by default",
    # Losses
    "binary_cross_entropy_with_logits": "`tf.nn.sigmoid_cross_entropy_with_logits`",
    "binary_cross_entropy_with_logits.reduction": "`tf.reduce_mean`, `tf.reduce_sum`; it gives one "
    "value per element",
    "softmax_cross_entropy": "`tf.nn.softmax_cross_entropy_with_logits`; with `axis=1`",
    "softmax_cross_entropy.reduction": "`tf.reduce_mean`, `tf.reduce_sum`; it gives one value per "
    "line",
    "binary_cross_entropy_with_logits.prediction softmax_cross_entropy.prediction": "`logits`",
    "binary_cross_entropy_with_logits.target softmax_cross_entropy.target": "`labels`",
    "l2_penalty": "`tf.nn.l2_loss`; which is half the sum of squares",
    "l2_penalty.weight": "`t`",
    "l2_penalty.strength": "a factor of `2 * strength`",
    "prelu mse mae huber binary_cross_entropy categorical_cross_entropy l1_penalty": "offered by "
    "Keras alone",
    # Similarity
    "ssim": "`tf.image.ssim`; in float32, of each channel as an image, whose mean is taken",
    "ssim_loss": "1 less `tf.image.ssim`; in float32, of each channel as an image",
    "ssim.x ssim_loss.prediction": "`img1`, channels last",
    "ssim.y ssim_loss.target": "`img2`, channels last",
    "ssim.data_range ssim_loss.data_range": "`max_val`",
    "ssim.window ssim_loss.window": "`filter_size`, `filter_sigma`",
    "ssim.window=None ssim_loss.window=None": "not offered",
    'ssim.window="gaussian" ssim_loss.window="gaussian"': "11 and 1.5",
    "ssim_loss.reduction": "`tf.reduce_mean`, `tf.reduce_sum`; it gives one value per image",
}
