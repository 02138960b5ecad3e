"""The equations of structural similarity, one element of a result at a time.

Two images are compared window by window. One set of equations serves both forms: the documents'
(C7) has one window, the whole image, with equal weights; Wang's has a window of Gaussian weights at
every place that holds it.

Legend: batch ``n`` of N, channel ``c`` of C, cell ``(z, i, j)``; window ``(d, h, w)`` of Q, counted
by its first cell; place ``(r, s, t)`` in a window. ``weights`` holds what each place weighs, ``W``
their sum. ``zero`` is 0 in the type to add in: float64, whatever the arrays are.

All of them are rational: on `fractions.Fraction` they are exact.
"""

from deconv_ref.real import divide


def mean_point(x, weights, total, zero, n, c, d, h, w):
    """Evaluate the mean of an image in a window.

    mean[n,c,d,h,w] = (sum_{r,s,t} weights[r,s,t] x[n,c,d+r,h+s,w+t]) / W                  (S1)
    """
    result = zero
    for r in range(weights.shape[0]):
        for s in range(weights.shape[1]):
            for t in range(weights.shape[2]):
                result += weights[r, s, t] * x[n, c, d + r, h + s, w + t]
    return result / total


def covariance_point(x, y, mean_x, mean_y, weights, total, zero, n, c, d, h, w):
    """Evaluate the covariance of two images in a window; of one with itself, its variance.

    cov[n,c,d,h,w] = (sum_{r,s,t} weights[r,s,t] (x[n,c,d+r,h+s,w+t] - mean_x[n,c,d,h,w])
                                                 (y[n,c,d+r,h+s,w+t] - mean_y[n,c,d,h,w])) / W
                                                                                           (S2)
    """
    result = zero
    for r in range(weights.shape[0]):
        for s in range(weights.shape[1]):
            for t in range(weights.shape[2]):
                from_x = x[n, c, d + r, h + s, w + t] - mean_x[n, c, d, h, w]
                from_y = y[n, c, d + r, h + s, w + t] - mean_y[n, c, d, h, w]
                result += weights[r, s, t] * (from_x * from_y)
    return result / total


def window_point(mean_x, mean_y, var_x, var_y, cov, c1, c2):
    """Evaluate the similarity in one window from its five moments.

    S = A1 A2 / (B1 B2),    A1 = 2 mean_x mean_y + c1,       A2 = 2 cov + c2,
                            B1 = mean_x^2 + mean_y^2 + c1,   B2 = var_x + var_y + c2       (S3)
    """
    a1, a2 = 2 * mean_x * mean_y + c1, 2 * cov + c2
    b1, b2 = mean_x * mean_x + mean_y * mean_y + c1, var_x + var_y + c2
    return divide(a1 * a2, b1 * b2)


def similarity_point(mean_x, mean_y, var_x, var_y, cov, c1, c2, zero, n, c):
    """Evaluate the similarity of two images.

    similarity[n,c] = (sum_{d,h,w} S[n,c,d,h,w]) / Q                                       (S4)
    """
    total = zero
    for d in range(mean_x.shape[2]):
        for h in range(mean_x.shape[3]):
            for w in range(mean_x.shape[4]):
                at = (n, c, d, h, w)
                moments = (mean_x[at], mean_y[at], var_x[at], var_y[at], cov[at])
                total += window_point(*moments, c1, c2)
    return total / (mean_x.shape[2] * mean_x.shape[3] * mean_x.shape[4])


def slope_point(x, y, mean_x, mean_y, var_x, var_y, cov, c1, c2):
    """Evaluate the gradient of one window's S for a cell of value x, over 2 weights / W.

    slope = (A2 mean_y + A1 (y - mean_y) - S (B2 mean_x + B1 (x - mean_x))) / (B1 B2)      (S5)

    By the quotient rule, for the cell moves mean_x by 1, var_x by 2 (x - mean_x) and cov by
    y - mean_y, each times weights / W.
    """
    a1, a2 = 2 * mean_x * mean_y + c1, 2 * cov + c2
    b1, b2 = mean_x * mean_x + mean_y * mean_y + c1, var_x + var_y + c2
    s = divide(a1 * a2, b1 * b2)
    numerator = a2 * mean_y + a1 * (y - mean_y) - s * (b2 * mean_x + b1 * (x - mean_x))
    return divide(numerator, b1 * b2)


def gradient_point(
    grad, x, y, mean_x, mean_y, var_x, var_y, cov, c1, c2, weights, total, zero, n, c, z, i, j
):
    """Evaluate one element of the gradient of x.

    grad_x[n,c,z,i,j] = 2 grad[n,c] / Q (sum_{r,s,t} weights[r,s,t] slope(d,h,w)) / W      (S6)

    over the windows d = z - r, h = i - s, w = j - t that there are, slope by S5.
    """
    result = zero
    for r in range(weights.shape[0]):
        if 0 <= z - r < mean_x.shape[2]:
            for s in range(weights.shape[1]):
                if 0 <= i - s < mean_x.shape[3]:
                    for t in range(weights.shape[2]):
                        if 0 <= j - t < mean_x.shape[4]:
                            at = (n, c, z - r, i - s, j - t)
                            moments = (mean_x[at], mean_y[at], var_x[at], var_y[at], cov[at])
                            cell = (x[n, c, z, i, j] + zero, y[n, c, z, i, j] + zero)
                            result += weights[r, s, t] * slope_point(*cell, *moments, c1, c2)
    windows = mean_x.shape[2] * mean_x.shape[3] * mean_x.shape[4]
    return 2 * grad[n, c] / windows * (result / total)
