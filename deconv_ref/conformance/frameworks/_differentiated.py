"""Pairs of an operator and its gradient, for frameworks that differentiate their functions.

Each builder takes the framework's ``value(function, *arrays, **parameters)``, which calls a
function of its tensors with arrays, its ``gradients(function, grad_y, *arrays, **parameters)``,
which differentiates one with respect to each array, and the function. Of `grad_y` a number is one
for every element of the result.
"""

import numpy as np


def in_x(value, gradients, function):
    """Pair a function of x with its gradient at x."""

    def forward(x, **parameters):
        return value(function, x, **parameters)

    def backward(grad_y, x, **parameters):
        return gradients(function, grad_y, x, **parameters)[0]

    return forward, backward


def in_x_and_slope(value, gradients, function):
    """Pair a function of x and slope with its gradients."""

    def forward(x, slope):
        return value(function, x, slope)

    def backward(grad_y, x, slope):
        return gradients(function, grad_y, x, slope)

    return forward, backward


def by_size(value, gradients, function):
    """Pair a function that is linear in x with its gradient, for which x has a size alone."""

    def forward(x, **parameters):
        return value(function, x, **parameters)

    def backward(grad_y, input_size, **parameters):
        return gradients(function, grad_y, np.zeros(input_size, grad_y.dtype), **parameters)[0]

    return forward, backward


def in_weights(value, gradients, function, channels=1):
    """Pair a function of x, weight and bias with its gradients; `channels` is the axis of bias."""

    def forward(x, weight, bias=None, **parameters):
        return value(function, x, weight, bias, **parameters)

    def backward(grad_y, x, weight, **parameters):
        bias = np.zeros(grad_y.shape[channels], grad_y.dtype)
        return gradients(function, grad_y, x, weight, bias, **parameters)

    return forward, backward


def in_prediction(tensor, value, gradients, function):
    """Pair a loss with its gradient at the prediction; ``tensor(target)`` is a constant."""

    def forward(prediction, target, **parameters):
        return value(function, prediction, target, **parameters)

    def backward(prediction, target, *, grad_loss=1.0, **parameters):
        def loss(prediction):
            return function(prediction, tensor(target), **parameters)

        return gradients(loss, grad_loss, prediction)[0]

    return forward, backward
