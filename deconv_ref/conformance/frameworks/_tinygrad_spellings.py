"""How tinygrad spells our operators, key by key: see the package's docstring for the keys."""

SPELLINGS: dict[str, str] = {
    "operators.prediction": "`self`",
    "operators.target": "`Y`",
    "operators.x": "`self`",
    "gradients": "`Tensor.gradient`",
    "gradients.grad_y gradients.grad_loss": "`gradient`",
    "gradients.input_size": "the shape of the target",
    # Convolution
    "conv": "`conv2d`",
    "conv_transpose": "`conv_transpose2d`",
    "conv.padding conv_transpose.padding": "same; flat, before and after, the last axis first",
    'conv.padding="valid" conv_transpose.padding="valid"': "0",
    'conv.padding="same" conv_transpose.padding="same"': "not offered",
    'conv.padding="same_lower" conv_transpose.padding="same_lower"': "not offered",
    'conv.padding="full" conv_transpose.padding="full"': "`dilation * (kernel - 1)`",
    "conv.flip_kernel conv_transpose.flip_kernel": "not offered; here `flip` of the weight",
    # Pooling and unpooling
    "max_pool": "`max_pool2d`; with `return_indices=True`",
    "avg_pool": "`avg_pool2d`",
    "max_pool.padding avg_pool.padding": "same; flat, before and after, the last axis first",
    'max_pool.padding="valid" avg_pool.padding="valid"': "0",
    'max_pool.padding="same" avg_pool.padding="same"': "not offered",
    'max_pool.padding="same_lower" avg_pool.padding="same_lower"': "not offered",
    'max_pool.padding="full" avg_pool.padding="full"': "`dilation * (kernel - 1)`",
    "max_pool_backward": "no function that takes indices",
    "max_unpool": "`max_unpool2d`",
    # Resampling and padding
    "upsample": "`interpolate`",
    "upsample.scale_factor": "`size`; which implies the scale: ours where that is a whole number, "
    "others are not offered",
    'upsample.mode="nearest"': '`"nearest-exact"`',
    "pad": "`pad`",
    "pad.padding": "same, of all axes",
    'pad.mode="zeros"': '`"constant"`',
    # Dense
    "linear": "`linear`",
    "linear.weight": "same; `(in, out)`",
    "batch_norm": "`batchnorm` takes statistics, and computes none",
    "dropout": "its own takes no mask",
    # Activations
    "relu": "`relu`",
    "leaky_relu": "`leaky_relu`",
    "leaky_relu.negative_slope": "`neg_slope`",
    "elu": "`elu`",
    "sigmoid": "`sigmoid`",
    "tanh": "`tanh`",
    "softplus": "`softplus`",
    "gelu": '`gelu`; with `approximate="none"`',
    "silu": "`silu`",
    "softmax": "`softmax`",
    "log_softmax": "`log_softmax`",
    # Losses
    "binary_cross_entropy": "`binary_crossentropy`",
    "binary_cross_entropy_with_logits": "`binary_crossentropy_logits`",
    "softmax_cross_entropy": "`cross_entropy`; with probabilities for a target",
}
