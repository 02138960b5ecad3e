"""How PyTorch spells our operators, key by key: see the package's docstring for the keys."""

SPELLINGS: dict[str, str] = {
    "operators.x": "`input`",
    "operators.prediction": "`input`",
    "gradients": "`torch.autograd.grad`",
    "gradients.grad_y gradients.grad_loss": "`grad_outputs`",
    "gradients.input_size": "the shape of `inputs`",
    # Convolution
    "conv": "`conv2d`",
    "conv_transpose": "`conv_transpose2d`",
    "conv.padding conv_transpose.padding": "one number per axis; for both sides of it, so that "
    "unequal sides are not offered",
    'conv.padding="valid"': '`"valid"`',
    'conv.padding="same"': '`"same"`; the odd zero at the end; for stride 1 alone',
    'conv_transpose.padding="valid"': "0",
    'conv_transpose.padding="same"': "not offered",
    'conv.padding="same_lower" conv_transpose.padding="same_lower"': "not offered",
    'conv.padding="full" conv_transpose.padding="full"': "`dilation * (kernel - 1)`",
    "conv.flip_kernel conv_transpose.flip_kernel": "not offered; here `torch.flip` of the weight",
    # Pooling and unpooling
    "max_pool": "`max_pool2d`; with `return_indices=True`; indices count as ours",
    "avg_pool": "`avg_pool2d`; of volumes not in half precision, on the CPU",
    "max_pool.padding avg_pool.padding": "one number per axis; for both sides of it, so that "
    "unequal sides are not offered; at most half of kernel_size",
    'max_pool.padding="valid" avg_pool.padding="valid"': "0",
    'max_pool.padding="same" avg_pool.padding="same"': "not offered",
    'max_pool.padding="same_lower" avg_pool.padding="same_lower"': "not offered",
    'max_pool.padding="full"': "`dilation * (kernel - 1)`; where that is at most half of "
    "kernel_size",
    'avg_pool.padding="full"': "`kernel - 1`; where that is at most half of kernel_size",
    "max_pool_backward": "`torch.ops.aten.max_pool2d_with_indices_backward`; what automatic "
    "differentiation calls; a line is an image of one row. It asks for the window too, but uses "
    "the sizes alone: any window that leads from the one size to the other will do",
    "max_pool_backward.grad_y": "`grad_output`",
    "max_pool_backward.input_size": "the shape of `self`",
    "max_unpool": "`max_unpool2d`; it asks for the window too, of which only the sizes count. It "
    "has no deterministic algorithm, so none is asked for in this call",
    # Resampling and padding
    "upsample": "`interpolate`; with `recompute_scale_factor=False`",
    'upsample.mode="nearest"': '`"nearest-exact"`; its `"nearest"` takes `floor(o / scale)`',
    'upsample.mode="linear"': '`"linear"`, `"bilinear"`, `"trilinear"`; by rank',
    "upsample.align_corners": "same; of linear alone, None with nearest",
    "pixel_shuffle": "`pixel_shuffle`; of images alone",
    "pixel_shuffle.factor": "`upscale_factor`; one number for both axes",
    "pixel_unshuffle": "`pixel_unshuffle`; of images alone",
    "pixel_unshuffle.factor": "`downscale_factor`; one number for both axes",
    "pad": "`pad`",
    "pad.padding": "`pad`; a flat list, which has the last axis first",
    'pad.mode="zeros"': '`"constant"`',
    "pad.value": '`value`; of `"constant"` alone',
    # Dense and normalization
    "linear": "`linear`",
    "batch_norm": "`torch.native_batch_norm`; which `batch_norm` calls: it also gives the saved "
    "statistics; in evaluation it gives none, and they are None. It refuses empty batches, which "
    "go to `batch_norm` itself",
    "batch_norm.gamma": "`weight`",
    "batch_norm.beta": "`bias`",
    "batch_norm.running_mean batch_norm.running_var": "same; written over",
    "batch_norm.epsilon": "`eps`",
    "batch_norm_backward": "`torch.ops.aten.native_batch_norm_backward`; in training alone: with "
    "constant statistics it takes a variance, no inverse deviation. Empty batches go to "
    "`torch.autograd.grad` of `batch_norm`",
    "batch_norm_backward.grad_y": "`grad_out`",
    "batch_norm_backward.saved_mean": "`save_mean`",
    "batch_norm_backward.saved_inv_std": "`save_invstd`",
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
    "gelu": '`gelu`; with `approximate="none"`',
    "silu": "`silu`",
    "softmax": "`softmax`",
    "log_softmax": "`log_softmax`",
    "softmax.axis log_softmax.axis": "`dim`",
    # Losses
    "mse": "`mse_loss`",
    "mae": "`l1_loss`",
    "huber": "`huber_loss`",
    "binary_cross_entropy": "`binary_cross_entropy`",
    "binary_cross_entropy_with_logits": "`binary_cross_entropy_with_logits`",
    "softmax_cross_entropy": "`cross_entropy`; with probabilities for a target",
    "categorical_cross_entropy": "`nll_loss` takes logarithms and numbers of categories",
    # Frequency domain
    "fft_convolve inverse_filter wiener richardson_lucy": "`torch.fft` has transforms alone",
}
