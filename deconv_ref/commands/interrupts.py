"""Ctrl-C, put off to a moment at which work can be kept."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["put_off"]


@contextmanager
def put_off() -> Iterator[Callable[[], bool]]:
    """Note the first Ctrl-C for whoever asks; a second one interrupts at once.

    Yields
    ------
    callable
        Tells whether Ctrl-C was pressed.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # ignored, as under nohup, or somebody else's
        yield lambda: False
        return
    pressed = False

    def note(*_: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
