r"""The documents' networks A, C, D and E, compiled and ready to `fit`.

Arrays are channels first, (N, C, H, W), images run from 0 to 1. ``as_printed=True`` gives the
layers as in the document; the default differs where the ledger has a remedy.

As printed all start from Keras' defaults: weights by Glorot and Bengio, uniform, and biases of 0.
The programs of documents A, C and D, written for TensorFlow and Keras, would have them too. That of
document E is written for PyTorch, whose layers start from weights and biases alike drawn from
:math:`U(-1 / \sqrt{k}, 1 / \sqrt{k})`, where k is the filters times the taps for a transposed
convolution: from -0.14 to 0.14 for its 3 filters of 4x4, and from -0.25 to 0.25 here.
"""

from deconv_ref import nn

__all__ = ["system_a", "system_c", "system_d1", "system_d2", "system_e"]


def system_a(
    channels: int = 3, *, seed: int = 0, dtype: str = "float32", as_printed: bool = False
) -> nn.Sequential:
    """Build the autoencoder of document A, "compression and restoration by deconvolution".

    Its section 4.1: convolution 3x3 to 64 features, ReLU, transposed convolution 3x3 back to the
    image's channels, ReLU; strides of 1, "same"; MSE and Adam.

    Parameters
    ----------
    channels : int
        Channels of the images.
    seed : int
        What the initial weights depend on.
    dtype : {"float32", "float64"}
        dtype of the network.
    as_printed : bool
        Whether the last bias starts from 0.

    Returns
    -------
    Sequential
        (N, channels, H, W) to the same; 3,523 parameters for three channels.

    Notes
    -----
    Wrong as printed: the loss is the network's output (A-s3), parameters that the layers do not
    have (A-s2), and nothing is compressed, since 64 features stand for each pixel (A-s4).

    The last ReLU can die: where the initial weights make a channel negative all over the images,
    its gradient is 0 and it stays black for ever. Started from a bias of 0.5, middle grey, no
    channel is below 0 at first, and the ReLU stays as printed (A-t1).

    Examples
    --------
    With this seed the network as printed never learns, and the remedied one does:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x = np.random.default_rng(0).uniform(size=(4, 1, 4, 4)).astype(np.float32)
    >>> x = dr.upsample(x, 4, mode="linear")
    >>> for as_printed in (True, False):
    ...     model = system_a(1, seed=1, as_printed=as_printed)
    ...     losses = model.fit(x, x, epochs=20, batch_size=4)["loss"]
    ...     print(f"{losses[0]:.2f} {losses[-1]:.2f}")
    0.29 0.29
    0.09 0.03
    """
    start = nn.Zeros() if as_printed else nn.Constant(0.5)
    model = nn.Sequential(
        [
            nn.Conv(64, 3, padding="same"),
            nn.Relu(),
            nn.ConvTranspose(channels, 3, padding="same", bias_initializer=start),
            nn.Relu(),
        ],
        seed=seed,
        dtype=dtype,
    )
    model.compile("adam", "mse", ["psnr"])
    return model


