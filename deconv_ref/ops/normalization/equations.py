"""The equations of batch normalization and dropout, one element of a result at a time.

Legend: batch ``n`` of N, channel ``c`` of C, cell ``p`` of P, all spatial axes taken as one in
row-major order. Statistics are those of the ``K = N P`` values of a channel. Sums run over n, then
p. ``zero`` is 0 in the type to add in: float64, whatever the arrays are.

All but N3 are rational: on `fractions.Fraction` they are exact.
"""


def mean_point(x, zero, c):
    """Evaluate the mean of a channel.

    mean[c] = (sum_{n,p} x[n,c,p]) / K                                                     (N1)
    """
    total = zero
    for n in range(x.shape[0]):
        for p in range(x.shape[2]):
            total += x[n, c, p]
    return total / (x.shape[0] * x.shape[2])


def variance_point(x, mean, zero, c):
    """Evaluate the biased variance of a channel.

    var[c] = (sum_{n,p} e^2 - (sum_{n,p} e)^2 / K) / K,  e = x[n,c,p] - mean[c]            (N2)

    The second sum is 0 but for the rounding of the mean, which it makes good.
    """
    count = x.shape[0] * x.shape[2]
    total, squares = zero, zero
    for n in range(x.shape[0]):
        for p in range(x.shape[2]):
            deviation = x[n, c, p] - mean[c]
            total += deviation
            squares += deviation * deviation
    return (squares - total * total / count) / count


def inv_std_point(var, epsilon, c):
    """Evaluate the factor that makes the variance 1.

    inv_std[c] = (var[c] + epsilon)^(-1/2)                                                 (N3)
    """
    return (var[c] + epsilon) ** -0.5


def normalized_point(x, gamma, beta, mean, inv_std, n, c, p):
    """Evaluate one output of batch normalization.

    y[n,c,p] = gamma[c] (x[n,c,p] - mean[c]) inv_std[c] + beta[c]                          (N4)
    """
    return gamma[c] * ((x[n, c, p] - mean[c]) * inv_std[c]) + beta[c]


def unbiased_point(var, count, c):
    """Evaluate the unbiased variance, which is the one to remember.

    unbiased[c] = var[c] K / (K - 1)                                                       (N5)
    """
    return var[c] * count / (count - 1)


def running_point(old, new, momentum, c):
    """Evaluate a running statistic after one more batch.

    running'[c] = (1 - momentum) running[c] + momentum new[c]                              (N6)
    """
    return (1 - momentum) * old[c] + momentum * new[c]


def beta_gradient_point(grad_y, zero, c):
    """Evaluate one element of the gradient of beta.

    grad_beta[c] = sum_{n,p} grad_y[n,c,p]                                                 (N7)
    """
    total = zero
    for n in range(grad_y.shape[0]):
        for p in range(grad_y.shape[2]):
            total += grad_y[n, c, p]
    return total


def gamma_gradient_point(grad_y, x, mean, inv_std, zero, c):
    """Evaluate one element of the gradient of gamma.

    grad_gamma[c] = (sum_{n,p} grad_y[n,c,p] (x[n,c,p] - mean[c])) inv_std[c]              (N8)
    """
    total = zero
    for n in range(grad_y.shape[0]):
        for p in range(grad_y.shape[2]):
            total += grad_y[n, c, p] * (x[n, c, p] - mean[c])
    return total * inv_std[c]


def input_gradient_point(grad_y, x, gamma, mean, inv_std, grad_gamma, grad_beta, n, c, p):
    """Evaluate one element of the gradient of x where the statistics are those of x.

    grad_x[n,c,p] = gamma[c] inv_std[c] (grad_y[n,c,p] - grad_beta[c] / K - z grad_gamma[c] / K),
    z = (x[n,c,p] - mean[c]) inv_std[c]                                                    (N9)

    What is subtracted goes by way of the mean and of the variance.
    """
    count = x.shape[0] * x.shape[2]
    z = (x[n, c, p] - mean[c]) * inv_std[c]
    through_statistics = grad_beta[c] / count + z * (grad_gamma[c] / count)
    return gamma[c] * inv_std[c] * (grad_y[n, c, p] - through_statistics)


def constant_gradient_point(grad_y, gamma, inv_std, n, c, p):
    """Evaluate one element of the gradient of x where the statistics are constants.

    grad_x[n,c,p] = gamma[c] inv_std[c] grad_y[n,c,p]                                     (N10)
    """
    return gamma[c] * inv_std[c] * grad_y[n, c, p]


def dropout_point(x, mask, keep, i):
    """Evaluate one output of dropout, or of its gradient with grad_y for x.

    y[i] = x[i] mask[i] / keep,  keep = 1 - rate                                          (N11)
    """
    return x[i] * mask[i] / keep
