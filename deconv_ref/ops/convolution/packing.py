"""Weights in the order in which the micro-kernels read them: by tile, phase, term and channel."""

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.lines import address_of, all_finite, copy_between, read, turn_lines
from deconv_ref.ops.convolution.channels import WIDEST

__all__ = ["PRODUCTS", "pack_tiles"]

MOVING = 4  # what it costs to move a weight, in products
PRODUCTS = 4  # as long as to move a number


def pack_tiles(
    packed: np.ndarray,
    address: int,
    strides: tuple[int, ...],
    channels: int,
    taps: np.ndarray,
    phases: np.ndarray,
    together: int,
    tiles: np.ndarray,
) -> bool:
    """Order the weights of some tiles; tell whether all are finite.

    Parameters
    ----------
    packed : numpy.ndarray
        Where they go, one after another.
    address : int
        Of the first weight.
    strides : tuple of int
        Bytes from a group to the next, from a channel of the result, from one of the source, and
        from a tap to the next along each axis.
    channels : int
        Of the source, in a group.
    taps, phases, together, tiles : as in `deconv_ref.ops.convolution.correlation.Layout`
        What is packed.

    Returns
    -------
    bool
        Whether there is neither an infinity nor NaN.
    """
    finite = np.empty(len(tiles), np.bool_)
    threads.run_shares(
        pack, len(tiles), packed.size * MOVING // PRODUCTS, packed, finite, address, strides,
        channels, taps, phases, together, tiles,
    )  # fmt: skip
    return all(finite.tolist())


@numba.njit(cache=True, nogil=True)
def pack(packed, finite, address, strides, channels, taps, phases, together, tiles, first, last):
    """Order weights as the micro-kernels read them: by tile, phase, term and channel."""
    if threads.shared(first, last):
        return
    total, unit, origin = taps.shape[0] * channels // together, packed.itemsize, tiles[0, 4]
    span = 0 if phases.shape[0] == 1 or together > 1 else extent(taps, strides, unit)
    lines = np.empty(span * WIDEST, packed.dtype)
    for tile in range(first, last):
        group, channel_in_group, _, rows, place, width = tiles[tile]
        base = address + group * strides[0] + channel_in_group * strides[1]
        start = (place - origin) * total
        for channel in range(channels if span else 0):
            at = base + channel * strides[2]
            turn_lines(lines, 0, width, at, strides[1], rows, span)
            deal(packed, start, lines, width, channel, channels, taps, phases, strides)
        if together > 1:
            pack_together(packed, start, base, strides, channels, taps, phases, rows)
        for phase in range(0 if span or together > 1 else phases.shape[0]):
            begin, count = phases[phase, 0], phases[phase, 1]
            to = start + begin * channels * width
            run = consecutive(taps, begin, count, strides, unit)
            at_once = channels if run and strides[2] == count * unit else 1
            for channel in range(0, channels, at_once):
                at = base + channel * strides[2]
                if run:
                    at += place_of(taps, begin, strides)
                    turn_lines(packed, to, width, at, strides[1], rows, at_once * count)
                else:
                    for tap in range(count):
                        here = at + place_of(taps, begin + tap, strides)
                        for row in range(width):
                            value = read(here + row * strides[1], packed) if row < rows else 0
                            packed[to + tap * width + row] = value
                to += at_once * count * width
        finite[tile] = all_finite(packed[start : start + total * width])


@numba.njit(cache=True, nogil=True)
def pack_together(packed, to, base, strides, channels, taps, phases, rows):
    """Order weights of a tile by term, phase and channel."""
    for channel in range(channels):
        for tap in range(phases[0, 1]):
            for phase in range(phases.shape[0]):
                at = base + channel * strides[2] + place_of(taps, phases[phase, 0] + tap, strides)
                for row in range(rows):
                    packed[to] = read(at + row * strides[1], packed)
                    to += 1


@numba.njit(cache=True, nogil=True)
def extent(taps, strides, unit):
    """Count the numbers that a kernel spans in memory, if it is laid out densely; else 0."""
    last = 0
    for tap in range(taps.shape[0]):
        place = place_of(taps, tap, strides)
        if place < 0 or place % unit != 0 or place >= 2 * taps.shape[0] * unit:
            return 0
        last = max(last, place // unit)
    return last + 1


@numba.njit(cache=True, nogil=True)
def deal(packed, start, lines, width, channel, channels, taps, phases, strides):
    """Give each phase the lines of its taps, of one channel."""
    for phase in range(phases.shape[0]):
        begin, count = phases[phase, 0], phases[phase, 1]
        to = start + (begin * channels + channel * count) * width
        for tap in range(begin, begin + count):
            at = address_of(lines) + place_of(taps, tap, strides) * width
            copy_between(packed, to, 0, 1, width, at, 0, 0, width, 0)
            to += width


@numba.njit(cache=True, nogil=True)
def place_of(taps, tap, strides):
    """Give the distance of a tap from the first, in bytes."""
    return taps[tap, 0] * strides[3] + taps[tap, 1] * strides[4] + taps[tap, 2] * strides[5]


@numba.njit(cache=True, nogil=True)
def consecutive(taps, begin, count, strides, unit):
    """Tell whether taps lie in memory one after another."""
    for tap in range(begin, begin + count):
        if place_of(taps, tap, strides) - place_of(taps, begin, strides) != (tap - begin) * unit:
            return False
    return count > 0
