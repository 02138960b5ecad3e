"""PyTorch's activations, and their gradients by automatic differentiation from the input."""

from torch.nn import functional

from deconv_ref.conformance.frameworks._torch_arrays import gradients, value

LINEAR_FROM = 40.0  # e^-40 is less than half an ulp of 40; PyTorch's own 20 is float32's alone


def relu(x):
    """Compute y."""
    return value(functional.relu, x)


def relu_backward(grad_y, x):
    """Compute the gradient of x."""
    return gradients(functional.relu, grad_y, x)[0]


def leaky_relu(x, negative_slope=0.01):
    """Compute y."""
    return value(functional.leaky_relu, x, negative_slope=negative_slope)


def leaky_relu_backward(grad_y, x, negative_slope=0.01):
    """Compute the gradient of x."""
    return gradients(functional.leaky_relu, grad_y, x, negative_slope=negative_slope)[0]


def prelu(x, slope):
    """Compute y."""
    return value(functional.prelu, x, slope)


def prelu_backward(grad_y, x, slope):
    """Compute the gradients of x and slope."""
    return gradients(functional.prelu, grad_y, x, slope)


def elu(x, alpha=1.0):
    """Compute y."""
    return value(functional.elu, x, alpha=alpha)


def elu_backward(grad_y, x, alpha=1.0):
    """Compute the gradient of x."""
    return gradients(functional.elu, grad_y, x, alpha=alpha)[0]


def sigmoid(x):
    """Compute y."""
    return value(functional.sigmoid, x)


def sigmoid_backward(grad_y, x):
    """Compute the gradient of x."""
    return gradients(functional.sigmoid, grad_y, x)[0]


def tanh(x):
    """Compute y."""
    return value(functional.tanh, x)


def tanh_backward(grad_y, x):
    """Compute the gradient of x."""
    return gradients(functional.tanh, grad_y, x)[0]


def softplus(x):
    """Compute y."""
    return value(functional.softplus, x, threshold=LINEAR_FROM)


def softplus_backward(grad_y, x):
    """Compute the gradient of x."""
    return gradients(functional.softplus, grad_y, x, threshold=LINEAR_FROM)[0]


def gelu(x):
    """Compute y."""
    return value(functional.gelu, x, approximate="none")


def gelu_backward(grad_y, x):
    """Compute the gradient of x."""
    return gradients(functional.gelu, grad_y, x, approximate="none")[0]


def silu(x):
    """Compute y."""
    return value(functional.silu, x)


def silu_backward(grad_y, x):
    """Compute the gradient of x."""
    return gradients(functional.silu, grad_y, x)[0]


def softmax(x, axis=1):
    """Compute y."""
    return value(functional.softmax, x, dim=axis)


def softmax_backward(grad_y, x, axis=1):
    """Compute the gradient of x."""
    return gradients(functional.softmax, grad_y, x, dim=axis)[0]


def log_softmax(x, axis=1):
    """Compute y."""
    return value(functional.log_softmax, x, dim=axis)


def log_softmax_backward(grad_y, x, axis=1):
    """Compute the gradient of x."""
    return gradients(functional.log_softmax, grad_y, x, dim=axis)[0]
