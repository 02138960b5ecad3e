"""The equations of the activations, one element of a result at a time.

Each *point function* is the equation in its docstring. Most are functions of numbers, applied
element by element; softmax and its like read a line of an array ``(A, K, B)`` along its middle
axis. The same source runs compiled by Numba (`literal`) and undecorated on `fractions.Fraction`,
where `deconv_ref.real` gives exp and its like to 60 digits: that run is the truth which the stable
formulas of `cpu` are judged by. Here the formulas are those of the textbook.

Legend: ``x`` element of the input, ``grad_y`` gradient of the result at the same place, ``grad_x``
of the input. All gradients are NaN where ``x`` or ``grad_y`` is.
"""

import math

from deconv_ref import real


def relu_point(x):
    """Evaluate y = max(x, 0), NaN for NaN (F1)."""
    return x if x > 0 or x != x else 0


def relu_gradient_point(grad_y, x):
    """Evaluate grad_x = grad_y if x > 0, 0 if x <= 0 (F2)."""
    if x > 0:
        return grad_y
    return 0 if x <= 0 and grad_y == grad_y else math.nan


def leaky_relu_point(x, slope):
    """Evaluate y = x if x > 0, slope x if x <= 0 (F3)."""
    return x if x > 0 else slope * x


def leaky_relu_gradient_point(grad_y, x, slope):
    """Evaluate grad_x = grad_y if x > 0, slope grad_y if x <= 0 (F4)."""
    if x > 0:
        return grad_y
    return slope * grad_y if x <= 0 else x


def prelu_point(x, slope, n, c, p):
    """Evaluate one element of y: F3 with the slope of its channel.

    y[n,c,p] = x[n,c,p] if x[n,c,p] > 0, slope[c] x[n,c,p] otherwise                      (F5)
    """
    return leaky_relu_point(x[n, c, p], slope[c])


def prelu_gradient_point(grad_y, x, slope, n, c, p):
    """Evaluate one element of the gradient of x: F4 with the slope of its channel.

    grad_x[n,c,p] = grad_y[n,c,p] if x[n,c,p] > 0, slope[c] grad_y[n,c,p] otherwise       (F6)
    """
    return leaky_relu_gradient_point(grad_y[n, c, p], x[n, c, p], slope[c])


def prelu_slope_point(grad_y, x, zero, c):
    """Evaluate one element of the gradient of the slopes.

    grad_slope[c] = sum_{n,p: not x[n,c,p] > 0} grad_y[n,c,p] x[n,c,p]                    (F7)
    """
    total = zero
    for n in range(x.shape[0]):
        for p in range(x.shape[2]):
            if not x[n, c, p] > 0:
                total += grad_y[n, c, p] * x[n, c, p]
    return total


def elu_point(x, alpha):
    """Evaluate y = x if x > 0, alpha (e^x - 1) if x <= 0 (F8)."""
    return x if x > 0 else alpha * real.expm1(x)


def elu_gradient_point(grad_y, x, alpha):
    """Evaluate grad_x = grad_y if x > 0, grad_y alpha e^x if x <= 0 (F9)."""
    return grad_y if x > 0 else grad_y * alpha * real.exp(x)


def sigmoid_point(x):
    """Evaluate y = 1 / (1 + e^-x) (F10)."""
    return 1 / (1 + real.exp(-x))


def sigmoid_gradient_point(grad_y, x):
    """Evaluate grad_x = grad_y s(x) s(-x), s the sigmoid (F10) (F11)."""
    return grad_y * sigmoid_point(x) * sigmoid_point(-x)


def tanh_point(x):
    """Evaluate y = tanh x (F12)."""
    return real.tanh(x)


def tanh_gradient_point(grad_y, x):
    """Evaluate grad_x = grad_y / cosh(x)^2 = grad_y (2 / (e^x + e^-x))^2 (F13)."""
    inverse = 2 / (real.exp(x) + real.exp(-x))
    return grad_y * inverse * inverse


def softplus_point(x):
    """Evaluate y = log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) (F14)."""
    return (x if x > 0 else 0) + real.log(1 + real.exp(-abs(x)))


def softplus_gradient_point(grad_y, x):
    """Evaluate grad_x = grad_y s(x), s the sigmoid (F10) (F15)."""
    return grad_y * sigmoid_point(x)


def gelu_point(x):
    """Evaluate y = x Phi(x), Phi(x) = (1 + erf(x / sqrt(2))) / 2 (F16)."""
    return 0 if x == -math.inf else x * real.normal_cdf(x)


def gelu_gradient_point(grad_y, x):
    """Evaluate grad_x = grad_y (Phi(x) + x phi(x)), phi the density of Phi (F17)."""
    density = x * real.normal_density(x) if abs(x) != math.inf else 0
    return grad_y * (real.normal_cdf(x) + density)


def silu_point(x):
    """Evaluate y = x s(x), s the sigmoid (F10) (F18)."""
    return 0 if x == -math.inf else x * sigmoid_point(x)


def silu_gradient_point(grad_y, x):
    """Evaluate grad_x = grad_y (s(x) + x s(x) s(-x)), s the sigmoid (F10) (F19)."""
    s = sigmoid_point(x)
    return grad_y * (s + (x * s * sigmoid_point(-x) if abs(x) != math.inf else 0))


def softmax_point(x, a, k, b):
    """Evaluate one element of softmax.

    y[a,k,b] = e^(x[a,k,b] - m) / sum_j e^(x[a,j,b] - m), m = max_j x[a,j,b]              (F20)

    over the line's elements j in their order. m cancels; it keeps the sum in range.
    """
    m = _largest(x, a, b)
    return real.exp(x[a, k, b] - m) / _sum_of_exponentials(x, m, a, b)


def softmax_gradient_point(grad_y, x, a, k, b):
    """Evaluate one element of the gradient of softmax.

    grad_x[a,k,b] = y[a,k,b] sum_j y[a,j,b] (grad_y[a,k,b] - grad_y[a,j,b])               (F21)
    """
    m = _largest(x, a, b)
    total = real.exp(x[a, k, b] - m) * 0
    for j in range(x.shape[1]):
        total += real.exp(x[a, j, b] - m) * (grad_y[a, k, b] - grad_y[a, j, b])
    return softmax_point(x, a, k, b) * total / _sum_of_exponentials(x, m, a, b)


def log_softmax_point(x, a, k, b):
    """Evaluate one element of log-softmax.

    y[a,k,b] = (x[a,k,b] - m) - log sum_j e^(x[a,j,b] - m), m = max_j x[a,j,b]            (F22)
    """
    m = _largest(x, a, b)
    return (x[a, k, b] - m) - real.log(_sum_of_exponentials(x, m, a, b))


def log_softmax_gradient_point(grad_y, x, a, k, b):
    """Evaluate one element of the gradient of log-softmax.

    grad_x[a,k,b] = grad_y[a,k,b] - p[a,k,b] sum_j grad_y[a,j,b], p the softmax (F20)     (F23)
    """
    total = grad_y[a, k, b] * 0
    for j in range(x.shape[1]):
        total += grad_y[a, j, b]
    return grad_y[a, k, b] - softmax_point(x, a, k, b) * total


def _largest(x, a, b):
    m = x[a, 0, b]
    for j in range(x.shape[1]):
        if x[a, j, b] > m or x[a, j, b] != x[a, j, b]:
            m = x[a, j, b]
    return m


def _sum_of_exponentials(x, m, a, b):
    total = real.exp(x[a, 0, b] - m)
    for j in range(1, x.shape[1]):
        total += real.exp(x[a, j, b] - m)
    return total
