"""Mutants of structural similarity, in the kernels of `tests/kernels_similarity.py`."""

import kernels_similarity
import numpy as np
from kernels_similarity import averages, weights

from mutants import COMMON, Family, harmless

SIMILARITY = Family(kernels_similarity, "ssim", "ssim_loss")
fault, variant = SIMILARITY.fault, SIMILARITY.harmless
ALL = ("ssim", "ssim_loss", "ssim_loss_backward")


@fault("khrynczenko/compimg#23", *ALL, replaces="covariance")
def sample_covariance(right, x, y, weight):
    return right(x, y, weight) * (weight.size / max(weight.size - 1, 0.5))


@fault(COMMON, *ALL, replaces="gaussian")
def wider_bell(right):
    bell = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.6**2))
    return bell / bell.sum()


@fault("jterrace/pyssim#16", *ALL, replaces="gaussian")
def weights_not_scaled(right):
    return np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))


@fault("scikit-image/scikit-image#6595", *ALL, replaces="factors")
def range_of_1(right, x, y, data_range, *constants):
    return right(x, y, 1.0, *constants)


@fault(COMMON, *ALL, replaces="factors")
def constants_not_squared(right, x, y, data_range, window, k1, k2):
    return right(x, y, 1.0, window, (k1 * data_range) ** 0.5, (k2 * data_range) ** 0.5)


@fault(COMMON, *ALL, replaces="factors")
def product_of_means_for_squares(right, *call):
    a1, a2, _, b2 = right(*call)
    return a1, a2, a1, b2


@fault(COMMON, "ssim")
def last_image_alone(right, *, x, y, **call):
    return right(x=x[-1:], y=y[-1:], **call)


@fault(COMMON, "ssim_loss")
def half_the_loss(right, **call):
    return right(**call) / 2


@fault(COMMON, "ssim_loss_backward")
def sign_forgotten(right, **call):
    return -right(**call)


@fault(COMMON, "ssim_loss")
def rounded_before_1_is_taken(right, **call):
    return np.round(right(**call), 4)


@fault(COMMON, "ssim_loss_backward")
def averaged_over_the_batch(right, *, reduction, prediction, **call):
    grad = right(reduction=reduction, prediction=prediction, **call)
    return grad * (prediction.shape[1] if reduction == "mean" else 1)


@fault("mlpack/mlpack#2427", *ALL, replaces="factors")
def range_of_the_image(right, x, y, data_range, *constants):
    return right(x, y, float(np.ptp(np.nan_to_num(x))) if x.size else data_range, *constants)


@fault("scikit-image/scikit-image#3802", *ALL, replaces="gaussian")
def bell_of_nine_cells(right):
    bell = right()
    bell[[0, -1]] = 0
    return bell / bell.sum()


@fault("rahul-goel/fused-ssim#37", "ssim")
def held_within_0_and_1(right, **call):
    return np.clip(right(**call), 0, 1)


# Harmless variants


@variant(*ALL, replaces="covariance")
def in_one_pass(right, x, y, weight):
    return averages(x * y, weight) - averages(x, weight) * averages(y, weight)


@variant(*ALL, replaces="factors")
def in_the_dtype(right, x, y, data_range, window, k1, k2):
    """Compute moments in the images' own precision, in one pass."""
    c1, c2 = ((x.dtype.type(k) * x.dtype.type(data_range)) ** 2 for k in (k1, k2))
    weight = weights(window, x.shape[2:]).astype(x.dtype)
    mean_x, mean_y = averages(x, weight), averages(y, weight)
    squares, product = averages(x * x + y * y, weight), averages(x * y, weight)
    a1, b1 = 2 * mean_x * mean_y + c1, mean_x**2 + mean_y**2 + c1
    return a1, 2 * product - 2 * mean_x * mean_y + c2, b1, squares - (b1 - c1) + c2


@variant(*ALL)
def axes_from_the_last(right, **call):
    def turned(value):
        image = isinstance(value, np.ndarray) and value.ndim > 2
        return value.transpose(0, 1, *range(value.ndim - 1, 1, -1)) if image else value

    return turned(right(**{name: turned(value) for name, value in call.items()}))


@variant(*ALL, replaces="values")
def quotients_multiplied(right, a1, a2, b1, b2):
    similarity = (a1 / b1) * (a2 / b2)
    return similarity.mean(tuple(range(2, similarity.ndim)))


@variant(*ALL, replaces="factors")
def images_exchanged(right, x, y, *call):
    return right(y, x, *call)


harmless.plant(SIMILARITY, batched=())
