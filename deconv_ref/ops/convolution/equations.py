"""The equations of convolution, one element of a result at a time.

Each *point function* is the equation in its docstring and nothing more. It gathers and adds in one
fixed order. The same source runs three ways: undecorated on `fractions.Fraction`, where it is
exact; compiled by Numba for the CPU; and, as a kernel, on a GPU (`deconv_ref.compiling.Fill`).

Legend: batch ``n`` of N, input channel ``c`` of C, output channel ``m`` of M; input cell
``(z, i, j)`` of D x H x W, output position ``(d, h, w)``, kernel tap ``(r, s, t)``. ``S``, ``A``
and ``P`` are the stride, the dilation and the padding before each axis (`deconv_ref.window.Taps`).
There are G groups; group ``g`` joins the C/G input channels from ``g C/G`` on to the M/G output
channels from ``g M/G`` on, so that ``weight`` is ``(M, C/G, R, S, T)``.

Convolution needs three maps, all linear in each argument:

==================  ===========================  ==========================================
map                 convolution                  transposed convolution
==================  ===========================  ==========================================
forward (Q1)        ``y`` from ``x, weight``     gradient of ``x``
input gradient (Q2) gradient of ``x``            ``y`` from ``x, weight``
weight gradient     gradient of ``weight``       gradient of ``weight``, with ``x`` and
(Q3)                                             ``grad_y`` changing places
==================  ===========================  ==========================================
"""


def conv_point(x, weight, bias, taps, n, m, d, h, w):
    """Evaluate one output of the forward map.

    y[n,m,d,h,w] = b[m] + sum_{c,r,s,t} x[n, gC/G + c, dS+rA-P, hS+sA-P, wS+tA-P] weight[m,c,r,s,t]
                                                                                          (Q1)
    over the cells that lie inside ``x``; g is the group of m.
    """
    channels = weight.shape[1]
    groups = x.shape[1] // channels
    first = m // (weight.shape[0] // groups) * channels
    total = bias[m]
    for c in range(channels):
        for r in range(weight.shape[2]):
            z = d * taps.stride[0] + r * taps.dilation[0] - taps.before[0]
            if 0 <= z < x.shape[2]:
                for s in range(weight.shape[3]):
                    i = h * taps.stride[1] + s * taps.dilation[1] - taps.before[1]
                    if 0 <= i < x.shape[3]:
                        for t in range(weight.shape[4]):
                            j = w * taps.stride[2] + t * taps.dilation[2] - taps.before[2]
                            if 0 <= j < x.shape[4]:
                                total += x[n, first + c, z, i, j] * weight[m, c, r, s, t]
    return total


def conv_transpose_point(y, weight, bias, taps, n, c, z, i, j):
    """Evaluate one output of the input gradient, which is the transposed convolution.

    x[n,c,z,i,j] = b[c] + sum_{m,r,s,t} y[n,m,d,h,w] weight[m, c - gC/G, r, s, t]          (Q2)

    over the m of c's group g and the taps that some output position (d, h, w) read this cell
    through: dS = z + P - rA, hS = i + P - sA, wS = j + P - tA.
    """
    channels = weight.shape[1]
    groups = bias.shape[0] // channels
    filters = weight.shape[0] // groups
    group = c // channels
    total = bias[c]
    for m in range(group * filters, (group + 1) * filters):
        for r in range(weight.shape[2]):
            ds = z + taps.before[0] - r * taps.dilation[0]
            d = ds // taps.stride[0]
            if d * taps.stride[0] == ds and 0 <= d < y.shape[2]:
                for s in range(weight.shape[3]):
                    hs = i + taps.before[1] - s * taps.dilation[1]
                    h = hs // taps.stride[1]
                    if h * taps.stride[1] == hs and 0 <= h < y.shape[3]:
                        for t in range(weight.shape[4]):
                            ws = j + taps.before[2] - t * taps.dilation[2]
                            w = ws // taps.stride[2]
                            if w * taps.stride[2] == ws and 0 <= w < y.shape[4]:
                                total += y[n, m, d, h, w] * weight[m, c - group * channels, r, s, t]
    return total


def conv_weight_point(grad_y, x, zero, channels, taps, m, c, r, s, t):
    """Evaluate one element of the weight gradient.

    grad_weight[m,c,r,s,t] = sum_{n,d,h,w} grad_y[n,m,d,h,w] x[n, gC/G + c, dS+rA-P, ...]  (Q3)

    over the cells that lie inside ``x``. ``zero`` is 0 in the type to add in, ``channels`` is C/G.
    """
    groups = x.shape[1] // channels
    first = m // (grad_y.shape[1] // groups) * channels
    total = zero
    for n in range(x.shape[0]):
        for d in range(grad_y.shape[2]):
            z = d * taps.stride[0] + r * taps.dilation[0] - taps.before[0]
            if 0 <= z < x.shape[2]:
                for h in range(grad_y.shape[3]):
                    i = h * taps.stride[1] + s * taps.dilation[1] - taps.before[1]
                    if 0 <= i < x.shape[3]:
                        for w in range(grad_y.shape[4]):
                            j = w * taps.stride[2] + t * taps.dilation[2] - taps.before[2]
                            if 0 <= j < x.shape[4]:
                                total += grad_y[n, m, d, h, w] * x[n, first + c, z, i, j]
    return total


def conv_bias_point(grad_y, zero, m):
    """Evaluate one element of the bias gradient.

    grad_bias[m] = sum_{n,d,h,w} grad_y[n,m,d,h,w]                                         (Q4)
    """
    total = zero
    for n in range(grad_y.shape[0]):
        for d in range(grad_y.shape[2]):
            for h in range(grad_y.shape[3]):
                for w in range(grad_y.shape[4]):
                    total += grad_y[n, m, d, h, w]
    return total


def rectified_point(y):
    """Evaluate max(y, 0), NaN for NaN, of a result that is rectified at once (F1)."""
    return y if y > 0 or y != y else 0