def system_c(*, seed: int = 0, dtype: str = "float32", as_printed: bool = False) -> nn.Sequential:
    """Build the repairing network of document C, "image repair by deconvolutional networks".

    Its section 4: convolution 3x3, 32, ReLU; max pooling; transposed convolution 4x4, 64, stride 2,
    ReLU; max pooling; transposed convolution 5x5, 3, stride 2, sigmoid; MSE and Adam.

    Parameters
    ----------
    seed : int
        What the initial weights depend on.
    dtype : {"float32", "float64"}
        dtype of the network.
    as_printed : bool
        Whether the first convolution is "valid" and the last kernel 5x5. Such a network makes
        62x62 pixels of 64x64 and cannot be trained on pairs of images.

    Returns
    -------
    Sequential
        Built for (N, 3, 64, 64); it takes all images of even sizes and gives results of their size.

    Notes
    -----
    Wrong as printed: the sizes run 64, 62, 31, 62, 31, 62, so that the result does not fit its
    target (C-s1); one convolution is called two (C-s3); and trained to give its input back, the
    network learns to keep the damage (C-s4). Fit it on pairs of damaged and sound images.

    The first convolution is "same" here, with replicated borders, for zeros would darken them. The
    last kernel is 4x4, a multiple of its stride: 5x5 lays 9, 6 or 4 taps on a pixel in turn, a
    checkerboard (B-t1).

    Examples
    --------
    >>> print(system_c().summary())
    Layer                             Output shape     Parameters
    conv (Conv)                       (N, 32, 64, 64)         896
    relu (Relu)                       (N, 32, 64, 64)           0
    max_pool (MaxPool)                (N, 32, 32, 32)           0
    conv_transpose (ConvTranspose)    (N, 64, 64, 64)      32,832
    relu_1 (Relu)                     (N, 64, 64, 64)           0
    max_pool_1 (MaxPool)              (N, 64, 32, 32)           0
    conv_transpose_1 (ConvTranspose)  (N, 3, 64, 64)        3,075
    sigmoid (Sigmoid)                 (N, 3, 64, 64)            0
    36,803 parameters
    """
    if as_printed:
        first, taps = nn.Conv(32, 3), 5
    else:
        first, taps = nn.Conv(32, 3, padding="same", padding_mode="replicate"), 4
    model = nn.Sequential(
        [
            *(first, nn.Relu(), nn.MaxPool(2)),
            *(nn.ConvTranspose(64, 4, 2, "same"), nn.Relu(), nn.MaxPool(2)),
            *(nn.ConvTranspose(3, taps, 2, "same"), nn.Sigmoid()),
        ],
        seed=seed,
        dtype=dtype,
    )
    model.compile("adam", "mse", ["psnr"])
    model.build((3, 64, 64))
    return model


def system_d1(*, seed: int = 0, dtype: str = "float32", as_printed: bool = False) -> nn.Sequential:
    """Build the classifier of document D, "CNNs in compression and reconstruction".

    Its section 4.1: twice convolution 3x3 (32, then 64), ReLU and max pooling; dense 64, ReLU;
    dense 10, softmax; categorical cross entropy, Adam, accuracy.

    Parameters
    ----------
    seed : int
        What the initial weights depend on.
    dtype : {"float32", "float64"}
        dtype of the network.
    as_printed : bool
        Whether the last layer is the softmax, and the loss takes probabilities.

    Returns
    -------
    Sequential
        (N, 1, 28, 28) to logits (N, 10), or probabilities as printed; 121,930 parameters.

    Notes
    -----
    Wrong as printed: it is shown as a network that compresses, but no image comes back from ten
    class probabilities (D-s2): the last two rows and columns of an image do not even reach them.

    Softmax and logarithm are one here: the network gives logits, and the loss is
    `deconv_ref.softmax_cross_entropy`. Apart, a probability that rounds to 0 makes the loss
    infinite and its gradient NaN, after which all weights are NaN; frameworks clip probabilities,
    which gives such samples no gradient. `deconv_ref.softmax` turns logits into probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> model = system_d1()
    >>> model.summary().splitlines()[-1]
    '121,930 parameters'
    >>> probabilities = dr.softmax(model.predict(np.zeros((5, 1, 28, 28), np.float32)))
    >>> probabilities.shape
    (5, 10)
    """
    last = [nn.Softmax()] if as_printed else []
    model = nn.Sequential(
        [
            *(nn.Conv(32, 3), nn.Relu(), nn.MaxPool(2)),
            *(nn.Conv(64, 3), nn.Relu(), nn.MaxPool(2)),
            *(nn.Flatten(), nn.Dense(64), nn.Relu(), nn.Dense(10), *last),
        ],
        seed=seed,
        dtype=dtype,
    )
    loss = "categorical_cross_entropy" if as_printed else "softmax_cross_entropy"
    model.compile("adam", loss, ["accuracy"])
    model.build((1, 28, 28))
    return model


