r"""How far rounding may take a sum of products, proven, and what a lower precision looks like.

A sum of n products of numbers in a floating-point format of unit roundoff u, added in any order,
with or without fused multiply-add, and with every intermediate in range, differs from the exact
value by no more than

.. math:: \gamma_n \sum |x_i| |w_i|, \qquad \gamma_n = \frac{n u}{1 - n u}               \tag{R1}

(Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1). A term that is not
a product, such as a bias, counts as a product with 1.

A fast transform mixes all values of an image, so that only norms bound what it rounds. Of a
transform of P cells it is, relative to the spectrum's norm,

.. math:: \rho = 7 u \log_2 (4 P)                                                        \tag{R2}

with u the unit roundoff: 6.7 u for each of log2 P levels (Higham, theorem 24.2, with roots that are
right to u), and two levels more for sizes that are no powers of two.

A convolution of x with h by such transforms multiplies their spectra and transforms the product
back. By the inequality of Cauchy and Schwarz the error of either spectrum comes to rho |x| |h| in
every cell of the result, with Euclidean norms, and the rounding of their product to 3 u |x| |h|.
The inverse transform is off by rho times the norm of the result, which is at most the norm of one
factor times the sum of absolute values of the other. So each cell is off by no more than

.. math:: (2 \rho + 3 u) |x| |h| + \rho |x| |h|_1 .                                      \tag{R3}
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from deconv_ref.conformance.floating import finfo, named

__all__ = [
    "LOWER_PRECISIONS",
    "gamma",
    "rounding_bound",
    "spacing",
    "transform_roundoff",
    "unit_roundoff",
]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Precision:
    """A way of computing with fewer bits than the dtype has."""

    name: str
    roundoff: float


LOWER_PRECISIONS = (
    Precision("TF32 or float16 products (11 bits)", 2.0**-11),
    Precision("bfloat16 products (8 bits)", 2.0**-8),
)


def unit_roundoff(dtype: DTypeLike) -> float:
    """Return the largest relative error of rounding to nearest in `dtype`.

    Examples
    --------
    >>> unit_roundoff(np.float32) == 2.0**-24
    True
    """
    return float(finfo(dtype).eps) / 2


def gamma(n: Array, roundoff: float) -> Array:
    """Evaluate gamma_n of R1: infinity where n u is 1 or more, and nothing is promised.

    Examples
    --------
    >>> gamma(np.array([0.0, 2.0]), 2.0**-3)
    array([0.        , 0.33333333])
    """
    grown = n * roundoff
    with np.errstate(all="ignore"):
        return np.where(grown >= 1, np.inf, grown / (1 - grown))


def rounding_bound(terms: Array, magnitude: Array, dtype: DTypeLike) -> Array:
    """Bound the difference between a result in `dtype` and a truth computed in float64.

    Parameters
    ----------
    terms : array of float64
        Number n of products that each element sums.
    magnitude : array of float64
        The sum of their absolute values, as computed in float64.
    dtype : dtype
        Format in which the result was computed.

    Returns
    -------
    array of float64
        R1 for the result, plus R1 for the truth, where the computed magnitude, itself too small
        by no more than gamma_n, is scaled up to its worst; infinity where a partial sum
        may overflow.
    """
    double = gamma(terms, unit_roundoff(np.float64))
    bound = (gamma(terms, unit_roundoff(dtype)) + double) * magnitude / (1 - double)
    return np.where(magnitude + bound > float(finfo(dtype).max), np.inf, bound)


def transform_roundoff(dtype: DTypeLike, cells: int) -> float:
    """Evaluate rho of R2.

    Examples
    --------
    >>> transform_roundoff(np.float32, 16) == 42 * 2.0**-24
    True
    """
    return 7 * math.log2(4 * cells) * unit_roundoff(dtype)


def spacing(values: Array, dtype: DTypeLike) -> Array:
    """Measure the unit in the last place of `values`, not negative, in `dtype`.

    Examples
    --------
    >>> spacing(np.array([1.0]), np.float32) == 2.0**-23
    array([ True])
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return np.spacing(np.asarray(values).astype(named(dtype))).astype(np.float64)
