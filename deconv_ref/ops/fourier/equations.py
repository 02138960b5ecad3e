"""The equations of the frequency domain, one element of a result at a time.

Legend: batch ``n`` of N, channel ``c`` of C; cell ``(z, i, j)`` of D x H x W, frequency likewise;
``psf`` is ``(C, R, S, T)``, one point-spread function per channel, with its own cell ``center`` at
``(r, s, t) = (o, p, q)``. ``circular`` tells whether an image goes on with its other end, or with
zeros. ``zero`` is 0 in the type to add in.

Z1, Z2, Z6 and Z7 are rational: on `fractions.Fraction` they are exact.
"""


def convolution_point(x, psf, center, circular, zero, n, c, z, i, j):
    """Evaluate one output of convolution with the point-spread function.

    y[n,c,z,i,j] = sum_{r,s,t} psf[c,r,s,t] x[n, c, z + o - r, i + p - s, j + q - t]       (Z1)

    over the cells that lie inside ``x``, or with every index taken modulo its size.
    """
    total = zero
    for r in range(psf.shape[1]):
        a = z + center[0] - r
        if circular or 0 <= a < x.shape[2]:
            for s in range(psf.shape[2]):
                b = i + center[1] - s
                if circular or 0 <= b < x.shape[3]:
                    for t in range(psf.shape[3]):
                        d = j + center[2] - t
                        if circular or 0 <= d < x.shape[4]:
                            at = (n, c, a % x.shape[2], b % x.shape[3], d % x.shape[4])
                            total += psf[c, r, s, t] * x[at]
    return total


def correlation_point(y, psf, center, circular, zero, n, c, z, i, j):
    """Evaluate one output of the adjoint of Z1.

    x[n,c,z,i,j] = sum_{r,s,t} psf[c,r,s,t] y[n, c, z - o + r, i - p + s, j - q + t]       (Z2)
    """
    total = zero
    for r in range(psf.shape[1]):
        a = z - center[0] + r
        if circular or 0 <= a < y.shape[2]:
            for s in range(psf.shape[2]):
                b = i - center[1] + s
                if circular or 0 <= b < y.shape[3]:
                    for t in range(psf.shape[3]):
                        d = j - center[2] + t
                        if circular or 0 <= d < y.shape[4]:
                            at = (n, c, a % y.shape[2], b % y.shape[3], d % y.shape[4])
                            total += psf[c, r, s, t] * y[at]
    return total


def spectrum_point(x, center, roots, n, c, z, i, j):
    """Evaluate one frequency of the discrete Fourier transform of ``x``, its center at cell 0.

    X[n,c,z,i,j] = sum_{r,s,t} x[n,c,r,s,t] e^(-2 pi i (z (r-o) / D + i (s-p) / H + j (t-q) / W))
                                                                                           (Z3)
    ``roots`` holds the powers of e^(-2 pi i / D), of e^(-2 pi i / H) and of e^(-2 pi i / W).
    Divided by D H W, and with the conjugate roots, it is the inverse transform.
    """
    first, second, third = roots
    total = 0 * first[0]
    for r in range(x.shape[2]):
        for s in range(x.shape[3]):
            for t in range(x.shape[4]):
                turn = first[z * (r - center[0]) % len(first)]
                turn = turn * second[i * (s - center[1]) % len(second)]
                turn = turn * third[j * (t - center[2]) % len(third)]
                total += x[n, c, r, s, t] * turn
    return total


def limit_point(transfer, threshold, c):
    """Evaluate the least |H| that the inverse filter divides by.

    limit[c] = threshold max_{z,i,j} |H[c,z,i,j]|                                     (for Z4)
    """
    largest = abs(transfer[0, c, 0, 0, 0])
    for z in range(transfer.shape[2]):
        for i in range(transfer.shape[3]):
            for j in range(transfer.shape[4]):
                size = abs(transfer[0, c, z, i, j])
                if size > largest or size != size:
                    largest = size
    return threshold * largest


def image_point(spectrum, n, c, z, i, j):
    """Evaluate one cell of an image from the sum Z3 with the conjugate roots."""
    cells = spectrum.shape[2] * spectrum.shape[3] * spectrum.shape[4]
    return spectrum[n, c, z, i, j].real / cells


def inverse_point(spectrum, transfer, limit, n, c, z, i, j):
    """Evaluate one frequency of what the inverse filter restores.

    X = Y / H where |H| > limit[c], else 0                                                 (Z4)
    """
    factor = transfer[0, c, z, i, j]
    if abs(factor) > limit[c]:
        return spectrum[n, c, z, i, j] / factor
    return 0 * spectrum[n, c, z, i, j]


def wiener_point(spectrum, transfer, balance, penalty, n, c, z, i, j):
    """Evaluate one frequency of what the Wiener filter restores.

    X = Y conj(H) / (|H|^2 + balance penalty), or 0 where that divides by 0                (Z5)

    ``penalty`` is 1, or the squared transfer function of the Laplacian.
    """
    factor = transfer[0, c, z, i, j]
    power = factor.real * factor.real + factor.imag * factor.imag
    below = power + balance * penalty[z, i, j]
    if below == 0:
        return 0 * spectrum[n, c, z, i, j]
    return spectrum[n, c, z, i, j] * factor.conjugate() / below


def ratio_point(x, model, n, c, z, i, j):
    """Evaluate what one cell of the model is to be multiplied by; 1 where it is right.

    ratio = x / model, or 0 where the model is 0                                           (Z6)
    """
    return quotient(x[n, c, z, i, j], model[n, c, z, i, j])


def update_point(estimate, up, weight, n, c, z, i, j):
    """Evaluate one cell of the next estimate of Richardson and Lucy.

    u' = u (Z2 of ratio) / (Z2 of ones),  ratio by Z6 from x and the model, Z1 of u        (Z7)

    ``up`` and ``weight`` are the two adjoints; 0 where the second is 0.
    """
    return quotient(estimate[n, c, z, i, j] * up[n, c, z, i, j], weight[n, c, z, i, j])


def quotient(x, y):
    """Divide, with 0 where the divisor is 0."""
    return 0 * x if y == 0 else x / y
