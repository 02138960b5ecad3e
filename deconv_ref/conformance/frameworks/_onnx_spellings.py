"""How ONNX spells our operators, key by key: see the package's docstring for the keys."""

ONNX_SPELLINGS: dict[str, str] = {
    "operators.x": "`X`",
    # Convolution
    "conv": "`Conv`",
    "conv_transpose": "`ConvTranspose`",
    "conv.weight conv_transpose.weight": "`W`",
    "conv.bias conv_transpose.bias": "`B`",
    "conv.stride conv_transpose.stride": "`strides`",
    "conv.padding conv_transpose.padding": "`pads`; every axis' number before, then every axis' "
    "number after",
    'conv.padding="valid" conv_transpose.padding="valid"': '`auto_pad="VALID"`',
    'conv.padding="same"': '`auto_pad="SAME_UPPER"`',
    'conv.padding="same_lower"': '`auto_pad="SAME_LOWER"`',
    'conv_transpose.padding="same"': '`auto_pad="SAME_UPPER"`; it splits `output_padding + reach '
    "- stride` between the two sides even where that is negative, and the result would begin with "
    "empty cells; `output_padding` of `stride - reach` puts them all at the end, as in ours",
    'conv_transpose.padding="same_lower"': '`auto_pad="SAME_LOWER"`; with `output_padding` as in '
    '"same"',
    'conv.padding="full" conv_transpose.padding="full"': "`pads`",
    "conv.dilation conv_transpose.dilation": "`dilations`",
    "conv.groups conv_transpose.groups": "`group`",
    "conv.flip_kernel conv_transpose.flip_kernel": "not offered; here `numpy.flip` of the weight",
    # Pooling and unpooling
    "max_pool": "`MaxPool`; indices are flat over the whole tensor, batch and channels too: our "
    "number plus the cells of all channels before. There is no index for nowhere, and a window of "
    "padding alone is left open: here it is as ours",
    "avg_pool": "`AveragePool`",
    "max_pool.kernel_size avg_pool.kernel_size": "`kernel_shape`",
    "max_pool.stride avg_pool.stride": "`strides`; left out, 1",
    "max_pool.padding avg_pool.padding": "`pads`; every axis' number before, then every axis' "
    "number after",
    'max_pool.padding="valid" avg_pool.padding="valid"': "`pads` of zeros; which go with "
    "`ceil_mode`, as `auto_pad` does not",
    'max_pool.padding="same" avg_pool.padding="same"': '`auto_pad="SAME_UPPER"`; its windows end '
    "with the axis in either `ceil_mode`. Where a kernel is shorter than the stride its padding "
    "may be negative, so that it is written in numbers there",
    'max_pool.padding="same_lower" avg_pool.padding="same_lower"': '`auto_pad="SAME_LOWER"`; as '
    '"same"',
    'max_pool.padding="full" avg_pool.padding="full"': "`pads`",
    "max_pool.dilation": "`dilations`",
    "max_unpool": "`MaxUnpool`",
    "max_unpool.indices": "`I`; flat over the whole tensor, as those of `MaxPool`: there is none "
    "for nowhere",
    "max_unpool.output_size": "by `kernel_shape`; that which `strides` of 1 and a fitting "
    "`kernel_shape` give, with `pads` where x is larger",
    # Resampling and padding
    "upsample": "`Resize`",
    "upsample.scale_factor": "`scales`; numbers of float32, others are not offered",
    'upsample.mode="nearest"': 'same; with `nearest_mode="round_prefer_ceil"` and half-pixel '
    "centres",
    'upsample.mode="linear"': "same; with half-pixel centres or align_corners",
    "upsample.align_corners": '`"align_corners"`; as `coordinate_transformation_mode`',
    "pixel_shuffle": '`DepthToSpace`; with `mode="CRD"`, of images alone',
    "pixel_unshuffle": '`SpaceToDepth`; with `mode="CRD"`, from opset 28: before, channels are in '
    "another order; of images alone",
    "pixel_shuffle.x pixel_unshuffle.x": "`input`",
    "pixel_shuffle.factor pixel_unshuffle.factor": "`blocksize`; one number for both axes",
    "pad": "`Pad`",
    "pad.x": "`data`",
    "pad.padding": "`pads`, of all axes; all starts, then all ends",
    'pad.mode="zeros"': '`"constant"`',
    'pad.mode="replicate"': '`"edge"`',
    'pad.mode="circular"': '`"wrap"`',
    "pad.value": "`constant_value`",
    # Dense and normalization
    "linear": "`Gemm`; with `transB=1`, of rows: leading axes are joined",
    "linear.x": "`A`",
    "linear.weight": "`B`",
    "linear.bias": "`C`",
    "batch_norm": "`BatchNormalization`; y alone: it stores the biased variance, and does not give "
    "the statistics used",
    "batch_norm.gamma": "`scale`",
    "batch_norm.beta": "`B`",
    "batch_norm.running_mean": "`input_mean`",
    "batch_norm.running_var": "`input_var`",
    "batch_norm.training": "`training_mode`",
    "batch_norm.momentum": "`1 - momentum`; it weighs the old value; a number of float32, others "
    "are not offered",
    "batch_norm.epsilon": "same; a number of float32, others are not offered",
    "dropout": "its own draws its mask",
    # Activations
    "relu": "`Relu`",
    "leaky_relu": "`LeakyRelu`",
    "leaky_relu.negative_slope": "`alpha`; a number of float32, others are not offered",
    "prelu": "`PRelu`",
    "prelu.slope": "same; of shape `(C, 1, ...)`",
    "elu": "`Elu`",
    "elu.alpha": "same; a number of float32, others are not offered",
    "sigmoid": "`Sigmoid`",
    "tanh": "`Tanh`",
    "softplus": "`Softplus`",
    "gelu": "`Gelu`",
    "silu": "`Swish`; from opset 24",
    "softmax": "`Softmax`",
    "log_softmax": "`LogSoftmax`",
    "softmax.axis log_softmax.axis": "same; the last by default",
    "sigmoid.x tanh.x softmax.x log_softmax.x": "`input`",
    # Losses
    "softmax_cross_entropy": "`SoftmaxCrossEntropyLoss` takes class numbers",
}
