"""Print a digest of what each kernel gives on this processor, with this number of threads."""

from hashlib import sha256

import numpy as np
from test_cpu_kernels import BITS, bits

import deconv_ref as dr

DTYPES = (np.float32, np.float64)


def digest(arrays):
    everything = sha256()
    for array in arrays:
        everything.update(array.tobytes())
    return everything.hexdigest()


def kernels(dtype):
    return [result for name in BITS for result in bits(name, dtype).values()]


def convolutions(dtype):
    return [
        *convolved((2, 12, 37, 53), (21, 12, 3, 5), dtype, stride=(2, 1), dilation=(1, 2)),
        *convolved((1, 6, 700), (9, 2, 7), dtype, stride=3, padding="same", groups=3),
        *convolved((3, 4, 7, 9, 11), (17, 4, 2, 3, 2), dtype, padding=1, stride=(1, 2, 1)),
        *convolved((1, 40, 40, 40), (3, 40, 4, 4), dtype, stride=2, padding=1),
    ]


def convolved(x_shape, weight_shape, dtype, **parameters):
    rng = np.random.default_rng(1)
    x, weight = (rng.standard_normal(s).astype(dtype) for s in (x_shape, weight_shape))
    y = dr.conv(x, weight, **parameters)
    z = dr.conv_transpose(y, weight, **parameters)
    gradients = dr.conv_backward(y, x, weight, **parameters)
    return y, z, *gradients, *dr.conv_transpose_backward(z, y, weight, **parameters)


def dense(dtype):
    rng, results = np.random.default_rng(1), []
    for n, c, m in ((300, 70, 260), (1, 3000, 500), (900, 33, 17)):
        x, weight, grad_y = (rng.standard_normal(s).astype(dtype) for s in ((n, c), (m, c), (n, m)))
        results += [dr.linear(x, weight), *dr.linear_backward(grad_y, x, weight)]
    return results


def smooth(dtype):
    x = np.linspace(-40, 40, 5001).astype(dtype)
    names = ("elu", "sigmoid", "tanh", "softplus", "silu")
    return [getattr(dr, name)(x) for name in names] + [
        getattr(dr, f"{name}_backward")(x[::-1], x) for name in names
    ]


if __name__ == "__main__":
    for chapter in (kernels, convolutions, dense, smooth):
        for dtype in DTYPES:
            print(chapter.__name__, dtype.__name__, digest(chapter(dtype)))
