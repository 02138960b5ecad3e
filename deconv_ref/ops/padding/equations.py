"""The equations of padding, one element of a result at a time.

Legend: batch ``n``, channel ``c``; cell ``(z, i, j)`` of the input of D x H x W cells, position
``(d, h, w)`` of the padded result; ``P`` the cells before each axis (``before``). Each axis on its
own says which cell a position shows: `source`.
"""

ZEROS, REFLECT, REPLICATE, CIRCULAR = range(4)  # in the order of `deconv_ref.ops.padding.pad.MODES`
OUTSIDE = -1


def source(mode, o, before, size):
    """Give the cell that position ``o`` of an axis shows, with i = o - P and n the axis's size.

    =========  ==========================================================================
    zeros      i, and none outside the axis
    reflect    i mirrored at the centres of the first and the last cell: -i, 2 (n - 1) - i
    replicate  the nearest to i: min(max(i, 0), n - 1)
    circular   i mod n                                                                (K1)
    =========  ==========================================================================
    """
    i = o - before
    if mode == REFLECT:
        if i < 0:
            return -i
        if i >= size:
            return 2 * (size - 1) - i
        return i
    if mode == REPLICATE:
        return min(max(i, 0), size - 1)
    if mode == CIRCULAR:
        return i % size
    return i if 0 <= i < size else OUTSIDE


def pad_point(x, value, mode, before, n, c, d, h, w):
    """Evaluate one position of the padded array.

    y[n,c,d,h,w] = x[n, c, source(d), source(h), source(w)], ``value`` where one is outside  (K2)
    """
    z = source(mode, d, before[0], x.shape[2])
    i = source(mode, h, before[1], x.shape[3])
    j = source(mode, w, before[2], x.shape[4])
    if z == OUTSIDE or i == OUTSIDE or j == OUTSIDE:
        return value
    return x[n, c, z, i, j]


def candidate(t, before, size, cell):
    """Give the ``t``-th position of an axis that may show a cell: the padding's, and P + cell."""
    if t < before:
        return t
    return before + cell if t == before else t + size - 1


def pad_gradient_point(grad_y, zero, mode, before, size, n, c, z, i, j):
    """Evaluate one element of the input gradient; ``zero`` is 0 in the type to add in.

    grad_x[n,c,z,i,j] = sum_{d,h,w} grad_y[n,c,d,h,w]                                      (K3)

    over the positions that show this cell: source(d) = z, source(h) = i, source(w) = j.
    """
    total = zero
    for t in range(grad_y.shape[2] - size[0] + 1):
        d = candidate(t, before[0], size[0], z)
        if source(mode, d, before[0], size[0]) == z:
            for u in range(grad_y.shape[3] - size[1] + 1):
                h = candidate(u, before[1], size[1], i)
                if source(mode, h, before[1], size[1]) == i:
                    for v in range(grad_y.shape[4] - size[2] + 1):
                        w = candidate(v, before[2], size[2], j)
                        if source(mode, w, before[2], size[2]) == j:
                            total += grad_y[n, c, d, h, w]
    return total


def fill_sources(mode, before, size, sources):
    """Evaluate K1 for every position of an axis."""
    for o in range(sources.shape[0]):
        sources[o] = source(mode, o, before, size)
