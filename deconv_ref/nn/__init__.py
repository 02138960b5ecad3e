"""Networks of deconv_ref's operators, trained by gradients written by hand.

Layers are compositions of the public operators, and nothing is differentiated automatically: each
layer's `backward` calls the operators' own gradients.
"""

from deconv_ref.nn.activations import (
    Elu,
    Gelu,
    LeakyRelu,
    LogSoftmax,
    Prelu,
    Relu,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
)
from deconv_ref.nn.convolutional import Conv, ConvTranspose
from deconv_ref.nn.dense import Dense
from deconv_ref.nn.initializers import (
    Bilinear,
    Constant,
    Fans,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Icnr,
    Initializer,
    Normal,
    Ones,
    Zeros,
)
from deconv_ref.nn.layer import Layer
from deconv_ref.nn.losses import (
    L1,
    L2,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CategoricalCrossEntropy,
    Huber,
    Loss,
    Mae,
    Mse,
    Penalty,
    SoftmaxCrossEntropy,
    SsimLoss,
)
from deconv_ref.nn.metrics import Accuracy, BinaryAccuracy, Metric, Psnr, Ssim
from deconv_ref.nn.normalization import BatchNorm, Dropout
from deconv_ref.nn.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from deconv_ref.nn.pooling import AvgPool, AvgUnpool, MaxPool, MaxUnpool
from deconv_ref.nn.reshaping import Flatten, Pad, PixelShuffle, PixelUnshuffle, Reshape, Upsample
from deconv_ref.nn.sequential import Sequential
from deconv_ref.nn.training import Progress

__all__ = [
    "L1",
    "L2",
    "SGD",
    "Accuracy",
    "Adam",
    "AdamW",
    "AvgPool",
    "AvgUnpool",
    "BatchNorm",
    "Bilinear",
    "BinaryAccuracy",
    "BinaryCrossEntropy",
    "BinaryCrossEntropyWithLogits",
    "CategoricalCrossEntropy",
    "Constant",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Dropout",
    "Elu",
    "Fans",
    "Flatten",
    "Gelu",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Huber",
    "Icnr",
    "Initializer",
    "Layer",
    "LeakyRelu",
    "LogSoftmax",
    "Loss",
    "Mae",
    "MaxPool",
    "MaxUnpool",
    "Metric",
    "Mse",
    "Normal",
    "Ones",
    "Optimizer",
    "Pad",
    "Penalty",
    "PixelShuffle",
    "PixelUnshuffle",
    "Prelu",
    "Progress",
    "Psnr",
    "RMSprop",
    "Relu",
    "Reshape",
    "Sequential",
    "Sigmoid",
    "Silu",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "Ssim",
    "SsimLoss",
    "Tanh",
    "Upsample",
    "Zeros",
]