def system_d2(*, seed: int = 0, dtype: str = "float32", as_printed: bool = False) -> nn.Sequential:
    """Build the reconstructing network of document D, "CNNs in compression and reconstruction".

    Its section 4.2: twice convolution 3x3 (32, then 64), ReLU and upsampling; dense 64, ReLU; dense
    784, sigmoid, as an image; binary cross entropy and Adam.

    Parameters
    ----------
    seed : int
        What the initial weights depend on.
    dtype : {"float32", "float64"}
        dtype of the network.
    as_printed : bool
        Whether a sigmoid makes probabilities of the logits, and the loss takes these.

    Returns
    -------
    Sequential
        (N, 64, 14, 14) to logits (N, 1, 28, 28), or pixels as printed; 8,017,840 parameters.

    Notes
    -----
    Wrong as printed: "pooling" that enlarges is upsampling (D-s3), no map of system D1 is of the
    size that this network takes (D-s4), and accuracy says nothing of grey pixels (D-s5), so that
    none is measured here. All but 87,920 parameters are in one dense layer (D-t1).

    Nor does the document say what the 64 maps are. ``deconv-ref train D2`` gives it images of half
    the size, as means of 2x2 pixels, in 65 levels of grey: map c is 1 where the level is above c,
    else 0. So 1,180 bits become the 6,272 of an image again.

    As in `system_d1` the network gives logits: `deconv_ref.sigmoid` makes the image. A sigmoid of
    its own rounds to 1 from a logit of 17 on in float32, and the loss is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> model = system_d2()
    >>> model.summary().splitlines()[-1]
    '8,017,840 parameters'
    >>> dr.sigmoid(model.predict(np.zeros((2, 64, 14, 14), np.float32))).shape
    (2, 1, 28, 28)
    """
    last = [nn.Sigmoid()] if as_printed else []
    model = nn.Sequential(
        [
            *(nn.Conv(32, 3), nn.Relu(), nn.Upsample(2)),
            *(nn.Conv(64, 3), nn.Relu(), nn.Upsample(2)),
            *(nn.Flatten(), nn.Dense(64), nn.Relu(), nn.Dense(784), *last, nn.Reshape((1, 28, 28))),
        ],
        seed=seed,
        dtype=dtype,
    )
    loss = "binary_cross_entropy" if as_printed else "binary_cross_entropy_with_logits"
    model.compile("adam", loss)
    model.build((64, 14, 14))
    return model


def system_e(
    channels: int = 3, *, seed: int = 0, dtype: str = "float32", as_printed: bool = False
) -> nn.Sequential:
    """Build the enlarging network of document E, "super-resolution by deconvolution".

    Its sections 1 and 4.1: a transposed convolution 4x4 of stride 2 and padding 1 maps the image to
    the high resolution; convolutions and activations refine it.

    Parameters
    ----------
    channels : int
        Channels of the images.
    seed : int
        What the initial weights depend on.
    dtype : {"float32", "float64"}
        dtype of the network.
    as_printed : bool
        Whether there is the transposed convolution alone, with random weights, as in the code.

    Returns
    -------
    Sequential
        (N, channels, H, W) to (N, channels, 2 H, 2 W).

    Notes
    -----
    Wrong as printed: the equation, E1, enlarges nothing and undoes nothing (E-s1 to E-s3), and the
    second step, the refinement, is missing in the code (E-s4). It has two convolutions here, 3x3 to
    32 features and 3x3 back, with a ReLU between. The document names no loss: MSE and Adam.

    It names blurred borders as a trouble (E-t1). A transposed convolution lays fewer taps on the
    outermost pixels, which are darker for it. So the image is replicated by a pixel around, which
    the layer cuts off again, and the convolutions replicate their borders. The transposed
    convolution starts as bilinear interpolation: its kernel is a multiple of the stride and its
    taps add up to the same on all pixels, so that there is no checkerboard (B-t1).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.zeros((1, 3, 48, 64), np.float32)
    >>> system_e().predict(x).shape, system_e(as_printed=True).predict(x).shape
    ((1, 3, 96, 128), (1, 3, 96, 128))
    """
    if as_printed:
        layers: list[nn.Layer] = [nn.ConvTranspose(channels, 4, 2, 1)]
    else:
        layers = [
            nn.Pad(1, mode="replicate"),
            nn.ConvTranspose(channels, 4, 2, 3, weight_initializer="bilinear"),
            nn.Conv(32, 3, padding="same", padding_mode="replicate"),
            nn.Relu(),
            nn.Conv(channels, 3, padding="same", padding_mode="replicate"),
        ]
    model = nn.Sequential(layers, seed=seed, dtype=dtype)
    model.compile("adam", "mse", ["psnr"])
    return model
