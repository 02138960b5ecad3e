"""The equations of the dense layer, one element of a result at a time.

Legend: row ``n`` of N (all leading axes joined), input feature ``c`` of C, output feature ``m`` of
M; ``x`` is (N, C), ``weight`` (M, C), ``y`` (N, M). All sums run upwards.
"""


def linear_point(x, weight, bias, n, m):
    """Evaluate one output.

    y[n,m] = b[m] + sum_c x[n,c] weight[m,c]                                               (L1)
    """
    total = bias[m]
    for c in range(x.shape[1]):
        total += x[n, c] * weight[m, c]
    return total


def linear_input_point(grad_y, weight, zero, n, c):
    """Evaluate one element of the input gradient; ``zero`` is 0 in the type to add in.

    grad_x[n,c] = sum_m grad_y[n,m] weight[m,c]                                            (L2)
    """
    total = zero
    for m in range(weight.shape[0]):
        total += grad_y[n, m] * weight[m, c]
    return total


def linear_weight_point(grad_y, x, zero, m, c):
    """Evaluate one element of the weight gradient.

    grad_weight[m,c] = sum_n grad_y[n,m] x[n,c]                                            (L3)
    """
    total = zero
    for n in range(x.shape[0]):
        total += grad_y[n, m] * x[n, c]
    return total


def linear_bias_point(grad_y, zero, m):
    """Evaluate one element of the bias gradient.

    grad_bias[m] = sum_n grad_y[n,m]                                                       (L4)
    """
    total = zero
    for n in range(grad_y.shape[0]):
        total += grad_y[n, m]
    return total
