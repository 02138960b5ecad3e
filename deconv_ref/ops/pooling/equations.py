"""The equations of pooling and unpooling, one element of a result at a time.

Point functions, as in every chapter: each is the equation in its docstring, gathers, and goes
through its terms in row-major order.

Legend: batch ``n``, channel ``c``; cell ``(z, i, j)`` of D x H x W on the input side of the
pooling, position ``(d, h, w)`` of its window on the output side. ``S``, ``A`` and ``P`` are the
stride, the dilation and the padding before each axis (`deconv_ref.window.Taps`), ``K`` the taps of
the window. Window ``(d, h, w)`` is the set of cells that the position meets (W1); average pooling
has no dilation. In P2 to P5 a single ``i`` or ``o`` counts the cells or the positions of one
channel in row-major order, and arrays are (N, C, cells).

==============  =========================  ======================================
operator        result                     gradient
==============  =========================  ======================================
max_pool        P1, with P2 the indices    P3
max_unpool      P4                         P5
avg_pool        P6                         P7
avg_unpool      P8                         P9
==============  =========================  ======================================
"""


def window_cells(taps, kernel, size, axis, o):
    """List the cells of an axis of ``size`` that position o meets: oS + tA - P for t = 0 .. K-1."""
    start = o * taps.stride[axis] - taps.before[axis]
    step = taps.dilation[axis]
    first = start + step * max(0, -(start // step))
    return range(first, min(start + step * kernel[axis], size), step)


def window_positions(taps, kernel, size, axis, i):
    """List the positions, of ``size``, that meet cell i of an axis: those with 0 <= i+P-oS < K."""
    last = (i + taps.before[axis]) // taps.stride[axis]
    first = -((kernel[axis] - 1 - i - taps.before[axis]) // taps.stride[axis])
    return range(max(0, first), min(last + 1, size))


def max_pool_point(x, lowest, taps, kernel, n, c, d, h, w):
    """Evaluate one maximum.

    y[n,c,d,h,w] = max of x[n,c,z,i,j] over the cells of window (d,h,w)                    (P1)

    A NaN is above everything. A window without cells has ``lowest``, minus infinity.
    """
    best, _ = first_maximum(x, lowest, taps, kernel, n, c, d, h, w)
    return best


def max_pool_index_point(x, lowest, taps, kernel, n, c, d, h, w):
    """Evaluate the index of one maximum.

    indices[n,c,d,h,w] = (zH + i)W + j of the first cell that holds it                     (P2)

    The first NaN wins. A window without cells has -1.
    """
    _, index = first_maximum(x, lowest, taps, kernel, n, c, d, h, w)
    return index


def first_maximum(x, lowest, taps, kernel, n, c, d, h, w):
    """Find the maximum of window (d,h,w) and the index of the first cell that holds it."""
    best = lowest
    index = -1
    for z in window_cells(taps, kernel, x.shape[2], 0, d):
        for i in window_cells(taps, kernel, x.shape[3], 1, h):
            for j in window_cells(taps, kernel, x.shape[4], 2, w):
                cell = x[n, c, z, i, j]
                above = cell > best or (cell != cell and best == best)
                if above or index < 0:
                    best = cell
                    index = (z * x.shape[3] + i) * x.shape[4] + j
    return best, index


def max_pool_backward_point(grad_y, indices, zero, n, c, i):
    """Evaluate one element of the gradient of maximum pooling.

    grad_x[n,c,i] = sum of grad_y[n,c,o] over the positions with indices[n,c,o] = i        (P3)
    """
    total = zero
    for o in range(grad_y.shape[2]):
        if indices[n, c, o] == i:
            total += grad_y[n, c, o]
    return total


def max_unpool_point(x, indices, zero, n, c, i):
    """Evaluate one cell of maximum unpooling.

    y[n,c,i] = x[n,c,o] of the last position with indices[n,c,o] = i, 0 without one        (P4)
    """
    value = zero
    for o in range(x.shape[2]):
        if indices[n, c, o] == i:
            value = x[n, c, o]
    return value


def max_unpool_backward_point(grad_y, indices, zero, n, c, o):
    """Evaluate one element of the gradient of maximum unpooling.

    grad_x[n,c,o] = grad_y[n,c,i] with i = indices[n,c,o], 0 if i is -1 or a later position
    has it too                                                                             (P5)
    """
    i = indices[n, c, o]
    if not 0 <= i < grad_y.shape[2]:
        return zero
    for later in range(o + 1, indices.shape[2]):
        if indices[n, c, later] == i:
            return zero
    return grad_y[n, c, i]


def window_sum(x, zero, taps, kernel, n, c, d, h, w):
    """Add up the cells of window (d,h,w)."""
    total = zero
    for z in window_cells(taps, kernel, x.shape[2], 0, d):
        for i in window_cells(taps, kernel, x.shape[3], 1, h):
            for j in window_cells(taps, kernel, x.shape[4], 2, w):
                total += x[n, c, z, i, j]
    return total


def position_sum(y, zero, taps, kernel, n, c, z, i, j):
    """Add up the values of the positions that meet cell (z,i,j)."""
    total = zero
    for d in window_positions(taps, kernel, y.shape[2], 0, z):
        for h in window_positions(taps, kernel, y.shape[3], 1, i):
            for w in window_positions(taps, kernel, y.shape[4], 2, j):
                total += y[n, c, d, h, w]
    return total


def window_count(taps, kernel, bounds, d, h, w):
    """Count the cells of window (d,h,w) inside the bounds, a pair (first, end) for each axis."""
    count = 1
    for axis, o in enumerate((d, h, w)):
        start = o * taps.stride[axis] - taps.before[axis]
        first, end = bounds[axis]
        count *= max(0, min(start + kernel[axis], end) - max(start, first))
    return count


def position_count(taps, kernel, size, z, i, j):
    """Count the positions, of size (D, H, W), that meet cell (z,i,j)."""
    count = 1
    for axis, cell in enumerate((z, i, j)):
        count *= len(window_positions(taps, kernel, size[axis], axis, cell))
    return count


def avg_pool_point(x, zero, nan, taps, kernel, bounds, n, c, d, h, w):
    """Evaluate one average.

    y[n,c,d,h,w] = (sum of x[n,c,z,i,j] over the cells of window (d,h,w)) / count(d,h,w)   (P6)

    The bounds of the count are the array, or with its declared padding. 0 / 0 is NaN.
    """
    count = window_count(taps, kernel, bounds, d, h, w)
    if count == 0:
        return nan
    return window_sum(x, zero, taps, kernel, n, c, d, h, w) / count


def avg_pool_share_point(grad_y, zero, taps, kernel, bounds, n, c, d, h, w):
    """Evaluate what each cell of window (d,h,w) receives in P7."""
    count = window_count(taps, kernel, bounds, d, h, w)
    if count == 0:
        return zero
    return grad_y[n, c, d, h, w] / count


def avg_pool_backward_point(shares, zero, taps, kernel, n, c, z, i, j):
    """Evaluate one element of the gradient of average pooling.

    grad_x[n,c,z,i,j] = sum of grad_y[n,c,d,h,w] / count(d,h,w) over the positions that
    meet cell (z,i,j)                                                                      (P7)

    The quotients, rounded, are ``shares``.
    """
    return position_sum(shares, zero, taps, kernel, n, c, z, i, j)


def avg_unpool_point(x, zero, taps, kernel, n, c, z, i, j):
    """Evaluate one cell of average unpooling.

    y[n,c,z,i,j] = (sum of x[n,c,d,h,w] over the positions that meet cell (z,i,j))
                   / their number, 0 without one                                           (P8)
    """
    count = position_count(taps, kernel, x.shape[2:], z, i, j)
    if count == 0:
        return zero
    return position_sum(x, zero, taps, kernel, n, c, z, i, j) / count


def avg_unpool_share_point(grad_y, zero, taps, kernel, size, n, c, z, i, j):
    """Evaluate what each position that meets cell (z,i,j) receives in P9."""
    count = position_count(taps, kernel, size, z, i, j)
    if count == 0:
        return zero
    return grad_y[n, c, z, i, j] / count


def avg_unpool_backward_point(shares, zero, taps, kernel, n, c, d, h, w):
    """Evaluate one element of the gradient of average unpooling.

    grad_x[n,c,d,h,w] = sum over the cells of window (d,h,w) of grad_y[n,c,z,i,j] / number
    of positions that meet the cell                                                        (P9)

    The quotients, rounded, are ``shares``.
    """
    return window_sum(shares, zero, taps, kernel, n, c, d, h, w)
