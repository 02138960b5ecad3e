"""Lines that several adapters share: our padding, written out in numbers."""


def pairs(padding, kernel_size, dilation):
    """Write "valid", "full" or pairs as one (before, after) pair per axis."""
    if padding == "valid":
        return [(0, 0) for _ in kernel_size]
    if padding == "full":
        return [(d * (k - 1), d * (k - 1)) for d, k in zip(dilation, kernel_size, strict=True)]
    return list(padding)
