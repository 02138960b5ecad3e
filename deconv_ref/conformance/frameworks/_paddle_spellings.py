"""How PaddlePaddle spells our operators, key by key: see the package's docstring for the keys."""

SPELLINGS: dict[str, str] = {
    "operators.prediction": "`input`",
    "operators.target": "`label`",
    "gradients": "`paddle.grad`",
    "gradients.grad_y gradients.grad_loss": "`grad_outputs`",
    "gradients.input_size": "the shape of `inputs`",
    # Convolution
    "conv": "`conv2d`",
    "conv_transpose": "`conv2d_transpose`",
    "conv.padding conv_transpose.padding": "same; flat, before and after each axis",
    'conv.padding="valid" conv_transpose.padding="valid"': "0",
    'conv.padding="same"': '`"SAME"`; it sets dilation to 1',
    'conv_transpose.padding="same"': "not offered; its own pads as a convolution of x would, not "
    "one of the result",
    'conv.padding="same_lower" conv_transpose.padding="same_lower"': "not offered",
    'conv.padding="full" conv_transpose.padding="full"': "`dilation * (kernel - 1)`",
    "conv.flip_kernel conv_transpose.flip_kernel": "not offered; here `flip` of the weight",
    "conv_transpose.output_padding": "same; below stride",
    # Pooling and unpooling
    "max_pool": "`max_pool2d`; with `return_mask=True` where both sides of every axis are padded "
    "alike; else there are no indices",
    "avg_pool": "`avg_pool2d`",
    "max_pool.padding avg_pool.padding": "same; flat, before and after each axis; below "
    "kernel_size",
    'max_pool.padding="valid" avg_pool.padding="valid"': "0",
    'max_pool.padding="same"': '`"SAME"`; without ceil_mode and indices',
    'avg_pool.padding="same"': '`"SAME"`; it divides by the cells inside the input',
    'max_pool.padding="same_lower" avg_pool.padding="same_lower"': "not offered",
    'max_pool.padding="full" avg_pool.padding="full"': "not offered; it is `kernel - 1`, where "
    "that is below kernel_size",
    "max_pool.dilation": "not offered",
    "max_pool.ceil_mode avg_pool.ceil_mode": "same; windows that start behind the input are kept: "
    "not offered where there are some",
    "avg_pool.count_include_pad": "`exclusive`; its contrary",
    "max_pool_backward": "`paddle._C_ops.max_pool2d_with_index_grad`; what automatic "
    "differentiation calls; a line is an image of one row. It asks for the window too, but uses "
    "the sizes alone",
    "max_pool_backward.grad_y": "`out_grad`",
    "max_pool_backward.indices": "`mask`; int32",
    "max_unpool": "`max_unpool2d`; it asks for the window too, of which only the sizes count",
    "max_unpool.indices": "same; int32",
    # Resampling and padding
    "upsample": "`interpolate`",
    'upsample.mode="nearest"': '`"nearest"`; it takes `floor(o / scale)`, which is ours for whole '
    "scales; for two and three axes",
    'upsample.mode="linear"': '`"linear"`, `"bilinear"`, `"trilinear"`; by rank; with '
    "`align_mode=0`",
    "pixel_shuffle": "`pixel_shuffle`; of images alone",
    "pixel_shuffle.factor": "`upscale_factor`; one number for both axes",
    "pixel_unshuffle": "`pixel_unshuffle`; of images alone",
    "pixel_unshuffle.factor": "`downscale_factor`; one number for both axes",
    "pad": "`pad`",
    "pad.padding": "`pad`; a flat list, which has the last axis first",
    'pad.mode="zeros"': '`"constant"`',
    # Dense and normalization
    "linear": "`linear`",
    "linear.weight": "same; `(in, out)`",
    "batch_norm": "`paddle._C_ops.batch_norm`; which `batch_norm` calls: it also gives the saved "
    "statistics",
    "batch_norm.gamma": "`weight`",
    "batch_norm.beta": "`bias`",
    "batch_norm.running_mean": "same; written over",
    "batch_norm.running_var": "same; written over; the biased variance goes into it, so it is left "
    "out here in training",
    "batch_norm.momentum": "same; it weighs the old value",
    "batch_norm_backward": "`paddle._C_ops.batch_norm_grad`; in training alone: with constant "
    "statistics it takes a variance, no inverse deviation",
    "batch_norm_backward.grad_y": "`out_grad`",
    "dropout": "its own takes no mask",
    # Activations
    "relu": "`relu`",
    "leaky_relu": "`leaky_relu`",
    "prelu": "`prelu`",
    "prelu.slope": "`weight`",
    "elu": "`elu`",
    "sigmoid": "`sigmoid`",
    "tanh": "`tanh`",
    "softplus": "`softplus`; with `threshold=40`, beyond which it gives x: its own 20 is too low "
    "for float64",
    "gelu": "`gelu`; with `approximate=False`",
    "silu": "`silu`",
    "softmax": "`softmax`",
    "log_softmax": "`log_softmax`",
    # Losses
    "mse": "`mse_loss`",
    "mae": "`l1_loss`",
    "huber": "`smooth_l1_loss`",
    "binary_cross_entropy": "`binary_cross_entropy`",
    "binary_cross_entropy_with_logits": "`binary_cross_entropy_with_logits`",
    "binary_cross_entropy_with_logits.prediction": "`logit`",
    "categorical_cross_entropy": "`cross_entropy`; with `soft_label=True` and `use_softmax=False`",
    "softmax_cross_entropy": "`cross_entropy`; with `soft_label=True`",
    "categorical_cross_entropy.reduction softmax_cross_entropy.reduction": "same; here of the "
    "losses, which keep axis 1",
    # Frequency domain
    "fft_convolve inverse_filter wiener richardson_lucy": "`paddle.fft` has transforms alone",
}
