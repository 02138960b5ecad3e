"""The equations of resampling, one element of a result at a time.

Legend: batch ``n``, channel ``c``; cell ``(z, i, j)`` of the input, output ``(d, h, w)``. What the
outputs read along the axes ``deep``, ``high`` and ``wide`` of a grid stands in three
`deconv_ref.ops.resampling.coordinates.Axis` (U1): the lower cell, and the fraction f that weighs
the cell above it. Weights are float64: sums of float32 numbers are rounded once, at the end.

Sums run over the last axis outermost, then over the first and the second: what the first two add
up serves a whole row of a result. Each index runs upwards.
"""


def weight(axis, output, cell):
    """Weigh a cell that an output reads along an axis: 1 - f the lower one, f the one above."""
    f = axis.fraction[output]
    return 1 - f if cell == axis.lower[output] else f


def upper(axis, output):
    """Give the last cell that an output reads along an axis."""
    return axis.lower[output] + (axis.fraction[output] > 0)


def nearest_point(x, grid, n, c, d, h, w):
    """Evaluate one output of nearest resampling.

    y[n,c,d,h,w] = x[n, c, floor((d + 1/2) / scale), floor((h + 1/2) / scale), ...]        (U2)
    """
    deep, high, wide = grid
    return x[n, c, deep.lower[d], high.lower[h], wide.lower[w]]


def nearest_gradient_point(grad_y, grid, zero, n, c, z, i, j):
    """Evaluate one element of its gradient; ``zero`` is 0 in the type to add in.

    grad_x[n,c,z,i,j] = sum_w sum_d sum_h grad_y[n,c,d,h,w]                                (U3)

    over the outputs that read this cell.
    """
    deep, high, wide = grid
    total = zero
    for w in range(wide.first[j], wide.last[j]):
        column = zero
        for d in range(deep.first[z], deep.last[z]):
            for h in range(high.first[i], high.last[i]):
                column += grad_y[n, c, d, h, w]
        total += column
    return total


def linear_point(x, grid, zero, n, c, d, h, w):
    """Evaluate one output of linear resampling.

    y[n,c,d,h,w] = sum_j weight(w,j) sum_z weight(d,z) sum_i weight(h,i) x[n,c,z,i,j]      (U4)

    over the cells that this output reads: one or two along each axis.
    """
    deep, high, wide = grid
    total = zero
    for j in range(wide.lower[w], upper(wide, w) + 1):
        plane = zero
        for z in range(deep.lower[d], upper(deep, d) + 1):
            row = zero
            for i in range(high.lower[h], upper(high, h) + 1):
                row += weight(high, h, i) * x[n, c, z, i, j]
            plane += weight(deep, d, z) * row
        total += weight(wide, w, j) * plane
    return total


def linear_gradient_point(grad_y, grid, zero, n, c, z, i, j):
    """Evaluate one element of its gradient.

    grad_x[n,c,z,i,j] = sum_w weight(w,j) sum_d weight(d,z) sum_h weight(h,i) grad_y[n,c,d,h,w]
                                                                                       (U5)
    over the outputs that read this cell.
    """
    deep, high, wide = grid
    total = zero
    for w in range(wide.first[j], wide.last[j]):
        plane = zero
        for d in range(deep.first[z], deep.last[z]):
            row = zero
            for h in range(high.first[i], high.last[i]):
                row += weight(high, h, i) * grad_y[n, c, d, h, w]
            plane += weight(deep, d, z) * row
        total += weight(wide, w, j) * plane
    return total


def shuffle_point(x, factor, n, c, d, h, w):
    """Evaluate one output of pixel shuffling by factors (p, q, r).

    y[n,c,d,h,w] = x[n, ((c p + d mod p) q + h mod q) r + w mod r, d div p, h div q, w div r]
                                                                                       (U6)
    """
    p, q, r = factor
    channel = ((c * p + d % p) * q + h % q) * r + w % r
    return x[n, channel, d // p, h // q, w // r]


def unshuffle_point(y, factor, n, channel, z, i, j):
    """Evaluate one element of its inverse, which is its gradient too.

    x[n,k,z,i,j] = y[n, k div pqr, z p + k div qr mod p, i q + k div r mod q, j r + k mod r]
                                                                                       (U7)
    """
    p, q, r = factor
    d, h, w = z * p + channel // (q * r) % p, i * q + channel // r % q, j * r + channel % r
    return y[n, channel // (p * q * r), d, h, w]
